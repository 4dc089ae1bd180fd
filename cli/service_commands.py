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
    def dev(context: typer.Context, json: o.Json = False, config: o.Config = None) -> int:
        """Start all that is needed on one machine: Temporal's server, a worker and the stores.

        Ctrl-C or SIGTERM stops all of it in good order, the worker first; a second Ctrl-C stops it at once. Runs
        that are not done go on at the next start.
        """
        from . import services
        from .session import execute

        return execute(services.dev, common_flags(context, json=json, config=config), serves=True)

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
    """Add the services that `dev` puts together."""

    @app.command(rich_help_panel=_SERVE)
    def worker(context: typer.Context, json: o.Json = False, config: o.Config = None) -> int:
        """Serve the graphs of langgraph.json until SIGTERM or Ctrl-C.

        Then its runs pause at their next step boundary and go on in other workers, or when one starts. A second
        signal stops at once; the step that was cut off is repeated.
        """
        from . import services
        from .session import execute

        return execute(services.worker, common_flags(context, json=json, config=config), serves=True)

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
    def server(context: typer.Context, json: o.Json = False, config: o.Config = None) -> int:
        """Become Temporal's development server, for workers that run as processes of their own."""
        from . import services
        from .session import execute

        return execute(services.server, common_flags(context, json=json, config=config))
