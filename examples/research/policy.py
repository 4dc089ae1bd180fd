"""What the scripted model says next: a pure function of the conversation.

It lists the documents, searches for the words of the question, then for those that the first results left open,
reads the best documents, notes the sentences that share most words with the question, and stops.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from examples.research.words import content_words, sentences, stem, stems

_DOCUMENTS = 3
_QUOTES = 2
"""How many documents are read at most, and how many sentences are noted from each: enough for a report of a page."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool, and its answer once there is one."""

    tool: str
    args: Mapping[str, Any]
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A message of the model: a text, and the tools that it calls."""

    text: str
    calls: tuple[Call, ...] = ()


def research(messages: Sequence[BaseMessage]) -> Move:
    """The next step of the research for the newest question of the conversation."""
    asked = max((at for at, message in enumerate(messages) if isinstance(message, HumanMessage)), default=0)
    question = messages[asked].text if messages else ""
    past = past_calls(messages[asked:])
    return _list(past) or _search(question, past) or _study(question, past) or _stop(past)


def past_calls(messages: Sequence[BaseMessage]) -> list[Call]:
    """Every tool call in `messages`, in order, with its answer."""
    answers = {message.tool_call_id: message.text for message in messages if isinstance(message, ToolMessage)}
    calls = (call for message in messages if isinstance(message, AIMessage) for call in message.tool_calls)
    return [Call(call["name"], call["args"], answers.get(call["id"] or "", "")) for call in calls]


def write(request: str) -> Move:
    """The report for a request of the form `{"question": …, "notes": [{"number", "title", "quote"}, …]}`."""
    asked = json.loads(request)
    quotes: dict[str, list[str]] = {}
    for note in asked["notes"]:
        quotes.setdefault(note["title"], []).append(f"> {note['quote']} [{note['number']}]")
    if not quotes:
        return Move(f"# {asked['question']}\n\nThe documents of the library say nothing about this.")
    opening = f"The library answers this in {_counted(len(quotes), 'document')}: {_and(quotes)}. In their own words:"
    parts = [f"## {title}\n\n" + "\n>\n".join(lines) for title, lines in quotes.items()]
    return Move("\n\n".join([f"# {asked['question']}", opening, *parts]))


def _list(past: Sequence[Call]) -> Move | None:
    if any(call.tool == "list_documents" for call in past):
        return None
    return Move("First I look at what the library holds.", (Call("list_documents", {}),))


def _search(question: str, past: Sequence[Call]) -> Move | None:
    searches = [call for call in past if call.tool == "search_documents"]
    words = content_words(question)
    if not searches:
        query = " ".join(words) or question
        return Move(f"I search for the words of the question: {query}.", (Call("search_documents", {"query": query}),))
    seen = set(stems(searches[0].answer))
    left = [word for word in words if stem(word) not in seen]
    if len(searches) > 1 or not left or left == words:
        return None
    query = " ".join(left)
    return Move(f"The first results leave something open: {query}.", (Call("search_documents", {"query": query}),))


def _study(question: str, past: Sequence[Call]) -> Move | None:
    """Read the best document that is not read yet, or note what the one just read says."""
    texts = {call.args.get("document"): call.answer for call in past if call.tool == "read_document"}
    noted = {call.args.get("document") for call in past if call.tool == "take_note"}
    for document, title in _best(past):
        if document not in texts:
            return Move(f"“{title}” fits. I read it.", (Call("read_document", {"document": document}),))
        if document not in noted and (quotes := _quotes(question, texts[document])):
            text = f"“{title}” has {_counted(len(quotes), 'sentence')} on the question. I note what it says."
            return Move(text, tuple(Call("take_note", {"document": document, "quote": quote}) for quote in quotes))
    return None


def _stop(past: Sequence[Call]) -> Move:
    notes = [call.args.get("document") for call in past if call.tool == "take_note"]
    if not notes:
        return Move("No document of the library answers the question.")
    return Move(
        f"I have {_counted(len(notes), 'note')} from {_counted(len(set(notes)), 'document')}. That is enough to answer."
    )


def _best(past: Sequence[Call]) -> list[tuple[str, str]]:
    """Name and title of the documents that the searches rank highest together."""
    scores: Counter[tuple[str, str]] = Counter()
    for call in past:
        if call.tool == "search_documents":
            for hit in _hits(call.answer):
                scores[hit["document"], hit["title"]] += hit["score"]
    ranked = sorted(scores, key=lambda found: (-scores[found], found))[:_DOCUMENTS]
    return [found for found in ranked if scores[found] >= scores[ranked[0]] / 3]  # far behind the best is off the point


def _hits(answer: str) -> list[dict[str, Any]]:
    try:
        hits = json.loads(answer)
    except ValueError:  # the tool answered with the text of an error
        return []
    return cast("list[dict[str, Any]]", hits) if isinstance(hits, list) else []


def _quotes(question: str, text: str) -> list[str]:
    """The sentences of `text` that fit `question` best, in the order of the text; rare words count most."""
    wanted = set(stems(question))
    shared = {sentence: wanted & set(stems(sentence)) for sentence in sentences(text)}
    spread = Counter(word for words in shared.values() for word in words)
    weights = {sentence: sum(1 / spread[word] for word in words) for sentence, words in shared.items()}
    best = sorted(weights, key=lambda sentence: -weights[sentence])[:_QUOTES]
    return [sentence for sentence in weights if sentence in best and weights[sentence]]


def _counted(number: int, noun: str) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six")
    counted = words[number] if number < len(words) else str(number)
    return f"{counted} {noun}" if number == 1 else f"{counted} {noun}s"


def _and(titles: Mapping[str, object]) -> str:
    *first, last = (f"“{title}”" for title in titles)
    return f"{', '.join(first)} and {last}" if first else last
