"""What `/openapi.json` says of who may call."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from langgraph_sdk import Auth
from support.gateways import Served

from perdure.contracts.gateway_settings import GatewaySettings, OidcSettings
from perdure.gateway import Gateway, Serving

OIDC = OidcSettings(issuer="https://id.example.org/", audience=("perdure",))
SAID: dict[str, Any] = {
    "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Mine"}},
    "security": [{"key": []}],
}


def authenticated() -> Auth:
    auth = Auth()

    @auth.authenticate
    async def authenticate(authorization: str | None) -> str:
        return "ann"

    return auth


SERVINGS: dict[str, tuple[Serving, set[str]]] = {
    "nobody is asked": (Serving(), set()),
    "keys": (Serving(GatewaySettings(api_keys=True)), {"apiKey", "bearer"}),
    "a provider": (Serving(GatewaySettings(oidc=OIDC)), {"openId"}),
    "an object": (Serving(auth=authenticated()), {"bearer"}),
    "an object that says how": (Serving(auth=authenticated(), openapi=SAID), {"key"}),
}


@pytest.mark.parametrize("name", SERVINGS)
async def test_the_schemes_are_told(api: Served, name: str) -> None:
    serving, schemes = SERVINGS[name]
    async with Gateway(api.env.runs, host="127.0.0.1", port=0, serving=serving) as gateway, httpx.AsyncClient() as http:
        found: Any = (await http.get(f"{gateway.url}/openapi.json")).json()
    assert found.get("components", {}).get("securitySchemes", {}).keys() == schemes
    assert {one for group in found.get("security", []) for one in group} == schemes
    assert ("security" in found["paths"]["/ok"]["get"]) is bool(schemes)
    assert "security" not in found["paths"]["/threads"]["post"]
    if "openId" in schemes:
        url = found["components"]["securitySchemes"]["openId"]["openIdConnectUrl"]
        assert url == "https://id.example.org/.well-known/openid-configuration"
