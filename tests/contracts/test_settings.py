"""The settings: the file, the environment over it, and an error that names the key for everything that is wrong."""

from __future__ import annotations

import traceback
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from perdure.contracts.errors import ConfigError
from perdure.contracts.settings import Settings, load_settings
from perdure.contracts.settings_section import parse_duration


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, settings: Any, name: str = "temporal-dev.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(settings if isinstance(settings, str) else yaml.safe_dump(settings))
    return path


def test_with_nothing_set_everything_has_a_default(folder: Path) -> None:
    settings = load_settings()
    assert settings.home == folder / ".perdure"
    assert settings.graphs == folder / "langgraph.json"
    assert settings.bridge_url == f"sqlite:///{folder}/.perdure/bridge.db"
    assert settings.store_url == f"sqlite:///{folder}/.perdure/store.db"
    assert settings.checkpointer_url == f"sqlite:///{folder}/.perdure/checkpoints.db"
    assert (settings.temporal.address, settings.temporal.task_queue) == (None, "perdure")
    assert (settings.runs.slice_budget, settings.runs.heartbeat_timeout) == (0.25, 10.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30), ("5m", 300), ("12h", 43200), ("2d", 172800), ("1.5s", 1.5), (" 5 s ", 5),
     ("7", 7), ("0", 0), (3, 3), (0.5, 0.5)],
)  # fmt: skip
def test_a_duration(folder: Path, text: Any, seconds: float) -> None:
    written(folder, {"runs": {"slice_budget": text}})
    assert load_settings().runs.slice_budget == seconds
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5 weeks", "5S", "-5s", "1h30m", "s", "nan", "inf", "1e400", "0x10"])
def test_a_wrong_duration_says_how_to_write_one(folder: Path, text: str) -> None:
    written(folder, {"runs": {"slice_budget": text}})
    with pytest.raises(ConfigError, match=r"runs\.slice_budget") as raised:
        load_settings()
    assert (
        "250ms" in str(raised.value)
        or "greater" in str(raised.value)
        or "less" in str(raised.value)
        or ("finite" in str(raised.value))
    )


def test_the_file_of_the_working_folder_is_read(folder: Path) -> None:
    written(folder, {"temporal": {"namespace": "mine"}})
    assert load_settings().temporal.namespace == "mine"


def test_the_argument_comes_before_the_variable_and_the_working_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(folder, {"temporal": {"namespace": "of the folder"}})
    variable = written(folder, {"temporal": {"namespace": "of the variable"}}, "variable.yaml")
    argument = written(folder, {"temporal": {"namespace": "of the argument"}}, "argument.yaml")
    assert load_settings().temporal.namespace == "of the folder"
    monkeypatch.setenv("PERDURE_CONFIG", str(variable))
    assert load_settings().temporal.namespace == "of the variable"
    assert load_settings(argument).temporal.namespace == "of the argument"
    assert load_settings(str(argument)).temporal.namespace == "of the argument"


def test_the_environment_comes_before_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(folder, {"temporal": {"namespace": "file", "task_queue": "file"}, "runs": {"slice_budget": "1s"}})
    monkeypatch.setenv("PERDURE_TEMPORAL__NAMESPACE", "environment")
    monkeypatch.setenv("PERDURE_RUNS__SLICE_BUDGET", "2s")
    settings = load_settings()
    assert (settings.temporal.namespace, settings.temporal.task_queue) == ("environment", "file")
    assert settings.runs.slice_budget == 2


def test_top_level_variables(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PERDURE_HOME", "elsewhere")
    monkeypatch.setenv("PERDURE_GRAPHS", "/absolute/langgraph.json")
    settings = load_settings()
    assert settings.home == folder / "elsewhere"
    assert settings.graphs == Path("/absolute/langgraph.json")


def test_relative_paths_start_from_the_files_folder(folder: Path) -> None:
    path = written(folder, {"home": "data", "graphs": "g.json"}, "deep/settings.yaml")
    settings = load_settings(path)
    assert (settings.home, settings.graphs) == (folder / "deep" / "data", folder / "deep" / "g.json")
    assert settings.store_url == f"sqlite:///{folder}/deep/data/store.db"


def test_a_url_replaces_the_default(folder: Path) -> None:
    written(folder, {"bridge": {"url": "memory://"}, "checkpointer": {"url": "sqlite:////tmp/c.db"}})
    settings = load_settings()
    assert (settings.bridge_url, settings.checkpointer_url) == ("memory://", "sqlite:////tmp/c.db")


def test_null_is_no_limit_and_no_file(folder: Path) -> None:
    written(folder, {"runs": {"step_timeout": None}, "server": {"db_filename": None}, "bridge": {"url": None}})
    settings = load_settings()
    assert (settings.runs.step_timeout, settings.server.db_filename, settings.bridge.url) == (None, None, None)


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "{}"])
def test_an_empty_file_changes_nothing(folder: Path, text: str) -> None:
    written(folder, text)
    assert load_settings().temporal.namespace == "default"


