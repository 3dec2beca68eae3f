# SPDX-License-Identifier: GPL-3.0-or-later
"""A small model of ElastiCache that refuses every illegal call: a cluster, the group it becomes, TLS, tokens, a tag and a snapshot."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field

from ansible_collections.huntaze.ai_system.plugins.module_utils._connect.redis import Answer
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache import path as planner
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.cache import NOTHING
from ansible_collections.huntaze.ai_system.plugins.module_utils._elasticache.evidence import read_tag

CLUSTER, GROUP = "huntaze-redis-production", "huntaze-redis"
NO_PASSWORD = None
TOKENS = [f"canary-token-{letter * 8}" for letter in "abc"]
# The planner only compares fingerprints: fast ones will do.
PRINTS = {token: f"{number:032x}/{number:064x}" for number, token in enumerate(TOKENS, 1)}


@dataclass(frozen=True)
class Habits:
    """What AWS may do where its documentation, and those who tried, say different things or nothing."""

    rotate_in_force: str = "moves"  # "nothing" was to be modified, the token "moves" to the front, or is there twice and "drops" the other
    set_only: str = "made"  # of the token that is the only one: "nothing" was to be modified, "made" or "refused"
    set_older: str = "refused"  # of a token that is not the last added one, or not there at all: "refused" or "made"
    dates: bool = True


HABITS = [Habits(*each) for each in itertools.product(("nothing", "moves", "drops"), ("nothing", "made", "refused"), ("refused", "made"), (True, False))]


@dataclass
class Aws:
    """What AWS does, as strictly as its documentation can be read."""

    promoted: bool = False
    mode: str | None = None
    credentials: list[str | None] = field(default_factory=lambda: [NO_PASSWORD])
    changes: int = 0
    tag: str | None = None
    snapshot: str | None = None
    habits: Habits = Habits()

    @property
    def auth(self) -> bool:
        return self.credentials != [NO_PASSWORD]

    def call(self, operation: str, parameters: dict) -> str | None:
        return getattr(self, operation)(**parameters)

    def create_snapshot(self, CacheClusterId: str, SnapshotName: str) -> None:
        assert not self.promoted and self.snapshot is None
        self.snapshot = "available"

    def create_replication_group(self, ReplicationGroupId: str, ReplicationGroupDescription: str, PrimaryClusterId: str) -> None:
        assert not self.promoted and (PrimaryClusterId, ReplicationGroupId) == (CLUSTER, GROUP)
        self.promoted = True

    def add_tags_to_resource(self, ResourceName: str, Tags: list[dict]) -> None:
        assert self.promoted
        value = Tags[0]["Value"]
        assert len(value) <= 256 and re.fullmatch(r"[A-Za-z0-9 +\-=._:/@]*", value), value
        self.tag = value

    def modify_replication_group(self, ReplicationGroupId: str, ApplyImmediately: bool, **changes) -> str | None:
        assert self.promoted and ReplicationGroupId == GROUP and ApplyImmediately is True
        if "TransitEncryptionMode" in changes:
            assert changes.pop("TransitEncryptionEnabled") is True and not self.auth
            legal = {None: "preferred", "preferred": "required"}
            mode = changes.pop("TransitEncryptionMode")
            assert not changes and legal[self.mode] == mode
            self.mode = mode
            return None
        answer = self.change_token(changes.pop("AuthToken"), changes.pop("AuthTokenUpdateStrategy"))
        assert not changes
        return answer

    def change_token(self, token: str, strategy: str) -> str | None:
        """None if it is made, else "nothing" or "refused"."""
        assert self.mode == "required"
        if strategy == "ROTATE":
            if token in self.credentials and self.habits.rotate_in_force == "nothing":
                return "nothing"
            kept = [known for known in self.credentials if known != token] if self.habits.rotate_in_force == "moves" else self.credentials
            self.credentials = (kept + [token])[-2:]
            if self.credentials == [token, token]:
                self.credentials = [token]
        else:
            answer = self.habits.set_only if self.credentials == [token] else "made" if self.credentials[-1] == token else self.habits.set_older
            if answer != "made":
                return answer
            self.credentials = [token]
        self.changes += 1
        return None

    def observe(self, token: str | None = None) -> planner.Observed:
        """With `token`, also what a connection shows."""
        place = {"address": "10.0.0.1", "port": 6379}
        cache = dict(
            NOTHING,
            exists=True,
            kind="replication_group" if self.promoted else "cache_cluster",
            id=GROUP if self.promoted else CLUSTER,
            arn="arn:aws:elasticache:us-east-1:123456789012:replicationgroup:huntaze-redis",
            replication_group_id=GROUP if self.promoted else None,
            member_clusters=[CLUSTER],
            status="available",
            engine="redis",
            engine_version="7.1.0",
            port=6379,
            endpoints={"primary": place, "reader": place if self.promoted else None, "configuration": None, "nodes": [place]},
            transit_encryption_enabled=self.mode is not None,
            transit_encryption_mode=self.mode,
            auth_token_enabled=self.auth,
            auth_token_last_modified_date=f"2025-01-01T00:00:{self.changes:02}+00:00" if self.auth and self.habits.dates else None,
        )
        answer = Answer(token in self.credentials, NO_PASSWORD not in self.credentials) if token and self.auth else None
        tag = read_tag(self.tag) if self.promoted else None
        return planner.Observed(cache, snapshot=self.snapshot, tag=tag, answer=answer)


def desire(token: str | None = None, mode: str | None = None, strategy: str = "SET", snapshot: bool = True) -> planner.Desired:
    return planner.Desired(CLUSTER, GROUP, "before" if snapshot else None, mode, token, strategy, PRINTS.get(token, ""))
