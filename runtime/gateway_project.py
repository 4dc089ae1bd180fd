"""What a project's `langgraph.json` says of the gateway: the objects that it names, loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..contracts.errors import GraphLoadError
from ..contracts.langgraph_http import HttpConfig
from ..contracts.langgraph_json import LangGraphJson, read_langgraph_json
from ..contracts.settings import Settings

if TYPE_CHECKING:
    from langgraph_sdk import Auth


class GatewayProject:
    """`auth` and `http` of the file that the settings name, if it is there. Raises `GraphLoadError`."""

    def __init__(self, settings: Settings) -> None:
        file = read_langgraph_json(settings.graphs) if settings.graphs.exists() else None
        self.http = HttpConfig() if file is None else file.http
        self.auth = None if file is None or file.auth is None else _auth(file, file.auth.path)
        self.openapi: dict[str, Any] = {} if file is None or file.auth is None else file.auth.openapi
        self.app: Any = None if file is None or file.http.app is None else _app(file, file.http.app)


def _auth(file: LangGraphJson, spec: str) -> Auth:
    from langgraph_sdk import Auth

    found = _loaded(file, "auth.path", spec)
    if not isinstance(found, Auth):
        raise GraphLoadError(f"{file.path}: auth.path = {spec} is a {type(found).__name__}, and no langgraph_sdk.Auth")
    return found


def _app(file: LangGraphJson, spec: str) -> Any:
    found = _loaded(file, "http.app", spec)
    if not callable(found):
        raise GraphLoadError(f"{file.path}: http.app = {spec} is no ASGI application")
    return found


def _loaded(file: LangGraphJson, name: str, spec: str) -> Any:
    from ..activities import import_attribute, prepare_process  # LangGraph, which takes a second

    prepare_process(file)
    return import_attribute(name, spec, file.path)
