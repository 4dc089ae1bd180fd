"""The records as rows, to be copied into another database with the identity of the installation.

While they are copied the target has an identity that nothing serves (`COPYING`). It gets that of the source last, so a
copy that was cut off is no installation, and is known again by the call that goes on with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from typing import Any

from sqlalchemy import Column, Connection, Engine, MetaData, Table, func, select, update
from sqlalchemy.types import TypeDecorator

from ..blocking.table_shelf import LARGE_PAGE, PAGE, TableShelf, go_on_after, last_number, writing
from ..contracts.errors import ConfigError, UnavailableError
from ..contracts.types import RunStatus
from ..contracts.workers import LIFETIME
from .assistant_tables import assistant_versions
from .database import Database
from .migrate import migrate
from .schema import (
    UtcDateTime,
    installation,
    leases,
    metadata,
    run_specs,
    run_values,
    runs,
    state_updates,
    thread_states,
    threads,
)
from .workers import COPYING, names_there, whole_identity

_LEFT_OUT = (installation, leases)
"""The identity comes last; leases are of processes that have ended."""
_IN_FLIGHT = (RunStatus.PENDING.value, RunStatus.RUNNING.value)
_LARGE = (run_specs, run_values, state_updates, thread_states, assistant_versions)
_TOLD = 5
"""Runs and workers that an error names."""


class Standing(Enum):
    """What a target is to a copy."""

    EMPTY = "empty"
    BEGUN = "begun"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the installation `identity` to `places`, the URLs of its parts."""

    identity: str
    places: tuple[str, ...]

    @property
    def mark(self) -> str:
        """The identity of its target until it is complete. With other places it is another copy: it empties them."""
        digest = sha256("\n".join(self.places).encode()).hexdigest()[:16]
        return f"{COPYING}{self.identity}:{digest}"


@dataclass(frozen=True)
class RecordsPlace:
    """The records of one installation, whose tables are there."""

    engine: Engine
    shown: str

    def shelves(self) -> list[TableShelf]:
        """All tables, those that others refer to first."""
        wanted = [table for table in metadata.sorted_tables if table not in _LEFT_OUT]
        return [_shelf(self.engine, table) for table in wanted]

    def identity(self) -> str:
        """Of the installation. Raises `UnavailableError` for a copy that is not complete."""
        with self.engine.connect() as connection:
            return whole_identity(_identity(connection), self.shown)

    def check_at_rest(self) -> None:
        """Raises `ConfigError` while a worker is there, or a run that does not wait for its answer has no end."""
        with self.engine.connect() as connection:
            there = names_there(connection)
            query = select(runs.c.run_id).where(runs.c.ended_at.is_(None), runs.c.status.in_(_IN_FLIGHT))
            flying = connection.execute(query.order_by(runs.c.position)).scalars().all()
        if there:
            raise ConfigError(
                f"workers of {self.shown} are there: {_some(there)}. Stop them first; one that was killed is there for "
                f"{LIFETIME.total_seconds():g} s more"
            )
        if flying:
            raise ConfigError(
                f"runs of {self.shown} are in flight: {_some(flying)}. Let them end, or come to their questions, or "
                "cancel them; then stop the workers"
            )

    def standing(self, copy: Copy) -> Standing:
        """What it is to this copy. Raises `ConfigError` where it is something else."""
        with self.engine.connect() as connection:
            current = _identity(connection)
            empty = _is_empty(connection)
        if current in (copy.identity, copy.mark):
            return Standing.WHOLE if current == copy.identity else Standing.BEGUN
        if current.startswith(COPYING + copy.identity):
            raise ConfigError(
                f"{self.shown} is a copy that was begun with other URLs of its parts: go on with those, or name an "
                "empty place"
            )
        if current.startswith(COPYING) or not empty:
            raise ConfigError(f"{self.shown} has records of another installation: name an empty place")
        return Standing.EMPTY

    def begin_copy(self, copy: Copy) -> None:
        """From now on this is nothing but a part of a copy."""
        with writing(self.engine) as connection:
            connection.execute(update(installation).values(id=copy.mark))

    def end_copy(self, copy: Copy) -> None:
        """From now on this is the installation."""
        with writing(self.engine) as connection:
            connection.execute(update(installation).values(id=copy.identity))

    def numbers(self) -> dict[str, int]:
        """How far the tables that number their rows have come."""
        with self.engine.connect() as connection:
            return {table.name: last_number(connection, table.name, "position") for table in _numbered()}

    def go_on_after(self, numbers: dict[str, int]) -> None:
        """Give no number again that was given in another place."""
        with writing(self.engine) as connection:
            for name, number in numbers.items():
                go_on_after(connection, name, "position", number)


async def records_at(url: str, engine: Engine) -> RecordsPlace:
    """The records of a URL, to which tables of the newest revision are made; `engine` is of the same database.

    Raises `ConfigError` and `UnavailableError`.
    """
    database = Database(url, lock_timeout=10.0)
    try:
        await database.open()
        await migrate(database)
        return RecordsPlace(engine, str(database))
    finally:
        await database.close()


def _shelf(engine: Engine, table: Table) -> TableShelf:
    return TableShelf(f"store.{table.name}", engine, _raw(table), rows=LARGE_PAGE if table in _LARGE else PAGE)


def _identity(connection: Connection) -> str:
    found = connection.execute(select(installation.c.id)).scalar()
    if found is None:
        raise UnavailableError("the store has no identity: its tables were not made by Perdure")
    return str(found)


def _is_empty(connection: Connection) -> bool:
    return not any(connection.execute(select(func.count()).select_from(one)).scalar() for one in (runs, threads))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more


def _numbered() -> list[Table]:
    return [table for table in metadata.sorted_tables if "position" in table.primary_key.columns]


def _raw(table: Table) -> Table:
    """Without what opens and seals values, and reads JSON: they are copied as they are."""
    columns: list[Column[Any]] = [
        Column(one.name, _raw_type(one.type), primary_key=one.primary_key, autoincrement=False) for one in table.columns
    ]
    return Table(table.name, MetaData(), *columns)


def _raw_type(kind: Any) -> Any:
    return kind.impl if isinstance(kind, TypeDecorator) and not isinstance(kind, UtcDateTime) else kind
