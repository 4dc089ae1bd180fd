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
_LOOKED_AT_AGAIN = "no-cache"
_FOR_EVER = "public, max-age=31536000, immutable"
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    media_type: str
    etag: str


@cache
def _files() -> dict[str, _File]:
    """By name. They are few and small, and a request reads no path that it names."""
    index = _read()[_INDEX].replace(b"ui/static/", f"ui/static/{_version()}/".encode())
    return {name: _file(name, body) for name, body in {**_read(), _INDEX: index}.items()}


@cache
def _read() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES}


@cache
def _version() -> str:
    """Of all files, in their addresses: so a browser asks for each once, and never mixes those of two versions."""
    return _digest(b"".join(_read().values()))[:12]


def _file(name: str, body: bytes) -> _File:
    return _File(body, _TYPES[Path(name).suffix], f'"{_digest(body)[:32]}"')


def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()


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


@router.get("/ui/static/{version}/{name}")
async def static(version: str, name: str, request: Request) -> Response:
    """One of its files; for who has the page of another gateway's version, this one's."""
    return _answered(request, name, _FOR_EVER if version == _version() else _LOOKED_AT_AGAIN)


def _answered(request: Request, name: str, kept: str = _LOOKED_AT_AGAIN) -> Response:
    file = _files().get(name)
    if file is None:
        raise refuse(404, "Not Found")
    headers = {**_HEADERS, "Cache-Control": kept, "ETag": file.etag}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.body, media_type=file.media_type, headers=headers)
