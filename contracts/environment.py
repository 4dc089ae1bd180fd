"""Settings in environment variables: `PERDURE_TEMPORAL__ADDRESS` is the key `temporal.address`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_origin

from pydantic import BaseModel

from .errors import ConfigError, nearest
from .settings_file import refuse_doubled

_PREFIX = "PERDURE_"
_LEVEL = "__"

Values = dict[str, Any]


def read_environment(settings: type[BaseModel]) -> Values:
    """What the variables say, level by level, as `settings` has its sections. Names in any case.

    A whole section, or a value that is a list or an object, is JSON. Raises `ConfigError`, naming the variable.
    """
    values: Values = {}
    for name, text in sorted(os.environ.items()):  # a section before its keys, which come over it
        if name.upper().startswith(_PREFIX):
            path = name[len(_PREFIX) :].lower().split(_LEVEL)
            if _is_ours(settings, name, path):
                _put(values, name, path, _parsed(settings, name, path, text))
    return values


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Values:
    """Both, level by level; where both have a value, that of `above`."""
    result: Values = {**below}
    for key, value in above.items():
        under = result.get(key)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        result[key] = merged(cast("Values", under), cast("Values", value)) if both else value
    return result


def _is_ours(settings: type[BaseModel], name: str, path: list[str]) -> bool:
    """A variable with a level below (`PERDURE_TEMPORL__ADDRESS`) is meant for us, so its section must exist."""
    known = path[0] in settings.model_fields
    if not known and len(path) > 1:
        close = nearest(path[0], settings.model_fields)
        raise ConfigError(f"{name}: unknown section {path[0]!r}{close}")
    return known


def _put(values: Values, name: str, path: list[str], value: Any) -> None:
    for part in path[:-1]:
        section = values.setdefault(part, {})
        if not isinstance(section, dict):
            raise ConfigError(f"wrong PERDURE_* variable: {name} has a level below {part!r}, which is one value")
        values = cast("Values", section)
    values[path[-1]] = value


def _parsed(settings: type[BaseModel], name: str, path: list[str], text: str) -> Any:
    if not _is_compound(settings, path):
        return text
    try:
        return json.loads(text, object_pairs_hook=_object)
    except ValueError as exc:
        raise ConfigError(f"wrong PERDURE_* variable: {name} must be JSON: {exc}") from exc


def _object(pairs: Sequence[tuple[str, Any]]) -> Values:
    refuse_doubled([key for key, _ in pairs])
    return dict(pairs)


def _is_compound(settings: type[BaseModel], path: list[str]) -> bool:
    """Whether a key holds more than one value."""
    kind: Any = settings
    for part in path:
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)) or part not in kind.model_fields:
            return False  # a key of a free object, or one that there is not, which is said when all is read
        kind = kind.model_fields[part].annotation
    return get_origin(kind) in (dict, list, tuple) or (isinstance(kind, type) and issubclass(kind, BaseModel))
