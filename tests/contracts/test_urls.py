"""A password in a URL is shown to nobody, whatever the URL is like."""

from __future__ import annotations

import pytest

from perdure.contracts.back_ends import unknown_scheme
from perdure.contracts.urls import shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:secret@host:5432/db?sslmode=require", "postgresql://user:***@host:5432/db?sslmode=require"),
        ("postgresql://user:secret/ret@host/db", "postgresql://user:***@host/db"),
        ("postgresql://user:sec@ret:secret@host/db", "postgresql://user:***@host/db"),
        ("postgresql://user:sec?ret#ret@host/db", "postgresql://user:***@host/db"),
        ("postgresql://host/db?user=a&password=secret&x=1", "postgresql://host/db?user=a&password=***&x=1"),
        ("redis://:secret@host:6379/0", "redis://:***@host:6379/0"),
        ("postgresql://user@host/db", "postgresql://user@host/db"),
        ("sqlite:////home/a:b@c/store.db", "sqlite:////home/a:b@c/store.db"),
        ("memory://", "memory://"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_a_wrong_scheme_is_named_without_the_password() -> None:
    wrong = unknown_scheme("postgres://user:secret@host/db", ("postgresql",), None)
    assert wrong is not None
    assert "did you mean 'postgresql'" in wrong
    assert "secret" not in wrong
