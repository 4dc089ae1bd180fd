"""The demo, started as `make demo` starts it, without a terminal; and the proof that it makes."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import uuid
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.servers import free_port
from temporalio.client import WorkflowHistory

from examples.demo.evidence import Check, Evidence, checks_of_cancelled, checks_of_survivor
from examples.demo.facts import Facts
from examples.demo.processes import DemoError, Processes
from perdure import RunRecord, RunStatus, StreamEvent

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 90.0
"""Seconds; it takes 20."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that runs."""

    process: asyncio.subprocess.Process
    mark: str
    """In the environment of everything that it starts."""

    async def read(self, until: str = "") -> str:
        """What it prints up to the line that contains `until`, or to its end."""
        assert self.process.stdout
        text = ""
        async with asyncio.timeout(LIMIT):
            while line := (await self.process.stdout.readline()).decode():
                text += line
                if until and until in line:
                    break
        return text

    async def ended(self) -> int:
        async with asyncio.timeout(LIMIT):
            return await self.process.wait()

    def left(self) -> list[str]:
        """Command lines of the processes that it has started and that still run."""
        return [command for pid, command in _processes(self.mark) if pid != self.process.pid]


def _processes(mark: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment, command = (folder / "environ").read_bytes(), (folder / "cmdline").read_bytes()
        except OSError:  # it has ended, or is another user's
            continue
        if mark.encode() in environment:
            found.append((int(folder.name), command.replace(b"\0", b" ").decode()))
    return found


@asynccontextmanager
async def demo(home: Path, **environment: str) -> AsyncGenerator[Demo]:
    mark = f"DEMO_MARK={uuid.uuid4()}"
    ports = {f"PERDURE_SERVER__{name}": str(free_port()) for name in ("PORT", "UI_PORT")}
    own = {"PERDURE_HOME": str(home), "RESEARCH_TOKEN_DELAY": "0.004", "DEMO_MARK": mark.partition("=")[2]}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "examples/demo.py"),
        cwd=ROOT,
        env=os.environ | ports | own | environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield Demo(process, mark)
    finally:
        for pid, _ in _processes(mark):
            os.kill(pid, signal.SIGKILL)
        await process.wait()


@pytest.mark.usefixtures("needs_server")
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
class TestWhole:
    async def test_shows_a_run_that_survives_and_one_that_is_cancelled(self, tmp_path: Path) -> None:
        async with demo(tmp_path) as shown:
            text = await shown.read()
            assert await shown.ended() == 0, text
            assert not shown.left()
        assert "SIGKILL for worker-1" in text
        assert "attempt 2: superstep 6 begins again; its 4 tokens above are void" in text
        assert re.search(r"\$ temporal workflow signal --workflow-id run-\S+ --name cancel --input", text)
        assert _row(text, "status") == ["success", "interrupted"]
        assert _row(text, "supersteps completed")[0] == "22"
        assert _row(text, "completed supersteps that ran twice") == ["0", "0"]
        assert _row(text, "attempts") == ["2", "1"]
        assert "\x1b" not in text

    async def test_ctrl_c_after_the_crash_leaves_no_process(self, tmp_path: Path) -> None:
        async with demo(tmp_path) as shown:
            await shown.read(until="worker 2  process")
            assert shown.left()
            shown.process.send_signal(signal.SIGINT)
            text = await shown.read()
            assert await shown.ended() == 130, text
            assert not shown.left()
        assert "interrupted" in text
        assert "Traceback" not in text

    async def test_a_server_that_does_not_start_is_the_reason(self, tmp_path: Path) -> None:
        async with demo(tmp_path, PERDURE_TEMPORAL_CLI="/nonexistent") as shown:
            text = await shown.read()
            assert await shown.ended() == 1
            assert not shown.left()
        assert "the demo failed: the server has ended by itself" in text
        assert "PERDURE_TEMPORAL_CLI is '/nonexistent'" in text


def _row(text: str, name: str) -> list[str]:
    """The cells of the closing table's row."""
    found = re.search(rf"^  {name}  +(.+)$", text, re.MULTILINE)
    assert found, text
    return found[1].split()


_SLEEPER = """
import asyncio, sys
from pathlib import Path
from examples.demo.processes import Processes

with Processes() as processes:
    print(processes.start("sleeper", ["sleep", "60"], log=Path(sys.argv[1])).pid, flush=True)
    asyncio.run(asyncio.sleep(60))
"""


class TestProcesses:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    async def test_they_end_with_the_demo_whatever_signal_ends_it(self, number: signal.Signals, tmp_path: Path) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _SLEEPER, str(tmp_path / "log")),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout
        sleeper = int(await process.stdout.readline())
        process.send_signal(number)
        async with asyncio.timeout(LIMIT):
            await process.wait()
        with pytest.raises(ProcessLookupError):
            os.kill(sleeper, 0)

    async def test_one_that_ends_by_itself_ends_a_wait_with_its_last_lines(self, tmp_path: Path) -> None:
        with _processes_of_a_test() as processes:
            processes.start("worker", ["sh", "-c", "echo no such graph; exit 3"], log=tmp_path / "log")
            with pytest.raises(DemoError, match=r"(?s)the worker has ended by itself, with status 3.*no such graph"):
                await processes.within(30, "something", asyncio.sleep(30))

    async def test_a_wait_has_a_limit(self) -> None:
        with pytest.raises(DemoError, match=r"waited 0\.01 s for the next event, in vain"):
            await Processes().within(0.01, "the next event", asyncio.sleep(30))

    async def test_one_that_the_demo_kills_ends_no_wait(self, tmp_path: Path) -> None:
        with _processes_of_a_test() as processes:
            processes.start("worker", ["sleep", "60"], log=tmp_path / "log").kill()
            assert await processes.within(30, "a look at the processes", asyncio.sleep(0.5, "done")) == "done"


