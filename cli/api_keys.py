"""`perdure api-keys`: who may call the gateway."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ..contracts.api_keys import ApiKeyRecord
from .columns import Column
from .exit_codes import ExitCode
from .inputs import read_duration
from .records import local
from .session import Session
from .tables import tell_table


async def create(session: Session, user: str, label: str | None, expires: str | None) -> ExitCode:
    """`perdure api-keys create`."""
    ends = None if expires is None else timedelta(seconds=read_duration(expires, "--expires"))
    async with session.connect() as runs:
        made = await runs.api_keys.create(user, label=label, expires_in=ends)
    if not session.output.as_json:
        session.output.note(f"key {made.record.key_id} of {user}; it is shown this once:")
    session.output.result({**made.record.model_dump(mode="json"), "key": made.key}, made.key)
    return ExitCode.OK


async def list_keys(session: Session) -> ExitCode:
    """`perdure api-keys list`."""
    async with session.connect() as runs:
        found = await runs.api_keys.list()
    notes = [] if found else [f"no API keys: {session.hint('api-keys', 'create', 'USER')}"]
    tell_table(session.output, _COLUMNS, found, _row, notes)
    return ExitCode.OK


async def revoke(session: Session, key_id: str) -> ExitCode:
    """`perdure api-keys revoke`."""
    async with session.connect() as runs:
        if not await runs.api_keys.revoke(key_id):
            session.output.error(LookupError(f"no API key {key_id!r} ({session.hint('api-keys', 'list')} lists them)"))
            return ExitCode.NOT_FOUND
    text = f"key {key_id} is revoked; gateways let it in for 2 s more at most"
    session.output.result({"key_id": key_id, "revoked": True}, text)
    return ExitCode.OK


_COLUMNS = (Column("KEY"), Column("USER", 30), Column("LABEL", 20), Column("CREATED"), Column("STATE"))


def _row(key: ApiKeyRecord) -> tuple[str, ...]:
    return key.key_id, key.user_id, key.label or "", local(key.created_at, short=True), _state(key)


def _state(key: ApiKeyRecord) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "valid"
    return f"until {local(key.expires_at)}" if key.usable(datetime.now(UTC)) else "expired"
