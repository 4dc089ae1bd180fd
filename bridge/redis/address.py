"""Where a Redis is: from a URL to connections, none of which repeats a call by itself.

redis-py's own repetitions would send a pipeline again that the server has executed. They are off, and what is sent
again is known for it (`scripts.PUBLISH`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from ...contracts.errors import ConfigError, nearest
from ...contracts.urls import redacted

CONNECT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 10.0
"""Seconds: a server that takes longer is taken for frozen or gone."""

_FORMS = (
    "redis://[user:password@]host[:6379][/database], rediss://… for TLS, "
    "redis+sentinel://[user:password@]host[:26379][,host…]/master[/database], rediss+sentinel://…"
)
_PREFIX = "prefix"
_TLS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
_OF_SENTINELS = ("sentinel_username", "sentinel_password")
_NO = ("false", "0", "no")


class RedisAddress:
    """A server, or what its Sentinels say is the master. Raises `ConfigError`; secrets are in none of its texts."""

    def __init__(self, url: str) -> None:
        self.shown = redacted(url)
        parts = self._split(url)
        self._secure, sentinels = parts.scheme.startswith("rediss"), parts.scheme.endswith("+sentinel")
        options = self._query(parts, _TLS if self._secure else (), _OF_SENTINELS if sentinels else ())
        self.prefix = options.get(_PREFIX, "perdure")
        if not re.fullmatch(r"[\w.:-]+", self.prefix):
            raise self._wrong("the option prefix takes letters, digits and `_.:-`")
        self._hosts = self._hosts_in(parts, 26379 if sentinels else 6379)
        path = parts.path.strip("/")
        self._master, _, database = path.partition("/") if sentinels else ("", "", path)
        if sentinels and not self._master:
            raise self._wrong("it does not say which master the Sentinels are asked for")
        common = _common(options)
        login = zip(("username", "password"), map(options.get, _OF_SENTINELS), strict=True)
        self._of_sentinels: dict[str, Any] = {**common, **dict(login), "ssl": self._secure}
        self._of_server: dict[str, Any] = {**common, **_credentials(parts), "db": self._database(database)}

    async def connection(self) -> AbstractConnection:
        """A new one, not connected yet. Raises redis-py's errors when no Sentinel knows the master."""
        host, port = self._hosts[0] if not self._master else await self._ask_sentinels()
        kind = SSLConnection if self._secure else Connection
        return kind(host=host, port=port, client_name="perdure", **self._of_server)

    async def _ask_sentinels(self) -> tuple[str, int]:
        async with Sentinel(self._hosts, sentinel_kwargs=self._of_sentinels) as sentinels:
            return cast("tuple[str, int]", await sentinels.discover_master(self._master))

    def _split(self, url: str) -> SplitResult:
        try:
            return urlsplit(url)
        except ValueError as exc:
            raise self._wrong("it cannot be read") from exc

    def _query(self, parts: SplitResult, *allowed: Sequence[str]) -> dict[str, str]:
        known = [_PREFIX, *(name for names in allowed for name in names)]
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        for name in options:
            if name not in known:
                raise self._wrong(f"it has no option {name!r}{nearest(name, known)}; its options: {', '.join(known)}")
        return options

    def _hosts_in(self, parts: SplitResult, port: int) -> list[tuple[str, int]]:
        try:
            named = [urlsplit(f"//{one}") for one in parts.netloc.rpartition("@")[2].split(",")]
            hosts = [(one.hostname or "", one.port or port) for one in named]
        except ValueError as exc:
            raise self._wrong("a port in it cannot be read") from exc
        if not all(host for host, _ in hosts) or (len(hosts) > 1 and "sentinel" not in parts.scheme):
            raise self._wrong("it has to name one host, or those of Sentinels")
        return hosts

    def _database(self, text: str) -> int:
        if text and not (text.isascii() and text.isdecimal()):
            raise self._wrong("the number of its database cannot be read")
        return int(text or 0)

    def _wrong(self, why: str) -> ConfigError:
        return ConfigError(f"bridge.url: {self.shown!r} is no Redis: {why}; allowed: {_FORMS}")


def _credentials(parts: SplitResult) -> dict[str, str | None]:
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    return {"username": unquote(user) or None, "password": unquote(password) or None}


def _common(options: dict[str, str]) -> dict[str, Any]:
    tls: dict[str, Any] = {name: value for name, value in options.items() if name in _TLS}
    if "ssl_check_hostname" in tls:
        tls["ssl_check_hostname"] = tls["ssl_check_hostname"].lower() not in _NO
    return tls | {
        "protocol": 2,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "socket_timeout": ANSWER_TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
    }
