"""URLs of back ends, as they may be shown: a password in one is nobody's business."""

from __future__ import annotations

import re

# Up to the last @: a password that should have been quoted is hidden, too.
_PASSWORD = re.compile(r"(?P<before>://[^:@/?#]*:).*(?=@)", re.DOTALL)
_OPTION = re.compile(r"(?P<before>[?&](?:ssl)?password=)[^&#\s]*", re.IGNORECASE)
_HIDDEN = r"\g<before>***"


def shown_url(url: str) -> str:
    """The URL without its password. It need not be a correct one: what cannot be read is told of, too."""
    return _OPTION.sub(_HIDDEN, _PASSWORD.sub(_HIDDEN, url))
