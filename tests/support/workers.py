"""Workers as processes of their own, to be killed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from perdure import Settings

from .forks import Forked
from .servers import state_of

GRAPHS = Path(__file__).parents[1] / "graphs"


def environment(settings: Settings, graphs: Mapping[str, str]) -> dict[str, str]:
    """Of a process that uses these settings. `graphs`: names and `file.py:attribute` in tests/graphs."""
    settings.home.mkdir(parents=True, exist_ok=True)
    listed = settings.home / "langgraph.json"
    listed.write_text(json.dumps({"graphs": {name: f"{GRAPHS}/{place}" for name, place in graphs.items()}}))
    config = settings.home / "perdure.yaml"
    config.write_text(settings.model_copy(update={"graphs": listed}).model_dump_json())  # JSON is YAML
    return {**os.environ, "PERDURE_CONFIG": str(config), "PYTHONUNBUFFERED": "1"}


def _stopped(pid: int) -> bool:
    """Whether no thread of the process does anything any more."""
    return all(state_of(thread) in "TZX" for thread in Path(f"/proc/{pid}/task").iterdir())


class WorkerProcess:
    """`perdure worker`, with its output in a file."""

    def __init__(
        self, settings: Settings, graphs: Mapping[str, str], variables: Mapping[str, str] | None = None
    ) -> None:
        self._environment = environment(settings, graphs) | dict(variables or {})
        self.log = settings.home / "worker.log"
        self._process = self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _start(self) -> Forked:
        with self.log.open("ab") as log:
            return Forked(["perdure", "worker"], env=self._environment, output=log.fileno(), errors=log.fileno())

    @property
    def ended(self) -> bool:
        """Whether it has exited, by itself or not."""
        return self._process.returncode is not None

    def kill(self) -> None:
        """`kill -9`, at once."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: when this returns it does nothing more, and knows nothing of it, until `thaw`."""
        self._process.send_signal(signal.SIGSTOP)
        # A thread stops when it leaves the kernel, and there it may just be about to take a lock on a file.
        while not _stopped(self.pid):
            time.sleep(0.001)

    def thaw(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self, limit: float = 30.0) -> int:
        """SIGTERM; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(limit)

    def replace(self) -> None:
        """Killed, and another one in its place."""
        self.kill()
        self.start()

    def start(self) -> None:
        """Another process, when this one has ended."""
        self._process = self._start()
