"""Where a webhook may go.

A run's spec comes from whoever may submit runs, and the worker that calls the webhook stands in a network which that
one may not reach: loopback, the neighbours, the cloud's metadata service. Only public addresses are called, unless the
settings name others.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection
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
)
_V6_UNICAST = ip_network("2000::/3")
"""All that is given out to hosts."""
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_V4_COMPATIBLE = ip_network("::/96")


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
    found = _embedded(address)
    if _is_public(found) or any(one in network for network in allowed for one in (address, found)):
        return None
    return f"{found} is not a public address (webhooks.allowed_networks may allow it)"


def _is_public(address: Address) -> bool:
    if any(address in network for network in _NOT_PUBLIC) or address.is_multicast or address.is_reserved:
        return False
    return address.is_global and (isinstance(address, IPv4Address) or address in _V6_UNICAST)


def _embedded(address: Address) -> Address:
    """The IPv4 address in an IPv6 one that leads to it: a gateway or the system itself would call that."""
    if isinstance(address, IPv4Address):
        return address
    for inner in (address.ipv4_mapped, address.sixtofour, address.teredo and address.teredo[1]):
        if inner is not None:
            return inner
    if any(address in network for network in _NAT64) or (address in _V4_COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
