"""The application: its help, its global flags, and wrong usage."""

from __future__ import annotations

import sys

import typer

from . import options as o
from .api_key_commands import add_api_key_commands
from .cron_commands import add_cron_commands
from .run_commands import add_run_commands
from .service_commands import add_first_commands, add_service_commands
from .thread_commands import add_thread_commands

_EXAMPLES = """
Examples:

  perdure dev                               Temporal, a worker and the stores

  perdure run research                      in another terminal

  perdure run counting -i '{"steps": 99}'   with an input

  perdure run approval --background         then stream, wait, resume, cancel

Exit codes: 0 success, 1 the run failed, 2 wrong usage, 3 not found, 4 the thread is busy, 5 interrupted or rolled \
back, 6 timed out, 7 awaiting input, 69 Temporal or a worker is not there, 70 an unforeseen error, 130 Ctrl-C, \
141 broken pipe.
"""


def run_command() -> int:
    """Run the command of `sys.argv`; its exit code."""
    try:
        code = _application()(standalone_mode=False)
    except typer.Abort:
        return 130
    except typer.TyperException as exc:
        return _wrong_usage(exc)
    except OSError as exc:  # the help could not be written
        return _unwritten(exc)
    return int(code or 0)


def _application() -> typer.Typer:
    app = typer.Typer(
        name="perdure",
        help="Run long LangGraph agent jobs on Temporal: durable, streamed, cancellable.",
        epilog=_EXAMPLES,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(_root)
    add_first_commands(app)
    add_run_commands(app)
    add_thread_commands(app)
    add_cron_commands(app)
    add_service_commands(app)
    add_api_key_commands(app)
    return app


def _root(context: typer.Context, debug: o.Debug = False, version: o.Version = False) -> int | None:
    context.obj = debug
    if version:
        from .. import __version__

        typer.echo(f"perdure {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
    return None


def _wrong_usage(error: typer.TyperException) -> int:
    from .output import Output

    command = getattr(getattr(error, "ctx", None), "command_path", "perdure")
    # The flags of a command that could not be parsed are not known; this one decides how to say so.
    output = Output(as_json="--json" in sys.argv, debug=False)
    output.error(error, f"{error.format_message()} (see `{command} --help`)")
    return error.exit_code


def _unwritten(error: OSError) -> int:
    from .exit_codes import for_error
    from .output import Output, abandon

    abandon(sys.stdout)
    Output(as_json=False, debug=False).error(error)
    return for_error(error)
