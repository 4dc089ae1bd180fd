"""The settings: one YAML file, and environment variables over it.

The file is the argument, or `PERDURE_CONFIG`, or `temporal-dev.yaml` in the working folder if there is one.
Environment variables carry the prefix `PERDURE_` and `__` between levels (`PERDURE_TEMPORAL__ADDRESS`).
Relative paths in it start from the file's folder. With nothing set, everything works on one machine.
"""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from .back_ends import BRIDGES, CHECKPOINTERS, STORES, Group, unknown_scheme
from .encryption_settings import CodecServerSettings, EncryptionSettings
from .environment import merged, read_environment
from .errors import ConfigError, nearest
from .gateway_settings import GatewaySettings as GatewaySettings
from .limit_settings import LimitSettings as LimitSettings
from .retention_settings import RetentionSettings as RetentionSettings
from .settings_file import config_path, read_yaml
from .settings_section import Duration, Timeout
from .settings_section import Section as Section
from .temporal_settings import TemporalSettings as TemporalSettings
from .webhooks import Network, signing_key
from .worker_settings import WorkerSettings as WorkerSettings

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

    listen_url: str | None = None
    """Where Postgres itself is, if `url` names a pgbouncer that pools by transaction: no notification comes through."""

    schemes: ClassVar[tuple[str, ...]] = (
        *("sqlite", "memory", "postgresql"),
        *("redis", "rediss", "redis+sentinel", "rediss+sentinel"),
    )
    installed: ClassVar[Group | None] = BRIDGES

    @model_validator(mode="after")
    def _listens(self) -> BridgeSettings:
        if self.listen_url is not None and not (self.url or "").startswith("postgresql:"):
            raise ValueError("listen_url is set, and url is no postgresql:// URL: only Postgres is listened to")
        return self


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


TaskQueues = dict[Annotated[str, Field(min_length=1)], Annotated[tuple[str, ...], Field(min_length=1)]]


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
    gateway: GatewaySettings = GatewaySettings()
    logs: LogSettings = LogSettings()
    retention: RetentionSettings = RetentionSettings()
    limits: LimitSettings = LimitSettings()
    encryption: EncryptionSettings = EncryptionSettings()
    codec_server: CodecServerSettings = CodecServerSettings()
    bridge: BridgeSettings = BridgeSettings()
    store: StoreSettings = StoreSettings()
    checkpointer: CheckpointerSettings = CheckpointerSettings()
    langgraph_store: NodeStoreSettings = NodeStoreSettings()
    langgraph_cache: NodeCacheSettings = NodeCacheSettings()
    task_queues: TaskQueues = Field(default_factory=dict[str, tuple[str, ...]])
    """Task queues beside the common one, each with the graphs that execute there: `{gpu: [render]}`."""

    @field_validator("task_queues")
    @classmethod
    def _one_queue_a_graph(cls, queues: TaskQueues) -> TaskQueues:
        where: dict[str, str] = {}
        for queue, graphs in queues.items():
            for graph in graphs:
                if where.setdefault(graph, queue) != queue:
                    raise ValueError(f"the graph {graph!r} is in {where[graph]!r} and in {queue!r}; it has one queue")
        return queues

    @model_validator(mode="after")
    def _queues_differ(self) -> Settings:
        common = self.temporal.task_queue
        for queue in self.task_queues:
            if queue == common or queue.startswith(f"{common}-"):
                raise ValueError(f"task_queues.{queue}: this name is the common task queue's (temporal.task_queue)")
        if unknown := [queue for queue in self.worker.queues if queue not in (common, *self.task_queues)]:
            raise ValueError(f"worker.queues: {unknown_queue(unknown[0], self)}")
        return self

    def queue_of(self, graph: str) -> str | None:
        """The task queue on which the graph executes; `None`: the common one."""
        return next((queue for queue, graphs in self.task_queues.items() if graph in graphs), None)

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


def unknown_queue(queue: str, settings: Settings) -> str:
    """What is wrong with a task queue that is none of these settings."""
    known = [settings.temporal.task_queue, *settings.task_queues]
    return f"unknown task queue {queue!r}{nearest(queue, known)}; there are: {', '.join(known)}"


def load_settings(config: str | Path | None = None) -> Settings:
    """Read the settings. Raises `ConfigError`, naming the key, what is wrong with it, and the nearest right one."""
    path = config_path(config)
    values = merged(read_yaml(path) if path else {}, read_environment(Settings))
    try:
        settings = Settings.model_validate(values)
    except ValidationError as exc:
        raise ConfigError(_explain(exc, path)) from exc
    base = path.parent.absolute() if path else Path.cwd()
    files = {"home": base / settings.home, "graphs": base / settings.graphs}
    return settings.model_copy(update=files | {"temporal": settings.temporal.based(base)})


def _explain(error: ValidationError, path: Path | None) -> str:
    where = f"{path} and PERDURE_* variables" if path else "PERDURE_* variables"
    return "\n".join([f"wrong settings (from {where}):", *(_explain_one(item["loc"], item) for item in error.errors())])


def _explain_one(loc: tuple[int | str, ...], item: Any) -> str:
    key = ".".join(str(part) for part in loc)
    if item["type"] != "extra_forbidden":
        told = item["msg"].removeprefix("Value error, ")
        return f"  {key}: {told}" if key else f"  {told}"
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
