"""Callers with tokens of an OpenID provider."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import httpx
import jwt
from starlette.requests import HTTPConnection

from ..contracts.errors import UnavailableError
from ..contracts.gateway_settings import OidcSettings
from .callers import Caller, bearer, caller_of, user_named
from .errors import refuse

logger = logging.getLogger(__name__)

_DISCOVERY = "/.well-known/openid-configuration"
_LIFETIME = 300.0
"""Seconds after which the keys are fetched anew: so long a key that the provider has withdrawn is trusted."""
_PAUSE = 5.0
"""Seconds between two fetches at least, however many tokens name unknown keys."""
_PATIENCE = 10.0


class TokenCallers:
    """By `Authorization: Bearer` with a JWT."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._keys = _Keys(settings)

    async def __call__(self, connection: HTTPConnection) -> Caller | None:
        token = bearer(connection)
        if token is None or token.count(".") != 2:
            return None
        try:
            claims = await self._claims(token)
        except jwt.PyJWTError as exc:
            raise refuse(401, f"the token is not valid: {exc}") from exc
        identity = claims[self._settings.user_claim]
        if not isinstance(identity, str):
            raise refuse(401, f"the token is not valid: its claim {self._settings.user_claim} is no text")
        still = partial(_not_over, float(claims["exp"]) + self._settings.leeway)
        return caller_of(user_named(identity, _scopes(claims)), still)

    async def _claims(self, token: str) -> dict[str, Any]:
        settings = self._settings
        key = await self._keys.find(jwt.get_unverified_header(token).get("kid"))
        return jwt.decode(
            token,
            key,
            algorithms=[*settings.algorithms],
            audience=[*settings.audience],
            issuer=settings.issuer,
            leeway=settings.leeway,
            options={"require": ["exp", "iss", "aud", settings.user_claim]},
        )


async def _not_over(moment: float) -> bool:
    return time.time() < moment


def _scopes(claims: dict[str, Any]) -> Sequence[str]:
    found = claims.get("scope", claims.get("scp", ""))
    if isinstance(found, list):
        return [str(one) for one in cast("list[Any]", found)]
    return str(found).split()


class _Keys:
    """The provider's public keys. While it cannot be reached, those that it had last are its keys."""

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._url = settings.jwks_url
        self._found: list[jwt.PyJWK] = []
        self._fetched = -_LIFETIME
        self._fetching = asyncio.Lock()
        self._tls: ssl.SSLContext | None = None

    async def find(self, kid: str | None) -> jwt.PyJWK:
        """Raises `jwt.InvalidKeyError`, and `UnavailableError` without any keys."""
        await self._refresh(_LIFETIME)
        key = self._named(kid)
        if key is None:  # it may be new
            await self._refresh(_PAUSE)
            key = self._named(kid)
        if key is None:
            raise jwt.InvalidKeyError("the provider has no such key")
        return key

    def _named(self, kid: str | None) -> jwt.PyJWK | None:
        if kid is None:
            return self._found[0] if len(self._found) == 1 else None
        return next((one for one in self._found if one.key_id == kid), None)

    async def _refresh(self, age: float) -> None:
        async with self._fetching:
            if time.monotonic() - self._fetched < age:
                return
            try:
                self._found = await self._fetch()
            except (httpx.HTTPError, ValueError, LookupError, TypeError, jwt.PyJWTError) as exc:
                if not self._found:
                    raise UnavailableError(f"the keys of {self._settings.issuer} cannot be fetched: {exc!r}") from exc
                logger.warning("the keys of %s cannot be fetched, the last ones stay: %r", self._settings.issuer, exc)
            self._fetched = time.monotonic()

    async def _fetch(self) -> list[jwt.PyJWK]:
        if self._tls is None:  # it reads all certificates of the system
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        async with httpx.AsyncClient(timeout=_PATIENCE, verify=self._tls) as http:
            if self._url is None:
                self._url = await self._discover(http)
            answer = (await http.get(self._url)).raise_for_status()
        return jwt.PyJWKSet.from_dict(answer.json()).keys

    async def _discover(self, http: httpx.AsyncClient) -> str:
        issuer = str(self._settings.issuer)
        found = (await http.get(issuer.rstrip("/") + _DISCOVERY)).raise_for_status().json()
        if found["issuer"] != issuer:
            raise ValueError(f"{_DISCOVERY} is of {found['issuer']!r}")
        return OidcSettings(issuer=issuer, audience=self._settings.audience, jwks_url=found["jwks_uri"]).jwks_url or ""
