"""What exit code a command ends with: the one place that turns errors and statuses into numbers."""

from __future__ import annotations

from enum import IntEnum

from ..contracts.errors import (
    ActorRequiredError,
    ConfigError,
    CronNotFoundError,
    FencedError,
    GraphLoadError,
    InvalidEventIdError,
    InvalidRunError,
    PerdureError,
    RunNotFoundError,
    RunStateError,
    StreamEndedError,
    ThreadBusyError,
    ThreadExistsError,
    ThreadNotFoundError,
    UnavailableError,
    UnstorableError,
    WorkerStoppedError,
)
from ..contracts.types import RunStatus


class ExitCode(IntEnum):
    """The exit codes of `perdure`. 69 and 70 are those of sysexits.h, from 128 on those of shells."""

    OK = 0
    FAILED = 1
    """The run failed; or `doctor` found something wrong on this machine."""
    USAGE = 2
    """Also: an input that is not JSON, an unknown graph, wrong settings, a graph that cannot be loaded."""
    NOT_FOUND = 3
    BUSY = 4
    STOPPED = 5
    """The run was interrupted or rolled back."""
    TIMED_OUT = 6
    AWAITING_INPUT = 7
    UNAVAILABLE = 69
    """Temporal is not reachable, no worker polls, a database is locked: the same command may work later."""
    INTERNAL = 70
    """An error that nobody has foreseen; `perdure --debug …` shows its traceback."""
    DETACHED = 130
    """Ctrl-C ended the command. A run that it followed goes on."""
    BROKEN_PIPE = 141
    """Whoever read the output went away."""


ERROR_CODES: dict[type[PerdureError], ExitCode] = {
    InvalidRunError: ExitCode.USAGE,
    InvalidEventIdError: ExitCode.USAGE,
    ConfigError: ExitCode.USAGE,
    GraphLoadError: ExitCode.USAGE,
    RunStateError: ExitCode.USAGE,
    ActorRequiredError: ExitCode.USAGE,
    UnstorableError: ExitCode.FAILED,
    RunNotFoundError: ExitCode.NOT_FOUND,
    ThreadNotFoundError: ExitCode.NOT_FOUND,
    CronNotFoundError: ExitCode.NOT_FOUND,
    ThreadBusyError: ExitCode.BUSY,
    ThreadExistsError: ExitCode.USAGE,
    UnavailableError: ExitCode.UNAVAILABLE,
    WorkerStoppedError: ExitCode.UNAVAILABLE,
    FencedError: ExitCode.INTERNAL,  # this one and the next are a worker's own and never reach a client
    StreamEndedError: ExitCode.INTERNAL,
    PerdureError: ExitCode.FAILED,
}

STATUS_CODES: dict[RunStatus, ExitCode] = {
    RunStatus.PENDING: ExitCode.OK,
    RunStatus.RUNNING: ExitCode.OK,
    RunStatus.AWAITING_INPUT: ExitCode.AWAITING_INPUT,
    RunStatus.SUCCESS: ExitCode.OK,
    RunStatus.ERROR: ExitCode.FAILED,
    RunStatus.TIMEOUT: ExitCode.TIMED_OUT,
    RunStatus.INTERRUPTED: ExitCode.STOPPED,
    RunStatus.ROLLED_BACK: ExitCode.STOPPED,
}


def for_error(error: BaseException) -> ExitCode:
    """The code of a command that raised: that of the error's nearest class."""
    for kind in type(error).__mro__:
        if kind in ERROR_CODES:
            return ERROR_CODES[kind]
    return ExitCode.INTERNAL


def for_status(status: RunStatus) -> ExitCode:
    """The code of a command that waited for a run."""
    return STATUS_CODES[status]
