"""What a section of the settings is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Keys that are known, and do not change any more."""

    # An error's text goes to logs, where no secret belongs.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
