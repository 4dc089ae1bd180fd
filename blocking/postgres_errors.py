"""What errors of Postgres come to. Without psycopg, which is there only where it was asked for."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from ..contracts.errors import ConfigError

_RETRYABLE = ("40001", "40P01")
"""`serialization_failure` and `deadlock_detected`."""

_FORBIDDEN = "42501"
"""`insufficient_privilege`: what psycopg takes for a mistake of the program, as it does a table that is not there."""


@contextmanager
def extra_needed(setting: str) -> Generator[None]:
    """Import what needs psycopg. Raises `ConfigError` where it is not installed."""
    try:
        yield
    except ImportError as exc:
        text = f'{setting} is a postgresql:// URL, which needs more packages: pip install "perdure[postgres]" ({exc})'
        raise ConfigError(text) from exc


def sqlstate_of(error: BaseException | None) -> str | None:
    """What Postgres says that happened; `None` where it is not Postgres that says it."""
    return getattr(error, "sqlstate", None)


def is_retryable(error: BaseException | None) -> bool:
    """Whether nothing was done because others were in the way, so that another try may do it."""
    return sqlstate_of(error) in _RETRYABLE


def is_forbidden(error: BaseException | None) -> bool:
    """Whether the user of the database may not do it."""
    return sqlstate_of(error) == _FORBIDDEN


def explain(error: BaseException) -> str:
    """An error in one line, with what to do where we know."""
    text = " ".join(str(error).split())
    if "statement pooling" in text:
        return f"{text} (pgbouncer has to pool by transaction or by session: pool_mode = transaction)"
    return text
