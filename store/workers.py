"""Who belongs to this installation: its workers, and the Temporals that it has met."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, and_, delete, select, update

from ..contracts.errors import UnavailableError
from ..contracts.workers import KEPT, LIFETIME, WorkerRecord
from .database import Database
from .schema import installation, temporals, workers
from .upsert import insert

COPYING = "copying:"
"""Begins the identity of a place that `perdure copy` is filling."""
_COLUMNS = tuple(workers.c[name] for name in WorkerRecord.model_fields)


class SqlWorkers:
    """A `WorkerStore` in a SQL database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def announce(self, worker: WorkerRecord) -> None:
        """Write or renew what a worker says of itself; those of long ago are forgotten."""
        row = worker.model_dump()
        statement = insert(workers).values(row).on_conflict_do_update(index_elements=["worker_id"], set_=row)
        long_ago = delete(workers).where(workers.c.seen_at < worker.seen_at - KEPT)

        def work(connection: Connection) -> None:
            connection.execute(statement)
            connection.execute(long_ago)

        await self._database.write(work)

    async def end(self, worker_id: str, moment: datetime) -> None:
        """The worker has been stopped."""
        statement = update(workers).where(workers.c.worker_id == worker_id).values(ended_at=moment)
        await self._database.write(lambda connection: connection.execute(statement))

    async def list(self, task_queue: str) -> Sequence[WorkerRecord]:
        """The last that was heard of first."""
        query = select(*_COLUMNS).where(workers.c.task_queue == task_queue).order_by(workers.c.seen_at.desc())
        return [WorkerRecord.model_validate(dict(row)) for row in await self._database.fetch(query)]


def names_there(connection: Connection) -> list[str]:
    """Of the workers, of all task queues, that have not ended and were heard of lately."""
    heard = workers.c.seen_at > datetime.now(UTC) - LIFETIME
    return [*connection.execute(select(workers.c.name).where(workers.c.ended_at.is_(None), heard)).scalars()]


async def installation_id(database: Database) -> str:
    """Given once, when the tables were made; all that uses the same store has it.

    Raises `UnavailableError` for a copy that is not complete.
    """
    (row,) = await database.fetch(select(installation.c.id))
    return whole_identity(str(row["id"]), str(database))


def whole_identity(found: str, place: str) -> str:
    """The identity, if it is one. Raises `UnavailableError` for the mark of a copy that is not complete."""
    if found.startswith(COPYING):
        raise UnavailableError(
            f"the store {place} is a copy that is not complete: call `perdure copy` again, which goes on with it"
        )
    return found


async def meet(database: Database, namespace_id: str, place: str) -> None:
    """Note a Temporal. Others that were at this place, a database of the installation's own, have gone for good."""
    row = {"namespace_id": namespace_id, "place": place, "gone": False}
    here = insert(temporals).values(row).on_conflict_do_update(index_elements=["namespace_id"], set_=row)
    replaced = and_(temporals.c.place == place, temporals.c.namespace_id != namespace_id)

    def work(connection: Connection) -> None:
        connection.execute(update(temporals).where(replaced).values(gone=True))
        connection.execute(here)

    await database.write(work)


async def abandon(database: Database, namespace_id: str) -> None:
    """A Temporal has gone for good."""
    row = {"namespace_id": namespace_id, "place": "", "gone": True}
    statement = (
        insert(temporals).values(row).on_conflict_do_update(index_elements=["namespace_id"], set_={"gone": True})
    )
    await database.write(lambda connection: connection.execute(statement))


async def is_gone(database: Database, namespace_id: str) -> bool:
    """Whether this Temporal has been replaced for good."""
    query = select(temporals.c.gone).where(temporals.c.namespace_id == namespace_id)
    rows = await database.fetch(query)
    return bool(rows) and bool(rows[0]["gone"])
