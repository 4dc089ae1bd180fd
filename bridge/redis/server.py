"""What a server has to be, and what it should be."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from ...contracts.errors import ConfigError

logger = logging.getLogger(__name__)

_OLDEST = 7


def check_server(info: Mapping[str, str], shown: str) -> None:
    """`info`: its answer to `INFO`. Raises `ConfigError`; warns of what would lose streams in silence."""
    version = info.get("redis_version", "0")
    if int(version.partition(".")[0]) < _OLDEST:
        raise ConfigError(f"bridge.url: {shown!r} is Redis {version}; it takes Redis {_OLDEST} or later, or Valkey")
    if info.get("redis_mode") == "cluster":
        raise ConfigError(f"bridge.url: {shown!r} is a cluster; it takes a single server, with replicas if you like")
    if info.get("role") == "slave":
        raise ConfigError(f"bridge.url: {shown!r} is a replica; name its master, or the Sentinels that know it")
    if not info.get("maxmemory_policy", "noeviction").startswith(("noeviction", "volatile")):
        logger.warning(
            "the bridge at %s removes streams when its memory is full: set maxmemory-policy to noeviction", shown
        )
    if info.get("aof_enabled") == "0":
        logger.warning("the bridge at %s keeps no log of its writes: a restart loses them; set appendonly yes", shown)


def run_id_of(info: bytes) -> str:
    """The `run_id` in an answer to `INFO`."""
    found = re.search(rb"^run_id:(\w+)", info, re.MULTILINE)
    return "" if found is None else found[1].decode()
