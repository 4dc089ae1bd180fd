"""An OpenID provider on this machine: its discovery, its keys, its tokens."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Issuer:
    """What it serves can be changed while it serves."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: dict[str, Key] = {}
        self.asked: list[str] = []
        self.is_down = False

    def rotate(self, kid: str, kind: str = "RS256") -> None:
        """From now on this is its only key."""
        new = rsa.generate_private_key(65537, 2048) if kind == "RS256" else ec.generate_private_key(ec.SECP256R1())
        self.keys = {kid: new}

    def token(self, *, kid: str | None = None, key: Any = None, alg: str | None = None, **claims: Any) -> str:
        """Signed with its key, unless with another one."""
        kid = kid or next(iter(self.keys))
        key = self.keys[kid] if key is None else key
        alg = alg or ("ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256")
        whole = {"iss": self.url, "aud": "perdure", "sub": "ann", "exp": time.time() + 60, **claims}
        return jwt.encode({name: one for name, one in whole.items() if one is not None}, key, alg, headers={"kid": kid})

    def document(self, path: str) -> dict[str, Any] | None:
        """What is there, if it is."""
        self.asked.append(path)
        if self.is_down:
            return None
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        return {"keys": [_jwk(kid, key) for kid, key in self.keys.items()]} if path == "/keys" else None


def _jwk(kid: str, key: Key) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


@asynccontextmanager
async def issuing() -> AsyncGenerator[Issuer]:
    """An issuer that answers on a port of this machine."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = issuer.document(head.split()[1].decode())
        body = json.dumps(found).encode()
        status = b"200 OK" if found is not None else b"503 Service Unavailable"
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        issuer = Issuer(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        issuer.rotate("first")
        yield issuer
