"""Whether the workflow of an idle thread is asleep when a run comes to it, so that the run's client starts it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from perdure.facade import submission
from perdure.facade.submission import Submitter

_reserve, _start_run = Submitter.reserve, Submitter.start_run


class DiedError(Exception):
    """What a client that is dead would not raise."""


@contextmanager
def awake() -> Generator[None]:
    """Every run comes to its thread's workflow, as it does while the thread is in use."""

    async def reserved(*_: Any) -> bool:
        return False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Submitter, "reserve", reserved)
        yield


@contextmanager
def asleep(seconds: float = 0.5) -> Generator[None]:
    """For so long, where `awake` had it otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Submitter, "reserve", _reserve)
        patch.setattr(submission, "SLEEP", timedelta(seconds=seconds))
        yield


@contextmanager
def clients_die() -> Generator[Callable[[], None]]:
    """Between their two starts, until what this gives is called."""

    async def dies(*_: Any) -> Any:
        raise DiedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Submitter, "start_run", dies)
        yield lambda: patch.setattr(Submitter, "start_run", _start_run)
