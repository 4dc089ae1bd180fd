"""What the Temporal UI tells of a run: summaries and current details, the important first."""

from __future__ import annotations

from ..contracts.types import RunError, RunStatus
from ..contracts.wire import RunInput, RunProgress

_SHOWN = 20
"""Questions on the workflow's page, which cuts long texts."""
_MESSAGE = 1000
"""Characters of an error there; the failure has all of it."""
_MARKDOWN = frozenset("\\`*_[]<>#|~!")


def slice_summary(state: RunProgress) -> str:
    """`7 · tools`: the step that a slice begins with, and its nodes."""
    nodes = ", ".join(state.next) or "start"
    return f"{state.steps + 1} · {nodes}"[:200]


def current_details(run: RunInput, state: RunProgress, error: RunError | None = None) -> str:
    """Markdown for the workflow's page; `error`: why the run has failed."""
    lines = [f"**{state.status}** · {state.steps} supersteps"]
    if error is not None:
        lines.append(_plain(f"{error.type}: {error.message}"[:_MESSAGE]))
    if state.status is RunStatus.AWAITING_INPUT:
        lines += _questions(state)
    elif state.next and not state.status.terminal:
        lines.append(f"next: {_next(state)}")
    if state.trouble:
        lines.append(f"tried again: {_plain(state.trouble)}")
    if state.takeovers:
        lines.append(f"takeovers: {state.takeovers}")
    where = f" · task queue `{run.task_queue}`" if run.task_queue else ""
    lines.append(f"thread `{run.thread_id}` · run `{run.run_id}` · graph `{run.assistant_id}`{where}")
    return "\n\n".join(lines)


def _next(state: RunProgress) -> str:
    return ", ".join(state.next) + (f" and {state.more} more" if state.more else "")


def _questions(state: RunProgress) -> list[str]:
    """What the run waits for, and how to answer here."""
    refused = [f"the last answer was not delivered: {_plain(state.refused)}"] if state.refused else []
    count = len(state.questions) or state.asked
    if not count:
        return [*refused, f'waits at a breakpoint (next: {_next(state)}): signal `resume` with `{{"value": null}}`']
    asked = [f"`{question.id}` {_plain(question.text)}".rstrip() for question in state.questions[:_SHOWN]]
    if count > len(asked):
        asked.append(f"{count - len(asked)} more: `perdure show` has them all")
    form = '{"value": …}' if count == 1 else '{"value": {"<id>": …}}'
    return [*refused, f"waits for an answer: signal `resume` with `{form}`", *asked]


def _plain(text: str) -> str:
    """A text that the UI's markdown leaves as it is."""
    return "".join(f"\\{sign}" if sign in _MARKDOWN else sign for sign in text)
