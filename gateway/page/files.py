"""The page itself: plain files, which have nothing of anybody's in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request, Response

from ..context import Runs
from ..errors import refuse
from ..meta import ok

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).with_name("static")
_INDEX = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing of elsewhere, nothing inline, and no text that becomes markup, whatever a script does with it."""
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    media_type: str
    etag: str


@cache
def _files() -> dict[str, _File]:
    """By name. They are few and small, and a request reads no path that it names."""
    found = (path for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES)
    return {path.name: _file(path) for path in found}


def _file(path: Path) -> _File:
    body = path.read_bytes()
    return _File(body, _TYPES[path.suffix], f'"{sha256(body).hexdigest()[:32]}"')


@router.get("/")
async def page(request: Request, runs: Runs) -> Response:
    """The page for who reads HTML; for all else, whether the gateway is there."""
    if "text/html" not in request.headers.get("accept", ""):
        return await ok(runs)
    if (place := _place(request)) is not None:
        return Response(status_code=307, headers={"Location": place})
    answer = _answered(request, _INDEX)
    answer.headers["Vary"] = "Accept"
    return answer


def _place(request: Request) -> str | None:
    """Where the page is, if it is not here: what it asks for is beside it, so its address ends in a slash."""
    prefix: str | None = request.app.state.mount_prefix
    asked = request.scope.get("raw_path", b"").decode("latin-1")
    return None if prefix is None or asked == f"{prefix}/" else f"{prefix}/"


@router.get("/ui/static/{name}")
async def static(name: str, request: Request) -> Response:
    """One of its files."""
    return _answered(request, name)


def _answered(request: Request, name: str) -> Response:
    file = _files().get(name)
    if file is None:
        raise refuse(404, "Not Found")
    headers = {**_HEADERS, "ETag": file.etag}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.body, media_type=file.media_type, headers=headers)
