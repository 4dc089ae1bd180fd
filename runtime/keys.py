"""From settings to keys."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
from collections.abc import Mapping
from functools import cache

from pydantic import SecretStr

from ..contracts.encryption_settings import EncryptionSettings
from ..contracts.errors import ConfigError, nearest
from ..contracts.keyring import KEY_ID, Keyring, decoded_key
from ..contracts.settings import Settings
from ..contracts.settings_file import yaml_values
from ..contracts.shown_users import ShownUsers

_COMMAND_LIMIT = 30.0
"""Seconds that `encryption.key_command` may take."""
_COMMAND = "encryption.key_command"


def open_keyring(encryption: EncryptionSettings) -> Keyring | None:
    """The keys; `None` where nothing is encrypted. Raises `ConfigError`.

    It blocks while the command of the settings runs, which is once in a process.
    """
    if encryption.key_id is None:
        return None
    return _keyring(encryption.key_id, tuple(encryption.keys.items()), encryption.key_command)


async def open_keyring_aside(encryption: EncryptionSettings) -> Keyring | None:
    """The same, without blocking the event loop."""
    return await asyncio.to_thread(open_keyring, encryption)


def shown_users(settings: Settings) -> ShownUsers:
    """How Temporal shows users. Raises, and blocks, as `open_keyring`."""
    return ShownUsers(settings.temporal.user_ids, open_keyring(settings.encryption))


@cache
def _keyring(key_id: str, given: tuple[tuple[str, SecretStr], ...], command: str | None) -> Keyring:
    keys = {name: decoded_key(name, key.get_secret_value()) for name, key in given}
    printed = _printed(command) if command is not None else dict[str, bytes]()
    if doubled := sorted(keys.keys() & printed.keys()):
        raise ConfigError(
            f"{_COMMAND} prints the key {doubled[0]!r}, which encryption.keys has, too: remove one of them"
        )
    keys |= printed
    if key_id not in keys:
        raise ConfigError(f"encryption.key_id is {key_id!r}, and {_COMMAND} prints no such key{nearest(key_id, keys)}")
    return Keyring(key_id, keys)


def _printed(command: str) -> Mapping[str, bytes]:
    try:
        values = yaml_values(_output(command), f"what {_COMMAND} prints")
        return {key_id: _key(key_id, text) for key_id, text in values.items()}
    except ValueError as exc:
        raise ConfigError(f"{_COMMAND}: {exc}") from None


def _key(key_id: str, text: object) -> bytes:
    if not re.fullmatch(KEY_ID, key_id) or not isinstance(text, str):
        raise ValueError("it has to print lines `id: base64`, with ids of a-z, 0-9, `.`, `_` and `-`")
    return decoded_key(key_id, text)


def _output(command: str) -> str:
    """What a command prints. Nothing of it is in an error: it may be a key."""
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, timeout=_COMMAND_LIMIT, check=False, text=True)
    except subprocess.TimeoutExpired:
        raise ValueError(f"it has not ended within {_COMMAND_LIMIT:g} s") from None
    except (OSError, ValueError) as exc:
        raise ValueError(f"it cannot be executed: {exc}") from None
    if done.returncode:
        raise ValueError(f"it has failed with exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout
