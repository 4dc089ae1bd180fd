"""What the research agent can do: list, search and read the documents, and take notes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypedDict

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, InjectedToolCallId, tool
from langgraph.types import Command

from examples.research.library import Library


class Note(TypedDict):
    """A passage that the agent found worth keeping."""

    document: str
    quote: str


LIBRARY = Library(Path(__file__).with_name("documents"))


@tool
def list_documents() -> list[dict[str, str]]:
    """List every document of the library with its title."""
    return [{"document": document.name, "title": document.title} for document in LIBRARY.documents.values()]


@tool
def search_documents(query: str) -> list[dict[str, Any]]:
    """Search the library for a few words; the best documents first, each with its best passage."""
    return [
        {"document": hit.document.name, "title": hit.document.title, "score": hit.score, "passage": hit.passage}
        for hit in LIBRARY.search(query)
    ]


@tool
def read_document(document: str) -> str:
    """Read one document of the library by its name, such as `fencing.md`."""
    found = LIBRARY.documents.get(document)
    return found.text if found else _no_such(document)


@tool
def take_note(document: str, quote: str, tool_call_id: Annotated[str, InjectedToolCallId]) -> Command[Any] | str:
    """Keep a passage for the report. `quote` must be copied word for word from the document."""
    if document not in LIBRARY.documents:
        return _no_such(document)
    note: Note = {"document": document, "quote": quote}
    noted = ToolMessage(f"Noted from {document}.", tool_call_id=tool_call_id, name="take_note")
    return Command(update={"notes": [note], "messages": [noted]})


TOOLS: list[BaseTool] = [list_documents, search_documents, read_document, take_note]


def _no_such(document: str) -> str:
    return f"There is no document {document!r}. The documents are: {', '.join(LIBRARY.documents)}."