@contextmanager
def _processes_of_a_test() -> Generator[Processes]:
    """Without the signal handlers of the demo, which are for a program of its own."""
    processes = Processes()
    try:
        yield processes
    finally:
        for process in processes.release():
            process.kill()


class TestProof:
    """Each claim fails when it is not so."""

    def test_a_run_without_fault_passes(self) -> None:
        assert not _failing(checks_of_survivor(_evidence()))
        assert _evidence().repeats == 0

    def test_a_lost_event_is_seen(self) -> None:
        assert _failing(checks_of_survivor(_evidence(drop=4))) == ["7 events"]

    def test_a_doubled_event_is_seen(self) -> None:
        events = _events()
        assert _failing(checks_of_survivor(_evidence(events=[*events[:4], events[3], *events[4:]]))) == ["9 events"]

    def test_a_stream_that_changes_is_seen(self) -> None:
        assert _failing(checks_of_survivor(_evidence(read_again=_events()[:-1]))) == ["8 events"]

    def test_a_superstep_that_is_saved_twice_is_a_repeat(self) -> None:
        repeated = _evidence(saved=[1, 1, 2])
        assert repeated.repeats == 1
        assert _failing(checks_of_survivor(repeated)) == ["the thread's checkpoints"]

    def test_a_token_of_a_finished_superstep_is_a_repeat(self) -> None:
        events = _events(second_attempt_speaks_of=1)
        repeated = _evidence(events=events)
        assert repeated.repeats == 1
        assert _failing(checks_of_survivor(repeated)) == ["no token came"]

    def test_a_run_that_failed_is_no_success(self) -> None:
        assert "the run ended as success" in _failing(checks_of_survivor(_evidence(status=RunStatus.ERROR)))

    def test_a_cancelled_run_must_have_been_interrupted(self) -> None:
        assert "the run ended as interrupted" in _failing(checks_of_cancelled(_evidence()))

    @pytest.mark.parametrize("saved", [[1], [1, 1, 2], [2]])
    def test_a_cancelled_run_must_have_saved_what_it_had_done(self, saved: list[int]) -> None:
        assert "supersteps 1 to 2" in _failing(checks_of_cancelled(_evidence(saved=saved)))

    def test_the_superstep_that_a_cancel_cut_may_be_saved(self) -> None:
        assert "supersteps 1 to 2" not in _failing(checks_of_cancelled(_evidence(saved=[1, 2, 3])))

    def test_the_tokens_of_the_cut_superstep_are_counted(self) -> None:
        assert _evidence().facts.void == 1


def _events(second_attempt_speaks_of: int = 2) -> list[StreamEvent]:
    """Two supersteps; a crash in the second."""
    shown: list[tuple[str, object]] = [
        ("metadata", {"attempt": 1}),
        ("messages", _token(1)),
        ("checkpoints", {"metadata": {"step": 1}}),
        ("messages", _token(2)),
        ("metadata", {"attempt": 2}),
        ("messages", _token(second_attempt_speaks_of)),
        ("checkpoints", {"metadata": {"step": 2}}),
        ("end", {"status": "success", "error": None}),
    ]
    return [StreamEvent(id=str(number), event=event, data=data) for number, (event, data) in enumerate(shown, 1)]


def _token(step: int) -> list[object]:
    return [{"content": "word"}, {"langgraph_step": step}]


def _evidence(
    *,
    events: list[StreamEvent] | None = None,
    drop: int | None = None,
    read_again: list[StreamEvent] | None = None,
    saved: list[int] | None = None,
    status: RunStatus = RunStatus.SUCCESS,
) -> Evidence:
    seen = [event for event in events or _events() if event.id != str(drop)]
    facts, now = Facts(), datetime.now(UTC)
    for event in seen:
        facts.see(event)
    record = RunRecord(
        run_id="r",
        thread_id="t",
        assistant_id="a",
        status=status,
        created_at=now,
        updated_at=now,
        steps=2,
        attempt=2,
    )
    return Evidence(facts, record, read_again or seen, saved or [1, 2], WorkflowHistory("run-r", []))


def _failing(checks: list[Check]) -> list[str]:
    """The beginnings of the claims that do not hold."""
    known = ("the thread's checkpoints", "no token came", "supersteps 1 to 2")
    claims = [check.claim for check in checks if not check.holds]
    return [
        next((start for start in known if claim.startswith(start)), re.sub(r"( events) .*", r"\1", claim))
        for claim in claims
    ]
