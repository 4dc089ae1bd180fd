"""How callers say who they are, as `/openapi.json` has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from .access_rules import rule_of
from .serving import Serving

_METHODS = ("get", "put", "post", "delete", "patch")
_BEARER = {"type": "http", "scheme": "bearer"}


def describe(app: FastAPI, serving: Serving) -> None:
    """Add the schemes to what the application says of itself. Any one of them is enough."""
    schemes = _schemes(serving)
    written = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None and schemes:
            found = written()
            found.setdefault("components", {})["securitySchemes"] = schemes
            found["security"] = serving.openapi.get("security") or [{name: []} for name in schemes]
            _open(found["paths"])
        return written()

    app.openapi = openapi  # as FastAPI has it


def _schemes(serving: Serving) -> dict[str, Any]:
    settings, found = serving.settings, dict[str, Any](serving.openapi.get("securitySchemes") or {})
    if settings.api_keys:
        found["apiKey"] = {"type": "apiKey", "in": "header", "name": "X-Api-Key"}
    if settings.oidc.issuer is not None:
        url = f"{settings.oidc.issuer.rstrip('/')}/.well-known/openid-configuration"
        found["openId"] = {"type": "openIdConnect", "openIdConnectUrl": url}
    if (not found and serving.asks) or settings.api_keys:
        found["bearer"] = _BEARER
    return found


def _open(paths: Mapping[str, Any]) -> None:
    """What is for everybody asks for nothing."""
    for path, item in paths.items():
        for method in _METHODS:
            rule = rule_of(method.upper(), path) if method in item else None
            if rule is not None and rule.rule.is_open:
                item[method]["security"] = []
