"""How a run's stream is shown: as JSON, as plain lines in a pipe, or live on a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

from ..contracts.types import (
    AWAITING_INPUT_EVENT,
    GAP_EVENT,
    METADATA_EVENT,
    TERMINAL_EVENTS,
    RunInterrupt,
    RunRecord,
    RunStatus,
    StreamEvent,
)
from .event_text import Message, ending, in_one_line, read_message, read_questions, read_updates
from .output import Output, printable, short

STATUS_STYLES: dict[RunStatus, str] = {
    RunStatus.SUCCESS: "green",
    RunStatus.ERROR: "red",
    RunStatus.TIMEOUT: "red",
    RunStatus.INTERRUPTED: "yellow",
    RunStatus.ROLLED_BACK: "yellow",
    RunStatus.AWAITING_INPUT: "magenta",
}


class View(Protocol):
    """Shows one run."""

    def begin(self, record: RunRecord) -> None:
        """The run whose events follow."""
        ...

    def show(self, event: StreamEvent) -> None:
        """One event, in order."""
        ...

    def end(self, record: RunRecord) -> None:
        """The run's record, when it has ended."""
        ...


class JsonView:
    """Each event as one line of JSON."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def begin(self, record: RunRecord) -> None:
        return None

    def show(self, event: StreamEvent) -> None:
        self._output.json_line(event.model_dump_json())

    def end(self, record: RunRecord) -> None:
        return None


class LineView:
    """Each event as one plain line: id, name and what it says."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def begin(self, record: RunRecord) -> None:
        return None

    def show(self, event: StreamEvent) -> None:
        self._output.line(f"{event.id} {event.event} {in_one_line(event)}".rstrip())

    def end(self, record: RunRecord) -> None:
        return None


class TerminalView:
    """Tokens as they come, a line for each step."""

    def __init__(self, console: Console, answer_hint: Callable[[str], str]) -> None:
        """`answer_hint`: the command line that answers with a given value."""
        self._console = console
        self._answer_hint = answer_hint
        self._speaker: tuple[str, str | None] | None = None
        """Node and message whose tokens are on the current line."""

    def begin(self, record: RunRecord) -> None:
        self._line(f"run {record.run_id} · {record.assistant_id} · thread {record.thread_id}", "dim")

    def show(self, event: StreamEvent) -> None:
        name, _, namespace = event.event.partition("|")
        match name:
            case "messages" if (found := read_message(event.data)) is not None:
                self._message(*found)
            case "updates":
                self._updates(event.data, namespace)
            case _ if name == METADATA_EVENT:
                self._attempt(int(event.data["attempt"]))
            case _ if name == AWAITING_INPUT_EVENT:
                self._questions(read_questions(event.data))
            case _ if name == GAP_EVENT:
                self._line(in_one_line(event), "yellow")
            case _ if name in TERMINAL_EVENTS:
                self._end_of_text()
            case _:
                self._line(f"{event.event} {short(event.data, 300)}", "dim")

    def end(self, record: RunRecord) -> None:
        data = record.model_dump(mode="json")
        seconds = elapsed(record)
        time = "" if seconds is None else f" · {seconds:.1f} s"
        mark = "✓" if record.status is RunStatus.SUCCESS else "✗"
        self._line(f"{mark} {ending(data)}{time}", STATUS_STYLES.get(record.status, ""))

    def _message(self, message: Message, node: str) -> None:
        text = message.text
        if message.type == "tool":
            self._line(f"  ← {message.name or 'tool'}: {short(text, 100)}", "dim")
        elif message.from_model and text:
            self._token(text, (node, message.id))

    def _token(self, text: str, speaker: tuple[str, str | None]) -> None:
        if speaker != self._speaker:
            self._end_of_text()
            self._print(Text(f"{speaker[0]} ▸ ", "bold cyan"), end="")
            self._speaker = speaker
        self._print(Text(printable(text)), end="")

    def _updates(self, data: Any, namespace: str) -> None:
        for step in read_updates(data):
            where = f"{namespace.replace('|', ' › ')} › {step.node}" if namespace else step.node
            self._end_of_text()
            self._print(Text.assemble(("● ", "green"), printable(where), (f"  {', '.join(step.keys)}", "dim")))
            for call in step.tool_calls:
                self._line(f"  → {call}", "yellow")

    def _attempt(self, number: int) -> None:
        if number > 1:
            self._line(f"attempt {number}: another worker goes on; an answer that was cut off starts again", "yellow")

    def _questions(self, questions: list[RunInterrupt]) -> None:
        for question in questions:
            self._line(f"? {question_text(question)}", "magenta")
        for line in answer_lines(questions, self._answer_hint):
            self._line(line, "")

    def _line(self, text: str, style: str) -> None:
        self._end_of_text()
        self._print(Text(printable(text), style))

    def _end_of_text(self) -> None:
        if self._speaker is not None:
            self._print(Text())
            self._speaker = None

    def _print(self, text: Text, end: str = "\n") -> None:
        self._console.print(text, end=end, soft_wrap=True)


def question_text(question: RunInterrupt) -> str:
    """What a graph asks."""
    if isinstance(question.value, str):
        return question.value
    return json.dumps(question.value, ensure_ascii=False, indent=2)


def answer_lines(questions: list[RunInterrupt], hint: Callable[[str], str]) -> list[str]:
    """How to answer."""
    if len(questions) < 2:
        return [f"  answer: {hint('VALUE')}"]
    ids = {question.id: "VALUE" for question in questions}
    return [f"  answer all or some: {hint(json.dumps(ids))}"]


def elapsed(record: RunRecord) -> float | None:
    """Seconds from the run's first step to its end, `None` while it goes on."""
    if record.ended_at is None:
        return None
    return (record.ended_at - (record.started_at or record.created_at)).total_seconds()
