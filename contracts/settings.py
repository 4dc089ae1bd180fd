"""The settings: one YAML file, and environment variables over it.

The file is the argument, or `PERDURE_CONFIG`, or `temporal-dev.yaml` in the working folder if there is one.
Environment variables carry the prefix `PERDURE_` and `__` between levels (`PERDURE_TEMPORAL__ADDRESS`).
Relative paths in it start from the file's folder. With nothing set, everything works on one machine.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from .back_ends import BRIDGES, CHECKPOINTERS, STORES, Group, unknown_scheme
from .environment import merged, read_environment
from .errors import ConfigError, nearest
from .settings_file import config_path, read_yaml
from .types import TEN_YEARS
from .webhooks import Network, signing_key

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def parse_duration(value: object) -> object:
    """Seconds of `250ms`, `30s`, `5m`, `12h`, `2d` or a plain number of seconds."""
    if isinstance(value, str):
        text = value.strip()
        if match := _DURATION.fullmatch(text):
            return float(match[1]) * _UNITS[match[2]]
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"{value!r} is not a duration; write it like 250ms, 30s, 5m, 12h or 2d") from None
    return value


Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=TEN_YEARS, allow_inf_nan=False)]
"""Seconds, written with a unit in the file."""
Timeout = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, le=TEN_YEARS, allow_inf_nan=False)]


class Section(BaseModel):
    # An error's text goes to logs, where no secret belongs.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TemporalSettings(Section):
    """Where Temporal is. Temporal's own environment (`TEMPORAL_ADDRESS`, profiles, TLS) fills what is not set here."""

    address: str | None = Field(default=None, min_length=1)
    """`host:port`; `None`: what Temporal's environment says, else the development server of `server`."""
    namespace: str = "default"
    task_queue: str = "perdure"
    submit_timeout: Duration = 30.0
    """How long a submission waits for a worker."""
    connect_timeout: Duration = 5.0


AttributeType = Literal["Text", "Keyword", "Int", "Double", "Bool", "Datetime", "KeywordList"]


class ServerSettings(Section):
    """The development server that `perdure dev` starts."""

    ip: str = "127.0.0.1"
    port: int = Field(default=7233, ge=1, le=65535)
    ui: bool = True
    ui_port: int = Field(default=8233, ge=1, le=65535)
    db_filename: str | None = "temporal.db"
    """In `home` unless absolute; null keeps everything in memory only."""
    log_level: Literal["debug", "info", "warn", "error", "never"] = "error"
    search_attributes: dict[str, AttributeType] = Field(default_factory=dict[str, AttributeType])
    dynamic_config: dict[str, Any] = Field(default_factory=dict[str, Any])
    sqlite_pragma: dict[str, str | int] = Field(default_factory=dict[str, str | int])


class WorkerSettings(Section):
    max_concurrent_activities: int = Field(default=200, ge=1)
    """How many runs one worker executes at the same time."""
    max_cached_workflows: int = Field(default=600, ge=0)
    max_held_graphs: int = Field(default=1000, ge=0)
    """How many graphs may wait in memory for their next slice. Beyond that a slice goes on until there is room."""
    max_held_memory: int | None = Field(default=None, ge=1)
    """MB that the worker's process may have in memory. Beyond that no other graph waits for its next slice, and those
    that have waited longest go on from their checkpoints; null is no bound."""
    hold_graphs_for: Duration = 60.0
    """How long a graph waits for its next slice. Then the run goes on from its checkpoint, as after a crash."""
    graceful_shutdown: Duration = 30.0
    """How long a stopping worker waits for running supersteps to reach their boundary."""
    sticky_timeout: Duration = 2.0
    """How long Temporal waits for a dead worker before another one gets its workflow."""


class RunSettings(Section):
    """Defaults of runs that say nothing of their own. A timeout of null is no limit."""

    slice_budget: Duration = 0.25
    heartbeat_timeout: Duration = Field(default=10.0, ge=0.5)
    step_timeout: Timeout | None = None
    run_timeout: Timeout | None = None
    awaiting_timeout: Timeout | None = None
    max_takeovers: int | None = Field(default=5, ge=0)
    """Workers that a run may lose in a row, beyond the first, without a completed superstep; null is no limit."""
    preview: bool = True
    """Show the first words of the input in the Temporal UI."""


def _signing_secret(secret: SecretStr) -> SecretStr:
    signing_key(secret.get_secret_value())
    return secret


class WebhookSettings(Section):
    """The calls of `RunSpec.webhook` at the end of a run."""

    secret: Annotated[SecretStr, AfterValidator(_signing_secret)] | None = None
    """Key of the signature, `whsec_` and base64; null signs nothing. It belongs into the environment:
    `PERDURE_WEBHOOKS__SECRET`."""
    previous_secret: Annotated[SecretStr, AfterValidator(_signing_secret)] | None = None
    """Signs too, while receivers change from it to `secret`."""
    timeout: Timeout = 10.0
    """Of one call."""
    retry_for: Duration = 3600.0
    """How long after the end of its run a call that fails is repeated, with growing pauses of a minute at most."""
    allowed_networks: tuple[Annotated[Network, BeforeValidator(ip_network)], ...] = ()
    """Networks that may be called although they are not public, like `127.0.0.0/8`."""

    @model_validator(mode="after")
    def _has_secret(self) -> WebhookSettings:
        if self.previous_secret is not None and self.secret is None:
            raise ValueError("previous_secret is set, and secret is not: the one in use is `secret`")
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """What a call is signed with: the one in use first."""
        return tuple(one.get_secret_value() for one in (self.secret, self.previous_secret) if one is not None)


