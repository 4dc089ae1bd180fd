"""What clients send about crons."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, field_validator

from .bodies import Body, Paged
from .ids import AssistantId, ThreadId
from .run_bodies import RunCreate

_NOT_OF_CRONS = ("command", "after_seconds", "checkpoint", "checkpoint_id", "on_disconnect", "if_not_exists")
"""Fields of a run that is created once."""


class CronCreate(RunCreate):
    """Runs at the times of a cron expression."""

    schedule: str
    """Five fields: minute, hour, day of month, month, day of week."""
    timezone: str | None = None
    """An IANA name; without it UTC."""
    end_time: datetime | None = None
    enabled: bool | None = None
    on_run_completed: Literal["delete", "keep"] | None = None
    """Of the thread that each run has to itself; without it `delete`."""

    @field_validator(*_NOT_OF_CRONS, "on_completion")
    @classmethod
    def _once_only(cls, value: Any) -> Any:
        if value is not None:
            raise ValueError("a cron has none: leave it out")
        return value


class ThreadCronCreate(CronCreate):
    """Runs on one thread at the times of a cron expression."""

    @field_validator("on_run_completed")
    @classmethod
    def _thread_stays(cls, value: Any) -> Any:
        if value is not None:
            raise ValueError("the thread of a cron stays: leave it out")
        return value


class CronPatch(Body):
    """A change of a cron. What is given comes instead of what there is; metadata is merged."""

    schedule: str | None = None
    timezone: str | None = None
    end_time: datetime | None = None
    """Null: without an end."""
    enabled: bool | None = None
    on_run_completed: Literal["delete", "keep"] | None = None
    input: Any = None
    metadata: dict[str, Any] | None = None
    config: dict[str, Any] | None = None
    context: Any = None
    webhook: str | None = None
    interrupt_before: Any = None
    interrupt_after: Any = None
    stream_mode: Any = None
    stream_subgraphs: bool | None = None
    stream_resumable: bool | None = None
    durability: str | None = None
    multitask_strategy: str | None = None

    def changes(self) -> dict[str, Any]:
        """What is given; an explicit null only of the end."""
        given = self.model_dump(mode="json", exclude_unset=True)
        return {name: value for name, value in given.items() if value is not None or name == "end_time"}


class CronCount(Body):
    """Which crons."""

    assistant_id: AssistantId | None = None
    thread_id: ThreadId | None = None
    metadata: dict[str, Any] | None = None


CronOrder = Literal["cron_id", "assistant_id", "thread_id", "next_run_date", "end_time", "created_at", "updated_at"]


class CronSearch(CronCount, Paged):
    """Which crons, and in which order."""

    enabled: bool | None = None
    sort_by: CronOrder | None = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[str] | None = Field(default=None)
