"""A codec server: Temporal's UI and its command line let it encrypt and decrypt what they show and send.

It reads everything for whoever has a token, so it has none that is not configured, and answers to no web page but those
of the configured origins.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable

import uvicorn
from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from temporalio.api.common.v1 import Payloads

from ..contracts.errors import ConfigError, UnavailableError
from ..contracts.settings import Settings
from .codec import SealingCodec
from .keys import open_keyring

_LARGEST = 64 * 1024 * 1024
"""Bytes of a request. Temporal carries less."""
_HEADERS = ("authorization", "content-type", "x-namespace")

Transform = Callable[[Payloads], Awaitable[None]]


class _Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def codec_server(settings: Settings) -> Starlette:
    """The application. Raises `ConfigError` without keys or without tokens."""
    keyring = open_keyring(settings.encryption)
    if keyring is None:
        raise ConfigError("encryption.key_id is not set: there is nothing that a codec server could decrypt")
    if not settings.codec_server.tokens:
        raise ConfigError(
            "codec_server.tokens is empty: set at least one (PERDURE_CODEC_SERVER__TOKENS='[\"…\"]'), for who has a "
            "token reads everything"
        )
    codec = SealingCodec(keyring, accepts=True)
    routes = [
        Route("/encode", _endpoint(settings, codec.encode_wrapper), methods=["POST"]),
        Route("/decode", _endpoint(settings, codec.decode_wrapper), methods=["POST"]),
    ]
    origins = [*settings.codec_server.origins]
    pages = Middleware(CORSMiddleware, allow_origins=origins, allow_methods=["POST"], allow_headers=[*_HEADERS])
    return Starlette(routes=routes, middleware=[pages])


async def serve(settings: Settings) -> None:
    """Until a signal ends it. Raises as `codec_server`."""
    where = settings.codec_server
    config = uvicorn.Config(codec_server(settings), host=where.ip, port=where.port, log_level="warning")
    await uvicorn.Server(config).serve()


def _endpoint(settings: Settings, transform: Transform) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            _admit(request, settings)
            payloads = json_format.Parse(await _body(request), Payloads())
            await transform(payloads)
        except _Refused as exc:
            return PlainTextResponse(str(exc), exc.status)
        except json_format.ParseError:
            return PlainTextResponse("the body is no Payloads in JSON", 400)
        except UnavailableError as exc:
            return PlainTextResponse(str(exc), 422)
        return Response(json_format.MessageToJson(payloads), media_type="application/json")

    return answer


def _admit(request: Request, settings: Settings) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    tokens = [token.get_secret_value().encode() for token in settings.codec_server.tokens]
    known = [hmac.compare_digest(given.strip().encode(), token) for token in tokens]  # all, whichever it is
    if scheme.lower() != "bearer" or not any(known):
        raise _Refused(401, "Authorization: Bearer, with one of codec_server.tokens")
    namespace = request.headers.get("x-namespace", settings.temporal.namespace)
    if namespace != settings.temporal.namespace:
        raise _Refused(403, f"this server is of the namespace {settings.temporal.namespace!r} (temporal.namespace)")


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST:
            raise _Refused(413, f"more than {_LARGEST} bytes")
    return bytes(body)
