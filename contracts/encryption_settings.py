"""The settings of encryption: which keys there are, and which one writes."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from .errors import nearest
from .keyring import KEY_ID, decoded_key
from .settings_section import Section

_SHORTEST_TOKEN = 16


class EncryptionSettings(Section):
    """What Temporal and the stores are given is sealed with these keys (`docs/encryption.md`)."""

    key_id: str | None = None
    """The key that writes; null encrypts nothing. All of the others only read."""
    keys: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    """Keys by their ids, each 32 bytes as base64 (`perdure keys --new`). They belong into the environment:
    `PERDURE_ENCRYPTION__KEYS__K1`."""
    key_command: str | None = Field(default=None, min_length=1)
    """A command that prints more of them, as lines `id: base64`. It is called once in a process, without a shell."""
    plaintext: Literal["refuse", "accept"] = "refuse"
    """`accept`: activities may be given, and may answer, what is not sealed, for as long as runs are on their way that
    began before there were keys."""

    @field_validator("keys")
    @classmethod
    def _usable(cls, keys: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for key_id, key in keys.items():
            if not re.fullmatch(KEY_ID, key_id):
                raise ValueError(f"{key_id!r} is no id of a key: 1 to 32 of a-z, 0-9, `.`, `_` and `-`")
            decoded_key(key_id, key.get_secret_value())
        return keys

    @model_validator(mode="after")
    def _has_key(self) -> EncryptionSettings:
        if self.key_id is None:
            if self.keys or self.key_command:
                raise ValueError("there are keys, and key_id does not say which of them writes")
        elif not self.key_command and self.key_id not in self.keys:
            close = nearest(self.key_id, self.keys)
            raise ValueError(f"key_id is {self.key_id!r}, and keys has no such id{close}")
        return self


class CodecServerSettings(Section):
    """The server that decrypts for Temporal's UI and command line (`perdure codec-server`)."""

    ip: str = "127.0.0.1"
    port: int = Field(default=8234, ge=1, le=65535)
    origins: tuple[str, ...] = ()
    """Web pages that may ask it: where Temporal's UI is, like `http://localhost:8233`."""
    tokens: tuple[SecretStr, ...] = ()
    """Who has one of them may ask it (`Authorization: Bearer …`). Without any it does not start."""

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not re.fullmatch(r"https?://[^/*?#\s]+", origin):
                raise ValueError(f"{origin!r} is no origin; write it like http://localhost:8233, without a path")
        return origins

    @field_validator("tokens")
    @classmethod
    def _are_long(cls, tokens: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(token.get_secret_value().strip()) < _SHORTEST_TOKEN for token in tokens):
            raise ValueError(f"a token has at least {_SHORTEST_TOKEN} characters")
        return tokens
