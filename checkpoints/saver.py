"""A run's saver: LangGraph's own, with the fence checked in the transaction of each write."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_metadata,
)

from ..blocking import uncut
from ..contracts.closing import closing
from ..contracts.errors import ConfigError, FencedError, TypeNotAllowedError, UnavailableError
from ..contracts.langgraph_names import RESUME
from ..contracts.recent import Recent
from ..contracts.serialization.allowed_types import refusing_types
from .addresses import checkpoint_address, checkpoint_config
from .contract import Checkpoints, Guard, SaveHooks
from .shallow import is_shallow
from .state_size import StateSize
from .storable import AuthorsOf, Save, nobody, storable

T = TypeVar("T")

PickedUpHook = Callable[[RunnableConfig, CheckpointTuple], Coroutine[Any, Any, None]]


class FencedSaver(BaseCheckpointSaver[Any]):
    """The back end's saver for one attempt of one run: writes pass its fence, the rest is the saver's own.

    `failure` holds the first error that is the back end's or the fence's. It tells them from an error of the
    graph, also where LangGraph or the graph itself wraps or swallows the exception.

    A checkpoint's metadata says whose it is (`run_id`). The config may not: nested graphs inherit its metadata, and
    one with a saver of its own would take its input for applied.
    """

    picked_up: PickedUpHook | None = None
    """Called with the config and the checkpoint of each graph that goes on from one."""
    stand: Callable[[tuple[str, ...]], Coroutine[Any, Any, None]] | None = None
    """Called with the namespace of a nested graph whose superstep is saved: under durability `sync` it waits here."""

    authors: AuthorsOf = staticmethod(nobody)
    """Known once the graph is called."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        run_id: str,
        *,
        fence: int,
        hooks: SaveHooks,
        is_run: bool = True,
        state_size: int | None = None,
    ) -> None:
        """`is_run`: else `run_id` only owns the fence. Raises `ConfigError` for a saver that keeps too little.

        `state_size`: bytes of one state, beyond which a save raises `StateTooLargeError`.
        """
        if is_shallow(checkpoints.saver):
            raise ConfigError(
                f"checkpointer.url: {type(checkpoints.saver).__name__} keeps only the newest checkpoint of a thread, "
                "and runs need the others, for rollbacks and forks: use a saver that keeps all of them"
            )
        super().__init__(serde=checkpoints.saver.serde)
        self._size = StateSize(run_id, state_size)
        self._stamp = {"run_id": run_id} if is_run else {}
        self._inner = checkpoints.saver
        self._checkpoints = checkpoints
        self._run_id = run_id
        self._fence = fence
        self._hooks = hooks
        self._loop = asyncio.get_running_loop()
        self._failures: list[BaseException] = []
        self._unsaved: list[BaseException] = []
        self._kept = Recent[tuple[str, str, str]]()
        """Addresses of checkpoints that need no keeping (any more): this run has saved them, or has kept them."""

    @property
    def failure(self) -> BaseException | None:
        """The first error of the back end or of the fence, if there was one."""
        return self._failures[0] if self._failures else None

    @property
    def unsaved(self) -> BaseException | None:
        """Why the first save of the root that failed for a reason of its own did so: the graph is about to raise it."""
        return self._unsaved[0] if self._unsaved else None

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        address = checkpoint_address(config, checkpoint["id"])
        described = cast("CheckpointMetadata", {**get_checkpoint_metadata(config, metadata), **self._stamp})

        async def put() -> None:
            guard = Guard(self._run_id, self._fence)
            values = checkpoint["channel_values"]
            with Save(self._run_id, self.authors, address[1]).of(values.items()):
                self._size.check(address[1], values, new_versions)
                await self._checkpoints.put(guard, config, checkpoint, described, new_versions)

        thread_id, namespace, checkpoint_id = address
        await self._save(
            self._hooks.before_checkpoint(checkpoint_id, namespace=namespace),
            put,
            partial(self._hooks.after_checkpoint, checkpoint_id),
            address,
        )
        # After the save: what is held is saved. (The root stands where its `checkpoints` event is not read on from.)
        if self.stand is not None and namespace and metadata.get("source") == "loop":
            await self.stand(tuple(namespace.split("|")))
        return checkpoint_config(thread_id, namespace, checkpoint_id)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        address, values = checkpoint_address(config), [*storable(writes)]
        save = Save(self._run_id, self.authors, address[1], task_id)
        save.warn(values)

        async def put() -> None:
            guard = Guard(self._run_id, self._fence, keep=address not in self._kept)
            # Savers replace what is special only where all of it is; else the answers of before would stay, and an
            # error handler, which LangGraph runs again after a cut, would ask once more.
            answers = [write for write in values if write[0] == RESUME]
            with save.of(values):
                if answers and any(channel not in WRITES_IDX_MAP for channel, _ in values):
                    await self._checkpoints.put_writes(guard, config, answers, task_id, task_path)
                await self._checkpoints.put_writes(guard, config, values, task_id, task_path)

        await self._save(
            self._hooks.before_writes(task_id, task_path, writes, namespace=address[1]),
            put,
            partial(self._hooks.after_writes, task_id),
            address,
        )

    async def _save(
        self,
        before: Coroutine[Any, Any, None],
        put: Callable[[], Coroutine[Any, Any, None]],
        after: Callable[..., None],
        address: tuple[str, str, str],
    ) -> None:
        saving: asyncio.Task[None] | None = None
        try:
            await self._recorded(before)
            saving = asyncio.create_task(put())
            # To its end: of a graph that is cut off, what is saved has to be known, and nothing may be saved later.
            await self._recorded(uncut(saving))
        except Exception as exc:
            if self.failure is None and not address[1]:
                self._unsaved.append(exc)
            raise
        finally:
            saved = saving is not None and saving.done() and not saving.cancelled() and saving.exception() is None
            if saved:
                self._kept.add(address)
            after(saved=saved, given_up=not saved and self.failure is None)

    @asynccontextmanager
    async def _reading(self) -> AsyncGenerator[None]:
        """What is read goes on in the run."""
        try:
            with refusing_types():
                yield
        except TypeNotAllowedError as exc:
            raise exc.of(self._run_id) from None

    def _names_run(self, metadata: CheckpointMetadata) -> bool:
        return cast("Mapping[str, Any]", metadata).get("run_id") == self._run_id

    async def _recorded(self, call: Coroutine[Any, Any, T]) -> T:
        try:
            return await call
        except Exception as exc:
            if isinstance(exc, FencedError | UnavailableError) or self._checkpoints.outage(exc):
                self._failures.append(exc)
            raise

    # A graph invoked synchronously inside a node saves from a thread of its own.

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self._on_loop(self.aput(config, checkpoint, metadata, new_versions))

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self._on_loop(self.aput_writes(config, writes, task_id, task_path))

    # Back ends belong to the event loop that opened them.
    def _on_loop(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    # Reading, and what a graph asks of its saver, is the inner saver's.

    @property
    def config_specs(self) -> list[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return cast("Any", self._inner).config_specs

    def get_next_version(self, current: Any, channel: None) -> Any:
        return self._inner.get_next_version(current, channel)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        async with self._reading():
            found = await self._recorded(self._inner.aget_tuple(config))
        if found is not None:
            self._hooks.loaded(found)
            if self._names_run(found.metadata):
                self._kept.add(checkpoint_address(found.config))
            if self.picked_up is not None:
                await self._recorded(self.picked_up(config, found))
        return found

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        if self._is_on_loop:
            return self._inner.get_tuple(config)  # which says that this is no way to call it
        return self._on_loop(self.aget_tuple(config))

    @property
    def _is_on_loop(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    async def alist(self, config: RunnableConfig | None, **kwargs: Any) -> AsyncIterator[CheckpointTuple]:
        async with closing(self._inner.alist(config, **kwargs)) as listed:
            while True:
                async with self._reading():
                    found = await anext(listed, None)
                if found is None:
                    return
                yield found

    def list(self, config: RunnableConfig | None, **kwargs: Any) -> Iterator[CheckpointTuple]:
        return self._inner.list(config, **kwargs)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        async with self._reading():
            return await self._recorded(self._inner.aget_delta_channel_history(config=config, channels=channels))

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        return self._inner.get_delta_channel_history(config=config, channels=channels)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> FencedSaver:
        # A graph derives the types that its state may hold: the inner saver must read with them, too.
        inner = self._inner.with_allowlist(extra_allowlist)
        if inner is self._inner:
            return self
        # A copy that shares what this one remembers: a graph and its subgraphs are one attempt, with one failure.
        clone = copy.copy(self)
        clone._inner = inner
        clone.serde = inner.serde
        return clone
