"""What a config adds to the metadata of a checkpoint (`configurable` may hold a token) is sealed where there are keys.

LangGraph's own fields and the ids of runs, threads and graphs stay clear: rollbacks and lists ask for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from langgraph.checkpoint.base import CheckpointMetadata, CheckpointTuple

from ..contracts.keyring import Keyring, opened_text, sealed_text
from ..contracts.serialization.serde import keyring_of
from ..contracts.serialization.serializer import from_json, to_json

_CLEAR = frozenset(CheckpointMetadata.__annotations__) | {"thread_id", "assistant_id"}
_OURS = "perdure_"
"""Begins the names of our own."""
_SEALED = "sealed"


def sealed_metadata(metadata: CheckpointMetadata, serde: object) -> CheckpointMetadata:
    """The form in which it is saved; as it is where `serde`, of the saver, has no keys."""
    keyring = keyring_of(serde)
    added = {key: value for key, value in metadata.items() if not _is_clear(key)}
    if keyring is None or not added:
        return metadata
    clear = {key: value for key, value in metadata.items() if _is_clear(key)}
    return cast("CheckpointMetadata", {**clear, _SEALED: sealed_text(keyring, to_json(added).decode())})


def _is_clear(key: str) -> bool:
    return key in _CLEAR or key.startswith(_OURS)


def with_metadata(found: CheckpointTuple, serde: object) -> CheckpointTuple:
    """A checkpoint that was read, with its whole metadata."""
    added = _opened(cast("Mapping[str, Any]", found.metadata), keyring_of(serde))
    return found if added is None else found._replace(metadata=cast("CheckpointMetadata", added))


def _opened(metadata: Mapping[str, Any], keyring: Keyring | None) -> dict[str, Any] | None:
    text = metadata.get(_SEALED)
    opened = opened_text(keyring, text) if isinstance(text, str) else text
    if opened == text:  # a user's own key of this name
        return None
    return {**{key: value for key, value in metadata.items() if key != _SEALED}, **from_json(cast("str", opened))}
