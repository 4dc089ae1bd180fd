"""What a worker of ours does: how much at once, for how long, on which task queues, and who may ask how it is."""

from __future__ import annotations

import re

from pydantic import Field, field_validator, model_validator

from .settings_section import Duration, Section


class PollerSettings(Section):
    """How many calls wait at Temporal for workflow tasks, and as many for activities."""

    minimum: int = Field(default=5, ge=2)
    initial: int = Field(default=5, ge=2)
    maximum: int = Field(default=5, ge=2)
    """More than `minimum`: the server says when more are of use, and when fewer are. Else always as many."""

    @model_validator(mode="after")
    def _in_order(self) -> PollerSettings:
        if not self.minimum <= self.initial <= self.maximum:
            raise ValueError("minimum, initial and maximum have to be in this order: none larger than the next")
        return self

    @property
    def scale(self) -> bool:
        """Whether their number changes."""
        return self.minimum < self.maximum


class HealthSettings(Section):
    """HTTP for probes: `/healthz` (alive) and `/readyz` (serving)."""

    address: str | None = None
    """`host:port`; null: there is none."""

    @field_validator("address")
    @classmethod
    def _names_a_port(cls, address: str | None) -> str | None:
        if address is not None:
            split_address(address)
        return address


_ADDRESS = re.compile(r"(\[(?P<v6>[0-9a-fA-F:]+)\]|(?P<host>[^:\[\]]*)):(?P<port>[0-9]{1,5})")


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:8081`, `[::1]:8081` or `:8081` (every address). Raises `ValueError`."""
    if not (found := _ADDRESS.fullmatch(address)) or not 0 < int(found["port"]) < 65536:
        raise ValueError(f"{address!r} is no host:port, like 127.0.0.1:8081")
    return found["v6"] or found["host"] or "", int(found["port"])


class VersioningSettings(Section):
    """Temporal's worker versioning: workflows go to the workers of the deployment's current version."""

    deployment: str | None = Field(default=None, min_length=1, pattern=r"^[^.:]+$")
    build_id: str | None = Field(default=None, min_length=1)
    """Of the code that this worker has; another one for each deploy. Null, with `deployment`: there is none."""

    @model_validator(mode="after")
    def _belong_together(self) -> VersioningSettings:
        if (self.deployment is None) != (self.build_id is None):
            raise ValueError("deployment and build_id belong together: set both, or none")
        return self


class WorkerSettings(Section):
    max_concurrent_activities: int = Field(default=200, ge=1)
    """How many runs one worker executes at the same time."""
    max_concurrent_workflow_tasks: int = Field(default=100, ge=2)
    max_concurrent_local_activities: int = Field(default=100, ge=1)
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
    trim_memory: bool = True
    """Give memory back to the system when there has been nothing to do for a while. With glibc only."""
    queues: tuple[str, ...] = ()
    """Those of `task_queues` that this worker serves, and no others; none: the common one."""
    pollers: PollerSettings = PollerSettings()
    health: HealthSettings = HealthSettings()
    versioning: VersioningSettings = VersioningSettings()

    @model_validator(mode="after")
    def _pollers_have_slots(self) -> WorkerSettings:
        slots = min(self.max_concurrent_workflow_tasks, self.max_concurrent_activities)
        if self.pollers.scale and self.pollers.maximum > slots:
            raise ValueError(
                f"pollers.maximum is {self.pollers.maximum}, and there are only {slots} slots for what they bring: a "
                "poller without a slot waits (max_concurrent_workflow_tasks, max_concurrent_activities)"
            )
        return self
