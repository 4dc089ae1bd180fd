"""Keys that a command prints."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from perdure.contracts.encryption_settings import EncryptionSettings
from perdure.contracts.errors import ConfigError
from perdure.contracts.keyring import new_key
from perdure.runtime.keys import open_keyring

KEY, OTHER = new_key(), new_key()


def settings(printed: str, *, code: int = 0, **more: object) -> EncryptionSettings:
    script = f"printf %s {shlex.quote(printed)}; echo no luck >&2; exit {code}"
    command = shlex.join(["sh", "-c", script])
    return EncryptionSettings.model_validate({"key_id": "k2", "key_command": command, **more})


def test_a_command_prints_keys_beside_those_of_the_settings() -> None:
    keyring = open_keyring(settings(f"k2: {KEY}\n", keys={"k1": OTHER}))
    assert keyring is not None
    assert (keyring.key_id, keyring.key_ids) == ("k2", ("k1", "k2"))
    assert keyring.open(keyring.seal(b"secret")) == b"secret"


def test_it_is_called_once_in_a_process(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"echo x >> {count}; echo 'k2: {KEY}'"
    encryption = EncryptionSettings(key_id="k2", key_command=shlex.join(["sh", "-c", script]))
    again = EncryptionSettings.model_validate(encryption.model_dump())
    assert open_keyring(encryption) is open_keyring(again)
    assert count.read_text() == "x\n"


@pytest.mark.parametrize(
    ("encryption", "said"),
    [
        (settings(f"k2: {KEY}", code=3), "it has failed with exit code 3: no luck"),
        (settings(f"k1: {KEY}"), "'k2', and encryption.key_command prints no such key"),
        (settings(f"k2: {KEY}", keys={"k2": OTHER}), "prints the key 'k2', which encryption.keys has, too"),
        (settings(f"k2: {KEY[:20]}"), "the key 'k2' has 15 bytes"),
        (settings(KEY), "must hold keys and values"),
        (settings(f"k2: {KEY}\nk2: {OTHER}"), "the key 'k2' is there twice"),
        (settings(f"K2: {KEY}"), "it has to print lines `id: base64`"),
        (settings(f"k2: [{KEY}"), "what encryption.key_command prints is not YAML"),
        (EncryptionSettings(key_id="k2", key_command="/nowhere/keys"), "it cannot be executed"),
        (EncryptionSettings(key_id="k2", key_command="'"), "it cannot be executed: No closing quotation"),
    ],
)
def test_what_is_wrong_with_it_is_said_and_shows_no_key(encryption: EncryptionSettings, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        open_keyring(encryption)
    assert said in str(raised.value)
    assert KEY[:12] not in str(raised.value)
