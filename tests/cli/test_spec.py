"""From flags to a spec."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perdure import MultitaskStrategy, RunCommand
from perdure.cli.spec import RunFlags, Then, read_spec, read_then
from perdure.contracts.errors import InvalidRunError
from perdure.contracts.types import STREAM_MODES

FLAGS = RunFlags(
    graph="g",
    thread=None,
    stateless=False,
    input=None,
    command=None,
    go_on=False,
    run_id=None,
    strategy=None,
    stream_modes=[],
    subgraphs=False,
    context=None,
    runnable_config=None,
    metadata=[],
    after=None,
    timeout=None,
    on_interrupt=None,
    interrupt_before=[],
    interrupt_after=[],
)


def test_without_flags_a_run_has_a_new_thread_a_new_id_and_an_empty_input() -> None:
    one, other = read_spec(FLAGS), read_spec(FLAGS)
    assert one.input == {}
    assert one.scope.kind == "stateful"
    assert one.scope.thread_id != other.scope.thread_id
    assert one.run_id != other.run_id
    assert one.stream_modes == ("messages", "updates")


def test_every_flag_reaches_its_field() -> None:
    spec = read_spec(
        replace(
            FLAGS,
            thread="t",
            input="[1]",
            run_id="r",
            strategy="interrupt",
            stream_modes=list(STREAM_MODES),
            subgraphs=True,
            context='"c"',
            runnable_config='{"tags": ["x"]}',
            metadata=["a=b"],
            after="1m",
            timeout="2m",
            on_interrupt="finish",
            interrupt_before=["one", "two"],
            interrupt_after=["*"],
        )
    )
    assert spec.model_dump(include={"input", "run_id", "context", "runnable_config", "metadata", "on_interrupt"}) == {
        "input": [1],
        "run_id": "r",
        "context": "c",
        "runnable_config": {"tags": ["x"]},
        "metadata": {"a": "b"},
        "on_interrupt": "finish",
    }
    assert (spec.scope.thread_id, spec.multitask_strategy) == ("t", MultitaskStrategy.INTERRUPT)
    assert (spec.stream_modes, spec.stream_subgraphs) == (STREAM_MODES, True)
    assert (spec.after_seconds, spec.run_timeout) == (60, 120)
    assert (spec.interrupt_before, spec.interrupt_after) == (("one", "two"), "*")


def test_a_command_and_a_continuation_have_no_input() -> None:
    command = read_spec(replace(FLAGS, thread="t", command='{"resume": 1, "goto": ["a"]}'))
    assert (command.input, command.command) == (None, RunCommand(resume=1, goto=("a",)))
    assert read_spec(replace(FLAGS, thread="t", go_on=True)).input is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"thread": "t", "stateless": True}, "--stateless and --thread exclude each other"),
        ({"input": "1", "command": "{}"}, "--input and --command exclude each other"),
        ({"input": "1", "go_on": True, "thread": "t"}, "--input and --continue exclude each other"),
        ({"go_on": True}, "--continue needs --thread"),
        ({"thread": "a/b"}, "--thread: 'a/b' is no id"),
        ({"thread": "a\n"}, "--thread: 'a\\\\n' is no id"),
        ({"run_id": " r"}, "--run-id: ' r' is no id"),
        ({"graph": ""}, "GRAPH: "),
        ({"stream_modes": ["valuse"]}, "--stream-mode: unknown value 'valuse' \\(did you mean 'values'\\?\\); allowed"),
        ({"on_interrupt": "stop"}, "--on-interrupt: unknown value 'stop'; allowed: await, finish"),
        ({"timeout": "0"}, "--timeout: Input should be greater than 0"),
        ({"after": "-1"}, "--after: "),
        ({"command": '{"resum": 1}'}, "--command: "),
    ],
)
def test_a_wrong_flag_is_named(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRunError, match=said):
        read_spec(replace(FLAGS, **wrong))  # pyright: ignore[reportArgumentType]


def test_one_of_three_things_follows() -> None:
    assert read_then(stream=False, wait=False, background=False) is Then.STREAM
    assert read_then(stream=False, wait=False, background=True) is Then.RETURN
    with pytest.raises(InvalidRunError, match="--wait and --background exclude each other"):
        read_then(stream=False, wait=True, background=True)
