"""A server behind TLS, as Temporal Cloud is: it asks for certificates, and sees API keys."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import hpack
import trustme

_HEAD = 9
"""Bytes before the body of a frame: three of its length, its kind, its flags, and its stream."""
_HEADERS, _WHOLE, _PADDED, _PRIORITY, _PRIORITY_LENGTH = 1, 0x04, 0x08, 0x20, 5


class Authority:
    """Signs certificates, and writes them into a folder."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._authority = trustme.CA()
        self._folder = folder
        self.file = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(self.file)

    def server(self, name: str) -> ssl.SSLContext:
        """Of a server of this name, which takes only clients with a certificate of this authority."""
        context = self.open_server(name)
        context.verify_mode = ssl.CERT_REQUIRED
        self._authority.configure_trust(context)
        return context

    def open_server(self, name: str) -> ssl.SSLContext:
        """Of one that takes all."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["h2"])
        self._authority.issue_cert(name).configure_cert(context)
        return context

    def client(self, name: str = "worker") -> tuple[Path, Path]:
        """The files of a client's certificate and key."""
        issued = self._authority.issue_cert(f"{name}.example")
        certificate, key = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)
        return certificate, key


class TlsProxy:
    """Speaks TLS with clients, and none with the server: `async with TlsProxy(target, context) as proxy`."""

    def __init__(self, target: str, context: ssl.SSLContext) -> None:
        self._host, _, self._port = target.rpartition(":")
        self._context = context
        self._ends: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.authorizations: set[str] = set()
        """What clients have sent in the header of this name."""

    async def __aenter__(self) -> TlsProxy:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for end in self._ends:
            end.transport.abort()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, int(self._port))
        self._ends |= {writer, far_writer}
        headers = _Headers(self.authorizations)
        await asyncio.gather(_forward(reader, far_writer, headers.read), _forward(far_reader, writer, lambda _: None))


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, see: Callable[[bytes], None]) -> None:
    try:
        with suppress(OSError):
            while data := await reader.read(65536):
                see(data)
                writer.write(data)
                await writer.drain()
    finally:
        writer.close()


class _Headers:
    """Reads the frames of one HTTP/2 connection of a client."""

    def __init__(self, authorizations: set[str]) -> None:
        self._unread = b""
        self._skip = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self._decoder = hpack.Decoder()
        self._authorizations = authorizations

    def read(self, data: bytes) -> None:
        self._unread += data
        self._unread, self._skip = self._unread[self._skip :], max(0, self._skip - len(self._unread))
        while len(self._unread) >= _HEAD and len(self._unread) >= self._end:
            self._frame(self._unread[3], self._unread[4], self._unread[_HEAD : self._end])
            self._unread = self._unread[self._end :]

    @property
    def _end(self) -> int:
        return _HEAD + int.from_bytes(self._unread[:3], "big")

    def _frame(self, kind: int, flags: int, body: bytes) -> None:
        if kind != _HEADERS:
            return
        assert flags & _WHOLE, "headers that go on in a second frame are not read here"
        assert not flags & _PADDED
        headers = dict(self._decoder.decode(body[_PRIORITY_LENGTH if flags & _PRIORITY else 0 :], raw=True))
        if found := headers.get(b"authorization"):
            self._authorizations.add(found.decode())
