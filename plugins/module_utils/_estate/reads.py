# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) the huntaze.ai_system contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Many questions to AWS at once, each asked once, and what came of each. An answer that AWS refuses is None: absence of a fact is never a fact."""

from __future__ import annotations

import datetime
import functools
import threading
import typing as t
from concurrent.futures import Future, ThreadPoolExecutor

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.huntaze.ai_system.plugins.module_utils._errors import error_code

# What stands below is not AWS's to name.
CHOSEN = {"Tags", "tags", "environmentVariables"}
Question = t.Callable[[], t.Any]
# What an answer may be that AWS has refused, or where nobody was to look.
Found = t.Optional[t.List[t.Dict[str, t.Any]]]


class Reads:
    """What AWS was asked.

    clients: by service; threads may share them
    errors:  the classes of errors that an answer may be; all others are faults of ours
    rows:    a row for each call, as `read` has it
    """

    def __init__(self, clients: t.Mapping[str, t.Any], errors: tuple[type[BaseException], ...]) -> None:
        self._clients, self._errors = clients, errors
        self._asked: dict[str, Future[t.Any]] = {}
        self._lock = threading.Lock()
        self.rows: list[dict[str, t.Any]] = []
        self.failures: list[BaseException] = []

    def ask(self, service: str, operation: str, key: str = "", absent: t.Collection[str] = (), nothing: t.Any = None, **parameters: t.Any) -> t.Any:
        """What AWS answers, under `key` and of all its pages, in our spelling. None where it refuses to.

        absent: codes of errors that say that there is no such thing; then `nothing` is the answer
        """
        identity = repr((service, operation, key, sorted(parameters.items())))
        with self._lock:
            mine = identity not in self._asked
            answer = self._asked.setdefault(identity, Future())
        if mine:
            try:
                answer.set_result(self._answer(service, operation, key, absent, nothing, parameters))
            except BaseException as fault:
                answer.set_exception(fault)
        return answer.result()

    def _answer(self, service: str, operation: str, key: str, absent: t.Collection[str], nothing: t.Any, parameters: t.Mapping[str, t.Any]) -> t.Any:
        client = self._clients[service]
        source = f"{service} {client.meta.method_to_api_mapping[operation]}"
        has_pages = client.can_paginate(operation)
        try:
            found = client.get_paginator(operation).paginate(**parameters).build_full_result() if has_pages else getattr(client, operation)(**parameters)
        except self._errors as error:
            there_is_none = error_code(error) in absent
            self._note(source, None if there_is_none else error)
            return nothing if there_is_none else None
        self._note(source)
        return spelt(found.get(key) or ([] if has_pages else {}) if key else found)

    def _note(self, source: str, error: t.Optional[BaseException] = None) -> None:
        at = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
        with self._lock:
            self.rows.append({"source": source, "at": at, "error": None if error is None else told(error)})
            if error is not None:
                self.failures.append(error)


def told(error: BaseException) -> str:
    """AWS's code and words."""
    words = ((getattr(error, "response", None) or {}).get("Error") or {}).get("Message") or str(error)
    return f"{error_code(error) or type(error).__name__}: {words}"


def together(*questions: Question) -> list[t.Any]:
    """The answers in the questions' order, asked at the same time."""
    with ThreadPoolExecutor(max_workers=max(len(questions), 1)) as pool:
        return [asked.result() for asked in [pool.submit(question) for question in questions]]


def joined(answers: t.Iterable[Found]) -> Found:
    """All items of several answers; None where one of them is not known, as the whole is not known then."""
    listed = list(answers)
    return None if any(answer is None for answer in listed) else [item for answer in listed for item in answer or []]


def spelt(answer: t.Any) -> t.Any:
    """Keys in snake_case, dates as text."""
    if isinstance(answer, dict):
        return {_key(key): value if key in CHOSEN else spelt(value) for key, value in answer.items() if key != "ResponseMetadata"}
    if isinstance(answer, list):
        return [spelt(item) for item in answer]
    return answer.isoformat() if isinstance(answer, datetime.datetime) else answer


@functools.lru_cache(maxsize=None)
def _key(key: str) -> str:
    return next(iter(camel_dict_to_snake_dict({key: None})))
