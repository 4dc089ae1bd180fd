"""`INSERT … ON CONFLICT`, which SQLite has taken from Postgres: SQLAlchemy writes the one's for the other."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert

__all__ = ["insert"]
