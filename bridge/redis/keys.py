"""The names of a run's keys, all in one slot of a cluster, and of its channel."""

from __future__ import annotations

import re
from dataclasses import dataclass


def seen_key(key: str) -> str:
    """An event's key as it is kept: not empty, which stands for none."""
    return f"={key}"


def key_seen(kept: bytes) -> str:
    """The inverse of `seen_key`."""
    return kept.decode()[1:]


@dataclass(frozen=True, slots=True)
class Keys:
    """Of an installation."""

    prefix: str

    @property
    def leases(self) -> str:
        """A sorted set of all runs: an index of what the heads say. A cluster has it in a slot of its own."""
        return f"{self.prefix}:leases"

    @property
    def mended(self) -> str:
        """The server's `run_id` up to whose start everything that was lost is mended."""
        return f"{self.prefix}:mended"

    def head(self, run_id: str) -> str:
        return f"{self.prefix}:{{{run_id}}}"

    def events(self, run_id: str) -> str:
        return f"{self.head(run_id)}:events"

    def seen(self, run_id: str) -> str:
        return f"{self.head(run_id)}:keys"

    def all(self, run_id: str) -> tuple[str, str, str]:
        """What a publish touches."""
        return self.head(run_id), self.events(run_id), self.seen(run_id)

    @property
    def heads(self) -> str:
        """The pattern of all heads: no other key ends like that."""
        return re.sub(r"([\\*?\[\]^])", r"\\\1", self.prefix) + ":{*}"

    channel = head

    def run_of(self, channel: str) -> str:
        """The run of a channel."""
        return channel[len(self.prefix) + 2 : -1]
