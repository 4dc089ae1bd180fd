"""Following a run: in a pipe, on a terminal, up to a question, away and back."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal

from perdure import RunScope, RunsFacade, RunSpec, RunStatus

from .conftest import LIMIT, CommandLine

STYLES = re.compile(r"\x1b\[[0-9;]*m")


async def test_a_pipe_gets_a_plain_line_for_each_event(cli: CommandLine) -> None:
    ended = await cli("run", "talk", "--thread", "plain")
    lines = [line.split(" ", 2) for line in ended.out.splitlines()]
    assert ended.code == 0
    assert "\x1b" not in ended.out
    assert [number for number, _, _ in lines] == [str(number + 1) for number in range(len(lines))]
    tokens = [text for _, event, text in lines if event == "messages" and text.startswith("speak: ")]
    assert tokens[:2] == ['speak: "There"', 'speak: " is"']
    assert ["3", "updates"] in [line[:2] for line in lines]
    assert "search(words=cheese)" in ended.out
    assert lines[-1][1:] == ["end", "success · 2 steps"]


async def _on_terminal(cli: CommandLine, *arguments: str) -> tuple[int, str]:
    """Exit code, and what the terminal was sent."""
    ours, theirs = pty.openpty()
    process = await cli.having(TERM="xterm-256color").start(*arguments, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    async with asyncio.timeout(LIMIT):
        while chunk := await asyncio.to_thread(_read, ours):
            seen += chunk
        code = await process.wait()
    os.close(ours)
    return code, seen.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux: the other side is closed
        return b""


async def test_a_terminal_shows_tokens_steps_and_the_end(cli: CommandLine) -> None:
    code, seen = await _on_terminal(cli, "run", "talk", "--thread", "terminal")
    lines = STYLES.sub("", seen).replace("\r\n", "\n").splitlines()
    assert code == 0, seen
    begin = next((number for number, line in enumerate(lines) if line.startswith("run ")), 0)
    assert not [line for line in lines[:begin] if not line.startswith("waiting ")], (
        lines
    )  # a busy machine lets one wait
    assert lines[begin + 1 : begin + 5] == [
        "● plan  messages",
        "  → search(words=cheese)",
        "speak ▸ There is \ufffd[31mno more cheese",
        "● speak  messages",
    ]
    assert re.fullmatch(r"✓ success · 2 steps · \d+\.\d s", lines[begin + 5])


async def test_questions_end_the_stream_until_each_is_answered(cli: CommandLine, facade: RunsFacade) -> None:
    asked = await cli("run", "ask", "--run-id", "tea")
    assert (asked.code, asked.out.splitlines()[-1].endswith("Tea or coffee?")) == (7, True)

    answered = await cli("resume", "tea", "-", stdin=b"tea\n")
    assert answered.code == 0
    # The first question is history now, and does not end a stream that begins there.
    again = await cli("stream", "tea")
    assert again.code == 7
    assert again.out.index("Tea or coffee?") < again.out.index("With milk?")

    assert (await cli("resume", "tea", "true", "--text")).code == 0
    stream = await facade.join_stream("tea")
    assert [event.event async for event in stream][-1] == "end"
    assert (await facade.join_wait("tea")).values == {"said": ["tea", "true"]}


async def test_a_question_is_shown_with_the_command_that_answers(cli: CommandLine, facade: RunsFacade) -> None:
    record, result = await facade.create_and_wait(
        RunSpec(assistant_id="ask", scope=RunScope(thread_id="asked"), input={})
    )
    assert result.status is RunStatus.AWAITING_INPUT
    waited, (_, seen) = await asyncio.gather(cli("wait", record.run_id), _on_terminal(cli, "stream", record.run_id))
    assert waited.code == 7
    for text in (waited.out + waited.err, STYLES.sub("", seen)):
        assert "? Tea or coffee?" in text
        assert f"perdure resume {record.run_id} VALUE" in text


async def test_ctrl_c_leaves_the_run_and_says_how_to_come_back(cli: CommandLine, facade: RunsFacade) -> None:
    process = await cli.start("run", "count", "--input", '{"steps": 35, "delay": 0.1}', "--run-id", "left")
    assert process.stdout is not None
    for _ in range(3):
        await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(LIMIT):
        _, said = await process.communicate()
    assert process.returncode == 130
    back = re.search(r"perdure stream left --last-event-id (\d+)", said.decode())
    assert back is not None

    record = await facade.get_run("left")
    assert record is not None
    assert record.status is RunStatus.RUNNING
    followed = await cli("stream", "left", "--last-event-id", back[1])
    assert followed.code == 0
    assert followed.out.startswith(f"{int(back[1]) + 1} updates")


async def test_a_reader_that_goes_away_is_no_traceback(cli: CommandLine, facade: RunsFacade) -> None:
    reader, writer = os.pipe()
    command = ("run", "count", "--input", '{"steps": 500, "delay": 0.02}', "--run-id", "piped")
    process = await cli.start(*command, stdout=writer)
    os.close(writer)
    await asyncio.to_thread(os.read, reader, 1)
    os.close(reader)
    async with asyncio.timeout(LIMIT):
        _, said = await process.communicate()
    assert await facade.cancel("piped")
    assert (process.returncode, "Traceback" in said.decode(), "BrokenPipe" in said.decode()) == (141, False, False)
