"""A run's saver: LangGraph's own, with the fence checked in the transaction of each write."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Collection, Coroutine, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_metadata,
)

from ..contracts.errors import FencedError, UnavailableError
from .contract import Checkpoints, SaveHooks

T = TypeVar("T")


class FencedSaver(BaseCheckpointSaver[Any]):
    """Delegates everything to the back end's saver; writes pass the fence of one attempt of one run.

    `failure` holds the first error that is the back end's or the fence's. It tells them from an error of the
    graph, also where LangGraph or the graph itself wraps or swallows the exception.
    """

    def __init__(self, checkpoints: Checkpoints, run_id: str, *, fence: int, hooks: SaveHooks) -> None:
        super().__init__(serde=checkpoints.saver.serde)
        self._inner = checkpoints.saver
        self._checkpoints = checkpoints
        self._run_id = run_id
        self._fence = fence
        self._hooks = hooks
        self._loop = asyncio.get_running_loop()
        self._failures: list[BaseException] = []
        self._kept: set[tuple[str, str, str]] = set()
        """Addresses of checkpoints that need no keeping (any more): this run has saved them, or has kept them."""

    @property
    def failure(self) -> BaseException | None:
        """The first error of the back end or of the fence, if there was one."""
        return self._failures[0] if self._failures else None

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        address = _address(config, checkpoint["id"])

        async def save() -> RunnableConfig:
            saved = False
            try:
                await self._hooks.before_checkpoint(checkpoint["id"], namespace=checkpoint_namespace(config))
                async with self._checkpoints.guard(self._run_id, fence=self._fence):
                    if not self._names_run(get_checkpoint_metadata(config, metadata)):
                        await self._keep(address)
                    stored = await self._inner.aput(config, checkpoint, metadata, new_versions)
                saved = True
                self._kept.add(address)
                return stored
            finally:
                self._hooks.after_checkpoint(checkpoint["id"], saved=saved)

        return await self._recorded(save())

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        address = _address(config)

        async def save() -> None:
            saved = False
            try:
                await self._hooks.before_writes(task_id, task_path, writes, namespace=checkpoint_namespace(config))
                async with self._checkpoints.guard(self._run_id, fence=self._fence):
                    await self._keep(address)
                    await self._inner.aput_writes(config, writes, task_id, task_path)
                saved = True
                self._kept.add(address)
            finally:
                self._hooks.after_writes(task_id, saved=saved)

        await self._recorded(save())

    async def _keep(self, address: tuple[str, str, str]) -> None:
        if address not in self._kept:
            thread_id, namespace, checkpoint_id = address
            await self._checkpoints.keep(self._run_id, thread_id, namespace=namespace, checkpoint_id=checkpoint_id)

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

    def _on_loop(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    # Reading, and what a graph asks of its saver, is the inner saver's.

    @property
    def config_specs(self) -> list[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return cast("Any", self._inner).config_specs

    def get_next_version(self, current: Any, channel: None) -> Any:
        return self._inner.get_next_version(current, channel)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        found = await self._recorded(self._inner.aget_tuple(config))
        if found is not None:
            self._hooks.loaded(found)
            if self._names_run(found.metadata):
                self._kept.add(_address(found.config))
        return found

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self._inner.get_tuple(config)

    async def alist(self, config: RunnableConfig | None, **kwargs: Any) -> AsyncIterator[CheckpointTuple]:
        async for found in self._inner.alist(config, **kwargs):
            yield found

    def list(self, config: RunnableConfig | None, **kwargs: Any) -> Iterator[CheckpointTuple]:
        return self._inner.list(config, **kwargs)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
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
        clone = copy.copy(self)
        clone._inner = inner
        clone.serde = inner.serde
        return clone


def checkpoint_namespace(config: RunnableConfig) -> str:
    """Of the graph to which a checkpoint's config belongs; empty for the root graph."""
    return str(config.get("configurable", {}).get("checkpoint_ns", ""))


def _address(config: RunnableConfig, checkpoint_id: str | None = None) -> tuple[str, str, str]:
    """Thread, namespace and id of a checkpoint."""
    place = config.get("configurable", {})
    return str(place["thread_id"]), checkpoint_namespace(config), checkpoint_id or str(place["checkpoint_id"])
