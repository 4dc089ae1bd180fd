"""What crosses Temporal, encrypted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
)

from ..contracts.errors import ConfigError
from ..contracts.keyring import Keyring

_ENCODING = b"binary/encrypted"
_KEY_ID = "encryption-key-id"
"""In the metadata, for people; what is sealed says it, too."""


@dataclass(frozen=True, slots=True)
class SealingCodec(PayloadCodec, WithSerializationContext):
    """Seals all payloads with the key that writes.

    People signal and update workflows in plain JSON (`temporal workflow signal`), so a workflow takes that, too. What
    activities are given and answer is only ever our own: there plain text is refused, unless `accepts` it for the sake
    of runs that have begun before there were keys.
    """

    keyring: Keyring
    accepts: bool
    of_activity: bool = False

    def with_context(self, context: SerializationContext) -> SealingCodec:
        return SealingCodec(self.keyring, self.accepts, isinstance(context, ActivitySerializationContext))

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._sealed(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises `UnavailableError` for what cannot be opened, `ConfigError` for plain text in the wrong place."""
        return [self._opened(payload) for payload in payloads]

    def _sealed(self, payload: Payload) -> Payload:
        about = {"encoding": _ENCODING, _KEY_ID: self.keyring.key_id.encode()}
        return Payload(metadata=about, data=self.keyring.seal(payload.SerializeToString()))

    def _opened(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") == _ENCODING:
            return Payload.FromString(self.keyring.open(payload.data))
        if self.of_activity and not self.accepts:
            raise ConfigError(
                "an activity was given, or has answered, something that is not encrypted. If its run began before "
                "encryption.key_id was set, set encryption.plaintext to `accept` until such runs have ended; it goes "
                "on then. Else somebody who has no key writes to Temporal"
            )
        return payload
