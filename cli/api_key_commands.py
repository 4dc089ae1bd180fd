"""The commands of `perdure api-keys`: their flags and help.

What they do stands in `api_keys`, which is imported when a command is executed.
"""

# pyright: reportUnusedFunction=false
from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from . import options as o
from .flags import common_flags

User = Annotated[str, typer.Argument(metavar="USER", help="On whose behalf its requests are done.")]
Label = Annotated[str | None, typer.Option("--label", metavar="TEXT", help="What the key is for.")]
Expires = Annotated[
    str | None, typer.Option("--expires", metavar="TIME", help="After this time it lets nobody in: 12h, 90d.")
]
KeyId = Annotated[str, typer.Argument(metavar="KEY", help="The key's id, as `list` shows it.")]


def add_api_key_commands(app: typer.Typer) -> None:
    """Add the group, whose commands stand in the order of their help."""
    keys = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
    _add(keys)
    app.add_typer(keys, name="api-keys", rich_help_panel="Serve", help="API keys: who may call the HTTP API.")


def _add(app: typer.Typer) -> None:
    @app.command(no_args_is_help=True)
    def create(
        context: typer.Context,
        user: User,
        label: Label = None,
        expires: Expires = None,
        json: o.Json = False,
        config: o.Config = None,
    ) -> int:
        """Make a key of a user, and print it: it is shown this once, only a digest of it is kept."""
        from . import api_keys
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(lambda session: api_keys.create(session, user, label, expires), flags)

    @app.command("list")
    def list_keys(context: typer.Context, json: o.Json = False, config: o.Config = None) -> int:
        """List the keys, the last created first, those that were revoked or have expired included."""
        from . import api_keys
        from .session import execute

        return execute(api_keys.list_keys, common_flags(context, json=json, config=config))

    @app.command(no_args_is_help=True)
    def revoke(context: typer.Context, key_id: KeyId, json: o.Json = False, config: o.Config = None) -> int:
        """Let a key in no more, at any gateway. Exit code: 3 for an unknown one."""
        from . import api_keys
        from .session import execute

        flags = common_flags(context, json=json, config=config)
        return execute(partial(api_keys.revoke, key_id=key_id), flags)
