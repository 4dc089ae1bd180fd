"""`perdure keys`: which keys there are, and a new one. `perdure user`: how Temporal shows a user."""

from __future__ import annotations

from ..contracts.errors import ConfigError
from ..contracts.keyring import new_key
from ..runtime.keys import open_keyring_aside, shown_users
from .exit_codes import ExitCode
from .session import Session


async def keys(session: Session, *, new: str | None) -> ExitCode:
    """Show the ids, or make a key."""
    encryption = session.settings.encryption
    keyring = await open_keyring_aside(encryption)
    known = () if keyring is None else keyring.key_ids
    if new is None:
        lines = [f"{key_id}  {'writes' if key_id == encryption.key_id else 'reads'}" for key_id in known]
        document = {"key_id": encryption.key_id, "keys": known}
        session.output.result(document, "\n".join(lines) or "nothing is encrypted: encryption.key_id is not set")
        return ExitCode.OK
    if new in known:
        raise ConfigError(f"there is a key {new!r} already: what it has sealed could not be read any more")
    key = new_key()
    session.output.result({"key_id": new, "key": key}, f"{new}: {key}")
    return ExitCode.OK


async def user(session: Session, user_id: str) -> ExitCode:
    """Print a query for the user's runs and threads."""
    await open_keyring_aside(session.settings.encryption)
    users = shown_users(session.settings)
    query = users.query(user_id)
    session.output.result({"user_id": user_id, "shown": users.all_of(user_id), "query": query}, query)
    return ExitCode.OK
