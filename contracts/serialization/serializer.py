"""How Python values become the strict JSON of events, values and records.

Every value becomes something that a parser of any language reads (`docs/serialization.md` has the table). What has
no JSON form, contains itself, or is too deep or too much, becomes `{"__unserializable__": "module.Class"}`, with a
warning in the log.

Why not `pydantic_core.to_json` with a fallback, which is two to three times as fast: of 78 forms that are tested (and
documented, so clients read them) it has 33 otherwise, and a fallback is not asked about most of these (dates, named
tuples, sets, keys, large integers). It loses one of two keys that get the same text, raises for all of a value when one
part cannot be shown or contains itself, and has no bound. What would be left to it is the table of scalars in
`json_forms.py`, which it would not make shorter.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import orjson

from .json_encoder import MAX_DEPTH, Encoder
from .json_forms import qualified_name
from .json_plain import encode_plain

__all__ = ["from_json", "qualified_name", "to_json"]

logger = logging.getLogger(__name__)

_TYPES_NAMED = 10
"""In one warning."""


def to_json(value: object) -> bytes:
    """Strict JSON of any value. Never raises."""
    plain, _ = encode_plain(value, levels=MAX_DEPTH)
    return _encode(value) if plain is None else plain


def _encode(value: object) -> bytes:
    encoder = Encoder(value)
    try:
        data = encoder.encode()
    except Exception:  # noqa: BLE001 - no memory or stack is left, or a type lies even to Python
        data = orjson.dumps(encoder.placeholder(type(value)))
    if encoder.missing:
        _warn(encoder.missing)
    return data


def _warn(missing: Counter[str]) -> None:
    named = [f"{count} × {name}" for name, count in missing.most_common(_TYPES_NAMED)]
    more = ["…"] if len(missing) > _TYPES_NAMED else []
    logger.warning(
        "placeholders stand for what has no JSON form, contains itself, or is too deep or too much: %s",
        ", ".join([*named, *more]),
    )


def from_json(data: bytes | str) -> Any:
    """Parse what `to_json` wrote. Raises `ValueError` for what is no JSON."""
    return orjson.loads(data)
