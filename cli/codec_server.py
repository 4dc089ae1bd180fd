"""`perdure codec-server`."""

from __future__ import annotations

from .exit_codes import ExitCode
from .session import Session


async def serve(session: Session) -> ExitCode:
    """Serve until a signal."""
    from ..runtime.codec_server import codec_server, serve

    codec_server(session.settings)  # what is wrong is told before it says that it serves
    where = session.settings.codec_server
    address = f"http://{where.ip}:{where.port}"
    session.output.result({"event": "codec_server", "address": address}, f"codec server  {address}")
    await serve(session.settings)
    return ExitCode.OK
