"""The commands about runs: their flags and help. What they do stands in `runs` and `records`.

That is imported when a command is executed: `--help` has no use for LangGraph, Temporal and SQLAlchemy.
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

_RUN = "Run a graph"
_STEER = "Steer a run"
_RECORDS = "Look back"


def add_run_commands(app: typer.Typer) -> None:
    """Add them to the application, in the order of its help."""

    @app.command(rich_help_panel=_RUN, no_args_is_help=True)
    def run(
        context: typer.Context,
        graph: o.Graph,
        thread: o.Thread = None,
        stateless: o.Stateless = False,
        input: o.Input = None,
        command: o.Command = None,
        go_on: o.Continue = False,
        run_context: o.Context = None,
        runnable_config: o.RunnableConfig = None,
        metadata: o.Metadata = None,
        run_id: o.RunId = None,
        strategy: o.Strategy = None,
        stream_mode: o.StreamMode = None,
        subgraphs: o.Subgraphs = False,
        after: o.After = None,
        timeout: o.Timeout = None,
        on_interrupt: o.OnInterrupt = None,
        interrupt_before: o.InterruptBefore = None,
        interrupt_after: o.InterruptAfter = None,
        stream: o.Stream = False,
        wait: o.Wait = False,
        background: o.Background = False,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Run a graph and follow it.

        Ctrl-C leaves the run, which goes on; `perdure stream RUN` comes back to it.
        """
        from .session import execute
        from .spec import RunFlags, read_spec, read_then

        flags = RunFlags(
            graph=graph,
            thread=thread,
            stateless=stateless,
            input=input,
            command=command,
            go_on=go_on,
            run_id=run_id,
            strategy=strategy,
            stream_modes=stream_mode or [],
            subgraphs=subgraphs,
            context=run_context,
            runnable_config=runnable_config,
            metadata=metadata or [],
            after=after,
            timeout=timeout,
            on_interrupt=on_interrupt,
            interrupt_before=interrupt_before or [],
            interrupt_after=interrupt_after or [],
        )

        def start(session: Session) -> Coroutine[Any, Any, ExitCode]:
            spec, then = read_spec(flags), read_then(stream=stream, wait=wait, background=background)
            from . import runs  # heavy: only for a run that may be started

            return runs.start(session, spec, then, new_thread=thread is None and not stateless)

        return execute(start, common_flags(context, json=json, config=config))

    @app.command(rich_help_panel=_RUN)
    def stream(
        context: typer.Context,
        run: o.Run,
        last_event_id: o.LastEventId = None,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Show a run from its first event, or from where you left it, to its end or to an open question."""
        from . import runs
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: runs.stream(session, run, last_event_id), flags)

    @app.command(rich_help_panel=_RUN)
    def wait(context: typer.Context, run: o.Run, json: o.Json = False, config: o.Config = None) -> int:
        """Wait until a run ends or asks; print its final state. The exit code tells how it ended."""
        from . import runs
        from .session import execute

        return execute(lambda session: runs.wait(session, run), common_flags(context, json=json, config=config))

    @app.command(rich_help_panel=_STEER)
    def resume(
        context: typer.Context,
        run: o.Run,
        value: o.Answer,
        text: o.AsText = False,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Answer a run that awaits input.

        VALUE is JSON if it reads as JSON (true, 42, "yes", {"ok": true}), else the text itself (yes, or a sentence).
        """
        from . import runs
        from .inputs import read_answer
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: runs.resume(session, run, read_answer(value, as_text=text)), flags)

    @app.command(rich_help_panel=_STEER)
    def interrupt(context: typer.Context, run: o.Run, json: o.Json = False, config: o.Config = None) -> int:
        """Stop a run at its next step boundary and keep everything. A run that has ended is no error."""
        from . import runs
        from .session import execute

        return execute(lambda session: runs.interrupt(session, run), common_flags(context, json=json, config=config))

    @app.command(rich_help_panel=_STEER)
    def cancel(
        context: typer.Context,
        run: o.Run,
        action: o.Action = "interrupt",
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Stop a run at once; one that waits in line never starts.

        Returns when the run has been told (`perdure wait RUN` waits for its end). A run that has ended already is no
        error: the command says so and exits with 0.
        """
        from . import runs
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: runs.cancel(session, run, action), flags)

    @app.command(rich_help_panel=_RECORDS)
    def show(
        context: typer.Context,
        run: o.Run,
        events: listing.Events = False,
        steps: listing.Steps = False,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Show what is known of a run, and the story of its steps."""
        from . import records
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: records.show(session, run, events=events, steps=steps), flags)

    @app.command(name="runs", rich_help_panel=_RECORDS)
    def list_runs(
        context: typer.Context,
        thread: listing.OfThread = None,
        status: listing.Statuses = None,
        graph: listing.OfGraph = None,
        since: listing.Since = None,
        limit: listing.Limit = 20,
        before: listing.BeforeRun = None,
        watch: listing.Watch = False,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """List runs, the newest first.

        With --json: one list; --watch prints one again whenever it has changed. Exit code: 2 for a filter that cannot
        be, 3 when the run of --before is not there, 130 when Ctrl-C ends --watch.
        """
        from .session import execute

        def start(session: Session) -> Coroutine[Any, Any, ExitCode]:
            from . import records

            which = records.Which(thread, tuple(status or ()), graph, records.read_since(since), limit, before)
            return records.watch(session, which) if watch else records.runs(session, which)

        return execute(start, common_flags(context, json=json, config=config))

    @app.command(rich_help_panel=_RECORDS, no_args_is_help=True)
    def state(
        context: typer.Context,
        thread: o.StateOf,
        checkpoint: o.AtCheckpoint = None,
        stored: o.Stored = False,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Show the state of a thread, as its graph does: values, what is due, errors, open questions."""
        from . import states
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: states.state(session, thread, checkpoint, stored=stored), flags)

    @app.command(rich_help_panel=_RECORDS, no_args_is_help=True)
    def history(
        context: typer.Context,
        thread: o.StateOf,
        limit: listing.Limit = 20,
        before: o.Before = None,
        stored: o.Stored = False,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """List the states of a thread, one for each checkpoint, the newest first."""
        from . import states
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: states.history(session, thread, limit, before, stored=stored), flags)

    @app.command(rich_help_panel=_RECORDS)
    def delete(
        context: typer.Context,
        run: o.RunOrNone = None,
        thread: o.WholeThread = None,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Remove a run's record and stream, or a whole thread with its state; runs in flight are cancelled first.

        The thread of a deleted run keeps its state.
        """
        from . import runs
        from .session import execute

        if (run is None) == (thread is None):
            raise typer.BadParameter("name a RUN, or a thread with --thread")
        flags = common_flags(context, json=json, config=config)
        if thread is not None:
            return execute(lambda session: runs.delete_thread(session, thread), flags)
        return execute(lambda session: runs.delete(session, str(run)), flags)
