"""One command, from its common flags to its exit code."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contracts.settings import Settings, load_settings
from .exit_codes import ExitCode, for_error
from .flags import CommonFlags
from .logs import configure, configure_core
from .output import Output
from .serving import serve

if TYPE_CHECKING:
    from ..facade import RunsFacade


class Session:
    """What a command works with."""

    def __init__(self, output: Output, config: Path | None) -> None:
        self.output = output
        self.config = config
        self.parting: Callable[[], str] = lambda: "stopped by Ctrl-C"
        """What Ctrl-C leaves the user with."""

    @cached_property
    def settings(self) -> Settings:
        """The settings, read at the first look. Raises `ConfigError`."""
        return load_settings(self.config)

    def connect(self) -> AbstractAsyncContextManager[RunsFacade]:
        """The runs of these settings."""
        from ..runtime.client import LazyTemporal, open_facade

        return open_facade(self.settings, LazyTemporal(self.settings, before=configure_core))

    def hint(self, *words: str) -> str:
        """A `perdure` command line to be copied, for the same settings."""
        config = ("--config", str(self.config)) if self.config else ()
        return shlex.join(("perdure", *words, *config))


Command = Callable[[Session], Coroutine[Any, Any, ExitCode]]
"""Called before the event loop runs, so that it may read files and stdin."""


def execute(command: Command, flags: CommonFlags, *, serves: bool = False) -> int:
    """Run a command and report its failure; its exit code. `serves`: it is a service, which logs what it does."""
    output = Output(as_json=flags.json, debug=flags.debug)
    session = Session(output, flags.config)
    try:
        working = command(session)
        configure(serves=serves, debug=flags.debug)
        return serve(working) if serves else asyncio.run(working)
    except KeyboardInterrupt:
        output.note(session.parting())
        return ExitCode.DETACHED
    except BrokenPipeError:
        return ExitCode.BROKEN_PIPE
    except Exception as exc:  # noqa: BLE001 - the outermost place: what is caught here is told to the user
        code = for_error(exc)
        output.error(exc, _unforeseen(exc) if code is ExitCode.INTERNAL else None)
        return code
    finally:
        _flush_telemetry()


def _flush_telemetry() -> None:
    """A command ends its process at once. One that has not traced has not loaded what this needs."""
    if "opentelemetry.sdk" in sys.modules:
        from ..runtime.telemetry import flush_telemetry

        flush_telemetry()


def _unforeseen(error: Exception) -> str:
    return f"{type(error).__name__}: {error} (`perdure --debug …` shows where it comes from)"
