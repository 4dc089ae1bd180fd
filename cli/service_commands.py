"""The commands that serve and diagnose: their flags and help. What they do stands in `services` and `diagnosis`."""

# pyright: reportUnusedFunction=false
from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from . import options as o
from .flags import common_flags

_START = "Start here"
_SERVE = "Serve"


def add_first_commands(app: typer.Typer) -> None:
    """Add what a newcomer begins with."""

    @app.command(rich_help_panel=_START)
    def dev(context: typer.Context, api_port: o.ApiPort = None, json: o.Json = False, config: o.Config = None) -> int:
        """Start all that is needed on one machine: Temporal's server, a worker, the HTTP API and the stores.

        Ctrl-C or SIGTERM stops all of it in good order, the worker first; a second Ctrl-C stops it at once. Runs
        that are not done go on at the next start.
        """
        from . import services
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: services.dev(session, api_port), flags, serves=True)

    @app.command(rich_help_panel=_START)
    def init(context: typer.Context, folder: o.Folder = Path(), json: o.Json = False, config: o.Config = None) -> int:
        """Make a small project, with a graph that runs without an API key. Nothing is overwritten (exit code 2)."""
        from . import project
        from .session import execute

        return execute(lambda session: project.init(session, folder), common_flags(context, json=json, config=config))

    @app.command(rich_help_panel=_START, no_args_is_help=True)
    def graph(
        context: typer.Context,
        name: o.Graph,
        run: o.CurrentOf = None,
        ascii: o.Ascii = False,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Draw a graph as Mermaid text. Exit code: 2 for an unknown graph, 3 for an unknown run."""
        from . import drawing
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: drawing.graph(session, name, run, ascii=ascii), flags)

    @app.command(rich_help_panel=_START)
    def graphs(context: typer.Context, json: o.Json = False, config: o.Config = None) -> int:
        """List the graphs of langgraph.json, and which of them the workers have announced."""
        from . import diagnosis
        from .session import execute

        return execute(diagnosis.graphs, common_flags(context, json=json, config=config))

    @app.command(rich_help_panel=_START)
    def doctor(context: typer.Context, json: o.Json = False, config: o.Config = None) -> int:
        """Check every part and say what to do.

        Exit code: 0 when nothing has failed (warnings are allowed), 1 when something on this machine has, 69 when
        only Temporal or a worker is missing.
        """
        from . import diagnosis
        from .session import execute

        return execute(diagnosis.doctor, common_flags(context, json=json, config=config))


def add_service_commands(app: typer.Typer) -> None:
    """Add the services that `dev` puts together, and what a Temporal of one's own needs."""

    @app.command(rich_help_panel=_SERVE)
    def setup(context: typer.Context, check: o.OnlyCheck = False, json: o.Json = False, config: o.Config = None) -> int:
        """Prepare a namespace of Temporal: add the search attributes, and check permissions, limits and retention.

        Safe to repeat. Exit code: 0 when runs can be submitted, 1 when something fails, 69 without Temporal.
        """
        from . import diagnosis
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(partial(diagnosis.setup, only_check=check), flags)

    @app.command(rich_help_panel=_SERVE)
    def worker(context: typer.Context, queue: o.Queues = None, json: o.Json = False, config: o.Config = None) -> int:
        """Serve the graphs of langgraph.json until SIGTERM or Ctrl-C.

        Then its runs pause at their next step boundary and go on in other workers, or when one starts. A second
        signal stops at once; the step that was cut off is repeated.
        """
        from . import services
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: services.worker(session, queue or ()), flags, serves=True)

    @app.command(rich_help_panel=_SERVE)
    def serve(
        context: typer.Context,
        host: o.Host = None,
        port: o.Port = None,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Serve LangGraph's Agent Server API over HTTP until SIGTERM or Ctrl-C.

        For langgraph-sdk, RemoteGraph and useStream. Any number may serve side by side: a client whose
        gateway is gone goes on at another one. Workers are processes of their own.
        """
        from . import services
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: services.serve(session, host, port), flags, serves=True)

    @app.command(rich_help_panel=_SERVE)
    def abandon(
        context: typer.Context,
        namespace_id: Annotated[str, typer.Argument(help="Its namespace's id, as a worker's log names it.")],
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Say that a Temporal is gone for good: workers end the open runs that were submitted to it as errors.

        Without this they are left as they are, for a worker may have been pointed at the wrong server.
        """
        from . import diagnosis
        from .session import execute

        return execute(partial(diagnosis.abandon, namespace_id), common_flags(context, json=json, config=config))

    @app.command(rich_help_panel=_SERVE)
    def gc(
        context: typer.Context,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
        orphans: Annotated[
            bool,
            typer.Option("--orphans", help="Also what the store does not know. No other store may use the back ends."),
        ] = False,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Remove what is older than `retention` in the settings says. Workers do that by themselves, each hour.

        Nothing of a run that has not ended is touched. Safe to repeat. Threads need a worker (exit code 69 without).
        """
        from . import retention
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(partial(retention.gc, dry_run=dry_run, orphans=orphans), flags)

    @app.command(rich_help_panel=_SERVE)
    def keys(
        context: typer.Context,
        new: Annotated[
            str | None, typer.Option("--new", metavar="ID", help="Make a key, and print it with this id.")
        ] = None,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """List the ids of the keys that encrypt, or make a new key. Nothing is changed: the settings are yours."""
        from .keys import keys
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: keys(session, new=new), flags)

    @app.command(rich_help_panel=_SERVE)
    def user(
        context: typer.Context,
        user_id: Annotated[str, typer.Argument(metavar="USER", help="The user's id.", show_default=False)],
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Print the query that finds a user's runs and threads in Temporal, where `temporal.user_ids` may hash its id.

        temporal workflow list --query "$(perdure user ann)"
        """
        from .keys import user
        from .session import execute

        return execute(lambda session: user(session, user_id), common_flags(context, json=json, config=config))

    @app.command(rich_help_panel=_SERVE)
    def migrate(
        context: typer.Context,
        to: Annotated[
            str | None, typer.Option("--to", metavar="REVISION", help="Instead of the newest: up or down to it.")
        ] = None,
        check: Annotated[bool, typer.Option("--check", help="Change nothing: say what would be done.")] = False,
        force: Annotated[
            bool, typer.Option("--force", help="Also while workers are there, and where the way down loses something.")
        ] = False,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Bring the tables of the records to this version's revision, or up or down to another, and say what was done.

        A worker's start does it, too. Exit code with --check: 1 when something is to be done.
        """
        from . import moving
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(partial(moving.migrate, to=to, check=check, force=force), flags)

    @app.command(rich_help_panel=_SERVE)
    def copy(
        context: typer.Context,
        to: Annotated[
            Path, typer.Option("--to", metavar="CONFIG", help="The settings of the target, whose places are empty.")
        ],
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Copy records, checkpoints, streams and LangGraph's store to where other settings have them, and compare.

        Stop all workers first. Cut off, the same command goes on with it. Runs that wait for an answer get it from a
        worker of the new settings. Exit code: 1 when the two are not equal in the end.
        """
        from . import moving
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(partial(moving.copy, to=to), flags)

    @app.command("codec-server", rich_help_panel=_SERVE)
    def codec_server(context: typer.Context, json: o.Json = False, config: o.Config = None) -> int:
        """Decrypt for Temporal's UI and command line, for who has one of codec_server.tokens, until Ctrl-C."""
        from . import codec_server
        from .session import execute

        return execute(codec_server.serve, common_flags(context, json=json, config=config))

    @app.command(rich_help_panel=_SERVE)
    def server(context: typer.Context, json: o.Json = False, config: o.Config = None) -> int:
        """Become Temporal's development server, for workers that run as processes of their own."""
        from . import services
        from .session import execute

        return execute(services.server, common_flags(context, json=json, config=config))
