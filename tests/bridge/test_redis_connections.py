"""How a Redis is reached: addresses, passwords, TLS, Sentinels; and one that is away, frozen or not as it should be."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from support.redis_servers import RedisServer, any_server, found
from support.servers import free_port, until

from perdure.bridge import open_bridge
from perdure.bridge.conformance.losses import publish, seen
from perdure.bridge.conformance.probe import END, event, meanwhile, new_stream, rest, result, stored, take
from perdure.bridge.redis import RedisBridge
from perdure.contracts.errors import ConfigError, UnavailableError
from perdure.contracts.settings import BridgeSettings, Settings
from perdure.runtime.doctor import check_bridge

SECRET = "s3cr:t/@"
ENCODED = "s3cr%3At%2F%40"


@pytest.fixture
def server(needs_server: None, tmp_path: Path) -> Iterator[RedisServer]:
    with any_server(tmp_path) as server:
        yield server


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[RedisBridge]:
    bridge = RedisBridge(url)
    await bridge.start()
    yield bridge
    await bridge.close()


async def says(server: RedisServer, *words: str | int) -> object:
    async with Redis.from_url(server.url) as client:
        return cast("object", await client.execute_command(*words))


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("redis://", "name one host"),
        ("redis://:secret@", "name one host"),
        ("redis://u:secret@host:port", "port"),
        ("redis://u:secret@[host", "cannot be read"),
        ("redis://u:secret@host/x", "number of its database"),
        ("redis://u:secret@a,b", "name one host"),
        ("redis://host?prefx=a", "did you mean 'prefix'"),
        ("redis://host?prefix=a b", "prefix takes letters"),
        ("redis://host?ssl_ca_certs=x", "no option 'ssl_ca_certs'"),
        ("redis+sentinel://u:secret@host", "which master"),
        ("redis+sentinel://a,:1/m", "name one host"),
        ("redsi://u:secret@host", "did you mean 'redis'"),
    ],
)
def test_wrong_addresses_are_refused_without_their_passwords(url: str, text: str) -> None:
    with pytest.raises(ConfigError, match=text) as caught:
        open_bridge(url)
    assert "secret" not in str(caught.value)


def test_the_library_is_needed_only_for_it() -> None:
    program = """
import sys
sys.modules["redis"] = None
from perdure.bridge import open_bridge
open_bridge("memory://")
try:
    open_bridge("redis://u:secret@host")
except Exception as exc:
    print(type(exc).__name__, exc)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert "ConfigError bridge.url" in done.stdout
    assert 'pip install "perdure[redis]"' in done.stdout
    assert "secret" not in done.stdout


async def test_prefixes_keep_installations_apart(server: RedisServer) -> None:
    async with opened(f"{server.url}?prefix=a") as one, opened(f"{server.url}/0?prefix=b") as other:
        run_id = await new_stream(one)
        await other.create(run_id)
        await one.publish(run_id, [event("mine")], fence=1)
        assert await other.last_event_id(run_id) == 0
        assert [data for _, data in await stored(one, run_id)] == ["mine"]


async def test_a_user_needs_no_more_than_the_page_says(server: RedisServer) -> None:
    page = (Path(__file__).parents[2] / "docs" / "redis.md").read_text()
    rules = re.search(r"^ACL SETUSER perdure on >PASSWORD (.*?)```", page, re.MULTILINE | re.DOTALL)
    assert rules
    await says(server, "ACL", "SETUSER", "perdure", "on", f">{SECRET}", *rules[1].replace("\\\n", " ").split())
    async with opened(f"redis://perdure:{ENCODED}@{server.address}") as bridge:
        run_id = await new_stream(bridge)
        async with aclosing(bridge.subscribe(run_id)) as events, meanwhile(rest(events)) as all_of_it:
            await asyncio.sleep(0.05)
            await bridge.attend(run_id, 0.001)
            await until(lambda: _is_abandoned(bridge, run_id))
            await bridge.publish(run_id, [event(1, key="k")], fence=1)
            await bridge.create_again(run_id)
            await bridge.cancel(run_id)
            await bridge.stop_requested(run_id)
            await bridge.leave(run_id)
            await bridge.trim(run_id, before=1)
            await bridge.mended(await bridge.losses() or "")
            await bridge.publish_terminal(run_id, END, fence=1)
            assert seen(await result(all_of_it)) == [1, 2]
        await bridge.attend(run_id, 0.001)
        await bridge.cleanup(run_id)
        assert await bridge.abandoned() == []
    refused = await says(server, "ACL", "LOG")
    assert refused == []


