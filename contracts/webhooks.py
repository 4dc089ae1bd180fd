"""Where a webhook may go, and how its call is signed.

A run's spec comes from whoever may submit runs, and the worker that calls the webhook stands in a network which that
one may not reach: loopback, the neighbours, the cloud's metadata service. Only public addresses are called, unless the
settings name others.
"""

from __future__ import annotations

import base64
import hmac
import re
import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import quote, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MAX_LENGTH = 2048
"""Characters: what servers and proxies take for sure."""
_PORTS: Final = {"http": 80, "https": 443}
# Parsers differ in what they make of these, and what one checks another may call.
_AMBIGUOUS = re.compile(r"[\s\\\x00-\x1f\x7f-\x9f]")
_PATH_CHARACTERS = "/?%:@!$&'()*+,;=~"
_NOT_PUBLIC = (
    ip_network("168.63.129.16/32"),  # Azure's agent, the same in each of its machines
    ip_network("192.0.0.0/24"),  # of protocols, some clouds' metadata among them; Python's versions disagree about it
    ip_network("192.88.99.0/24"),  # relays of 6to4, which are no more
    # NAT64 within a network: the IPv4 address may be at any of four places, and nobody outside calls it so.
    ip_network("64:ff9b:1::/48"),
)
_V6_UNICAST = ip_network("2000::/3")
"""All that is given out to hosts."""
_V4_AT_THE_END = tuple(map(ip_network, ("64:ff9b::/96", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96")))
"""NAT64, and IPv4-compatible, IPv4-mapped and IPv4-translated addresses."""
_6TO4, _TEREDO = ip_network("2002::/16"), ip_network("2001::/32")
_ISATAP = (0x00005EFE, 0x02005EFE)
"""What stands before the IPv4 address at the end, under whatever prefix. (RFC 5214)"""
_V4 = 0xFFFFFFFF  # the bits of an IPv4 address
_SECRET = "whsec_"
_KEY_LENGTHS = range(24, 65)
"""Bytes of a key."""


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """The parts of a webhook's URL. Nothing else reads the URL, so what is checked is what is called."""

    scheme: str
    host: str
    """A name or an address, in ASCII and without brackets."""
    port: int
    path: str
    """With the query."""

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse_webhook(url: str) -> WebhookTarget:
    """The target of a URL. Raises `ValueError` with what is wrong with it."""
    if len(url) > _MAX_LENGTH:
        raise ValueError(f"it has more than {_MAX_LENGTH} characters")
    if _AMBIGUOUS.search(url):
        raise ValueError("it has a space, a backslash or a control character in it")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("it must begin with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("it has a user or password in it, which would stand in the records; use the signature instead")
    if not parts.hostname:
        raise ValueError("it names no host")
    path = quote(parts.path or "/", safe=_PATH_CHARACTERS)
    query = f"?{quote(parts.query, safe=_PATH_CHARACTERS)}" if parts.query else ""
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    if port == 0:
        raise ValueError("there is no port 0")
    return WebhookTarget(parts.scheme, _ascii(parts.hostname), port, path + query)


def _ascii(host: str) -> str:
    if ":" in host:
        if "%" in host:
            raise ValueError("an address with a zone is no place on the internet")
        return str(IPv6Address(host))
    try:
        name = host.encode("idna").decode().rstrip(".")
    except UnicodeError as exc:
        raise ValueError(f"{host!r} is no name of a host") from exc
    if not re.fullmatch(r"[a-z0-9._-]+", name):
        raise ValueError(f"{host!r} is no name of a host")
    return name


def literal_address(host: str) -> Address | None:
    """The address that a host is by its text alone, in any of the old forms (`127.1`, `0x7f.1`, `2130706433`) too."""
    if host == "localhost" or host.endswith(".localhost"):
        return IPv4Address("127.0.0.1")
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def refusal(address: Address, allowed: Collection[Network]) -> str | None:
    """Why an address must not be called; `None` for a public one, and for those in the networks `allowed`."""
    if _is_in(address, allowed):
        return None
    for found in _destinations(address):
        if not (_is_public(found) or _is_in(found, allowed)):
            return f"{found} is not a public address (webhooks.allowed_networks may allow it)"
    return None


def _is_public(address: Address) -> bool:
    if _is_in(address, _NOT_PUBLIC) or address.is_multicast or address.is_reserved:
        return False
    return address.is_global and (isinstance(address, IPv4Address) or address in _V6_UNICAST)


def _is_in(address: Address, networks: Collection[Network]) -> bool:
    return any(address in network for network in networks)


def _destinations(address: Address) -> list[Address]:
    """Where a call of an address may end: at itself, or at the IPv4 addresses in it, which a gateway would call."""
    if isinstance(address, IPv4Address):
        return [address]
    bits = int(address)
    if _is_in(address, _V4_AT_THE_END) and bits > 1:  # not `::` and `::1`
        return [_v4(bits)]
    if address in _6TO4:
        return [_v4(bits >> 80)]
    if address in _TEREDO:
        return [_v4(bits >> 64), _v4(~bits)]  # the server, and the client's with each bit turned
    if (bits >> 32) & _V4 in _ISATAP:
        return [_v4(bits), address]
    return [address]


def _v4(bits: int) -> IPv4Address:
    """Of the last 32 bits."""
    return IPv4Address(bits & _V4)


def signing_key(secret: str) -> bytes:
    """The key in a secret of Standard Webhooks. Raises `ValueError`, without the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(_SECRET) or len(key) not in _KEY_LENGTHS:
        raise ValueError(
            f"it must be {_SECRET} and the base64 of {_KEY_LENGTHS.start} to {_KEY_LENGTHS.stop - 1} random bytes; "
            f'`echo "{_SECRET}$(openssl rand -base64 32)"` makes one'
        )
    return key


def signature(secrets: Iterable[str], event_id: str, timestamp: str, body: bytes) -> str:
    """The value of `webhook-signature`, by Standard Webhooks: one signature for each secret.

    A receiver takes a call with one that it knows, so a secret can be changed without a call being lost.
    """
    signed = f"{event_id}.{timestamp}.".encode() + body
    macs = (hmac.digest(signing_key(secret), signed, "sha256") for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(mac).decode()}" for mac in macs)
