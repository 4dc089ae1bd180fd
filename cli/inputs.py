"""Values from the command line: JSON, `@file`, `-` for stdin, `KEY=VALUE`, durations."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

from ..contracts.errors import InvalidRunError
from ..contracts.settings_section import parse_duration


def read_json(argument: str, flag: str) -> Any:
    """The JSON value of an argument. Raises `InvalidRunError`, naming the flag and the place of the mistake."""
    text, source = read_text(argument, flag)
    try:
        value = json.loads(text, parse_constant=_no_constant)
        if "\\ud" in text.lower():  # half of a character, which can be written in JSON and nowhere else
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except RecursionError as exc:
        raise InvalidRunError(f"{flag}: {source} is nested too deeply") from exc
    except ValueError as exc:
        raise InvalidRunError(f"{flag}: {source} is not JSON: {exc}{_advice(argument)}") from exc


def read_object(argument: str, flag: str) -> dict[str, Any]:
    """A JSON object. Raises `InvalidRunError`."""
    value = read_json(argument, flag)
    if not isinstance(value, dict):
        raise InvalidRunError(f"{flag} must be a JSON object like {{…}}, not {json.dumps(value)[:80]}")
    return cast("dict[str, Any]", value)


def read_answer(argument: str, *, as_text: bool) -> Any:
    """A human's answer: JSON if it reads as JSON, else the text itself; `as_text` keeps `true` or `42` a text."""
    text, _ = read_text(argument, "VALUE")
    if as_text:
        return text
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text.removesuffix("\n") if argument == "-" or argument.startswith("@") else text


def read_text(argument: str, flag: str) -> tuple[str, str]:
    """What an argument stands for, and how to call its source. Raises `InvalidRunError`."""
    try:
        if argument == "-":
            stdin = cast("TextIO | None", sys.stdin)
            if stdin is None:  # the shell has closed it (`<&-`)
                raise InvalidRunError(f"{flag}: stdin is closed")
            return stdin.buffer.read().decode("utf-8-sig"), "stdin"
        if argument.startswith("@"):
            return Path(argument[1:]).read_text(encoding="utf-8-sig"), f"the file {argument[1:]!r}"
    except OSError as exc:
        raise InvalidRunError(f"{flag}: {argument[1:] or 'stdin'!r} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise InvalidRunError(f"{flag}: {argument[1:] or 'stdin'!r} is not UTF-8 text: {exc}") from exc
    return argument, repr(argument if len(argument) <= 80 else f"{argument[:79]}…")


def read_pairs(arguments: list[str], flag: str) -> dict[str, str]:
    """`KEY=VALUE` arguments; a later one of the same key wins. Raises `InvalidRunError`."""
    pairs: dict[str, str] = {}
    for argument in arguments:
        key, separator, value = argument.partition("=")
        if not separator or not key:
            raise InvalidRunError(f"{flag} takes KEY=VALUE, not {argument!r}")
        pairs[key] = value
    return pairs


def read_duration(argument: str, flag: str) -> float:
    """Seconds. Raises `InvalidRunError`."""
    try:
        return cast("float", parse_duration(argument))
    except ValueError as exc:
        raise InvalidRunError(f"{flag}: {exc}") from exc


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _advice(argument: str) -> str:
    if argument == "-" or argument.startswith("@"):
        return ""
    return """. Quote it for the shell, like '{"key": "value"}', or use @file or - (stdin)"""