async def _is_abandoned(bridge: RedisBridge, run_id: str) -> bool:
    return run_id in await bridge.abandoned()


async def test_a_wrong_password_is_said_and_not_shown(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    await says(server, "ACL", "SETUSER", "perdure", "on", f">{SECRET}", "~*", "&*", "+@all")
    with pytest.raises(UnavailableError, match=r"perdure:\*\*\*@.*invalid username-password") as caught:
        await RedisBridge(f"redis://perdure:wr0ng@{server.address}").start()
    async with opened(f"redis://perdure:{ENCODED}@{server.address}") as bridge:
        await says(server, "ACL", "SETUSER", "perdure", "off")
        await says(server, "CLIENT", "KILL", "USER", "perdure")
        await until(lambda: "cannot be heard" in caplog.text)
        assert isinstance(bridge, RedisBridge)
    for text in (str(caught.value), caplog.text):
        assert not {"wr0ng", SECRET, ENCODED} & {*re.split(r"[\s@:]", text)}
        assert "s3cr" not in text


@pytest.mark.usefixtures("needs_server")
async def test_over_tls(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    key, certificate, port = tmp_path / "key.pem", tmp_path / "certificate.pem", free_port()
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(key), "-out", str(certificate)]
    await asyncio.to_thread(subprocess.run, [*make.split(), *files], check=True, capture_output=True, timeout=60)
    options = f"--tls-port {port} --tls-auth-clients no --tls-cert-file {certificate} --tls-key-file {key}"
    program = found("redis", tmp_path)  # PyPI's Valkey is built without TLS
    server = RedisServer(program, tmp_path / "files", *options.split(), "--tls-ca-cert-file", str(certificate))
    server.start()
    try:
        async with opened(f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificate}") as bridge:
            run_id = await new_stream(bridge)
            await bridge.publish_terminal(run_id, END, fence=1)
            assert seen(await rest(bridge.subscribe(run_id))) == [1]
        with pytest.raises(UnavailableError, match="certificate verify failed"):
            await RedisBridge(f"rediss://127.0.0.1:{port}").start()
    finally:
        server.kill()


@pytest.mark.usefixtures("needs_server")
async def test_sentinels_name_the_master_and_the_next_one(tmp_path: Path) -> None:
    at_once = ("--repl-diskless-sync-delay", "0")
    with any_server(tmp_path / "one", *at_once) as one, any_server(tmp_path / "two", *at_once) as two:
        await says(two, "REPLICAOF", "127.0.0.1", one.port)
        with pytest.raises(ConfigError, match="is a replica"):
            await RedisBridge(two.url).start()
        rules = f"sentinel monitor main 127.0.0.1 {one.port} 1\nsentinel down-after-milliseconds main 500\n"
        (tmp_path / "sentinel.conf").write_text(rules)
        with any_server(tmp_path / "sentinel", str(tmp_path / "sentinel.conf"), "--sentinel") as sentinel:
            hasty = {"info-period": 100, "ping-period": 100, "publish-period": 100}  # milliseconds
            await says(sentinel, "SENTINEL", "DEBUG", *(word for pair in hasty.items() for word in pair))
            async with opened(f"redis+sentinel://127.0.0.1:{free_port()},{sentinel.address}/main") as bridge:
                run_id = await new_stream(bridge)
                async with aclosing(bridge.subscribe(run_id)) as events, meanwhile(take(events, 2)) as both:
                    await publish(bridge, run_id, [event("before")])
                    await until(lambda: _has(two, run_id))
                    await until(lambda: _fails_over(sentinel))
                    await until(lambda: _is(two, "master"))
                    await until(lambda: _is(one, "slave"))  # till then it takes what will be lost
                    assert await publish(bridge, run_id, [event("after")]) == 2
                    assert [found.data for found in await result(both)] == ["before", "after"]
            async with opened(two.url) as direct:
                assert await direct.last_event_id(run_id) == 2


async def _fails_over(sentinel: RedisServer) -> bool:
    try:
        await says(sentinel, "SENTINEL", "FAILOVER", "main")
    except ResponseError:  # it does not know the replica yet
        return False
    return True


async def _has(server: RedisServer, run_id: str) -> bool:
    return await says(server, "XLEN", f"perdure:{{{run_id}}}:events") == 1


async def _is(server: RedisServer, role: str) -> bool:
    try:
        return cast("list[bytes]", await says(server, "ROLE"))[0] == role.encode()
    except RedisConnectionError:  # who becomes a replica ends all connections
        return False


async def test_no_server_is_said_at_once() -> None:
    with pytest.raises(UnavailableError, match=r"the bridge at redis://127\.0\.0\.1:\d+ cannot be used now: .*connect"):
        await RedisBridge(f"redis://127.0.0.1:{free_port()}").start()


async def test_a_server_that_stays_away_is_unavailable_until_it_comes_back(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(server.url) as bridge:
        run_id = await new_stream(bridge)
        async with aclosing(bridge.subscribe(run_id)) as events, meanwhile(rest(events)) as waiting:
            await asyncio.sleep(0.05)
            server.kill()
            monkeypatch.setattr("perdure.bridge.line.PATIENCE", 0.2)
            calls = [
                bridge.publish(run_id, [event("a")], fence=1),
                bridge.last_event_id(run_id),
                bridge.cancel(run_id),
                bridge.attend(run_id, 1.0),
            ]
            for said in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(said, UnavailableError), said
                assert "cannot be used now" in str(said)
            server.start()
            assert await publish(bridge, run_id, [event("a")]) == 1
            await bridge.publish_terminal(run_id, END, fence=1)
            assert seen(await result(waiting)) == [1, 2]


async def test_what_a_frozen_server_was_sent_happens_once(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"redis.address.ANSWER_TIMEOUT": 0.2, "line.PATIENCE": 0.3}.items():
        monkeypatch.setattr(f"perdure.bridge.{name}", seconds)
    async with opened(server.url) as bridge:
        runs = [await new_stream(bridge) for _ in range(2)]
        server.freeze()
        first = [event(n) for n in range(3)]
        for call in [bridge.publish(run_id, first, fence=1) for run_id in runs]:
            with pytest.raises(UnavailableError):
                await call
        server.thaw()
        assert await publish(bridge, runs[0], first) == 3, "the same again"
        await publish(bridge, runs[1], [event("other")])
        assert [data for _, data in await stored(bridge, runs[0])] == [0, 1, 2]
        other = [data for _, data in await stored(bridge, runs[1])]
        assert other in ([0, 1, 2, "other"], ["other"])


@pytest.mark.usefixtures("needs_server")
@pytest.mark.parametrize(
    ("options", "warned"),
    [
        (("--maxmemory-policy", "allkeys-lru"), "set maxmemory-policy to noeviction"),
        (("--appendonly", "no"), "set appendonly yes"),
        ((), None),
    ],
)
async def test_what_would_lose_streams_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, options: tuple[str, ...], warned: str | None
) -> None:
    with any_server(tmp_path, *options) as server:
        async with opened(server.url):
            assert (warned in caplog.text) if warned else not caplog.text


async def test_a_full_memory_is_unavailable(server: RedisServer) -> None:
    async with opened(server.url) as bridge:
        run_id = await new_stream(bridge)
        await says(server, "CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(UnavailableError, match="maxmemory"):
            await bridge.publish(run_id, [event("a")], fence=1)
        await says(server, "CONFIG", "SET", "maxmemory", "0")
        assert await bridge.publish(run_id, [event("a")], fence=1) == 1


async def test_who_may_not_listen_looks_often(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("perdure.bridge.listening.POLL", 0.1)
    await says(server, "ACL", "SETUSER", "deaf", "on", "nopass", "~*", "&*", "+@all", "-subscribe")
    async with opened(f"redis://deaf:x@{server.address}") as bridge:
        run_id = await new_stream(bridge)
        async with aclosing(bridge.subscribe(run_id)) as events, meanwhile(take(events, 1)) as task:
            await until(lambda: "tells nothing, so it is asked often" in caplog.text)
            await bridge.publish(run_id, [event("seen")], fence=1)
            assert [found.data for found in await result(task)] == ["seen"]


async def test_the_doctor_shows_no_password(server: RedisServer) -> None:
    await says(server, "ACL", "SETUSER", "perdure", "on", f">{SECRET}", "~*", "&*", "+@all")
    url = f"redis://perdure:{ENCODED}@{server.address}"
    check = await check_bridge(Settings(bridge=BridgeSettings(url=url)))
    assert (check.level, check.detail) == ("ok", f"redis://perdure:***@{server.address}")
