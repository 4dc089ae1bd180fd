"""A bridge in a Postgres database: one server for records, states and streams. Needs `perdure[postgres]`."""

from .bridge import PostgresBridge

__all__ = ["PostgresBridge"]
