"""Every flag of the command line, with its environment variable and its help: bound here and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_WHAT = "What to run"
_HOW = "How it runs"
_AFTER = "What to do meanwhile"
_COMMON = "Common"

# Every command.

Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print JSON only: one document, or one line for each event. A failure is one line on stderr: "
        '{"error": {"type": …, "message": …}}.',
        rich_help_panel=_COMMON,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="PERDURE_CONFIG",
        help="The settings. Without it: temporal-dev.yaml in this folder, if there is one, else the defaults.",
        show_default=False,
        rich_help_panel=_COMMON,
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks and detailed logs.")]
Version = Annotated[bool, typer.Option("--version", help="Show the version.")]

# A run that exists.

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.", show_default=False)]
RunOrNone = Annotated[str | None, typer.Argument(metavar="[RUN]", help="The run's id.", show_default=False)]
WholeThread = Annotated[
    str | None,
    typer.Option("--thread", "-t", metavar="THREAD", help="Instead: a thread, its runs and state.", show_default=False),
]
LastEventId = Annotated[
    str | None,
    typer.Option("--last-event-id", metavar="N", help="Go on after the event with this id.", show_default=False),
]
Action = Annotated[
    str,
    typer.Option(
        "--action",
        metavar="ACTION",
        help="interrupt: the thread keeps what the run has done; rollback: it becomes what it was before the run.",
    ),
]
Answer = Annotated[
    str,
    typer.Argument(
        metavar="VALUE",
        help="The answer: JSON if it reads as JSON, else the text itself. @FILE reads a file, - reads stdin. "
        "Several open questions are answered by a JSON object from their ids to values.",
        show_default=False,
    ),
]
AsText = Annotated[bool, typer.Option("--text", help="Take VALUE as a text, also if it reads as JSON (true, 42).")]

# A project and its graphs.

Folder = Annotated[Path, typer.Argument(metavar="[DIR]", help="Its folder; made if it is not there.")]
CurrentOf = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="Mark the nodes at which this run is now.", show_default=False),
]
Ascii = Annotated[bool, typer.Option("--ascii", help="Draw it for the terminal; needs grandalf.")]

# The state of a thread.

Values = Annotated[
    str,
    typer.Argument(metavar="VALUES", help="What to write, as JSON, @FILE or - (stdin).", show_default=False),
]
AsNode = Annotated[
    str | None,
    typer.Option("--as-node", metavar="NODE", help="In this node's name; it decides what is next.", show_default=False),
]
ForkAt = Annotated[
    str, typer.Option("--checkpoint", metavar="ID", help="The checkpoint to go on from.", show_default=False)
]

StateOf = Annotated[str, typer.Argument(metavar="THREAD", help="The thread's id.", show_default=False)]
AtCheckpoint = Annotated[
    str | None,
    typer.Option("--checkpoint", metavar="ID", help="Its state there, instead of now.", show_default=False),
]
Before = Annotated[
    str | None,
    typer.Option("--before", metavar="ID", help="Only states older than this checkpoint.", show_default=False),
]
Stored = Annotated[
    bool,
    typer.Option(
        "--stored",
        help="Read it from the checkpointer, without a worker that has the graph. What only the graph can put "
        "together is missing then.",
    ),
]

# A new run: what.

Graph = Annotated[
    str, typer.Argument(metavar="GRAPH", help="A name in langgraph.json (see `perdure graphs`).", show_default=False)
]
Thread = Annotated[
    str | None,
    typer.Option(
        "--thread",
        "-t",
        metavar="THREAD",
        help="The thread to run on; its state is the run's start. Without it: a new thread, whose id is printed.",
        show_default=False,
        rich_help_panel=_WHAT,
    ),
]
Stateless = Annotated[
    bool, typer.Option("--stateless", help="Run on a thread of its own, outside any thread.", rich_help_panel=_WHAT)
]
Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        "-i",
        metavar="JSON",
        help="The graph's input, as JSON, @FILE or - (stdin). Without it: {}.",
        show_default=False,
        rich_help_panel=_WHAT,
    ),
]
Command = Annotated[
    str | None,
    typer.Option(
        "--command",
        metavar="JSON",
        help='Instead of an input, LangGraph\'s Command: {"resume": …, "update": …, "goto": …}, as JSON, @FILE or -.',
        show_default=False,
        rich_help_panel=_WHAT,
    ),
]
Continue = Annotated[
    bool,
    typer.Option("--continue", help="Instead of an input, go on where the thread stands.", rich_help_panel=_WHAT),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="JSON",
        help="The context of the graph's context_schema, as JSON, @FILE or -.",
        show_default=False,
        rich_help_panel=_WHAT,
    ),
]
RunnableConfig = Annotated[
    str | None,
    typer.Option(
        "--runnable-config",
        metavar="JSON",
        help="LangChain's config: configurable, tags, metadata, recursion_limit, run_name, max_concurrency.",
        show_default=False,
        rich_help_panel=_WHAT,
    ),
]
Metadata = Annotated[
    list[str] | None,
    typer.Option(
        "--metadata", metavar="KEY=VALUE", help="Kept with the run (a text). Repeatable.", rich_help_panel=_WHAT
    ),
]
RunId = Annotated[
    str | None,
    typer.Option(
        "--run-id",
        metavar="ID",
        help="The run's id, instead of a new one. Submitting an id again is the same run, never a second one.",
        show_default=False,
        rich_help_panel=_WHAT,
    ),
]

# A new run: how.

Strategy = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        metavar="STRATEGY",
        help="When the thread is busy: enqueue (the default; wait for its turn), reject, interrupt what runs, or "
        "rollback (interrupt it and undo what it did to the thread).",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]
StreamMode = Annotated[
    list[str] | None,
    typer.Option(
        "--stream-mode",
        metavar="MODE",
        help="What the run's stream holds: values, updates, messages, events, custom, tasks, checkpoints, debug, "
        "tools. Repeatable. Without it: messages and updates, that is tokens and steps.",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]
Subgraphs = Annotated[
    bool, typer.Option("--subgraphs", help="Stream what happens in subgraphs, too.", rich_help_panel=_HOW)
]
After = Annotated[
    str | None,
    typer.Option(
        "--after",
        metavar="SECONDS",
        help="Wait, durably, before the run starts: 90, 5m, 2h.",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="End the run after this time: 90, 5m, 2h.",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]
OnInterrupt = Annotated[
    str | None,
    typer.Option(
        "--on-interrupt",
        metavar="WHAT",
        help="When the graph asks a human: await (the default; see `perdure resume`), or finish as interrupted.",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]
InterruptBefore = Annotated[
    list[str] | None,
    typer.Option(
        "--interrupt-before",
        metavar="NODE",
        help="Stop before this node and wait for `perdure resume`; * is every node. Repeatable.",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]
InterruptAfter = Annotated[
    list[str] | None,
    typer.Option(
        "--interrupt-after",
        metavar="NODE",
        help="The same, after the node.",
        show_default=False,
        rich_help_panel=_HOW,
    ),
]

# A new run: then.

Stream = Annotated[bool, typer.Option("--stream", help="Show the run as it goes (default).", rich_help_panel=_AFTER)]
Wait = Annotated[bool, typer.Option("--wait", help="Wait, and print the final state.", rich_help_panel=_AFTER)]
Background = Annotated[
    bool, typer.Option("--background", help="Return as soon as the run is accepted.", rich_help_panel=_AFTER)
]

# A namespace of Temporal.

OnlyCheck = Annotated[bool, typer.Option("--check", help="Change nothing: fail where something would be added.")]

# A worker.

Queues = Annotated[
    list[str] | None,
    typer.Option(
        "--queue",
        metavar="NAME",
        help="Serve only the graphs of this task queue (the setting task_queues). Repeatable.",
        show_default=False,
    ),
]

# The HTTP API.

ApiPort = Annotated[
    int | None,
    typer.Option(
        "--api-port",
        min=0,
        max=65535,
        help="The port of the HTTP API, instead of the setting gateway.port (2024); 0 is any that is free.",
        show_default=False,
    ),
]
Host = Annotated[
    str | None,
    typer.Option("--host", help="The address to listen on, instead of the setting gateway.host.", show_default=False),
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        min=0,
        max=65535,
        help="The port, instead of the setting gateway.port (2024); 0 is any that is free.",
        show_default=False,
    ),
]
