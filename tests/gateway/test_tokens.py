"""Tokens of an OpenID provider: whose are let in, and its keys."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError
from support.gateways import Served
from support.issuers import Issuer, issuing

from perdure.contracts.gateway_settings import GatewaySettings, OidcSettings
from perdure.gateway import Gateway, Serving


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as issuer:
        yield issuer


@asynccontextmanager
async def trusting(api: Served, issuer: Issuer, **oidc: Any) -> AsyncGenerator[httpx.AsyncClient]:
    settings = GatewaySettings(oidc=OidcSettings(issuer=issuer.url, audience=("perdure",), leeway=0, **oidc))
    async with (
        Gateway(api.env.runs, host="127.0.0.1", port=0, serving=Serving(settings)) as gateway,
        httpx.AsyncClient(base_url=gateway.url, verify=False) as http,
    ):
        yield http


async def tried(http: httpx.AsyncClient, token: str) -> httpx.Response:
    return await http.post("/threads/count", json={}, headers={"Authorization": f"Bearer {token}"})


async def test_who_has_a_token_is_its_subject(api: Served, issuer: Issuer) -> None:
    async with trusting(api, issuer) as http:
        token = issuer.token(scope="threads:read runs:write")
        body: dict[str, Any] = {"assistant_id": "who", "input": {}}
        ran = await http.post("/runs/wait", json=body, headers={"Authorization": f"bearer {token}"})
        assert ran.json()["user"] == ["ann", "ann", None, ["threads:read", "runs:write"]]
        assert ran.json()["owner"] == "ann"
        assert [(await tried(http, token)).status_code for _ in range(3)] == [200] * 3
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_whose_claim_is_another_one(api: Served, issuer: Issuer) -> None:
    async with trusting(api, issuer, user_claim="email", jwks_url=f"{issuer.url}/keys") as http:
        assert (await tried(http, issuer.token(email="ann@example.org"))).status_code == 200
        assert (await tried(http, issuer.token())).status_code == 401
        assert (await tried(http, issuer.token(email=5))).status_code == 401
    assert issuer.asked == ["/keys"]


async def test_who_has_a_wrong_token_is_not_let_in(api: Served, issuer: Issuer) -> None:
    other = rsa.generate_private_key(65537, 2048)
    wrong = {
        "over": issuer.token(exp=time.time() - 1),
        "endless": issuer.token(exp=None),
        "not yet": issuer.token(nbf=time.time() + 60),
        "for others": issuer.token(aud="others"),
        "for nobody": issuer.token(aud=None),
        "of others": issuer.token(iss="https://example.org"),
        "signed by others": issuer.token(key=other),
        "with a shared secret": issuer.token(key="x" * 64, alg="HS256"),
        "unsigned": issuer.token(key="", alg="none"),
        "unknown key": issuer.token(kid="other", key=other),
        "changed": f"{issuer.token()}x",
        "no token": "a.b.c",
    }
    async with trusting(api, issuer) as http:
        for name, token in wrong.items():
            answer = await tried(http, token)
            assert (answer.status_code, token in answer.text) == (401, False), (name, answer.text)
            assert answer.json()["detail"].startswith("the token is not valid"), name
        assert (await tried(http, "no-jwt")).json() == {"detail": "Unauthorized"}


async def test_keys_change(api: Served, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.gateway.token_callers._PAUSE", 0.0)
    async with trusting(api, issuer) as http:
        old = issuer.token()
        assert (await tried(http, old)).status_code == 200
        issuer.rotate("second", "ES256")
        assert (await tried(http, issuer.token())).status_code == 200
        assert (await tried(http, old)).status_code == 401


async def test_many_unknown_keys_are_one_question(api: Served, issuer: Issuer) -> None:
    other = rsa.generate_private_key(65537, 2048)
    async with trusting(api, issuer) as http:
        for number in range(20):
            assert (await tried(http, issuer.token(kid=f"{number}", key=other))).status_code == 401
    assert issuer.asked.count("/keys") == 1


async def test_a_provider_that_is_down(api: Served, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with trusting(api, issuer) as http:
        issuer.is_down = True
        answer = await tried(http, issuer.token())
        assert (answer.status_code, issuer.url in answer.json()["detail"]) == (503, True)
        issuer.is_down = False
        assert (await tried(http, issuer.token())).status_code == 200
        issuer.is_down = True
        monkeypatch.setattr("perdure.gateway.token_callers._LIFETIME", 0.0)
        assert (await tried(http, issuer.token())).status_code == 200  # the last keys stay


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"issuer": "https://example.org"}, "audience"),
        ({"audience": "perdure"}, "issuer"),
        ({"issuer": "http://example.org", "audience": "perdure"}, "https"),
        ({"issuer": "https://e.org", "audience": "p", "jwks_url": "http://e.org/keys"}, "https"),
        ({"issuer": "https://e.org", "audience": "p", "algorithms": ["HS256"]}, "algorithms"),
    ],
)
def test_settings_that_let_too_many_in_are_refused(given: Any, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        OidcSettings.model_validate(given)
