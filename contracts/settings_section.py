"""What the sections of the settings have in common: their form, and durations."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .types import TEN_YEARS

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def parse_duration(value: object) -> object:
    """Seconds of `250ms`, `30s`, `5m`, `12h`, `2d` or a plain number of seconds."""
    if isinstance(value, str):
        text = value.strip()
        if match := _DURATION.fullmatch(text):
            return float(match[1]) * _UNITS[match[2]]
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"{value!r} is not a duration; write it like 250ms, 30s, 5m, 12h or 2d") from None
    return value


Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=TEN_YEARS, allow_inf_nan=False)]
"""Seconds, written with a unit in the file."""
Timeout = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, le=TEN_YEARS, allow_inf_nan=False)]


class Section(BaseModel):
    """Keys that are known, and do not change any more."""

    # An error's text goes to logs, where no secret belongs.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
