"""Workers as processes of their own, to be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from perdure import Settings

GRAPHS = Path(__file__).parents[1] / "graphs"


def environment(settings: Settings, graphs: Mapping[str, str]) -> dict[str, str]:
    """Of a process that uses these settings. `graphs`: names and `file.py:attribute` in tests/graphs."""
    settings.home.mkdir(parents=True, exist_ok=True)
    listed = settings.home / "langgraph.json"
    listed.write_text(json.dumps({"graphs": {name: f"{GRAPHS}/{place}" for name, place in graphs.items()}}))
    config = settings.home / "perdure.yaml"
    config.write_text(settings.model_copy(update={"graphs": listed}).model_dump_json())  # JSON is YAML
    return {**os.environ, "PERDURE_CONFIG": str(config), "PYTHONUNBUFFERED": "1"}


class WorkerProcess:
    """`perdure worker`, with its output in a file."""

    def __init__(self, settings: Settings, graphs: Mapping[str, str]) -> None:
        self._environment = environment(settings, graphs)
        self.log = settings.home / "worker.log"
        self._process = self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            command = [Path(sys.executable).with_name("perdure"), "worker"]
            return subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """`kill -9`, at once."""
        self._process.kill()
        self._process.wait()

    def stop(self, limit: float = 30.0) -> int:
        """SIGTERM; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(limit)

    def replace(self) -> None:
        """Killed, and another one in its place."""
        self.kill()
        self._process = self._start()
