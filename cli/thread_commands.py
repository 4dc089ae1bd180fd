"""The commands about threads and what happened in runs: their flags and help.

What they do stands in `records`, `threads` and `runs`, which are imported when a command is executed.
"""

# pyright: reportUnusedFunction=false
from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import typer

from . import list_options as listing
from . import options as o
from .flags import common_flags

if TYPE_CHECKING:
    from .exit_codes import ExitCode
    from .session import Session

_STEER = "Steer a run"
_RECORDS = "Look back"


def add_thread_commands(app: typer.Typer) -> None:
    """Add the commands, in the order of their help."""

    @app.command(rich_help_panel=_STEER, no_args_is_help=True)
    def retry(
        context: typer.Context,
        run: o.Run,
        run_id: o.RunId = None,
        wait: o.Wait = False,
        background: o.Background = False,
        stream: o.Stream = False,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Run again what has failed or was stopped: a new run with the same input, on the same thread.

        It begins where the thread stands now. The exit code is that of `perdure run`; 2 for a run that succeeded or
        is not at its end.
        """
        from .session import execute
        from .spec import read_then

        def start(session: Session) -> Coroutine[Any, Any, ExitCode]:
            then = read_then(stream=stream, wait=wait, background=background)
            from . import runs

            return runs.retry(session, run, run_id, then)

        return execute(start, common_flags(context, json=json, config=config))

    @app.command(rich_help_panel=_STEER, no_args_is_help=True)
    def fork(
        context: typer.Context,
        thread: o.StateOf,
        checkpoint: o.ForkAt,
        input: o.Input = None,
        run_id: o.RunId = None,
        wait: o.Wait = False,
        background: o.Background = False,
        stream: o.Stream = False,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Go on from an older checkpoint of a thread (see `perdure history`), with its graph.

        Without an input the graph goes on where it stood there. What came after stays in the thread's history. The
        exit code is that of `perdure run`; 3 when there is no such thread.
        """
        from .session import execute
        from .spec import read_then

        def start(session: Session) -> Coroutine[Any, Any, ExitCode]:
            from .inputs import read_json

            then = read_then(stream=stream, wait=wait, background=background)
            given = None if input is None else read_json(input, "--input")
            from . import runs

            return runs.fork(session, thread, checkpoint, given, run_id, then)

        return execute(start, common_flags(context, json=json, config=config))

    @app.command(rich_help_panel=_STEER, no_args_is_help=True)
    def update(
        context: typer.Context,
        thread: o.StateOf,
        values: o.Values,
        as_node: o.AsNode = None,
        checkpoint: o.AtCheckpoint = None,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Change the state of a thread that no run is at work on, and show what it is then.

        Exit code: 2 for values that the graph refuses, 3 without such a thread, 4 while a run is at work.
        """
        from .session import execute

        def start(session: Session) -> Coroutine[Any, Any, ExitCode]:
            from .inputs import read_json

            given = read_json(values, "VALUES")
            from . import states

            return states.update(session, thread, given, as_node, checkpoint)

        return execute(start, common_flags(context, json=json, config=config))

    @app.command(rich_help_panel=_RECORDS)
    def threads(
        context: typer.Context,
        status: listing.ThreadStatusIs = None,
        limit: listing.Limit = 20,
        before: listing.BeforeThread = None,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """List threads, the last created first."""
        from . import threads
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: threads.threads(session, status, limit, before), flags)

    @app.command(rich_help_panel=_RECORDS, no_args_is_help=True)
    def events(
        context: typer.Context,
        run: o.Run,
        type: listing.EventTypes = None,
        after: listing.AfterSeq = 0,
        limit: listing.EventLimit = None,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Show what happened inside of a run: model calls, tools, messages. With --json: a line each."""
        from . import records
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: records.events(session, run, type or [], after, limit), flags)
