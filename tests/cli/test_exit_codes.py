"""Each error and each status has its exit code, and real processes end with it."""

from __future__ import annotations

import asyncio
import os

import pytest

from perdure import PerdureError, RunScope, RunsFacade, RunSpec, RunStatus
from perdure.cli.exit_codes import ERROR_CODES, STATUS_CODES, ExitCode, for_error
from perdure.contracts import errors
from perdure.contracts.errors import (
    ConfigError,
    InvalidRunError,
    RunNotFoundError,
    TemporalUnreachableError,
    ThreadBusyError,
    UnavailableError,
    UnknownGraphError,
)

from .conftest import CommandLine

ALL_ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PerdureError)]


@pytest.mark.parametrize("kind", ALL_ERRORS)
def test_every_error_has_a_code_of_its_own_or_of_its_family(kind: type[PerdureError]) -> None:
    named = next(base for base in kind.__mro__ if base in ERROR_CODES)
    assert kind is PerdureError or named is not PerdureError


@pytest.mark.parametrize("status", RunStatus)
def test_every_status_has_a_code(status: RunStatus) -> None:
    assert STATUS_CODES[status] is not None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidRunError("x"), ExitCode.USAGE),
        (UnknownGraphError("x", []), ExitCode.USAGE),
        (ConfigError("x"), ExitCode.USAGE),
        (RunNotFoundError("x"), ExitCode.NOT_FOUND),
        (ThreadBusyError("t", "r"), ExitCode.BUSY),
        (TemporalUnreachableError("a", "x"), ExitCode.UNAVAILABLE),
        (UnavailableError("x"), ExitCode.UNAVAILABLE),
        (RuntimeError("x"), ExitCode.INTERNAL),
    ],
)
def test_the_code_of_an_error(error: Exception, code: ExitCode) -> None:
    assert for_error(error) is code


async def test_a_busy_thread_is_4_and_names_the_run(cli: CommandLine, facade: RunsFacade) -> None:
    run = await facade.create_background(
        RunSpec(assistant_id="count", scope=RunScope(thread_id="busy"), input={"steps": 99, "delay": 30})
    )
    ended = await cli("run", "count", "--thread", "busy", "--strategy", "reject")
    await facade.cancel(run.run_id)
    assert (ended.code, ended.out) == (4, "")
    assert run.run_id in ended.err


async def test_a_cancelled_run_is_5(cli: CommandLine, facade: RunsFacade) -> None:
    run = await facade.create_background(
        RunSpec(assistant_id="count", scope=RunScope(thread_id="cancelled"), input={"steps": 99, "delay": 30})
    )
    waiting, cancelled = await asyncio.gather(cli("wait", run.run_id), cli("cancel", run.run_id, "--json"))
    assert (cancelled.code, cancelled.document["accepted"]) == (0, True)
    assert waiting.code == 5


async def test_a_run_out_of_time_is_6(cli: CommandLine) -> None:
    ended = await cli("run", "count", "--input", '{"steps": 99, "delay": 30}', "--timeout", "500ms", "--wait")
    assert ended.code == 6


async def test_wrong_usage_is_2_and_says_what_is_wrong(lonely: CommandLine) -> None:
    commands = {
        "command": ["rnu"],
        "option": ["run", "count", "--treads", "t"],
        "input": ["run", "count", "--input", "{'a': 1}"],
        "mode": ["run", "count", "--stream-mode", "tokens"],
    }
    said = {
        "command": "'rnu'",
        "option": "--treads",
        "input": "--input: \"{'a': 1}\" is not JSON",
        "mode": "'tokens'; allowed: values, updates, messages",
    }
    endings = await lonely.all(commands)
    assert {name: ended.code for name, ended in endings.items()} == dict.fromkeys(commands, 2)
    assert [name for name, ended in endings.items() if said[name] not in ended.err] == []
    assert [name for name, ended in endings.items() if ended.out or "Traceback" in ended.err] == []


async def test_a_wrong_event_id_is_2_and_wrong_settings_are_2(lonely: CommandLine) -> None:
    event_id, settings = await asyncio.gather(
        lonely("stream", "r", "--last-event-id", "x"), lonely("runs", "--config", "nowhere.yaml")
    )
    assert (event_id.code, "'x' is not an event id" in event_id.err) == (2, True)
    assert (settings.code, "'nowhere.yaml' does not exist" in settings.err) == (2, True)


async def test_an_unknown_graph_is_2_and_leaves_no_run(cli: CommandLine, facade: RunsFacade) -> None:
    ended = await cli("run", "cuont", "--thread", "unknown-graph", "--json")
    assert (ended.code, ended.out) == (2, "")
    assert ended.failure["type"] == "UnknownGraphError"
    assert "did you mean 'count'?" in ended.failure["message"]
    assert await facade.list_runs("unknown-graph") == []


async def test_an_unknown_run_is_3(cli: CommandLine) -> None:
    endings = await cli.all({name: [name, "nobody"] for name in ("stream", "delete")})
    assert {name: ended.code for name, ended in endings.items()} == dict.fromkeys(endings, 3)
    assert all("no run 'nobody'" in ended.err for ended in endings.values())


async def test_no_server_and_no_worker_are_69(lonely: CommandLine) -> None:
    nowhere = lonely.having(PERDURE_TEMPORAL__ADDRESS="127.0.0.1:1")
    nobody = lonely.having(PERDURE_TEMPORAL__TASK_QUEUE="nobody", PERDURE_TEMPORAL__SUBMIT_TIMEOUT="0.5s")
    unreachable, unserved = await asyncio.gather(nowhere("run", "count", "--json"), nobody("run", "count", "--json"))
    assert (unreachable.code, unreachable.failure["type"]) == (69, "TemporalUnreachableError")
    assert "127.0.0.1:1" in unreachable.failure["message"]
    assert (unserved.code, unserved.failure["type"]) == (69, "NoWorkerError")


async def test_an_unforeseen_error_is_70_with_its_cause_only(lonely: CommandLine) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    process = await lonely.start("--help", stdout=full)
    os.close(full)
    _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (70, "error: [Errno 28] No space left on device\n")


async def test_debug_shows_the_traceback(lonely: CommandLine) -> None:
    ended = await lonely("--debug", "run", "count", "--input", "{")
    assert ended.code == 2
    assert "Traceback" in ended.err
    assert ended.err.splitlines()[-1].startswith("error: --input")
