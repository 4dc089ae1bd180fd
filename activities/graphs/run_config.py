"""The config with which LangGraph runs a graph."""

from __future__ import annotations

from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple

from ...contracts.auth_user import AUTH_USER, AuthUser
from ...contracts.types import RunSpec

RUN_ID = "perdure_run_id"
"""The key in a config's metadata by which a node knows its run, on every attempt: for idempotent effects."""


def thread_config(thread_id: str) -> RunnableConfig:
    """Addresses the newest state of a thread."""
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}


def at_checkpoint(config: RunnableConfig, checkpoint_id: str) -> RunnableConfig:
    """Addresses one checkpoint of what `config` addresses."""
    return {"configurable": {**config.get("configurable", {}), "checkpoint_id": checkpoint_id}}


def is_of(found: CheckpointTuple, run_id: str) -> bool:
    """Whether a checkpoint was saved by this run."""
    return cast("dict[str, Any]", found.metadata).get("run_id") == run_id


def run_config(spec: RunSpec, run_id: str, thread_id: str) -> RunnableConfig:
    """The run's config: what its spec says, and the ids under which nodes and tracers know the run.

    Not as `metadata.run_id`: nested graphs inherit it, and one with a saver of its own would take its second input of
    the run for one that was applied. (LangGraph's rule, in `PregelLoop._first`.)
    """
    config = cast("RunnableConfig", dict(spec.runnable_config))
    metadata = {**config.get("metadata", {}), **spec.metadata}
    metadata.pop("run_id", None)
    config["configurable"] = {**_with_user(config.get("configurable", {})), "thread_id": thread_id}
    config["metadata"] = {**metadata, RUN_ID: run_id, "thread_id": thread_id, "assistant_id": spec.assistant_id}
    return config


def _with_user(configurable: dict[str, Any]) -> dict[str, Any]:
    """Who has asked for the run over HTTP, with attributes, as LangGraph has him (`runtime.server_info.user`)."""
    user = configurable.get(AUTH_USER)
    if not isinstance(user, dict):
        return configurable
    return {**configurable, AUTH_USER: AuthUser(cast("dict[str, Any]", user))}