WRONG: list[tuple[Any, list[str]]] = [
    ({"temporl": {}}, ["temporl: unknown key (did you mean 'temporal'?)", "allowed here: home, graphs, temporal"]),
    ({"temporal": {"adress": "x:1"}}, ["temporal.adress: unknown key (did you mean 'address'?)", "task_queue"]),
    ({"temporal": {"address": ""}}, ["temporal.address: String should have at least 1 character"]),
    ({"temporal": 5}, ["temporal: Input should be a valid dictionary"]),
    ({"server": {"port": 0}}, ["server.port: Input should be greater than or equal to 1"]),
    ({"server": {"port": 70000}}, ["server.port: Input should be less than or equal to 65535"]),
    ({"server": {"port": "abc"}}, ["server.port: Input should be a valid integer"]),
    ({"server": {"log_level": "loud"}}, ["server.log_level: Input should be 'debug', 'info'"]),
    ({"server": {"search_attributes": {"A": "Strnig"}}}, ["server.search_attributes.A: Input should be 'Text'"]),
    ({"worker": {"max_concurrent_activities": 0}}, ["worker.max_concurrent_activities"]),
    ({"runs": {"heartbeat_timeout": "100ms"}}, ["runs.heartbeat_timeout: Input should be greater than"]),
    ({"runs": {"preview": "perhaps"}}, ["runs.preview: Input should be a valid boolean"]),
    ({"bridge": {"url": "reddis://x"}}, ["bridge.url: 'reddis://x' has no known scheme", "allowed: sqlite://"]),
    ({"bridge": {"url": "sqlit://x"}}, ["(did you mean 'sqlite'?)"]),
    ({"bridge": {"url": "bridge.db"}}, ["bridge.url: 'bridge.db' has no known scheme"]),
    ({"store": {"url": "memory://"}}, ["store.url: 'memory://' has no known scheme; allowed: sqlite://"]),
    ({"checkpointer": {"url": "mongo://x"}}, ["checkpointer.url: 'mongo://x' has no known scheme"]),
    ({"webhooks": {"allowed_networks": ["127.0.0.1/8"]}}, ["allowed_networks.0: 127.0.0.1/8 has host bits set"]),
    ({"webhooks": {"allowed_networks": ["here"]}}, ["allowed_networks.0: 'here' does not appear to be an IPv4 or"]),
    ({"webhooks": {"timeout": 0}}, ["webhooks.timeout: Input should be greater than 0"]),
    ({"home": 5}, ["home:"]),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "texts"), WRONG, ids=[str(case[0]) for case in WRONG])
def test_what_is_wrong_is_named_with_its_key(folder: Path, settings: Any, texts: list[str]) -> None:
    path = written(folder, settings)
    with pytest.raises(ConfigError) as raised:
        load_settings()
    message = str(raised.value)
    assert f"wrong settings (from {path.name} and PERDURE_* variables):" in message
    assert [text for text in texts if text not in message] == []


