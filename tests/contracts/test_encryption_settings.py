"""The settings of encryption: what is wrong with them is said before anything is written, and shows no key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perdure.contracts.errors import ConfigError
from perdure.contracts.keyring import new_key
from perdure.contracts.settings import load_settings

KEY = new_key()


def file(folder: Path, encryption: Any) -> Path:
    path = folder / "perdure.yaml"
    text = encryption if isinstance(encryption, str) else json.dumps(encryption)
    path.write_text(f"encryption: {text}\n")
    return path


@pytest.mark.parametrize(
    ("encryption", "said"),
    [
        ({"key_id": "k1", "keys": {"k1": KEY[:20]}}, r"encryption\.keys: the key 'k1' has 15 bytes and needs 32"),
        ({"key_id": "k1", "keys": {"k1": "?" * 44}}, r"encryption\.keys: the key 'k1' is not base64"),
        ({"key_id": "k3", "keys": {"k1": KEY}}, r"encryption: key_id is 'k3', and keys has no such id"),
        ({"key_id": "k1"}, r"encryption: key_id is 'k1', and keys has no such id"),
        ({"keys": {"k1": KEY}}, r"encryption: there are keys, and key_id does not say which"),
        ({"key_command": "true"}, r"encryption: there are keys, and key_id does not say which"),
        ({"key_id": "K 1", "keys": {"K 1": KEY}}, r"encryption\.keys: 'K 1' is no id of a key"),
        ({"key": "k1"}, r"encryption\.key: unknown key \(did you mean 'keys'\?\)"),
        ({"plaintext": "no"}, r"encryption\.plaintext: .*'refuse' or 'accept'"),
        (f"{{key_id: k1, keys: {{k1: {KEY}, k1: {KEY}}}}}", r"the key 'k1' is there twice"),
    ],
)
def test_what_is_wrong_is_named_and_shows_no_key(tmp_path: Path, encryption: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        load_settings(file(tmp_path, encryption))
    assert KEY[:12] not in str(raised.value)


def test_a_file_that_is_no_yaml_shows_no_key_either(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not YAML.*line 1") as raised:
        load_settings(file(tmp_path, f"{{keys: {{k1: {KEY}: [}}"))
    assert KEY[:12] not in str(raised.value)


def test_keys_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_ENCRYPTION__KEY_ID", "k1")
    monkeypatch.setenv("PERDURE_ENCRYPTION__KEYS__K1", KEY)
    encryption = load_settings(file(tmp_path, {"keys": {"k0": KEY}})).encryption
    assert {name: key.get_secret_value() for name, key in encryption.keys.items()} == {"k0": KEY, "k1": KEY}
    assert KEY[:12] not in f"{encryption!r}{encryption.model_dump_json()}"


def test_an_id_twice_in_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_ENCRYPTION__KEYS", f'{{"k1": "{KEY}", "k1": "{KEY}"}}')
    with pytest.raises(ConfigError, match=r"PERDURE_ENCRYPTION__KEYS must be JSON: the key 'k1' is there twice"):
        load_settings(file(tmp_path, {"key_id": "k1"}))
