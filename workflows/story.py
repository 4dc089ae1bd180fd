"""What the Temporal UI tells of a run: summaries and current details, the important first."""

from __future__ import annotations

from ..contracts.types import RunStatus
from ..contracts.wire import RunInput, RunProgress

_MARKDOWN = frozenset("\\`*_[]<>#|~!")


def slice_summary(state: RunProgress) -> str:
    """`7 · tools`: the step that a slice begins with, and its nodes."""
    nodes = ", ".join(state.next) or "start"
    return f"{state.steps + 1} · {nodes}"[:200]


def current_details(run: RunInput, state: RunProgress) -> str:
    """Markdown for the workflow's page."""
    lines = [f"**{state.status}** · {state.steps} supersteps"]
    if state.status is RunStatus.AWAITING_INPUT:
        lines += _questions(state)
    elif state.next and not state.status.terminal:
        lines.append(f"next: {', '.join(state.next)}")
    if state.takeovers:
        lines.append(f"takeovers: {state.takeovers}")
    lines.append(f"thread `{run.thread_id}` · run `{run.run_id}` · graph `{run.assistant_id}`")
    return "\n\n".join(lines)


def _questions(state: RunProgress) -> list[str]:
    """What the run waits for, and how to answer here."""
    if not state.questions:
        return [f'waits at a breakpoint (next: {", ".join(state.next)}): signal `resume` with `{{"value": null}}`']
    asked = [f"`{question.id}` {_plain(question.text)}".rstrip() for question in state.questions]
    form = '{"value": …}' if len(asked) == 1 else '{"value": {"<id>": …}}'
    return [f"waits for an answer: signal `resume` with `{form}`", *asked]


def _plain(text: str) -> str:
    """A text that the UI's markdown leaves as it is."""
    return "".join(f"\\{sign}" if sign in _MARKDOWN else sign for sign in text)
