"""A parser that is stricter than Python's: what it takes, a reader in any language can parse."""

from __future__ import annotations

import json
from typing import Any

from perdure.contracts.serialization.json_encoder import MAX_DEPTH


def parse(data: bytes) -> Any:
    """The value. Raises `ValueError` for NaN, keys that are there twice, numbers beyond 64 bits, lone surrogates."""
    text = data.decode("utf-8")
    found = json.loads(text, parse_constant=_refuse, parse_int=_integer, object_pairs_hook=_unique)
    json.dumps(found, ensure_ascii=False).encode("utf-8")
    if _depth(text) > MAX_DEPTH + 1:
        raise ValueError("too deep")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _integer(digits: str) -> int:
    if not -(2**63) <= int(digits) < 2**64:
        raise ValueError(digits)
    return int(digits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError(f"a key is there twice: {[name for name, _ in pairs]}")
    return dict(pairs)


def _depth(text: str) -> int:
    deepest = depth = 0
    in_text = escaped = False
    for letter in text if len(text) < 100_000 else "":
        if in_text:
            in_text, escaped = (letter != '"' or escaped), (letter == "\\" and not escaped)
        elif letter == '"':
            in_text = True
        elif letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    return deepest
