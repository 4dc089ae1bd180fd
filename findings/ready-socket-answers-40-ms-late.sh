#!/bin/sh
# The same server, told an address, and given a socket that listens there: the second one's answers are 40 ms slower.
packages="uvicorn==0.54.0 h11==0.16.0"
. "$(dirname "$0")/environment.sh"
"$python" - <<'PYTHON'
import asyncio
import socket
import statistics
import sys
import time

import uvicorn

if sys.platform != "linux":
    sys.exit("only tried on Linux")


async def app(scope, receive, send):
    """An answer in two writes: its head, and its body."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"o", "more_body": True})
    await send({"type": "http.response.body", "body": b"k"})


def listening(proto: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, proto)
    made.bind(("127.0.0.1", 0))
    return made


def asked(port: int) -> float:
    """The median in ms, over one connection that is kept."""
    took = []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(15):
            began, answer = time.perf_counter(), b""
            connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            while not answer.endswith(b"\r\n\r\nok"):
                answer += connection.recv(4096)
            took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took)


async def served(proto: int | None) -> float:
    """`proto`: of the socket that it is given; `None` has it listen by itself."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", http="h11", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=None if proto is None else [listening(proto)]))
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    median = await asyncio.to_thread(asked, port)
    server.should_exit = True
    await serving
    return median


async def main() -> None:
    own, ready, named = [await served(proto) for proto in (None, 0, socket.IPPROTO_TCP)]
    print(f"listens by itself {own:.1f} ms; given socket(AF_INET, SOCK_STREAM) {ready:.1f} ms, with IPPROTO_TCP {named:.1f} ms")
    assert ready > 35, "the behaviour has changed"
    assert max(own, named) < 20, "the control has changed"


asyncio.run(main())
PYTHON
