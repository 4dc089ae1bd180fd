"""What the server is: `/ok` and `/info`."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Response

from .context import Runs
from .replies import Json

router = APIRouter(tags=["System"])

_FLAGS = {
    "assistants": True,
    "crons": True,
    "langsmith": False,
    "langsmith_tracing_replicas": False,
    "langsmith_tracing_session_on_runs": False,
}
_HOST = {"kind": "self-hosted", "project_id": None, "host_revision_id": None, "revision_id": None, "tenant_id": None}


@router.get("/")
@router.get("/ok")
async def ok(runs: Runs, check_db: bool = False) -> Response:
    """Whether it is there; with `check_db`, whether the store is, too."""
    if check_db:
        await runs.list_graphs()
    return Json({"ok": True, "services": {}})


@router.get("/info")
async def info() -> Response:
    """Versions, and what is served."""
    shown: dict[str, Any] = {
        "version": version("perdure"),
        "langgraph_py_version": version("langgraph"),
        "flags": _FLAGS,
        "host": _HOST,
    }
    return Json(shown)
