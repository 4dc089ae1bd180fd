"""Checkpoints in a Postgres database, for many machines."""

from .checkpoints import PostgresCheckpoints

__all__ = ["PostgresCheckpoints"]
