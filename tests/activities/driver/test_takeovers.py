"""What counts as a lost worker: what became of the attempt just before, each time once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from perdure.activities.driver.takeovers import setback
from perdure.contracts.wire import SliceInput

from ..driving import BackEnds


class _Silent:
    """A client of a Temporal that does not say how an attempt failed."""

    def get_workflow_handle(self, *_: Any, **__: Any) -> _Silent:
        return self

    async def describe(self, **_: Any) -> None:
        raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")


@pytest.mark.parametrize(
    ("lost", "attempt", "counts"), [(False, 1, None), (True, 1, True), (False, 2, False), (True, 2, False)]
)
async def test_a_worker_that_was_lost_over_the_slice_before_counts_once(
    ends: BackEnds, lost: bool, attempt: int, counts: bool | None
) -> None:
    """A takeover that is tried again (a back end is away) has lost no other worker."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt)
    slice = SliceInput(run_id="run", thread_id="thread", fence=1, lost=lost)
    found = await environment.run(setback, cast("Client", _Silent()), ends.checkpoints, slice)
    assert (None if found is None else found.lost) is counts
