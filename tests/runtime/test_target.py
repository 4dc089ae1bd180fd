"""Which of the settings, Temporal's variables and its profile says where Temporal is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from perdure.contracts.errors import ConfigError
from perdure.contracts.settings import Settings, load_settings
from perdure.contracts.temporal_settings import TemporalSettings
from perdure.runtime.target import temporal_target

TOML = """
[profile.cloud]
address = "profile:1"
namespace = "of-profile"
api_key = "key-of-profile"
"""
SECRETS = ("key-of-profile", "key-of-variable", "key-of-settings")


def settings(**temporal: object) -> Settings:
    return Settings(temporal=TemporalSettings.model_validate(temporal))


@pytest.fixture(autouse=True)
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "temporal.toml"
    file.write_text(TOML)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))
    return file


VARIABLES = {
    "TEMPORAL_ADDRESS": "variable:1",
    "TEMPORAL_NAMESPACE": "of-variable",
    "TEMPORAL_API_KEY": "key-of-variable",
}
OURS = {"address": "settings:1", "namespace": "of-settings", "api_key": "key-of-settings"}


@pytest.mark.parametrize("of", ["address", "namespace", "api_key"])
@pytest.mark.parametrize(
    ("variables", "ours", "wins"),
    [(False, False, "profile"), (True, False, "variable"), (True, True, "settings"), (False, True, "settings")],
)
def test_each_value_by_itself_settings_then_variables_then_profile(
    of: str, variables: bool, ours: bool, wins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"TEMPORAL_{of.upper()}"
    if variables:
        monkeypatch.setenv(variable, VARIABLES[variable])
    target = temporal_target(settings(profile="cloud", **({of: OURS[of]} if ours else {})))
    found = {"address": target.address, "namespace": target.namespace, "api_key": target.api_key or ""}
    assert [name for name, value in found.items() if wins not in value] == (
        [] if wins == "profile" else sorted({*found} - {of}, key=list(found).index)
    )
    said = {
        "profile": "Temporal's profile 'cloud' (temporal.profile)",
        "variable": variable,
        "settings": f"temporal.{of}",
    }
    assert target.source(of) == said[wins]


def test_an_api_key_brings_tls_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_TEMPORAL__API_KEY", "key-of-settings")
    target = temporal_target(load_settings())
    assert (target.api_key, target.tls) == ("key-of-settings", True)


@pytest.mark.parametrize(("enabled", "variable", "tls"), [(False, "true", False), (None, "0", False), (None, "", True)])
def test_tls_may_be_switched_off_for_a_key(
    enabled: bool | None, variable: str, tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_TLS", variable)
    assert bool(temporal_target(settings(profile="cloud", tls={"enabled": enabled})).tls) is tls


def test_certificates_of_the_settings_lie_beside_their_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("CA")
    (tmp_path / "perdure.yaml").write_text("temporal: {tls: {server_ca_cert: ca.pem}, config_file: temporal.toml}")
    tls = temporal_target(load_settings(tmp_path / "perdure.yaml")).tls
    assert not isinstance(tls, bool | None)
    assert tls.server_root_ca_cert == b"CA"


def test_no_text_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_GRPC_META_AUTHORIZATION", "Bearer key-of-variable")
    ours = settings(profile="cloud", api_key="key-of-settings")
    texts = [*(f"{given!r} {given}" for given in (ours, temporal_target(ours))), ours.model_dump_json()]
    assert not [secret for secret in SECRETS for text in texts if secret in text]


WRONG: Mapping[str, tuple[dict[str, str], dict[str, object], str]] = {
    "a profile that there is not": ({"TEMPORAL_PROFILE": "clod"}, {}, r"'clod' \(TEMPORAL_PROFILE\).*not found"),
    "one of the settings": ({}, {"profile": "clod"}, r"'clod' \(temporal.profile\).*not found"),
    "a file that there is not": (
        {"TEMPORAL_CONFIG_FILE": "/no.toml"},
        {},
        "TEMPORAL_CONFIG_FILE: there is no file /no",
    ),
    "one of the settings that there is not": ({}, {"config_file": "/no.toml"}, "temporal.config_file: there is no"),
    "a switch that the SDK ignores": ({"TEMPORAL_TLS": "yes"}, {}, "TEMPORAL_TLS: 'yes' is neither true nor false"),
    "a certificate of a variable": (
        {"TEMPORAL_TLS_SERVER_CA_CERT_PATH": "/no.pem"},
        {},
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH: /no.pem cannot be read: No such file",
    ),
    "a certificate of the settings": ({}, {"tls": {"server_ca_cert": "/no.pem"}}, "temporal.tls.server_ca_cert: /no"),
    "a key with a line end": (
        {"TEMPORAL_API_KEY": "key-of-variable\n"},
        {},
        "TEMPORAL_API_KEY: an API key is one word",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_error_names_who_says_the_wrong_value(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables, temporal, told = WRONG[case]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=told) as caught:
        temporal_target(settings(**temporal))
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


def test_a_line_of_toml_with_a_key_is_not_shown(profile: Path) -> None:
    profile.write_text('[profile.cloud]\napi_key = "key-of-profile\n')
    with pytest.raises(ConfigError, match=r"temporal.toml, profile 'cloud' .*line 2, column") as caught:
        temporal_target(settings(profile="cloud"))
    assert "key-of-profile" not in str(caught.value)


@pytest.mark.parametrize(
    ("temporal", "told"),
    [
        ({"tls": {"client_cert": "a.pem"}}, "client_cert and client_key belong together"),
        ({"tls": {"enabled": False, "server_ca_cert": "a.pem"}}, "enabled is false, and"),
        ({"api_key": "key-of-settings\n"}, "an API key is one word"),
        ({"api_key": ""}, "an API key is one word"),
    ],
)
def test_what_does_not_fit_together_is_refused(temporal: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        settings(**temporal)
    assert "key-of-settings" not in str(caught.value)
