"""The call of a webhook: what it says, how it is signed, and where it does not go."""

from __future__ import annotations

import asyncio
import base64
import shutil
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook as StandardWebhook
from standardwebhooks import WebhookVerificationError
from support.receivers import Receiver, certificate, status

from perdure import RunLifecycleEvent, RunRecord, RunScope, RunSpec, RunStatus
from perdure.contracts.settings import WebhookSettings
from perdure.observers.observer import DeliveryError, GiveUpError
from perdure.observers.webhook import Webhook
from perdure.store import RunEnding, SqlStore

HERE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
SECRET, OTHER = (f"whsec_{base64.b64encode(letter * 32).decode()}" for letter in (b"s", b"o"))
SETTINGS = WebhookSettings(secret=SecretStr(SECRET), timeout=5.0, allowed_networks=HERE)
Call = Callable[..., Awaitable[None]]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().serving() as receiver:
        yield receiver


@pytest.fixture
def call(store: SqlStore) -> Call:
    """Call the webhook of a run that has ended."""

    async def calling(
        url: str | None, settings: WebhookSettings = SETTINGS, *, tls: ssl.SSLContext | None = None
    ) -> None:
        now = datetime.now(UTC)
        record = RunRecord(run_id="run", thread_id="t", assistant_id="a", created_at=now, updated_at=now)
        await store.create(record, RunSpec(assistant_id="a", scope=RunScope(thread_id="t"), webhook=url))
        await store.finish("run", RunEnding(RunStatus.SUCCESS, 3, b'{"answer":[42,"\xc3\xa4"]}'), fence=1)
        event = RunLifecycleEvent(
            event_id="run:1", event_type="run_completed", run_id="run", thread_id="t", sequence=1, occurred_at=now
        )
        await Webhook(store, settings, tls=tls).on_event(event)

    return calling


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Let names lead to these addresses, one answer after the other; the names that were asked for."""

    def resolve(*answers: list[str]) -> list[str]:
        asked: list[str] = []
        left = [*answers]

        async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
            asked.append(host)
            found = left.pop(0)
            kinds = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in found]
            return [(kind, 1, 6, "", (one, port)) for kind, one in zip(kinds, found, strict=True)]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        return asked

    return resolve


async def test_it_carries_the_record_and_the_values(call: Call, store: SqlStore, receiver: Receiver) -> None:
    await call(f"http://127.0.0.1:{receiver.port}/hooks/1?key=a%20b#part")
    (request,) = receiver.requests
    stored = await store.get("run")
    assert stored is not None
    assert request.line == "POST /hooks/1?key=a%20b HTTP/1.1"
    assert request.json == {"record": stored.record.model_dump(mode="json"), "values": {"answer": [42, "ä"]}}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["webhook-id"] == "run:1"


async def test_the_conventions_own_library_takes_the_call(call: Call, receiver: Receiver) -> None:
    await call(f"http://127.0.0.1:{receiver.port}/")
    (request,) = receiver.requests
    assert abs(time.time() - int(request.headers["webhook-timestamp"])) < 60
    assert StandardWebhook(SECRET).verify(request.body, request.headers) == request.json
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(SECRET).verify(request.body + b" ", request.headers)
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(OTHER).verify(request.body, request.headers)


async def test_while_a_secret_is_changed_both_are_taken(call: Call, receiver: Receiver) -> None:
    changing = SETTINGS.model_copy(update={"secret": SecretStr(OTHER), "previous_secret": SecretStr(SECRET)})
    await call(f"http://127.0.0.1:{receiver.port}/", changing)
    (request,) = receiver.requests
    for secret in (SECRET, OTHER):
        StandardWebhook(secret).verify(request.body, request.headers)


async def test_without_a_secret_there_is_no_signature(call: Call, receiver: Receiver) -> None:
    await call(f"http://127.0.0.1:{receiver.port}/", WebhookSettings(allowed_networks=HERE))
    assert "webhook-signature" not in receiver.requests[0].headers


async def test_a_run_without_a_webhook_calls_nobody(call: Call) -> None:
    await call(None)


@pytest.mark.parametrize("code", [400, 404, 410, 429, 500, 503])
async def test_an_answer_that_is_no_success_is_a_failure(call: Call, receiver: Receiver, code: int) -> None:
    receiver.answers = [status(code)]
    with pytest.raises(DeliveryError, match=f"it answered {code}"):
        await call(f"http://127.0.0.1:{receiver.port}/")


@pytest.mark.parametrize("code", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(call: Call, receiver: Receiver, code: int) -> None:
    receiver.answers = [status(code, f"Location: http://127.0.0.1:{receiver.port}/elsewhere")]
    with pytest.raises(DeliveryError, match="redirects are not followed"):
        await call(f"http://127.0.0.1:{receiver.port}/")
    assert len(receiver.requests) == 1


async def test_of_a_long_answer_only_the_status_is_read(call: Call, receiver: Receiver) -> None:
    receiver.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n" + b"x" * 100_000]
    await call(f"http://127.0.0.1:{receiver.port}/")


async def test_headers_without_end_are_a_failure(call: Call, receiver: Receiver) -> None:
    receiver.answers = [b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 10_000_000]
    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1 does not answer"):
        await call(f"http://127.0.0.1:{receiver.port}/")


async def test_an_answer_that_is_no_http_is_a_failure(call: Call, receiver: Receiver) -> None:
    receiver.answers = [b"220 mail.example ESMTP\r\n"]
    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1 does not answer"):
        await call(f"http://127.0.0.1:{receiver.port}/")


async def test_one_that_is_silent_is_waited_for_until_the_timeout(call: Call, receiver: Receiver) -> None:
    receiver.silent = True
    impatient = SETTINGS.model_copy(update={"timeout": 0.2})
    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1 does not answer: ReadTimeout"):
        await call(f"http://127.0.0.1:{receiver.port}/", impatient)


async def test_nobody_there(call: Call) -> None:
    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1 cannot be reached"):
        await call("http://127.0.0.1:9/")


async def test_a_proxy_of_the_environment_is_not_used(
    call: Call, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    await call(f"http://127.0.0.1:{receiver.port}/")
    assert len(receiver.requests) == 1


# Where it does not go.


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]"])
async def test_this_machine_is_not_called_unless_it_may_be(call: Call, receiver: Receiver, host: str) -> None:
    with pytest.raises(GiveUpError, match=r"127\.0\.0\.1 is not a public address"):
        await call(f"http://{host}:{receiver.port}/", WebhookSettings())
    assert receiver.connections == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"])
async def test_a_name_that_leads_to_a_private_address(
    call: Call, receiver: Receiver, resolves: Callable[..., list[str]], address: str
) -> None:
    resolves([address])
    with pytest.raises(GiveUpError, match=r"hooks\.example is not called: .* is not a public address"):
        await call(f"http://hooks.example:{receiver.port}/", WebhookSettings())
    assert receiver.connections == 0


async def test_a_private_address_among_public_ones(call: Call, resolves: Callable[..., list[str]]) -> None:
    resolves(["8.8.8.8", "10.0.0.1"])
    with pytest.raises(GiveUpError, match=r"10\.0\.0\.1 is not a public address"):
        await call("http://hooks.example/", WebhookSettings())


async def test_a_name_is_asked_for_once_and_its_checked_address_is_called(
    call: Call, receiver: Receiver, resolves: Callable[..., list[str]]
) -> None:
    """A second answer would be the attacker's."""
    asked = resolves(["127.0.0.1"], ["10.0.0.1"])
    await call(f"http://hooks.example:{receiver.port}/")
    assert asked == ["hooks.example"]
    assert receiver.requests[0].headers["host"] == f"hooks.example:{receiver.port}"


