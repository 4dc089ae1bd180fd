"""What the demo shows: colours and live words on a terminal, plain lines without one."""

from __future__ import annotations

import re
import sys
from io import TextIOWrapper
from typing import Any, cast

from rich.console import Console

from perdure import StreamEvent

_PLAIN_WIDTH = 100
_MARGIN = " " * 16


class Screen:
    """Headings, lines of progress, and the live stream of a run."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal without these characters shows `?` and no error
        live = sys.stdout.isatty()
        self.console = Console(highlight=False, width=None if live else _PLAIN_WIDTH)
        self._words = _Words(self.console, live=live)
        self._step: int | None = None
        self._nodes: list[str] = []

    def heading(self, text: str) -> None:
        """The title of a part of the demo."""
        self.say(f"\n── {text}", "bold cyan")

    def say(self, text: str, style: str = "") -> None:
        """One line of progress."""
        self._end_line()
        self.console.print(text, style=style, markup=False, soft_wrap=True)

    def shout(self, text: str) -> None:
        """What nobody should miss."""
        self.say(f"\n  {text}  ", "bold white on red")

    def show(self, event: StreamEvent) -> None:
        """One event of a run's stream: a word of a message, the update of a node, or the end of a superstep."""
        match event.event:
            case "messages":
                self._message(*event.data)
            case "updates":
                self._nodes += event.data
            case "checkpoints":
                self._superstep(event.data["metadata"]["step"])
            case _:
                pass

    def _message(self, message: dict[str, Any], origin: dict[str, Any]) -> None:
        if message["type"] == "human":
            return
        self._begin(origin["langgraph_step"], origin["langgraph_node"])
        if message["type"] == "tool":
            self._words.write(f"{message['name']} answers. ", "green")
            return
        self._words.write(_text(message["content"]))
        for call in cast("list[dict[str, Any]]", message.get("tool_call_chunks") or []):
            self._words.write(f" → {call['name']} " if call["name"] else "", "yellow")
            self._words.write(call["args"] or "", "dim")

    def _superstep(self, step: int) -> None:
        if self._nodes and step > 0:  # before the first superstep comes the input
            self._begin(step, self._nodes[0])
            if len(self._nodes) > 1:
                self._words.write(f"{len(self._nodes)} in parallel", "green")
        self._nodes.clear()
        self._end_line()

    def _begin(self, step: int, node: str) -> None:
        if step != self._step:
            self._end_line()
            self._step = step
            self._words.put(f"{step:>6}  {node:<8}", "bold")

    def _end_line(self) -> None:
        self._step = None
        self._words.end()


class _Words:
    """Words that come one by one, broken into lines. Without a terminal a line is shown when it is complete."""

    def __init__(self, console: Console, *, live: bool) -> None:
        self._console = console
        self._live = live
        self._line = ""

    def write(self, text: str, style: str = "") -> None:
        """Add words, which may hold line breaks."""
        for word in re.findall(r"\n|[^\S\n]*\S+|[^\S\n]+", text):
            if word == "\n" or len(self._line) + len(word) > self._console.width - 1:
                self.end()
                self.put(_MARGIN)
            self.put(word.strip() if self._line == _MARGIN else word, style)

    def put(self, text: str, style: str = "") -> None:
        """Add text that stays in one piece."""
        self._line += text
        if self._live:
            self._console.print(text, style=style, markup=False, end="", soft_wrap=True)

    def end(self) -> None:
        """End the line, if there is one."""
        if self._line:
            self._console.print("" if self._live else self._line, markup=False, soft_wrap=True)
        self._line = ""


def _text(content: str | list[Any]) -> str:
    """The text of a message; some models send blocks."""
    if isinstance(content, str):
        return content
    return "".join(block if isinstance(block, str) else str(block.get("text", "")) for block in content)
