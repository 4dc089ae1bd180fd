"""What of a URL may be shown."""

from __future__ import annotations

import pytest

from perdure.contracts.urls import redacted


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://user@host", "redis://user@host"),
        ("redis://:secret@host", "redis://:***@host"),
        ("redis://user:secret@host/1?prefix=a", "redis://user:***@host/1?prefix=a"),
        ("redis://user:se/cr@et@host/0", "redis://user:***@host/0"),
        ("redis+sentinel://u:secret@a:1,b:2/m?sentinel_password=secret", "redis+sentinel://u:***@a:1,b:2/m?sentinel_password=***"),
        ("postgresql://host/db?user=me&password=secret#x", "postgresql://host/db?user=me&password=***#x"),
        ("sqlite:////folder/a@b.db", "sqlite:////folder/a@b.db"),
        ("memory://name", "memory://name"),
        ("no url", "no url"),
    ],
)  # fmt: skip
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown
    assert "secret" not in shown
