"""Keys, and what is sealed with them: AES-256-GCM by the library `cryptography`.

A sealed value says which key has sealed it, so that keys can be changed: a new one writes, and those before it read.
AES-GCM with random nonces is good for some 2^32 values of one key, which a busy installation writes in days. So each
process seals with a key of its own, derived from the key of the settings and a salt that each value carries.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from .errors import ConfigError, UnavailableError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_ID = r"[a-z0-9._-]{1,32}"
"""In lower case, as names in the environment come."""
_KEY = 32
_SALT = 16
_NONCE = 12
"""Bytes."""
_MARK = b"\0psealed1"
"""Begins a sealed value. Nothing that is stored otherwise does: JSON is text, and LangGraph's values have a length."""
_TEXT = "sealed:"
_FIELD = "__sealed__"
_SALTS = 1_000
"""Processes whose keys are kept ready for reading."""


class Keyring:
    """Seals with one key, and opens what any of them has sealed."""

    def __init__(self, key_id: str, keys: Mapping[str, bytes]) -> None:
        """`keys`: 32 bytes each, by their ids. Raises `ConfigError` without the library."""
        _require_cryptography()
        self.key_id = key_id
        self.key_ids = tuple(keys)
        self._keys = {**keys}
        self._salt = os.urandom(_SALT)
        self._cipher = lru_cache(maxsize=_SALTS)(self._derived)

    def seal(self, data: bytes) -> bytes:
        """The sealed form: mark, key id, salt, nonce, and what AES-GCM makes of it, the part before bound to it."""
        name = self.key_id.encode()
        head = _MARK + bytes([len(name)]) + name + self._salt
        nonce = os.urandom(_NONCE)
        return head + nonce + self._cipher(self.key_id, self._salt).encrypt(nonce, data, head)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed. Raises `UnavailableError` when its key is missing, or another one, or it was changed."""
        at = len(_MARK) + 1 + sealed[len(_MARK)]
        key_id = sealed[len(_MARK) + 1 : at].decode(errors="replace")
        if key_id not in self._keys:
            known = ", ".join(self.key_ids)
            raise UnavailableError(f"what is stored was sealed with the key {key_id!r}; encryption.keys has {known}")
        head, rest = sealed[: at + _SALT], sealed[at + _SALT :]
        try:
            return self._cipher(key_id, head[at:]).decrypt(rest[:_NONCE], rest[_NONCE:], head)
        except _unopened() as exc:
            raise UnavailableError(
                f"what is stored cannot be opened with the key {key_id!r} of encryption.keys: it is another one than "
                "then, or what is stored was changed"
            ) from exc

    def lacks(self, other: Keyring) -> list[str]:
        """The ids of those keys of another one that this one has not, or that are others here."""
        return [key_id for key_id, key in other._keys.items() if self._keys.get(key_id) != key]

    def digest(self, data: bytes, *, size: int) -> bytes:
        """By which equal data is known again, but to nobody who has not the key."""
        return self._digest(self.key_id, data)[:size]

    def digests(self, data: bytes, *, size: int) -> list[bytes]:
        """The same with each of the keys, that which writes first."""
        key_ids = sorted(self.key_ids, key=lambda key_id: key_id != self.key_id)
        return [self._digest(key_id, data)[:size] for key_id in key_ids]

    def _digest(self, key_id: str, data: bytes) -> bytes:
        return hmac.digest(self._keys[key_id], b"perdure digest" + data, "sha256")

    def _derived(self, key_id: str, salt: bytes) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        derivation = HKDF(algorithm=SHA256(), length=_KEY, salt=salt, info=b"perdure sealed 1")
        return AESGCM(derivation.derive(self._keys[key_id]))


# Each form has its way back, which hands on what is not sealed: it was written before there were keys.


def sealed_bytes(keyring: Keyring | None, data: bytes) -> bytes:
    """Sealed, if there are keys."""
    return data if keyring is None else keyring.seal(data)


def opened_bytes(keyring: Keyring | None, data: bytes) -> bytes:
    """The inverse of `sealed_bytes`. Raises `UnavailableError`."""
    return _of(keyring).open(data) if is_sealed(data) else data


def sealed_text(keyring: Keyring | None, text: str) -> str:
    """The same for a text."""
    return text if keyring is None else _TEXT + base64.b64encode(keyring.seal(text.encode())).decode()


def opened_text(keyring: Keyring | None, text: str) -> str:
    """The inverse of `sealed_text`. Raises `UnavailableError`."""
    sealed = _from_base64(text.removeprefix(_TEXT)) if text.startswith(_TEXT) else b""
    return _of(keyring).open(sealed).decode() if is_sealed(sealed) else text


def sealed_object(keyring: Keyring, json: bytes) -> dict[str, str]:
    """The same for JSON: an object that holds nothing else."""
    return {_FIELD: base64.b64encode(keyring.seal(json)).decode()}


def opened_object(keyring: Keyring | None, value: object) -> bytes | None:
    """The JSON in what `sealed_object` gave; `None` for anything else. Raises `UnavailableError`."""
    if not (isinstance(value, dict) and len(value) == 1):  # pyright: ignore[reportUnknownArgumentType]
        return None
    text: object = value.get(_FIELD)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    sealed = _from_base64(text) if isinstance(text, str) else b""
    return _of(keyring).open(sealed) if is_sealed(sealed) else None


def is_sealed(data: bytes) -> bool:
    """Whether this is what `Keyring.seal` gives."""
    return data.startswith(_MARK) and len(data) > len(_MARK) + 1 + _SALT + _NONCE


def decoded_key(key_id: str, text: str) -> bytes:
    """The bytes of a key. Raises `ValueError`, without the key in its text."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"the key {key_id!r} is not base64") from None
    if len(key) != _KEY:
        raise ValueError(f"the key {key_id!r} has {len(key)} bytes and needs {_KEY} (`perdure keys --new` makes one)")
    return key


def new_key() -> str:
    """A key, as base64."""
    return base64.b64encode(os.urandom(_KEY)).decode()


def fingerprint(key: bytes) -> str:
    """Tells two keys apart, and nothing of them."""
    return sha256(b"perdure fingerprint" + key).hexdigest()[:8]


def _of(keyring: Keyring | None) -> Keyring:
    if keyring is None:
        raise UnavailableError("what is stored is sealed, and encryption.key_id is not set: set it, and its keys")
    return keyring


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _unopened() -> type[Exception]:
    from cryptography.exceptions import InvalidTag

    return InvalidTag


def _require_cryptography() -> None:
    try:
        import cryptography  # noqa: F401 – only whether it is there  # pyright: ignore[reportUnusedImport]
    except ModuleNotFoundError as exc:
        raise ConfigError(f'encryption.key_id needs cryptography ({exc}): pip install "perdure[encryption]"') from exc
