"""Where Temporal is, and how to speak to it. What stands here comes before Temporal's own environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from .settings_section import Duration, Section

UserIdForm = Literal["clear", "hashed", "omitted"]


class TlsSettings(Section):
    """TLS to Temporal. The files are PEM."""

    enabled: bool | None = None
    """Null: when one of the others is set, or there is an API key, or Temporal's environment asks for it."""
    server_name: str | None = Field(default=None, min_length=1)
    """The name in the server's certificate, when it is not that of the address."""
    server_ca_cert: Path | None = None
    """Who has signed the server's certificate; null is whom the system trusts."""
    client_cert: Path | None = None
    client_key: Path | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> TlsSettings:
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("client_cert and client_key belong together: set both, or none")
        if self.enabled is False and (self.server_name or self.server_ca_cert or self.client_cert):
            raise ValueError("enabled is false, and a name or a certificate is set: take one of them away")
        return self

    @property
    def wanted(self) -> bool | None:
        """Whether there is to be TLS; `None`: nothing here says so."""
        named = self.server_name or self.server_ca_cert or self.client_cert
        return True if named else self.enabled


def _one_word(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not text.isascii() or not text.isprintable() or " " in text or not text:
        raise ValueError("an API key is one word of ASCII, without spaces and line ends")
    return secret


class TemporalSettings(Section):
    """Where Temporal is. Temporal's own environment (`TEMPORAL_ADDRESS`, profiles, TLS) fills what is not set here."""

    address: str | None = Field(default=None, min_length=1)
    """`host:port`; `None`: what Temporal's environment says, else the development server of `server`."""
    namespace: str = Field(default="default", min_length=1)
    api_key: Annotated[SecretStr, AfterValidator(_one_word)] | None = None
    """Of Temporal Cloud. It belongs into the environment: `PERDURE_TEMPORAL__API_KEY`."""
    tls: TlsSettings = TlsSettings()
    profile: str | None = Field(default=None, min_length=1)
    """Of Temporal's configuration file; `None`: `TEMPORAL_PROFILE`, else `default`."""
    config_file: Path | None = None
    """Temporal's configuration file; `None`: `TEMPORAL_CONFIG_FILE`, else Temporal's own place for it."""
    task_queue: str = "perdure"
    user_ids: UserIdForm = "clear"
    """How the search attribute `UserId` of runs and threads has a user's id: as it is, hashed, or not at all. A hash is
    made with the keys of `encryption`, where there are any."""
    submit_timeout: Duration = 30.0
    """How long a submission waits for a worker."""
    connect_timeout: Duration = 5.0

    def based(self, base: Path) -> TemporalSettings:
        """With relative paths that start from the folder `base`."""
        files = {name: base / path for name in _FILES if (path := getattr(self.tls, name)) is not None}
        changes: dict[str, object] = {"tls": self.tls.model_copy(update=files)} if files else {}
        if self.config_file is not None:
            changes["config_file"] = base / self.config_file
        return self.model_copy(update=changes)


_FILES = ("server_ca_cert", "client_cert", "client_key")
