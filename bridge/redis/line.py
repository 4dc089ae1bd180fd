"""A line to Redis."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..line import Line
from .address import RedisAddress
from .link import LINK_ERRORS, Link
from .scripts import Words


class RedisLine(Line[Words]):
    """Calls are commands, which one pipeline takes together."""

    def __init__(self, address: RedisAddress, *, calls: int) -> None:
        super().__init__(partial(Link.open, address), shown=address.shown, failures=LINK_ERRORS, most=calls)

    async def call(self, what: Words, *, of: str | None = None, size: int = 0, patience: float | None = None) -> Any:
        # A text that is none (half a surrogate pair) fails here, and not where others wait as well.
        encoded = tuple(word.encode() if isinstance(word, str) else word for word in what)
        return await super().call(encoded, of=of, size=size, patience=patience)
