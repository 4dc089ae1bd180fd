"""What the Temporal UI tells of a run: summaries and current details, the important first."""

from __future__ import annotations

from ..contracts.types import RunStatus
from ..contracts.wire import RunInput, RunProgress


def slice_summary(state: RunProgress) -> str:
    """`7 · tools`: the step that a slice begins with, and its nodes."""
    nodes = ", ".join(state.next) or "start"
    return f"{state.steps + 1} · {nodes}"[:200]


def current_details(run: RunInput, state: RunProgress) -> str:
    """Markdown for the workflow's page."""
    lines = [f"**{state.status}** · {state.steps} supersteps"]
    if state.status is RunStatus.AWAITING_INPUT:
        asked = ", ".join(question.id for question in state.questions) or "a breakpoint"
        lines.append(f'waits for an answer to {asked}: signal `resume` with `{{"value": …}}`')
    elif state.next and not state.status.terminal:
        lines.append(f"next: {', '.join(state.next)}")
    if state.takeovers:
        lines.append(f"takeovers: {state.takeovers}")
    lines.append(f"thread `{run.thread_id}` · run `{run.run_id}` · graph `{run.assistant_id}`")
    return "\n\n".join(lines)
