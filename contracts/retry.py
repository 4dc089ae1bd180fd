"""The retry helper: a call that fails for a reason that passes is made again, for a while.

Tenacity does it, and is loaded by the first failure only. Most commands see none, and to load it takes 15 to 20 ms; a
call that succeeds at once, as nearly each one to the store and the bridge, is spared 0.03 ms.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When a call is made again, and until when."""

    when: Callable[[Exception], bool]
    """Whether the failure may pass. Any other is raised at once."""
    until: float
    """The time (`time.monotonic`) after which no failure passes."""
    pause: float
    """Seconds before the next try."""
    longest_pause: float = 0.0
    """Seconds up to which each pause is twice the one before."""
    tell: Callable[[Exception], None] = lambda _: None
    """Is told of each failure that is waited for."""


def is_a(*kinds: type[Exception]) -> Callable[[Exception], bool]:
    """For `Retry.when`: whether it is a failure of these classes."""
    return lambda failure: isinstance(failure, kinds)


async def retried(call: Callable[[], Awaitable[T]], how: Retry) -> T:
    """What `call` returns in the end. Raises its last failure; a cancellation at once, also from a pause."""
    try:
        return await call()
    except Exception as exc:  # noqa: BLE001 - which of them pass is looked at below
        failed = [exc]
    from tenacity import AsyncRetrying

    async def again() -> T:
        _raise_first(failed)
        return await call()

    return await AsyncRetrying(**_options(how))(again)


def retried_on_thread(call: Callable[[], T], how: Retry) -> T:
    """The same where the call blocks: its pauses block, too."""
    try:
        return call()
    except Exception as exc:  # noqa: BLE001 - which of them pass is looked at below
        failed = [exc]
    from tenacity import Retrying

    def again() -> T:
        _raise_first(failed)
        return call()

    return Retrying(**_options(how))(again)


def _raise_first(failed: list[Exception]) -> None:
    """What tenacity takes for the first try has been made before."""
    if failed:
        raise failed.pop()


def _options(how: Retry) -> dict[str, Any]:
    from tenacity import RetryCallState, retry_if_exception, wait_exponential

    def over(_: RetryCallState) -> bool:
        return time.monotonic() > how.until

    def tell(state: RetryCallState) -> None:
        if state.outcome is not None and isinstance(failure := state.outcome.exception(), Exception):
            how.tell(failure)

    return {
        "retry": retry_if_exception(lambda failure: isinstance(failure, Exception) and how.when(failure)),
        "stop": over,
        "wait": wait_exponential(multiplier=how.pause, max=max(how.pause, how.longest_pause)),
        "before_sleep": tell,
        "reraise": True,
    }
