from __future__ import annotations

import json
from pathlib import Path

import pytest

from perdure.contracts.errors import ConfigError
from perdure.contracts.settings import ServerSettings, Settings, TemporalSettings
from perdure.contracts.wire import SEARCH_ATTRIBUTES
from perdure.runtime.server_command import (
    DEFAULT_DYNAMIC_CONFIG,
    DEFAULT_SQLITE_PRAGMA,
    database_path,
    server_command,
)


def options(settings: Settings) -> list[tuple[str, str]]:
    command = server_command(Path("/bin/temporal"), settings)
    assert command[:3] == ["/bin/temporal", "server", "start-dev"]
    return list(zip(command[3:], [*command[4:], ""], strict=True))


def values(settings: Settings, flag: str) -> list[str]:
    return [value for name, value in options(settings) if name == flag]


def test_defaults_without_any_configuration() -> None:
    settings = Settings()
    assert values(settings, "--ip") == ["127.0.0.1"]
    assert values(settings, "--port") == ["7233"]
    assert values(settings, "--ui-port") == ["8233"]
    assert values(settings, "--namespace") == ["default"]
    assert values(settings, "--log-level") == ["error"]
    assert values(settings, "--db-filename") == [str(Path(".perdure/temporal.db").absolute())]
    assert values(settings, "--search-attribute") == [f"{name}=Keyword" for name in SEARCH_ATTRIBUTES]
    assert values(settings, "--dynamic-config-value") == [
        f"{k}={json.dumps(v)}" for k, v in DEFAULT_DYNAMIC_CONFIG.items()
    ]
    assert values(settings, "--sqlite-pragma") == [f"{k}={v}" for k, v in DEFAULT_SQLITE_PRAGMA.items()]


def test_without_the_ui() -> None:
    settings = Settings(server=ServerSettings(ui=False))
    assert values(settings, "--ui-port") == []
    assert "--headless" in server_command(Path("temporal"), settings)


def test_in_memory_there_are_no_pragmas() -> None:
    settings = Settings(server=ServerSettings(db_filename=None))
    assert values(settings, "--db-filename") == []
    assert values(settings, "--sqlite-pragma") == []


def test_dynamic_config_is_overridden_key_by_key() -> None:
    changed = {"history.timerProcessorMaxPollRPS": 7, "matching.numTaskqueueReadPartitions": None, "own": ["a", True]}
    settings = Settings(server=ServerSettings(dynamic_config=changed))
    found = values(settings, "--dynamic-config-value")
    assert "history.timerProcessorMaxPollRPS=7" in found
    assert 'own=["a", true]' in found
    assert "history.transferProcessorMaxPollRPS=5000" in found
    assert not any("ReadPartitions" in value for value in found)


def test_pragmas_are_overridden_key_by_key() -> None:
    settings = Settings(server=ServerSettings(sqlite_pragma={"synchronous": "full"}))
    assert values(settings, "--sqlite-pragma") == ["journal_mode=wal", "synchronous=full"]


def test_search_attributes_of_the_settings_are_added() -> None:
    settings = Settings(server=ServerSettings(search_attributes={"Customer": "Text"}))
    assert "Customer=Text" in values(settings, "--search-attribute")
    assert "ThreadId=Keyword" in values(settings, "--search-attribute")


def test_a_search_attribute_of_ours_keeps_its_type() -> None:
    settings = Settings(server=ServerSettings(search_attributes={"ThreadId": "Text"}))
    with pytest.raises(ConfigError, match=r"server\.search_attributes\.ThreadId"):
        server_command(Path("temporal"), settings)


def test_the_namespace_is_the_one_that_clients_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "from-environment")
    assert values(Settings(), "--namespace") == ["from-environment"]
    assert values(Settings(temporal=TemporalSettings(namespace="own")), "--namespace") == ["own"]


def test_an_absolute_database_path_is_kept() -> None:
    assert database_path(Settings(server=ServerSettings(db_filename="/data/t.db"))) == Path("/data/t.db")


@pytest.mark.parametrize("home", ["what?", "50%", "a#b"])
def test_a_path_that_the_server_would_misread_is_refused(home: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.db_filename"):
        database_path(Settings(home=Path(home)))
