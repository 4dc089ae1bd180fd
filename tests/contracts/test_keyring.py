"""Keys: what is sealed opens with its key only, and whole only."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from perdure.contracts.errors import UnavailableError
from perdure.contracts.keyring import (
    Keyring,
    opened_bytes,
    opened_object,
    opened_text,
    sealed_bytes,
    sealed_object,
    sealed_text,
)

OLD, NEW = b"o" * 32, b"n" * 32
BEFORE = Keyring("k1", {"k1": OLD})
ROTATED = Keyring("k2", {"k1": OLD, "k2": NEW})


@pytest.mark.parametrize("data", [b"", b"secret", b"x" * 1_000_000], ids=["nothing", "little", "much"])
def test_what_is_sealed_opens_again_and_shows_nothing(data: bytes) -> None:
    sealed = BEFORE.seal(data)
    assert BEFORE.open(sealed) == data
    assert b"secret" not in sealed
    assert sealed != BEFORE.seal(data), "equal values are not seen to be equal"


def test_another_process_opens_it() -> None:
    assert Keyring("k1", {"k1": OLD}).open(BEFORE.seal(b"secret")) == b"secret"


def test_the_newest_writes_and_the_old_ones_read() -> None:
    assert ROTATED.open(BEFORE.seal(b"secret")) == b"secret"
    with pytest.raises(UnavailableError, match=r"'k2'; encryption\.keys has k1"):
        BEFORE.open(ROTATED.seal(b"secret"))


@pytest.mark.parametrize("place", [9, 11, 20, 30, 45, -1], ids=["length", "id", "salt", "salt", "nonce", "tag"])
def test_what_was_changed_does_not_open(place: int) -> None:
    sealed = bytearray(BEFORE.seal(b"secret"))
    sealed[place] ^= 1
    with pytest.raises(UnavailableError):
        BEFORE.open(bytes(sealed))


def test_another_key_of_the_same_id_does_not_open_it() -> None:
    with pytest.raises(UnavailableError, match=r"cannot be opened with the key 'k1' of encryption\.keys"):
        Keyring("k1", {"k1": NEW}).open(BEFORE.seal(b"secret"))


def test_who_has_no_keys_is_told_so() -> None:
    with pytest.raises(UnavailableError, match=r"encryption\.key_id is not set"):
        opened_bytes(None, BEFORE.seal(b"secret"))


@pytest.mark.parametrize("keyring", [None, BEFORE, ROTATED], ids=["none", "before", "rotated"])
def test_each_form_has_its_way_back(keyring: Keyring | None) -> None:
    assert opened_bytes(ROTATED, sealed_bytes(keyring, b"secret")) == b"secret"
    assert opened_text(ROTATED, sealed_text(keyring, "Käse")) == "Käse"
    if keyring is not None:
        assert opened_object(ROTATED, sealed_object(keyring, b'{"a": 1}')) == b'{"a": 1}'


@pytest.mark.parametrize("text", ["", "plain", "sealed:", "sealed:no base64", "sealed:" + "QUJD" * 20])
def test_a_text_of_before_is_left_as_it_is(text: str) -> None:
    assert opened_text(BEFORE, text) == text


@pytest.mark.parametrize("value", [None, 1, [], {}, {"__sealed__": 1}, {"__sealed__": "QUJD"}, {"a": 1, "b": 2}])
def test_an_object_of_before_is_none_that_was_sealed(value: Any) -> None:
    assert opened_object(BEFORE, value) is None


def test_a_digest_tells_equal_data_to_those_with_the_key_only() -> None:
    assert BEFORE.digest(b"a", size=16) == Keyring("k1", {"k1": OLD}).digest(b"a", size=16)
    assert len({one.digest(two, size=16) for one in (BEFORE, ROTATED) for two in (b"a", b"b")}) == 4


def test_a_mark_of_today_is_read_for_ever() -> None:
    sealed = base64.b64decode(
        "AHBzZWFsZWQxAmsx"  # mark, length and id
        + base64.b64encode(BEFORE.seal(b"secret")[12:]).decode()
    )
    assert BEFORE.open(sealed) == b"secret"
