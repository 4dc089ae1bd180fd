"""The calls of the HTTP API by `curl` that the documents show: each goes to a route, with fields that it has."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from perdure import RunsFacade
from perdure.gateway.app import create_app
from perdure.gateway.context import Context

from .reading import PAGES, Command, commands

CALLS = [one for one in commands("curl") if one.document in PAGES and ":2024" in one.text]


@cache
def described_api() -> dict[str, Any]:
    return create_app(Context(cast("RunsFacade", None))).openapi()


def fits(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path) is not None


def option(command: Command, name: str) -> str | None:
    return command.words[command.words.index(name) + 1] if name in command.words else None


def test_there_are_some() -> None:
    assert len(CALLS) > 5


@pytest.mark.parametrize("command", CALLS, ids=str)
def test_it_goes_to_a_route(command: Command) -> None:
    url = urlsplit(next(word for word in command.words if word.startswith("http://")))
    body = option(command, "-d")
    method = option(command, "-X") or ("GET" if body is None else "POST")
    described = described_api()["paths"]
    path = next(path for path in described if method.lower() in described[path] and fits(path, url.path))
    if body is not None:
        content = described[path][method.lower()]["requestBody"]["content"]["application/json"]
        name = content["schema"]["$ref"].rpartition("/")[2]
        assert {*json.loads(body)} <= {*described_api()["components"]["schemas"][name]["properties"]}
