"""The webhook of a run: one signed POST when the run has ended.

The host is resolved here, each of its addresses is checked, and one of those very addresses is called, with the host's
name in the Host header and in TLS: a name that leads elsewhere the next moment gains nothing. Redirects are not
followed, no proxy is used, and of the answer only the status is read.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from importlib.metadata import version
from ipaddress import ip_address

import httpx

from ..contracts.lifecycle import ENDINGS, WEBHOOK, RunLifecycleEvent
from ..contracts.serialization.serializer import to_json
from ..contracts.settings import WebhookSettings
from ..contracts.webhooks import Address, WebhookTarget, literal_address, parse_webhook, refusal, signature
from ..store.contract import RunQueryStore
from .observer import DeliveryError, GiveUpError, Recipient

# By Standard Webhooks (https://www.standardwebhooks.com), whose libraries check the call.
ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
"""Unix time of the call, in seconds."""
SIGNATURE_HEADER = "webhook-signature"


class Webhook:
    """Calls the webhooks of runs."""

    def __init__(self, store: RunQueryStore, settings: WebhookSettings, *, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: whom to trust instead of certifi's authorities (or those that `SSL_CERT_FILE` names)."""
        self._store = store
        self._settings = settings
        self._tls = tls

    @property
    def recipient(self) -> Recipient:
        """It as an observer, repeated for as long as the settings say."""
        settings = self._settings
        return Recipient(WEBHOOK, self, settings.timeout, settings.retry_for, ENDINGS)

    async def on_event(self, event: RunLifecycleEvent) -> None:
        """Call the webhook of the run that has ended.

        Raises `GiveUpError` for a place that may not be called, `DeliveryError` or `PerdureError` for the rest.
        """
        url = (await self._store.get_spec(event.run_id)).webhook
        stored = await self._store.get(event.run_id)
        if url is None or stored is None:
            return
        values = (await self._store.get_result(event.run_id)).values
        # A traceback tells of the worker's machine.
        record = stored.record.model_dump(mode="json", exclude={"error": {"traceback"}})
        body = to_json({"record": record, "values": values})
        await self._call(_target(url), body, event.event_id)

    async def _call(self, target: WebhookTarget, body: bytes, event_id: str) -> None:
        addresses = await self._addresses(target)
        headers = {"Host": target.authority, "Content-Type": "application/json", **self._headers(body, event_id)}
        for address in addresses:
            try:
                status = await self._post(target, address, headers, body, self._settings.timeout / len(addresses))
            except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
                if address == addresses[-1]:
                    raise DeliveryError(f"{target.host} cannot be reached: {str(exc) or type(exc).__name__}") from exc
            except httpx.HTTPError as exc:
                raise DeliveryError(f"{target.host} does not answer: {str(exc) or type(exc).__name__}") from exc
            else:
                return _check(status)
        raise DeliveryError(f"{target.host} has no address")

    def _headers(self, body: bytes, event_id: str) -> dict[str, str]:
        id, timestamp = event_id.encode("ascii", "backslashreplace").decode(), str(int(time.time()))
        headers = {"User-Agent": f"perdure/{version('perdure')}", ID_HEADER: id, TIMESTAMP_HEADER: timestamp}
        if secrets := self._settings.secrets:
            headers[SIGNATURE_HEADER] = signature(secrets, id, timestamp, body)
        return headers

    async def _addresses(self, target: WebhookTarget) -> list[Address]:
        """The addresses of the host, if all of them may be called: one that may not is no mistake."""
        found = literal_address(target.host)
        addresses = [found] if found else await _resolved(target)
        for address in addresses:
            if refused := refusal(address, self._settings.allowed_networks):
                raise GiveUpError(f"{target.host} is not called: {refused}")
        return addresses

    async def _post(
        self, target: WebhookTarget, address: Address, headers: dict[str, str], body: bytes, connect: float
    ) -> int:
        """The status of the answer."""
        if self._tls is None:  # it reads a file of 300 kB
            self._tls = await asyncio.to_thread(httpx.create_ssl_context)
        timeout = httpx.Timeout(self._settings.timeout, connect=connect)
        # A client for one call: a connection that is kept open could be given to another host at the same address.
        async with httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=timeout) as client:
            request = client.build_request(
                "POST",
                f"{target.scheme}://{_in_url(address)}:{target.port}{target.path}",
                headers=headers,
                content=body,
                extensions={"sni_hostname": target.host},
            )
            response = await client.send(request, stream=True)
            await response.aclose()
            return response.status_code


def _target(url: str) -> WebhookTarget:
    try:
        return parse_webhook(url)
    except ValueError as exc:
        raise GiveUpError(f"its URL cannot be used: {exc}") from exc


async def _resolved(target: WebhookTarget) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise DeliveryError(f"{target.host} has no address: {exc}") from exc
    return [ip_address(place) for place in dict.fromkeys(place[0] for *_, place in found)]


def _in_url(address: Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


def _check(status: int) -> None:
    if 300 <= status < 400:
        raise DeliveryError(f"it answered {status}, and redirects are not followed")
    if not 200 <= status < 300:
        raise DeliveryError(f"it answered {status}")
