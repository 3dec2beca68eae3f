# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to Redis: batches, a deadline, a breaker, and changes of address or credential without a lost request.

Two lanes, each a connection and a task, carry what waits: while both are away checks gather, so batches grow with
the load. `wanted` is what the configuration says, `in_use` what the lanes speak: the keeper brings the second to the
first while the lanes go on serving, and brings the lanes back after a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import typing as t

from redis import exceptions
from redis.asyncio import Redis

from . import script
from .address import CONNECT_SECONDS, Address
from .metrics import Counters
from .rules import Limit, Plan
from .script import Check

log = logging.getLogger(__name__)
T = t.TypeVar("T")

LANES = 2
LARGEST_BATCH = 256
RETRY_SECONDS = 0.1
LOOK_SECONDS = 1.0
HELD_UP_SECONDS = 0.02
PROBE_PLAN = Plan("probe", (Limit("probe", 10_000, 1),), True)
# Refused before anything was done, and worth another connection: after a rotation, a failover.
REFUSALS = (exceptions.AuthenticationError, exceptions.NoPermissionError, exceptions.ReadOnlyError)
LOST = (exceptions.ConnectionError, OSError, *REFUSALS)
FAILURES = (exceptions.RedisError, OSError)  # OSError: also asyncio's TimeoutError


class Lane:
    def __init__(self) -> None:
        self.client: Redis | None = None
        self.lock = asyncio.Lock()
        self._woken = asyncio.Event()

    async def sleep(self) -> None:
        self._woken.clear()
        await self._woken.wait()

    @property
    def idle(self) -> bool:
        return self.client is not None and not self.lock.locked() and not self._woken.is_set()

    def wake(self) -> None:
        self._woken.set()


class Store:
    def __init__(self, prefix: str, counters: Counters, reread: t.Callable[[], None]) -> None:
        self._probe_keys = script.keys_of(prefix, "probe ")  # no subject has a space
        self._counters = counters
        self._reread = reread
        self._lanes = [Lane() for dummy in range(LANES)]
        self._pending: list[Check] = []
        self._attention = asyncio.Event()
        self._giving_up: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.deadline = 0.2
        self.longest_window = 3600
        self.wanted: Address | None = None
        self.in_use: Address | None = None
        self.available = False
        self.error: str | None = None
        self.waiting = 0

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep())
            for lane in self._lanes:
                tasks.create_task(self._serve(lane))

    def configure(self, wanted: Address) -> None:
        if wanted != self.wanted:
            self.wanted = wanted
            self._attention.set()

    def submit(self, check: Check) -> None:
        self.waiting += 1
        self._pending.append(check)
        if len(self._pending) == 1:
            self._wake_one()

    async def ask(self, *questions: tuple[tuple[bytes, bytes], Plan]) -> list[list[int]] | None:
        """Looks without charging; None when Redis does not answer."""
        answers: list[asyncio.Future[list[int] | None]] = []
        for keys, plan in questions:
            answer = asyncio.get_running_loop().create_future()
            answers.append(answer)
            self.submit(Check(keys, plan, 0, 0, answer.set_result))
        replies = await asyncio.gather(*answers)
        return None if None in replies else replies

    async def forget(self, keys: tuple[bytes, bytes]) -> bool:
        for lane in self._lanes:
            async with self._held(lane) as client:
                if self.available and client is not None:
                    try:
                        await _before(time.monotonic() + self.deadline, client.execute_command("DEL", *keys))
                        return True
                    except FAILURES as error:
                        self._lost(lane, client, error)
        return False

    def _wake_one(self) -> None:
        for lane in self._lanes:
            if lane.idle:
                lane.wake()
                return

    @contextlib.asynccontextmanager
    async def _held(self, lane: Lane) -> t.AsyncIterator[Redis | None]:
        """The lane's connection for one use. Where it was given up meanwhile, it ends with the use."""
        async with lane.lock:
            client = lane.client
            try:
                yield client
            finally:
                if lane.client is not client:
                    self._close(client)

    async def _serve(self, lane: Lane) -> None:
        while True:
            while not self._pending or lane.client is None:
                await lane.sleep()
            async with self._held(lane) as client:
                checks, self._pending = self._pending[:LARGEST_BATCH], self._pending[LARGEST_BATCH:]
                if self._pending:
                    self._wake_one()
                if client is None:
                    self._pending[:0] = checks
                elif checks:
                    await self._carry(lane, client, checks)

    async def _carry(self, lane: Lane, client: Redis, checks: list[Check]) -> None:
        keys, arguments = script.encode(checks, self.longest_window)
        sent = time.monotonic()
        try:
            reply = await _before(sent + self.deadline, _evaluate(client, keys, arguments))
        except TimeoutError as error:
            # Whether it was charged is unknown: never asked twice.
            self._lost(lane, client, error)
            self.trip(f"no answer within {self.deadline * 1000:.0f} ms")
            self._answer(checks, None)
        except LOST as error:
            self._lost(lane, client, error)
            # Sent again, once: at worst a charge counts twice, and nobody gets more than the limit.
            self._answer([check for check in checks if check.retried], None)
            again = [check for check in checks if not check.retried]
            for check in again:
                check.retried = True
            self._pending[:0] = again
            if not self.available:
                self._fail_pending()
        except exceptions.RedisError as error:
            self._lost(lane, client, error)
            self.trip(str(error))
            self._answer(checks, None)
        else:
            self._counters.redis_call(time.monotonic() - sent)
            self._answer(checks, reply)

    def _answer(self, checks: list[Check], reply: list[int] | None) -> None:
        self.waiting -= len(checks)
        if reply is None:
            for check in checks:
                check.answer(None)
        else:
            script.deliver(checks, reply)

    def _lost(self, lane: Lane, client: Redis, error: BaseException) -> None:
        """Has the keeper connect again; what waits goes on waiting, for the deadline at most."""
        if isinstance(error, exceptions.AuthenticationError):
            self._reread()
        if lane.client is not client:
            return  # given up already, with another lane's
        for other in self._lanes:
            # What ended one connection has probably ended the others: one that carries a batch takes no second one.
            if not other.lock.locked():
                self._close(other.client)
            other.client = None
        self.error = _sentence(error)
        if self.available and self._giving_up is None:
            self._giving_up = asyncio.get_running_loop().call_later(self.deadline, self.trip, self.error)
        self._attention.set()

    def trip(self, reason: str) -> None:
        """Opens the breaker: nobody waits for Redis until the keeper has seen it answer."""
        if self.available:
            log.error("redis does not answer: deciding without it", extra={"reason": reason})
        self.available = False
        self.error = reason
        self._attention.set()
        self._fail_pending()

    def _fail_pending(self) -> None:
        pending, self._pending = self._pending, []
        self._answer(pending, None)

    async def _keep(self) -> None:
        while True:
            if await self._called(LOOK_SECONDS):
                while not await self._settle():
                    await self._called(RETRY_SECONDS)
            elif self.available:
                # A dead connection has to show without traffic too.
                await self.ask((self._probe_keys, PROBE_PLAN))

    async def _called(self, seconds: float) -> bool:
        """Whether there is something to settle, waiting for it that long."""
        try:
            async with asyncio.timeout(seconds):
                await self._attention.wait()
        except TimeoutError:
            return False
        self._attention.clear()
        return True

    async def _settle(self) -> bool:
        """One attempt to have every lane connected as wanted."""
        wanted = self.wanted
        whole = self.available and all(lane.client is not None for lane in self._lanes)
        if wanted is None or (whole and self.in_use == wanted):
            return True
        # While the new way is not open yet, the old one serves.
        candidates = [wanted] if whole or self.in_use in (None, wanted) else [wanted, self.in_use]
        for address in candidates:
            try:
                clients = await self._connect(address)
            except (*FAILURES, ValueError) as error:
                self.error = _sentence(error)
                if isinstance(error, exceptions.AuthenticationError):
                    self._reread()
            else:
                await self._install(address, clients)
                return address == self.wanted
        return False

    async def _connect(self, address: Address) -> list[Redis]:
        context = await address.context()
        clients = [address.client(context) for dummy in self._lanes]
        # A probe that writes: a replica or a full Redis must not pass.
        probe = script.encode([Check(self._probe_keys, PROBE_PLAN, 1, 0, lambda reply: None)], 1)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.gather(*(_evaluate(client, *probe) for client in clients))
        except TimeoutError as error:
            for client in clients:
                self._close(client)
            raise TimeoutError(_silence(address)) from error
        except BaseException:
            for client in clients:
                self._close(client)
            raise
        return clients

    async def _install(self, address: Address, clients: list[Redis]) -> None:
        for lane, client in zip(self._lanes, clients):
            async with lane.lock:  # the batch under way finishes on the old connection
                self._close(lane.client)
                lane.client = client
        if self.in_use != address or not self.available:
            log.info("connected to redis", extra={
                "host": address.host, "tls": address.tls, "user": address.username, "credential": address.fingerprint})
        self.in_use, self.available, self.error = address, True, None
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        for lane in self._lanes:
            lane.wake()

    def _close(self, client: Redis | None) -> None:
        """In the background: the other side may not be there to say good-bye."""
        if client is not None:
            task = asyncio.create_task(_close(client))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


