"""What a command writes. Results go to stdout and everything else to stderr, so that a pipe gets results only."""

from __future__ import annotations

import json
import os
import sys
import traceback
from functools import cached_property
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_UNBOUNDED = 10_000
"""Columns. No table is that wide."""

# A model's text must not steer the terminal: no escape sequences, no bells, no carriage returns.
_CONTROLS: dict[int, str | None] = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), "\ufffd"),
    ord("\n"): "\n",
    ord("\t"): "\t",
    ord("\r"): None,
}


class Output:
    """The two streams of a command. With `as_json`, stdout carries JSON only, and stderr one line if it fails."""

    def __init__(self, *, as_json: bool, debug: bool) -> None:
        self.as_json = as_json
        self._debug = debug
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # it is None where the shell has closed it (`>&-`)
                # In a terminal that cannot show a character, a substitute is better than a traceback.
                stream.reconfigure(errors="backslashreplace")

    @property
    def live(self) -> bool:
        """Whether a human watches: stdout is a terminal, and takes text."""
        return isinstance(sys.stdout, TextIOWrapper) and sys.stdout.isatty() and not self.as_json

    @cached_property
    def console(self) -> Console:
        """Rich's view of stdout."""
        from rich.console import Console

        return Console(highlight=False)

    def line(self, text: str) -> None:
        """One line of the result."""
        self._write(printable(text))

    def document(self, value: Any) -> None:
        """A JSON value on one line."""
        self._write(json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def result(self, document: Any, text: str) -> None:
        """What the command has to say: to a program as a JSON value, to a human as a text."""
        if self.as_json:
            self.document(document)
        else:
            self.line(text)

    def pretty(self, value: Any) -> None:
        """A JSON value for a human."""
        self.line(json.dumps(value, ensure_ascii=False, indent=2))

    def json_line(self, text: str) -> None:
        """A line that is JSON already."""
        self._write(text)

    def show(self, content: RenderableType) -> None:
        """A table or a styled text, as wide as it is: what does not fit is wrapped by the terminal, never cut."""
        from rich.console import Console

        wide = Console(highlight=False, width=_UNBOUNDED)
        with wide.capture() as captured:
            wide.print(content)
        for line in captured.get().splitlines():
            self._write(line.rstrip())

    def clear(self) -> None:
        """Begin at the top of the screen; in a pipe there is none."""
        if self.live:
            self._write("\x1b[H\x1b[2J\x1b[3J")

    def note(self, text: str) -> None:
        """A remark beside the result. A program that reads JSON gets none."""
        if not self.as_json:
            self._tell(printable(text))

    def error(self, error: BaseException, message: str | None = None) -> None:
        """Why the command failed."""
        text = message or str(error) or type(error).__name__
        if self._debug:
            self._tell("".join(traceback.format_exception(error)).rstrip())
        if self.as_json:
            failure = {"error": {"type": type(error).__name__, "message": text}}
            self._tell(json.dumps(failure, ensure_ascii=False))
        else:
            self._tell(printable(f"error: {text}"))

    def _tell(self, text: str) -> None:
        if cast("TextIO | None", sys.stderr) is None:
            return  # `print` would turn to stdout
        try:
            print(text, file=sys.stderr, flush=True)  # noqa: T201
        except OSError:  # nobody is left to be told
            abandon(sys.stderr)

    def _write(self, text: str) -> None:
        try:
            print(text, flush=True)  # noqa: T201
        except OSError:
            abandon(sys.stdout)
            raise


def abandon(stream: TextIO) -> None:
    """Send what is still buffered nowhere, or the interpreter fails on it again when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def printable(text: str) -> str:
    """`text` without control characters."""
    return text.translate(_CONTROLS)


def short(value: Any, limit: int = 120) -> str:
    """A JSON value on one line of at most `limit` characters; a text as it is."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
