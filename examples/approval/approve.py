"""A human in the loop: draft → review (asks a human) → publish, or revise and ask again.

Input: `topic`. The question is `{"question": …, "draft": …}`. The answer is `true` to publish; any text is what to
change, and `false` asks for another version without saying why.
"""

# LangGraph's builder is only partly typed.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

from typing import Any, Literal, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt


class Announcement(TypedDict, total=False):
    """A text on its way to the public."""

    topic: str
    draft: str
    changes: list[str]
    """What the human asked for, oldest first."""
    published: str


async def draft(state: Announcement) -> dict[str, Any]:
    """Write the first version."""
    return {"draft": _text(state.get("topic"), []), "changes": [], "published": ""}


async def review(state: Announcement) -> Command[Literal["publish", "revise"]]:
    """Ask a human. Nothing stands before the question, because this runs again when the answer comes."""
    answer: object = interrupt({"question": "Publish this?", "draft": state.get("draft", "")})
    if answer is True:
        return Command(goto="publish")
    wish = answer if isinstance(answer, str) else "another version"
    return Command(goto="revise", update={"changes": [*state.get("changes", []), wish]})


async def revise(state: Announcement) -> dict[str, Any]:
    """Write the next version."""
    return {"draft": _text(state.get("topic"), state.get("changes", []))}


async def publish(state: Announcement) -> dict[str, Any]:
    """Publish the version that the human saw."""
    return {"published": state.get("draft", "")}


def _text(topic: str | None, changes: list[str]) -> str:
    changed = f" (changed: {'; '.join(changes)})" if changes else ""
    return f"We are happy to announce {topic or 'something new'}{changed}."


builder = StateGraph(Announcement)
builder.add_node(draft)
builder.add_node(review)
builder.add_node(revise)
builder.add_node(publish)
builder.add_edge(START, "draft")
builder.add_edge("draft", "review")
builder.add_edge("revise", "review")
builder.add_edge("publish", END)
graph = builder.compile(name="approval")