async def test_the_next_address_is_tried_when_one_is_not_reached(
    call: Call, receiver: Receiver, resolves: Callable[..., list[str]]
) -> None:
    resolves(["::1", "127.0.0.1"])
    await call(f"http://hooks.example:{receiver.port}/")
    assert len(receiver.requests) == 1


async def test_a_name_that_leads_nowhere_is_worth_another_try(call: Call) -> None:
    with pytest.raises(DeliveryError, match=r"hooks\.invalid has no address"):
        await call("http://hooks.invalid/")


async def test_a_url_that_could_not_be_used_is_given_up(call: Call) -> None:
    with pytest.raises(GiveUpError, match="must begin with https://"):
        await call("file:///etc/passwd")


# TLS.


@pytest.fixture
def serving_as(tmp_path: Path) -> Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]]:
    """Contexts of a server with a certificate for this name, and of a client that trusts it."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")

    def make(name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        cert, key = certificate(tmp_path, name)
        serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving.load_cert_chain(cert, key)
        return serving, ssl.create_default_context(cafile=str(cert))

    return make


Serving = Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]]


async def test_tls_is_spoken_with_the_name_and_not_with_the_address(
    call: Call, serving_as: Serving, resolves: Callable[..., list[str]]
) -> None:
    serving, trusting = serving_as("hooks.example")
    names: list[str | None] = []
    serving.sni_callback = lambda _socket, name, _context: names.append(name)
    resolves(["127.0.0.1"])
    async with Receiver().serving(tls=serving) as receiver:
        await call(f"https://hooks.example:{receiver.port}/", tls=trusting)
    assert names == ["hooks.example"]
    assert len(receiver.requests) == 1


async def test_a_certificate_of_another_name(
    call: Call, serving_as: Serving, resolves: Callable[..., list[str]]
) -> None:
    serving, trusting = serving_as("other.example")
    resolves(["127.0.0.1"])
    async with Receiver().serving(tls=serving) as receiver:
        with pytest.raises(DeliveryError, match="Hostname mismatch"):
            await call(f"https://hooks.example:{receiver.port}/", tls=trusting)
    assert receiver.requests == []


async def test_a_certificate_that_nobody_vouches_for(
    call: Call, serving_as: Serving, resolves: Callable[..., list[str]]
) -> None:
    serving, _ = serving_as("hooks.example")
    resolves(["127.0.0.1"])
    async with Receiver().serving(tls=serving) as receiver:
        with pytest.raises(DeliveryError, match="CERTIFICATE_VERIFY_FAILED"):
            await call(f"https://hooks.example:{receiver.port}/")
    assert receiver.requests == []
