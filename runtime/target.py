"""Where Temporal is: of the settings, Temporal's own environment and the development server, what comes first.

Each value by itself, in this order: `temporal` of the settings (`PERDURE_TEMPORAL__…` over the file), Temporal's
variables (`TEMPORAL_…`), the profile in Temporal's configuration file, and for the address the development server.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from temporalio.envconfig import ClientConfigProfile, ClientConfigTLS
from temporalio.service import TLSConfig

from ..contracts.errors import ConfigError
from ..contracts.settings import ServerSettings, Settings
from ..contracts.temporal_settings import TemporalSettings, TlsSettings

_TLS = "TEMPORAL_TLS"
"""This variable, and those that begin with it and an underscore."""
_SWITCHES = ("", "true", "false", "1", "0")
"""What the SDK understands in TEMPORAL_TLS. All else it takes for unset, which would connect in clear."""
_TLS_FILES = {
    "server_ca_cert": "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
    "client_cert": "TEMPORAL_TLS_CLIENT_CERT_PATH",
    "client_key": "TEMPORAL_TLS_CLIENT_KEY_PATH",
}
"""The settings that name a file, and the variables."""


@dataclass(frozen=True, slots=True)
class Target:
    """A Temporal server, and how to speak to it. Its text has no secrets."""

    address: str
    namespace: str
    api_key: str | None = field(default=None, repr=False)
    tls: bool | TLSConfig | None = field(default=None, repr=False)
    rpc_metadata: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Who says `address`, `namespace`, `api_key` and `tls`: a setting, a variable, or a profile."""

    def source(self, of: str) -> str | None:
        """Who says it; `None`: nobody, it is the default."""
        return self.sources.get(of)

    def __str__(self) -> str:
        """For people, without secrets: what each value is, and who says so."""
        parts = {"address": self.address, "namespace": f"namespace {self.namespace}"}
        parts |= {"tls": "TLS"} if self.tls else {}
        parts |= {"api_key": "an API key"} if self.api_key is not None else {}
        sources = self.sources
        return ", ".join(f"{part} ({sources[of]})" if of in sources else part for of, part in parts.items())


def server_address(server: ServerSettings) -> str:
    """The `host:port` at which clients on this machine reach the development server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server.ip, server.ip)
    return f"[{host}]:{server.port}" if ":" in host else f"{host}:{server.port}"


def temporal_target(settings: Settings) -> Target:
    """Where to connect to. Raises `ConfigError`, naming the setting or variable, for what cannot be used."""
    temporal = settings.temporal
    profile = _profile(temporal)
    sources = _Sources(temporal, profile)
    try:
        connection = _overlaid(temporal, profile).to_client_connect_config()
    except OSError as exc:
        raise ConfigError(f"{sources.of_file(exc.filename)}: {exc.filename} cannot be read: {exc.strerror}") from exc
    return Target(
        address=connection.get("target_host", server_address(settings.server)),
        namespace=connection.get("namespace", temporal.namespace),
        api_key=_usable(connection.get("api_key"), sources.all.get("api_key")),
        tls=connection.get("tls"),
        rpc_metadata=connection.get("rpc_metadata", {}),
        sources=sources.all,
    )


def _overlaid(temporal: TemporalSettings, below: ClientConfigProfile) -> ClientConfigProfile:
    """Temporal's own profile, with what the settings say over it."""
    key = temporal.api_key
    return replace(
        below,
        address=temporal.address or below.address,
        namespace=temporal.namespace if "namespace" in temporal.model_fields_set else below.namespace,
        api_key=below.api_key if key is None else key.get_secret_value(),
        tls=_tls(temporal.tls, below.tls),
    )


def _tls(ours: TlsSettings, below: ClientConfigTLS | None) -> ClientConfigTLS | None:
    if ours.wanted is None:
        return below
    under = below or ClientConfigTLS()
    # A certificate and its key are of one piece.
    return ClientConfigTLS(
        disabled=not ours.wanted,
        server_name=ours.server_name or under.server_name,
        server_root_ca_cert=ours.server_ca_cert or under.server_root_ca_cert,
        client_cert=ours.client_cert or under.client_cert,
        client_private_key=ours.client_key or under.client_private_key,
    )