async def _evaluate(client: Redis, keys: list[bytes], arguments: list[bytes]) -> list[int]:
    try:
        return await client.execute_command("EVALSHA", script.SHA, len(keys), *keys, *arguments, NEVER_DECODE=True)
    except exceptions.NoScriptError:
        return await client.execute_command("EVAL", script.SOURCE, len(keys), *keys, *arguments, NEVER_DECODE=True)


async def _before(deadline: float, work: t.Coroutine[t.Any, t.Any, T]) -> T:
    """Raises TimeoutError when the work is not done by then. Where this process itself was held up past the deadline,
    the answer may lie in the socket already: it gets another moment."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=max(deadline - time.monotonic(), 0.001))
        if not task.done() and time.monotonic() > deadline + HELD_UP_SECONDS:
            await asyncio.wait({task}, timeout=HELD_UP_SECONDS)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()


async def _close(client: Redis) -> None:
    try:
        await client.aclose(close_connection_pool=True)
    except FAILURES:
        pass


def _silence(address: Address) -> str:
    """What a connection that does not come about may mean: each looks the same from here."""
    place = f"{address.host} port {address.port}"
    causes = ["its security group does not let this host in", "it takes plain text only" if address.tls else "it takes TLS only", "it is too busy"]
    return f"{place} gave no answer {'over TLS' if address.tls else 'in plain text'} within {CONNECT_SECONDS * 1000:.0f} ms: {', '.join(causes)}"


def _sentence(error: BaseException) -> str:
    """The kind of the error and its text, and the cause's where the library has left it out."""
    texts = []
    link: BaseException | None = error
    while link is not None and len(texts) < 3:
        text = str(link) or ("no answer in time" if isinstance(link, TimeoutError) else "")
        if text and not any(text in other for other in texts):
            texts.append(text)
        link = link.__cause__
    return f"{type(error).__name__}: {', because: '.join(texts)}" if texts else type(error).__name__