class LogSettings(Section):
    """What the services write to stderr."""

    format: Literal["text", "json"] = "text"
    """`json` is one object a line, with the ids of run, thread and trace."""


class LocationSettings(Section):
    url: str | None = None
    """Null is a SQLite file of its own in `home`."""

    schemes: ClassVar[tuple[str, ...]] = ("sqlite", "memory")
    installed: ClassVar[Group | None] = None
    """The entry points that bring more."""

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str | None) -> str | None:
        if url is not None and (wrong := unknown_scheme(url, cls.schemes, cls.installed)):
            raise ValueError(wrong)
        return url


class BridgeSettings(LocationSettings):
    """The event streams of runs."""

    schemes: ClassVar[tuple[str, ...]] = ("sqlite", "memory", "redis", "rediss", "redis+sentinel", "rediss+sentinel")
    installed: ClassVar[Group | None] = BRIDGES


class StoreSettings(LocationSettings):
    """The records of runs."""

    capture_message_content: bool = True
    """Keep what models, tools and people say in run events; else only that they did, when, and with how many tokens."""

    schemes: ClassVar[tuple[str, ...]] = ("sqlite", "postgresql")
    installed: ClassVar[Group | None] = STORES


class CheckpointerSettings(LocationSettings):
    """The state of threads, in LangGraph's own savers."""

    allowed_types: tuple[str, ...] = ()
    """Classes, as `module.Class`, that may be built of what is stored, beside those that the graphs refer to."""

    schemes: ClassVar[tuple[str, ...]] = ("sqlite", "memory", "postgresql")
    installed: ClassVar[Group | None] = CHECKPOINTERS


class NodeStoreSettings(LocationSettings):
    """LangGraph's store, for what nodes remember beyond their thread."""

    schemes: ClassVar[tuple[str, ...]] = ("sqlite", "memory", "postgresql")


class NodeCacheSettings(LocationSettings):
    """LangGraph's cache, for nodes that have a cache policy."""


class Settings(Section):
    """Everything that can be set."""

    home: Path = Path(".perdure")
    """Every default file lies in it."""
    graphs: Path = Path("langgraph.json")
    temporal: TemporalSettings = TemporalSettings()
    server: ServerSettings = ServerSettings()
    worker: WorkerSettings = WorkerSettings()
    runs: RunSettings = RunSettings()
    webhooks: WebhookSettings = WebhookSettings()
    logs: LogSettings = LogSettings()
    bridge: BridgeSettings = BridgeSettings()
    store: StoreSettings = StoreSettings()
    checkpointer: CheckpointerSettings = CheckpointerSettings()
    langgraph_store: NodeStoreSettings = NodeStoreSettings()
    langgraph_cache: NodeCacheSettings = NodeCacheSettings()

    @property
    def bridge_url(self) -> str:
        """The bridge's URL, the default filled in."""
        return self.bridge.url or self._file_url("bridge.db")

    @property
    def store_url(self) -> str:
        """The store's URL, the default filled in."""
        return self.store.url or self._file_url("store.db")

    @property
    def checkpointer_url(self) -> str:
        """The checkpointer's URL, the default filled in."""
        return self.checkpointer.url or self._file_url("checkpoints.db")

    @property
    def langgraph_store_url(self) -> str:
        """The URL of LangGraph's store, the default filled in."""
        return self.langgraph_store.url or self._file_url("langgraph_store.db")

    @property
    def langgraph_cache_url(self) -> str:
        """The URL of LangGraph's cache, the default filled in."""
        return self.langgraph_cache.url or self._file_url("langgraph_cache.db")

    def _file_url(self, name: str) -> str:
        return f"sqlite:///{self.home.absolute() / name}"


def load_settings(config: str | Path | None = None) -> Settings:
    """Read the settings. Raises `ConfigError`, naming the key, what is wrong with it, and the nearest right one."""
    path = config_path(config)
    values = merged(read_yaml(path) if path else {}, read_environment(Settings))
    try:
        settings = Settings.model_validate(values)
    except ValidationError as exc:
        raise ConfigError(_explain(exc, path)) from exc
    base = path.parent.absolute() if path else Path.cwd()
    return settings.model_copy(update={"home": base / settings.home, "graphs": base / settings.graphs})


def _explain(error: ValidationError, path: Path | None) -> str:
    where = f"{path} and PERDURE_* variables" if path else "PERDURE_* variables"
    return "\n".join([f"wrong settings (from {where}):", *(_explain_one(item["loc"], item) for item in error.errors())])


def _explain_one(loc: tuple[int | str, ...], item: Any) -> str:
    key = ".".join(str(part) for part in loc)
    if item["type"] != "extra_forbidden":
        return f"  {key}: {item['msg'].removeprefix('Value error, ')}"
    known = _known_keys(loc[:-1])
    return f"  {key}: unknown key{nearest(str(loc[-1]), known)}; allowed here: {', '.join(known)}"


def _known_keys(loc: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in loc:
        kind = model.model_fields[str(part)].annotation
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return []
        model = kind
    return list(model.model_fields)