def _profile(temporal: TemporalSettings) -> ClientConfigProfile:
    """What Temporal's own environment says. Raises `ConfigError`, which has nothing of what stands in a file."""
    file = _config_file(temporal)
    _check_variables()
    try:
        return ClientConfigProfile.load(profile=temporal.profile, config_source=file)
    except (RuntimeError, OSError, ValueError) as exc:
        raise ConfigError(f"{_about_profile(temporal, file)}: {_without_lines(str(exc))}") from exc


def _config_file(temporal: TemporalSettings) -> Path | None:
    """The file, if one is named: the SDK takes one that is not there for an empty one."""
    named = temporal.config_file or os.environ.get("TEMPORAL_CONFIG_FILE")
    if not named:
        return None
    if not Path(named).exists():
        source = "temporal.config_file" if temporal.config_file else "TEMPORAL_CONFIG_FILE"
        raise ConfigError(f"{source}: there is no file {named}")
    return Path(named)


def _check_variables() -> None:
    switch = os.environ.get(_TLS, "")
    if switch.lower() not in _SWITCHES:
        raise ConfigError(f"{_TLS}: {switch!r} is neither true nor false")


def _usable(key: str | None, source: str | None) -> str | None:
    """As of the setting: a line end at the end of a key would be an error that shows it."""
    if key is not None and (not key.isascii() or not key.isprintable() or " " in key):
        raise ConfigError(f"{source}: an API key is one word of ASCII, without spaces and line ends")
    return key


def _about_profile(temporal: TemporalSettings, file: Path | None) -> str:
    """Where a profile is looked for, and who says so."""
    where = f"Temporal's configuration file {file}" if file else "Temporal's configuration (TEMPORAL_*, temporal.toml)"
    return f"{where}, {_profile_name(temporal)}"


def _profile_name(temporal: TemporalSettings) -> str:
    if temporal.profile is not None:
        return f"profile {temporal.profile!r} (temporal.profile)"
    if named := os.environ.get("TEMPORAL_PROFILE"):
        return f"profile {named!r} (TEMPORAL_PROFILE)"
    return "profile 'default'"


def _without_lines(text: str) -> str:
    """An error of TOML shows the line that is wrong, and in that line may be a key."""
    return text.partition("\n")[0]


class _Sources:
    """Who says each value."""

    def __init__(self, temporal: TemporalSettings, profile: ClientConfigProfile) -> None:
        self._profile_name = f"Temporal's {_profile_name(temporal)}"
        self._tls = temporal.tls
        explicit = "namespace" in temporal.model_fields_set
        api_key = self._of("api_key", temporal.api_key is not None, "TEMPORAL_API_KEY", profile.api_key)
        found = {
            "address": self._of("address", bool(temporal.address), "TEMPORAL_ADDRESS", profile.address),
            "namespace": self._of("namespace", explicit, "TEMPORAL_NAMESPACE", profile.namespace),
            "api_key": api_key,
            "tls": self._of("tls", temporal.tls.wanted is not None, _TLS, profile.tls) or api_key,
        }
        self.all = {name: source for name, source in found.items() if source is not None}

    def of_file(self, path: str | Path) -> str:
        """Which setting or variable names a file of TLS."""
        for name, variable in _TLS_FILES.items():
            if getattr(self._tls, name) == Path(path):
                return f"temporal.tls.{name}"
            if os.environ.get(variable) == str(path):
                return variable
        return self._profile_name

    def _of(self, key: str, ours: bool, variable: str, found: object) -> str | None:
        if ours:
            return f"temporal.{key}"
        said = [name for name, value in os.environ.items() if value and name.startswith((variable, f"{_TLS}_"))]
        if variable in said or (variable == _TLS and said):
            return variable
        return None if found is None else self._profile_name
