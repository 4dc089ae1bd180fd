#!/bin/sh
# A connection ends between a command and its answer. The server has done it; the client does it once more, in silence.
packages="redis==8.1.0"
. "$(dirname "$0")/environment.sh"
"$python" - <<'PYTHON'
import asyncio

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError


class Counting:
    """As much of a Redis server as an INCR needs. The first answer to one is lost with its connection."""

    def __init__(self) -> None:
        self.counted = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while header := await reader.readline():
                words = []
                for _ in range(int(header[1:])):
                    size = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(size + 2))[:-2].upper())
                if words[0] in (b"INCR", b"INCRBY"):
                    self.counted += 1
                    if self.counted == 1:
                        return
                    writer.write(b":%d\r\n" % self.counted)
                else:
                    writer.write(b"-ERR unknown command\r\n" if words[0] == b"HELLO" else b"+OK\r\n")
                await writer.drain()
        finally:
            writer.close()


async def incremented(**options) -> tuple[object, int]:
    """What the client says of one `incr`, and what the server has counted."""
    server = Counting()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        client = Redis(port=port, protocol=2, **options)
        try:
            answer: object = await client.incr("n")
        except RedisError as exc:
            answer = type(exc).__name__
        await client.aclose()
    return answer, server.counted


async def main() -> None:
    usual = await incremented()
    none = await incremented(retry=Retry(NoBackoff(), 0))
    print(f"one incr: the client says {usual[0]}, the server has counted {usual[1]}")
    print(f"without retries: the client says {none[0]}, the server has counted {none[1]}")
    assert usual == (2, 2), "the behaviour has changed"
    assert none == ("ConnectionError", 1), "the control has changed"


asyncio.run(main())
PYTHON
