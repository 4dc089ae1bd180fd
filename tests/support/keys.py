"""Keys for tests that encrypt."""

from __future__ import annotations

from typing import Any

from perdure import Settings
from perdure.contracts.encryption_settings import EncryptionSettings
from perdure.contracts.keyring import Keyring, decoded_key, new_key

K1, K2 = new_key(), new_key()
KEYRING = Keyring("k1", {"k1": decoded_key("k1", K1)})
BOTH = {"k1": decoded_key("k1", K1), "k2": decoded_key("k2", K2)}
ROTATED = Keyring("k2", BOTH)


def encrypted(settings: Settings, key_id: str = "k1", **more: Any) -> Settings:
    """The same settings, with keys: k1 and k2, if `keys` are not others."""
    encryption = EncryptionSettings.model_validate({"key_id": key_id, "keys": {"k1": K1, "k2": K2}, **more})
    return settings.model_copy(update={"encryption": encryption})