def test_everything_that_is_wrong_is_named_at_once(folder: Path) -> None:
    written(folder, {"temporl": {}, "server": {"port": 0}, "bridge": {"url": "x"}})
    with pytest.raises(ConfigError) as raised:
        load_settings()
    assert len(str(raised.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a: [", "is not YAML"),
        ("- 1", "must hold keys and values, not a list"),
        ("text", "not a str"),
        ("5", "not a int"),
    ],
)
def test_a_file_that_holds_no_settings(folder: Path, content: str, text: str) -> None:
    written(folder, content)
    with pytest.raises(ConfigError, match=text):
        load_settings()


def test_a_file_in_another_encoding(folder: Path) -> None:
    (folder / "temporal-dev.yaml").write_bytes(b"home: \xff\xfe")
    with pytest.raises(ConfigError, match="is not YAML"):
        load_settings()


@pytest.mark.parametrize("content", ["5: 6", "true: {}"])
def test_a_key_that_is_no_text(folder: Path, content: str) -> None:
    written(folder, content)
    with pytest.raises(ConfigError):
        load_settings()


@pytest.mark.parametrize("name", ["missing.yaml", "folder"])
def test_a_named_file_that_is_not_there(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (folder / "folder").mkdir()
    with pytest.raises(ConfigError, match=f"'{name}' does not exist"):
        load_settings(name)
    monkeypatch.setenv("PERDURE_CONFIG", name)
    with pytest.raises(ConfigError, match="PERDURE_CONFIG"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("PERDURE_RUNS__SLICE_BUDGET", "soon", "runs.slice_budget: 'soon' is not a duration"),
        ("PERDURE_SERVER__PORT", "x", "server.port"),
        ("PERDURE_TEMPORAL__ADRESS", "x", "temporal.adress: unknown key (did you mean 'address'?)"),
        ("PERDURE_BRIDGE__URL", "x", "bridge.url: 'x' has no known scheme"),
    ],
)
def test_a_wrong_variable_is_named_by_its_key(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, text: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=r"wrong settings \(from PERDURE_\* variables\)") as raised:
        load_settings()
    assert text in str(raised.value)


@pytest.mark.parametrize("name", ["PERDURE_TEMPORAL", "PERDURE_RUNS"])
def test_a_section_in_a_variable_that_is_no_json(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "127.0.0.1:7233")
    with pytest.raises(ConfigError):
        load_settings()


def test_what_variables_say_comes_over_the_file_key_by_key(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    written(folder, "server: {port: 7001, ui: false, search_attributes: {Customer: Keyword}}")
    monkeypatch.setenv("PERDURE_SERVER", '{"port": 7002, "log_level": "info"}')
    monkeypatch.setenv("perdure_server__Port", "7003")
    monkeypatch.setenv("PERDURE_SERVER__SEARCH_ATTRIBUTES__city", "Text")
    server = load_settings().server
    assert (server.port, server.log_level, server.ui) == (7003, "info", False)
    assert server.search_attributes == {"Customer": "Keyword", "city": "Text"}
    assert server.model_fields_set == {"port", "log_level", "ui", "search_attributes"}


@pytest.mark.parametrize("section", ['"text"', "7", "[]"])
def test_a_variable_below_one_that_has_no_levels(monkeypatch: pytest.MonkeyPatch, section: str) -> None:
    monkeypatch.setenv("PERDURE_SERVER", section)
    monkeypatch.setenv("PERDURE_SERVER__PORT", "7003")
    with pytest.raises(ConfigError, match="PERDURE_SERVER__PORT has a level below 'server'"):
        load_settings()


def test_an_unknown_section_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_TEMPORL__ADDRESS", "x:1")
    with pytest.raises(ConfigError, match="temporl"):
        load_settings()


def test_an_empty_environment_is_not_read_at_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_TEMPORAL__NAMESPACE", "late")
    assert Settings().temporal.namespace == "default"
    assert load_settings().temporal.namespace == "late"


def test_the_secret_of_webhooks_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    secret, before = "whsec_" + "A" * 32, "whsec_" + "B" * 32
    monkeypatch.setenv("PERDURE_WEBHOOKS__SECRET", secret)
    monkeypatch.setenv("PERDURE_WEBHOOKS__PREVIOUS_SECRET", before)
    settings = load_settings()
    assert settings.webhooks.secrets == (secret, before)
    assert "whsec_" not in repr(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"SECRET": "a plain text"}, r"webhooks.secret: it must be whsec_ and the base64 of 24 to 64 random bytes"),
        ({"PREVIOUS_SECRET": "whsec_" + "B" * 32}, r"previous_secret is set, and secret is not"),
    ],
)
def test_a_wrong_secret_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], text: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"PERDURE_WEBHOOKS__{name}", value)
    with pytest.raises(ConfigError, match=text) as refused:
        load_settings()
    shown = "".join(traceback.format_exception(refused.value))
    assert not [value for value in variables.values() if value in shown]


def test_networks_that_webhooks_may_call(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    written(folder, "webhooks: {allowed_networks: [127.0.0.0/8]}")
    assert load_settings().webhooks.allowed_networks == (ip_network("127.0.0.0/8"),)
    monkeypatch.setenv("PERDURE_WEBHOOKS__ALLOWED_NETWORKS", '["::1/128", "10.0.0.0/8"]')
    assert load_settings().webhooks.allowed_networks == (ip_network("::1/128"), ip_network("10.0.0.0/8"))


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().runs.slice_budget = 1.0  # type: ignore[misc]
