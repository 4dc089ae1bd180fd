"""The ids of threads and runs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

ID_MAX_LENGTH = 200
"""Characters of a thread or run id. Temporal's SQL visibility stores hold 255 for a keyword and a
workflow id, and ours carries a prefix."""

# One printable line without a slash (the Temporal UI breaks on workflow ids that contain one), no space at its ends.
_REFUSED = r"/\p{C}\p{Zl}\p{Zp}"
Identifier = Annotated[
    str,
    Field(min_length=1, max_length=ID_MAX_LENGTH, pattern=rf"^[^\s{_REFUSED}]([^{_REFUSED}]*[^\s{_REFUSED}])?$"),
]
