"""Texts that are valid wherever they go: JSON, SQLite, Temporal. And what an exception says, whatever it is like."""

from __future__ import annotations

import traceback
from typing import Annotated, Any

from pydantic import BeforeValidator


def valid_text(value: str) -> str:
    """Halves of surrogate pairs are joined. One without the other becomes U+FFFD, as in browsers."""
    if value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _valid(value: Any) -> Any:
    return valid_text(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_valid)]
"""A field that takes any text, and holds a valid one."""


def class_name(kind: type[Any]) -> str:
    """`module.Class`, or the bare name of a built-in. A class may say anything of itself, or nothing."""
    try:
        module, name = kind.__module__, kind.__qualname__
        return valid_text(f"{name}" if module == "builtins" else f"{module}.{name}")
    except BaseException:  # noqa: BLE001 - a metaclass may raise anything
        return valid_text(type.__getattribute__(kind, "__name__"))


def text_of(error: BaseException) -> str:
    """Its text, which may be empty; or why it has none."""
    try:
        return valid_text(_said(str(error)))
    except BaseException as exc:  # noqa: BLE001 - code of the exception's own, which is no reason to lose its type
        return f"(it has no text: its own code raised {class_name(type(exc))})"


def message_of(error: BaseException) -> str:
    """Its text, or what else it shows of itself."""
    return text_of(error) or repr_of(error)


def repr_of(error: BaseException) -> str:
    """Its `repr`, or something like it."""
    try:
        return valid_text(_said(repr(error)))
    except BaseException:  # noqa: BLE001 - as above
        return f"{class_name(type(error))}({text_of(error)!r})"


def traceback_of(error: BaseException) -> str:
    """As Python prints it, as far as that is possible."""
    try:
        return valid_text("".join(traceback.format_exception(error)))
    except BaseException:  # noqa: BLE001 - as above: it formats texts, notes and causes
        frames = "".join(traceback.format_tb(error.__traceback__))
        return valid_text(f"{frames}{class_name(type(error))}: {message_of(error)}")


def _said(text: str) -> str:
    """A plain `str`: a subclass may have ideas of its own."""
    return str.__str__(text)
