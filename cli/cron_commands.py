"""The commands of `perdure cron`: their flags and help.

What they do stands in `crons`, which is imported when a command is executed.
"""

# pyright: reportUnusedFunction=false
from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import typer

from . import cron_options as c
from . import list_options as listing
from . import options as o
from .flags import common_flags

if TYPE_CHECKING:
    from .exit_codes import ExitCode
    from .session import Session


def add_cron_commands(app: typer.Typer) -> None:
    """Add the group, whose commands stand in the order of their help."""
    cron = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
    _add_create(cron)
    _add_others(cron)
    app.add_typer(cron, name="cron", rich_help_panel="Run a graph", help="Run a graph at the times of a cron line.")


def _add_create(app: typer.Typer) -> None:
    @app.command(no_args_is_help=True)
    def create(
        context: typer.Context,
        schedule: c.Schedule,
        graph: o.Graph,
        cron_id: c.Id = None,
        timezone: c.Timezone = "UTC",
        jitter: c.Jitter = None,
        starts_at: c.StartsAt = None,
        ends_at: c.EndsAt = None,
        catch_up: c.CatchUp = None,
        paused: c.Paused = False,
        thread: c.Thread = None,
        input: o.Input = None,
        run_context: o.Context = None,
        runnable_config: o.RunnableConfig = None,
        metadata: o.Metadata = None,
        strategy: o.Strategy = None,
        timeout: o.Timeout = None,
        on_interrupt: o.OnInterrupt = None,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Create a cron: each firing is a run like any other, of its thread and with its strategy."""
        from .session import execute
        from .spec import RunFlags

        flags = RunFlags(
            graph=graph,
            thread=thread,
            stateless=thread is None,
            input=input,
            command=None,
            go_on=False,
            run_id=None,
            strategy=strategy,
            stream_modes=[],
            subgraphs=False,
            context=run_context,
            runnable_config=runnable_config,
            metadata=metadata or [],
            after=None,
            timeout=timeout,
            on_interrupt=on_interrupt,
            interrupt_before=[],
            interrupt_after=[],
        )

        def start(session: Session) -> Coroutine[Any, Any, ExitCode]:
            from . import crons

            when = crons.When(schedule, cron_id, timezone, jitter, starts_at, ends_at, catch_up, paused)
            return crons.create(session, crons.read_cron_spec(flags, when))

        return execute(start, common_flags(context, json=json, config=config))


def _add_others(app: typer.Typer) -> None:
    @app.command(name="list")
    def list_crons(
        context: typer.Context,
        limit: listing.Limit = 20,
        before: c.BeforeCron = None,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """List crons, the last created first."""
        from . import crons
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: crons.list_crons(session, limit, before), flags)

    @app.command(no_args_is_help=True)
    def pause(context: typer.Context, cron: c.CronOf, json: o.Json = False, config: o.Config = None) -> int:
        """Let it fire only by hand."""
        from . import crons
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: crons.set_paused(session, cron, paused=True), flags)

    @app.command(no_args_is_help=True)
    def resume(context: typer.Context, cron: c.CronOf, json: o.Json = False, config: o.Config = None) -> int:
        """Let it fire again. What was due while it was paused is left out (see `perdure cron backfill`)."""
        from . import crons
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: crons.set_paused(session, cron, paused=False), flags)

    @app.command(no_args_is_help=True)
    def trigger(context: typer.Context, cron: c.CronOf, json: o.Json = False, config: o.Config = None) -> int:
        """Fire now, also when it is paused."""
        from . import crons
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: crons.trigger(session, cron), flags)

    @app.command(no_args_is_help=True)
    def backfill(
        context: typer.Context,
        cron: c.CronOf,
        start: c.From,
        end: c.To,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Fire for each time that was due from then to then. What has been run already is not run again."""
        from .session import execute

        def begin(session: Session) -> Coroutine[Any, Any, ExitCode]:
            from . import crons

            times = crons.read_moment(start, "--from"), crons.read_moment(end, "--to")
            return crons.backfill(session, cron, *times)

        return execute(begin, common_flags(context, json=json, config=config))

    @app.command(no_args_is_help=True)
    def delete(context: typer.Context, cron: c.CronOf, json: o.Json = False, config: o.Config = None) -> int:
        """Let it never fire again. Its runs stay as they are."""
        from . import crons
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: crons.delete(session, cron), flags)
