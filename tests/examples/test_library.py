"""The research agent's documents, and how they are searched."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.research.library import Library
from examples.research.tools import LIBRARY, read_document
from examples.research.words import sentences


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("fencing token lease", "fencing.md"),
        ("heartbeat timeout", "activities-and-retries.md"),
        ("limit of a workflow history", "history-and-replay.md"),
        ("server-sent events Last-Event-ID", "event-streams.md"),
        ("superstep checkpointer", "supersteps-and-checkpoints.md"),
    ],
)
def test_the_document_on_the_subject_comes_first(query: str, best: str) -> None:
    assert LIBRARY.search(query)[0].document.name == best


def test_endings_do_not_matter() -> None:
    assert [hit.document for hit in LIBRARY.search("crashed")] == [hit.document for hit in LIBRARY.search("crashes")]


@pytest.mark.parametrize("query", ["bananas", "", "the and of", "?!"])
def test_nothing_is_found_where_nothing_fits(query: str) -> None:
    assert LIBRARY.search(query) == []


def test_an_empty_folder_finds_nothing(tmp_path: Path) -> None:
    assert Library(tmp_path).search("fencing") == []


def test_a_passage_comes_from_its_document_and_holds_a_word_of_the_query() -> None:
    for hit in LIBRARY.search("zombie"):
        assert LIBRARY.has_quote(hit.document.name, hit.passage)
        assert "zombie" in hit.passage


def test_a_quote_must_stand_word_for_word(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\nOne two\nthree four.\n")
    library = Library(tmp_path)
    assert library.has_quote("a.md", "two three")
    assert not library.has_quote("a.md", "two four")
    assert not library.has_quote("a.md", " ")
    assert not library.has_quote("b.md", "two three")


@pytest.mark.parametrize("name", ["../agent.py", "/etc/hostname", "absent.md"])
def test_only_documents_can_be_read(name: str) -> None:
    assert read_document.invoke({"document": name}).startswith(f"There is no document '{name}'")


def test_every_document_has_a_title_and_whole_sentences() -> None:
    assert 6 <= len(LIBRARY.documents) <= 10
    for document in LIBRARY.documents.values():
        assert document.text.startswith(f"# {document.title}\n")
        assert all(sentence[-1] in ".?!" for sentence in sentences(document.text))
