"""URLs as they may be shown: without their passwords."""

from __future__ import annotations

import re

_USER = re.compile(r"(?<=://)([^/?#]*?):.*@")
"""Up to the last `@`: a password may hold one, or a slash, that was not encoded."""
_OPTION = re.compile(r"([?&][^=&#]*(?:password|secret|token)[^=&#]*=)[^&#]*", re.IGNORECASE)


def redacted(url: str) -> str:
    """The URL with `***` for its password, and for options that hold one."""
    return _OPTION.sub(r"\1***", _USER.sub(r"\1:***@", url))
