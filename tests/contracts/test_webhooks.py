"""Which places a webhook may name, which addresses it may call, and how a call is signed."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from perdure.contracts.webhooks import WebhookTarget, literal_address, parse_webhook, refusal, signature, signing_key

NOT_PUBLIC = {
    "this machine": ("127.0.0.1", "127.255.255.254", "::1", "0.0.0.0", "::"),
    "private networks": ("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd12:3456::1", "fec0::1"),
    "link-local": ("169.254.0.1", "fe80::1"),
    "shared by carriers": ("100.64.0.1", "100.127.255.255"),
    "metadata": ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    "no host": ("224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "ff02::1", "ff0e::1"),
    "documentation": ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1"),
    "benchmarks": ("198.18.0.1",),
    "relays": ("192.88.99.1",),
    "IPv4-mapped": ("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1"),
    "IPv4-compatible": ("::127.0.0.1", "::169.254.169.254"),
    "IPv4-translated": ("::ffff:0:127.0.0.1", "::ffff:0:10.0.0.1"),
    "NAT64": ("64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::7f00:1"),
    "NAT64 within a network, at its four places": (
        "64:ff9b:1:a9fe:a9:fe00:808:808",  # /48
        "64:ff9b:1:a9:fe:a9fe::",  # /56
        "64:ff9b:1::a9:fea9:fe00:0",  # /64
        "64:ff9b:1::169.254.169.254",  # /96
        "64:ff9b:1::8.8.8.8",  # what is public of it depends on the place
    ),
    "6to4": ("2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:a00:1::8.8.8.8"),
    "Teredo": ("2001:0:53aa:64c:0:0:80ff:fffe", "2001:0:a00:1::f7f7:f7f7", "2001:0:808:808::5601:5601"),
    "ISATAP": ("2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:169.254.169.254", "fe80::5efe:8.8.8.8"),
}


@pytest.mark.parametrize("address", [one for addresses in NOT_PUBLIC.values() for one in addresses])
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert refusal(ip_address(address), ())


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"),
        *("2002:808:808::1", "2606:4700::5efe:8.8.8.8", "2606:4700::200:5efe:8.8.8.8", "2001:0:808:808::f7f7:f7f7"),
    ],
)
def test_a_public_address_is_not_refused(address: str) -> None:
    assert refusal(ip_address(address), ()) is None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("127.0.0.1", "127.0.0.0/8"),
        ("::ffff:127.0.0.1", "127.0.0.0/8"),
        ("::1", "::1/128"),
        ("64:ff9b::10.0.0.1", "64:ff9b::/96"),
        ("64:ff9b:1::10.0.0.1", "64:ff9b:1::/48"),
        ("2606:4700::5efe:10.0.0.1", "10.0.0.0/8"),
        ("10.1.2.3", "0.0.0.0/0"),
    ],
)
def test_the_settings_allow_more(address: str, network: str) -> None:
    assert refusal(ip_address(address), [ip_network(network)]) is None


def test_what_is_allowed_allows_nothing_else() -> None:
    assert refusal(ip_address("10.0.0.1"), [ip_network("127.0.0.0/8"), ip_network("::/0")])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "localhost", "a.b.localhost"]
)
def test_every_way_to_write_this_machine(host: str) -> None:
    assert literal_address(parse_webhook(f"http://{host.upper()}/").host) == ip_address("127.0.0.1")


@pytest.mark.parametrize("host", ["example.org", "localhost.example.org", "abc", "1.2.3.4.5"])
def test_a_name_says_nothing_of_its_address(host: str) -> None:
    assert literal_address(host) is None


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("https://example.org", WebhookTarget("https", "example.org", 443, "/"), "example.org"),
        ("HTTP://Example.ORG.:80/a/b?c=d#e", WebhookTarget("http", "example.org", 80, "/a/b?c=d"), "example.org"),
        ("https://example.org:8443/", WebhookTarget("https", "example.org", 8443, "/"), "example.org:8443"),
        ("http://[2001:DB8::1]/", WebhookTarget("http", "2001:db8::1", 80, "/"), "[2001:db8::1]"),
        ("http://[::1]:81/", WebhookTarget("http", "::1", 81, "/"), "[::1]:81"),
        (
            "https://bücher.example/ä?q=%20ü",
            WebhookTarget("https", "xn--bcher-kva.example", 443, "/%C3%A4?q=%20%C3%BC"),
            "xn--bcher-kva.example",
        ),
    ],
)
def test_the_parts_of_a_url(url: str, target: WebhookTarget, authority: str) -> None:
    assert parse_webhook(url) == target
    assert target.authority == authority


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", "must begin with https://"),
        ("example.org/hook", "must begin with https://"),
        ("ftp://example.org", "must begin with https://"),
        ("javascript:alert(1)", "must begin with https://"),
        ("https://", "names no host"),
        ("https:///path", "names no host"),
        ("https://user:secret@example.org", "a user or password"),
        ("https://example.org:99999", "Port out of range"),
        ("https://example.org:0", "no port 0"),
        ("https://example.org:x", "Port could not be cast"),
        ("https://exa mple.org", "a space"),
        ("https://example.org/\r\nX-Header: 1", "a space"),
        ("https://example.org\\@evil.example", "a backslash"),
        ("https://example.org/\x00", "a control character"),
        ("https://[fe80::1%25eth0]/", "a zone"),
        ("https://[::1", "Invalid IPv6"),
        ("https://a..b/", "no name of a host"),
        ("https://exa$mple.org/", "no name of a host"),
        ("https://example.org/" + "x" * 2048, "more than 2048 characters"),
    ],
)
def test_a_url_that_cannot_be_used(url: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse_webhook(url)


SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EXAMPLE = (
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "1614265330",
    b'{"test": 2432232314}',
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
)
"""Of the convention's own text."""


def test_a_signature_is_what_the_convention_says() -> None:
    id, moment, body, expected = EXAMPLE
    assert signature([SECRET], id, moment, body) == expected


def test_each_secret_signs() -> None:
    id, moment, body, expected = EXAMPLE
    other = "whsec_" + "A" * 32
    both = signature([other, SECRET], id, moment, body)
    assert both.split() == [signature([other], id, moment, body), expected]


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "a secret",
        SECRET.removeprefix("whsec_"),
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_" + "A" * 88,
        "whsec_" + "ä" * 32,
    ],
)
def test_a_secret_that_is_none_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 random bytes") as refused:
        signing_key(secret)
    assert not secret or secret == "whsec_" or secret not in str(refused.value)
