"""Where a Postgres database is, and how each connection to it is made.

Nothing here relies on a session, so that pgbouncer may take another one for each transaction: no prepared statements,
no `SET` beyond a transaction, no lock of a session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import ConnectionInfo, ProgrammingError, adapters
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ..contracts.errors import ConfigError, UnavailableError
from .postgres_errors import explain


class _TextDumper(Dumper):
    """Postgres has no NUL in texts: it becomes U+FFFD, like what is no text at all."""

    def dump(self, obj: str) -> bytes:
        return obj.replace("\0", "\ufffd").encode()


_ADAPTERS = AdaptersMap(adapters)
_ADAPTERS.register_dumper(str, _TextDumper)

CONNECTING: Mapping[str, Any] = {"autocommit": True, "prepare_threshold": None, "context": _ADAPTERS}
"""What psycopg is told for each connection."""

# Of libpq, where the URL says nothing else. In ms and seconds: a machine that is gone is noticed within a minute.
_DEFAULTS: Mapping[str, Any] = {
    "application_name": "perdure",
    "client_encoding": "UTF8",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_OLDEST = 12
"""Major version."""

BEGIN = """
    BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
    SET LOCAL idle_in_transaction_session_timeout = '10s';
    SET LOCAL lock_timeout = '15s'
"""
"""One message, so one round trip. A client that is frozen inside is ended by Postgres, and who waits for its locks
outwaits that."""


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A database."""

    setting: str
    """That named it."""
    conninfo: str
    """As libpq reads it, with the password."""
    shown: str
    """Without."""

    def check(self, connection: ConnectionInfo) -> None:
        """Raises `ConfigError` for a server that is too old, or a database that cannot hold every text."""
        if connection.server_version < _OLDEST * 10_000:
            raise ConfigError(f"{self.setting}: {self.shown} is an older Postgres than {_OLDEST}: upgrade it")
        encoding = connection.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise ConfigError(
                f"{self.setting}: the encoding of {self.shown} is {encoding}, which cannot hold every text; make a "
                "database of its own (CREATE DATABASE perdure ENCODING 'UTF8' TEMPLATE template0)"
            )

    def unavailable(self, what: str, error: BaseException) -> UnavailableError:
        """`what` is in the database, and cannot be used."""
        return UnavailableError(f"{what} {self.shown} cannot be used now: {explain(error)}")


def postgres_address(setting: str, url: str) -> PostgresAddress:
    """The database of a URL as libpq has them (`postgresql://user:password@host:port/database?sslmode=require`).

    `setting` names it in errors. Raises `ConfigError`, which never shows the password.
    """
    parts = _parse(url)
    if parts is None or any("@" in str(parts.get(name, "")) for name in ("host", "dbname")):
        raise ConfigError(
            f"{setting} is no postgresql:// URL; write it like postgresql://user:password@host:5432/database?"
            "sslmode=require, with special characters of user and password as %XX (@ is %40, / is %2F)"
        )
    return PostgresAddress(setting, make_conninfo(**{**_DEFAULTS, **parts}), _shown(parts))


def _parse(url: str) -> Mapping[str, Any] | None:
    try:
        return conninfo_to_dict(url) if url.startswith("postgresql://") else None
    except ProgrammingError:  # its text may quote a part of the password
        return None


def _shown(parts: Mapping[str, Any]) -> str:
    hosts, ports = (str(parts.get(name, "")).split(",") for name in ("host", "port"))
    ports = ports if len(ports) == len(hosts) else ports * len(hosts)
    places = ",".join(f"{host}:{port}" if port else host for host, port in zip(hosts, ports, strict=False))
    user = f"{parts['user']}@" if "user" in parts else ""
    return f"postgresql://{user}{places}/{parts.get('dbname', '')}"
