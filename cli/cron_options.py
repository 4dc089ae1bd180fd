"""The flags of `perdure cron`: bound here and nowhere else."""

from __future__ import annotations

from typing import Annotated

import typer

_WHEN = "When it fires"

CronOf = Annotated[str, typer.Argument(metavar="CRON", help="The cron's id.", show_default=False)]
Schedule = Annotated[
    str,
    typer.Argument(
        metavar="SCHEDULE",
        help="Five fields: minute, hour, day of month, month, day of week, like '0 9 * * mon-fri'; or @hourly, @daily, "
        "@weekly, @monthly, @yearly. Where both days are restricted, it fires on either.",
        show_default=False,
    ),
]
Id = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="ID",
        help="The cron's id, instead of a new one. Creating the same cron again is the same cron.",
        show_default=False,
        rich_help_panel=_WHEN,
    ),
]
Thread = Annotated[
    str | None,
    typer.Option(
        "--thread",
        "-t",
        metavar="THREAD",
        help="The thread to run on. Without it: a new, stateless one for each firing.",
        show_default=False,
    ),
]
Timezone = Annotated[
    str,
    typer.Option("--timezone", metavar="ZONE", help="An IANA name, like Europe/Berlin.", rich_help_panel=_WHEN),
]
Jitter = Annotated[
    str | None,
    typer.Option(
        "--jitter",
        metavar="SECONDS",
        help="Fire up to so much later, at random: 90, 5m, 2h.",
        show_default=False,
        rich_help_panel=_WHEN,
    ),
]
StartsAt = Annotated[
    str | None,
    typer.Option(
        "--starts-at",
        metavar="WHEN",
        help="Not before: 2026-01-31 or 2026-01-31T12:00, in the cron's zone.",
        show_default=False,
        rich_help_panel=_WHEN,
    ),
]
EndsAt = Annotated[
    str | None,
    typer.Option("--ends-at", metavar="WHEN", help="Not after.", show_default=False, rich_help_panel=_WHEN),
]
CatchUp = Annotated[
    str | None,
    typer.Option(
        "--catch-up",
        metavar="SECONDS",
        help="What was missed for longer, because Temporal was away, is left out. Without it: 10m.",
        show_default=False,
        rich_help_panel=_WHEN,
    ),
]
Paused = Annotated[bool, typer.Option("--paused", help="Fire only by hand until it is resumed.", rich_help_panel=_WHEN)]
From = Annotated[
    str, typer.Option("--from", metavar="WHEN", help="The first moment, in the cron's zone.", show_default=False)
]
To = Annotated[str, typer.Option("--to", metavar="WHEN", help="The last moment.", show_default=False)]
BeforeCron = Annotated[
    str | None,
    typer.Option(
        "--before", metavar="CRON", help="The page after the one that ended with this cron.", show_default=False
    ),
]
