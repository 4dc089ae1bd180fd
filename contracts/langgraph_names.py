"""LangGraph's reserved names, as they stand in checkpoints and streams. They are part of its stored format.

LangGraph exports few of them, and its private modules are its own. So each stands here once, as a plain text: what a
process without LangGraph reads (the command line, the stored state) needs them, too.
"""

from __future__ import annotations

START, END = "__start__", "__end__"
"""The channel of an input, or the node that takes it; the channel of what a functional entrypoint returns."""
ROOT = "__root__"
"""The channel of a state that has no keys."""

# Channels of pending writes that say what happened to a task.
INTERRUPT = "__interrupt__"
"""A question. In a stream, the key of those that are open."""
RESUME = "__resume__"
"""The answers that a task has had."""
ERROR = "__error__"
"""What it raised."""
HANDED_ON = "__error_source_node__"
"""It has failed, and its error handler takes over."""
RETURN = "__return__"
"""The result of a `@task`."""
NO_TASK = "00000000-0000-0000-0000-000000000000"
"""The task id of writes of no task: what a command updates."""

# What starts a node: these channels, with its name at the end.
BRANCH = "branch:to:"
"""An edge to it was taken."""
JOIN = "join:"
"""`join:a+b:c`: both have to have arrived."""
SENDS = "__pregel_tasks"
"""The channel of `Send`s."""
INTERNAL = ("__", "branch:", JOIN)
"""Beginnings of the names of channels that LangGraph adds to a graph's own."""

PUSH = "__pregel_push"
"""The first part of the path of a task that a `Send` or a call of a `@task` has started."""
RESUMING = "__pregel_resuming"
"""The key of a nested graph's config that says whether to go on."""
METADATA = "__metadata__"
"""The key of an `updates` chunk that says whether it is cached."""
