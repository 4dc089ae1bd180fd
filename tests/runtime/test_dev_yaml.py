"""The file `temporal-dev.yaml` and the defaults in the code cannot disagree."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure.contracts.settings import Settings, load_settings
from perdure.contracts.settings_section import Section
from perdure.runtime.server_command import DEFAULT_DYNAMIC_CONFIG, DEFAULT_SQLITE_PRAGMA

ROOT = Path(__file__).parents[2]
FILE = ROOT / "temporal-dev.yaml"


def test_it_holds_the_defaults() -> None:
    loaded = load_settings(FILE)
    assert loaded.server.dynamic_config == DEFAULT_DYNAMIC_CONFIG
    assert loaded.server.sqlite_pragma == DEFAULT_SQLITE_PRAGMA
    server = loaded.server.model_copy(update={"dynamic_config": {}, "sqlite_pragma": {}})
    expected = Settings(home=ROOT / ".perdure", graphs=ROOT / "langgraph.json")
    assert loaded.model_copy(update={"server": server}) == expected


def test_it_shows_every_key() -> None:
    text = FILE.read_text()

    def missing(model: type[Section]) -> list[str]:
        found: list[str] = []
        for name, field in model.model_fields.items():
            kind = field.annotation
            if f"{name}:" not in text:
                found.append(name)
            if isinstance(kind, type) and issubclass(kind, Section):
                found += missing(kind)
        return found

    assert missing(Settings) == []


def test_it_leaves_the_connection_to_temporals_own_environment() -> None:
    assert not {"address", "namespace"} & load_settings(FILE).temporal.model_fields_set


def test_it_is_found_in_the_working_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert load_settings().server.model_fields_set
