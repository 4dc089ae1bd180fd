"""The flags of the commands that list and look back: bound here and nowhere else."""

from __future__ import annotations

from typing import Annotated

import typer

OfThread = Annotated[
    str | None, typer.Option("--thread", "-t", metavar="THREAD", help="Only runs of this thread.", show_default=False)
]
Events = Annotated[
    bool, typer.Option("--events", help="Show each event of the run: model calls, tools, messages, with their numbers.")
]
Steps = Annotated[
    bool,
    typer.Option("--steps", help="Show each step and how long it took, from the checkpoints; of every graph."),
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most so many.")]

Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", metavar="STATUS", help="Only runs with this status. Repeatable.", show_default=False),
]
OfGraph = Annotated[
    str | None, typer.Option("--graph", metavar="GRAPH", help="Only runs of this graph.", show_default=False)
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        help="Only runs created since then: a time ago (30s, 5m, 2h, 7d), or a date like 2026-01-31T12:00.",
        show_default=False,
    ),
]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Show the list again when it has changed, until Ctrl-C.")]
BeforeRun = Annotated[
    str | None,
    typer.Option(
        "--before", metavar="RUN", help="The page after the one that ended with this run.", show_default=False
    ),
]
BeforeThread = Annotated[
    str | None,
    typer.Option(
        "--before", metavar="THREAD", help="The page after the one that ended with this thread.", show_default=False
    ),
]
ThreadStatusIs = Annotated[
    str | None,
    typer.Option(
        "--status",
        metavar="STATUS",
        help="Only threads that are idle, running, awaiting_input, interrupted or error.",
        show_default=False,
    ),
]
EventTypes = Annotated[
    list[str] | None,
    typer.Option("--type", metavar="TYPE", help="Only events of this type, like tool_start. Repeatable."),
]
AfterSeq = Annotated[int, typer.Option("--after", metavar="N", min=0, help="Only events with a larger number.")]
EventLimit = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="At most so many; else all.", show_default=False)
]
