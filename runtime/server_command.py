"""The command line of the development server, and the defaults that make it fast on one machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..contracts.errors import ConfigError
from ..contracts.settings import Settings
from ..contracts.wire import SEARCH_ATTRIBUTES
from .target import temporal_target

# Measured, 2 cores: an activity that does nothing takes 21 ms with these, 100 ms without.
DEFAULT_DYNAMIC_CONFIG: dict[str, Any] = {
    # The one history shard polls its queues 20 times a second unless told otherwise: a wait of up to 50 ms a task.
    "history.transferProcessorMaxPollRPS": 5000,
    "history.timerProcessorMaxPollRPS": 1000,
    "history.visibilityProcessorMaxPollRPS": 1000,
    # Partitions spread a task queue over machines; on one machine each is only one more hop.
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
}
# Without these a database file costs a disk sync for each transaction: 10 runs/s instead of 25. A killed process
# loses nothing; a power cut can lose the last moments.
DEFAULT_SQLITE_PRAGMA = {"journal_mode": "wal", "synchronous": "normal"}


def server_command(cli: Path, settings: Settings) -> list[str]:
    """The command line of the server. Raises `ConfigError`."""
    server = settings.server
    command = [str(cli), "server", "start-dev", "--ip", server.ip, "--port", str(server.port)]
    command += ["--ui-port", str(server.ui_port)] if server.ui else ["--headless"]
    command += ["--namespace", temporal_target(settings).namespace, "--log-level", server.log_level]
    for name, kind in _search_attributes(settings).items():
        command += ["--search-attribute", f"{name}={kind}"]
    for key, value in (DEFAULT_DYNAMIC_CONFIG | server.dynamic_config).items():
        if value is not None:  # null takes a default of ours away
            command += ["--dynamic-config-value", f"{key}={json.dumps(value)}"]
    if database := database_path(settings):
        command += ["--db-filename", str(database)]
        for name, value in (DEFAULT_SQLITE_PRAGMA | server.sqlite_pragma).items():
            command += ["--sqlite-pragma", f"{name}={value}"]
    return command


def database_path(settings: Settings) -> Path | None:
    """The server's database file; `None` when it keeps everything in memory. Raises `ConfigError`."""
    if settings.server.db_filename is None:
        return None
    path = settings.home.absolute() / settings.server.db_filename
    # The server takes the path for a URL, and would silently write another file.
    if wrong := sorted(set("%?#") & set(str(path))):
        raise ConfigError(f"server.db_filename: the path {str(path)!r} must not contain {' or '.join(wrong)}")
    return path


def _search_attributes(settings: Settings) -> dict[str, str]:
    ours: dict[str, str] = dict.fromkeys(SEARCH_ATTRIBUTES, "Keyword")
    for name, kind in settings.server.search_attributes.items():
        if ours.setdefault(name, kind) != kind:
            raise ConfigError(f"server.search_attributes.{name}: it is Perdure's own and must be a {ours[name]}")
    return ours
