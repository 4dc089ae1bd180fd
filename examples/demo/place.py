"""Where the demo happens: a folder, ports and settings of its own, so that it disturbs nothing and nothing it."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

import perdure
from examples.demo.processes import DemoError

ROOT = Path(__file__).resolve().parents[2]
HEARTBEAT_TIMEOUT = 3.0
"""Seconds after which Temporal takes a silent worker for lost: for the demo shorter than the default of 10 s."""
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Place:
    """The demo's home, new at each start, and the addresses of its server."""

    home: Path
    config: Path
    """The settings, for `perdure … --config`."""
    address: str
    ui: str
    notes: tuple[str, ...]
    """What is not as usual, for a human."""


def prepare() -> Place:
    """Choose folder and ports, write the settings file, and clean this process's environment. Raises `DemoError`."""
    server = perdure.load_settings(ROOT / "temporal-dev.yaml").server
    home = _new_home(Path(os.environ.get("PERDURE_HOME", ROOT / ".perdure")).absolute() / "demo")
    port, ui_port = _free_port(server.port), _free_port(server.ui_port)
    _clean_environment()
    settings = {
        "home": str(home),
        "graphs": str(ROOT / "langgraph.json"),
        "temporal": {"address": f"{_HOST}:{port}", "namespace": "default"},
        "server": {"ip": _HOST, "port": port, "ui_port": ui_port},
        "runs": {"heartbeat_timeout": HEARTBEAT_TIMEOUT},
    }
    config = home / "demo.yaml"
    config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    notes = [
        f"port {usual} is taken, so the {what} gets {chosen}"
        for what, usual, chosen in (("server", server.port, port), ("UI", server.ui_port, ui_port))
        if usual != chosen
    ]
    return Place(home, config, f"{_HOST}:{port}", f"http://{_HOST}:{ui_port}", tuple(notes))


def _new_home(parent: Path) -> Path:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=time.strftime("%m%d-%H%M-"), dir=parent))
    except OSError as exc:
        raise DemoError(f"no folder can be made in {parent}: {exc.strerror}; set PERDURE_HOME to another one") from exc


def _free_port(wanted: int) -> int:
    """`wanted`, or one that the system chooses if that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, wanted))
        except OSError:
            probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _clean_environment() -> None:
    """What the shell says of other servers and settings must not reach the demo and its processes."""
    for name in [name for name in os.environ if name.startswith(("PERDURE_", "TEMPORAL_"))]:
        if name not in ("PERDURE_MODEL", "PERDURE_TEMPORAL_CLI"):
            del os.environ[name]
    os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull
