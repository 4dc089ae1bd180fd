"""The README in Chinese, held against the English one: all that can be compared without reading Chinese is the same.

A section that nobody has translated yet is named, by its English heading, in the Chinese file's `<!-- lags: A; B -->`,
and a note at the top tells readers. Its text there may be the old one, or the English one; its heading must be there.
"""

from __future__ import annotations

import re

import pytest

from .reading import ROOT, anchors, codes, fenced, linked, pieces, sections, text

ENGLISH, CHINESE = "README.md", "README_zh.md"
NOTE = "以下章节尚未跟上[英文版]"
"""What a reader is told at the top of a translation that lags."""


def heading(section: str) -> str:
    return section.partition("\n")[0].lstrip("# ")


def lagging(translation: str) -> set[str]:
    """The English headings of the sections that are not translated yet."""
    return {name.strip() for names in re.findall(r"<!-- lags: (.*?) -->", translation) for name in names.split(";")}


def without_note(section: str) -> str:
    return re.sub(rf"^(<!-- lags:|> {re.escape(NOTE)}).*\n+", "", section, flags=re.MULTILINE)


LAGGING = lagging(text(CHINESE))
# What is missing at the end of one of them is for `test_the_sections` to say.
ALL = [*zip(sections(ENGLISH), map(without_note, sections(CHINESE)), strict=False)]
PAIRS = [pair for pair in ALL if heading(pair[0]) not in LAGGING]
in_each_section = pytest.mark.parametrize(
    ("original", "translation"), [pytest.param(*pair, id=heading(pair[0])) for pair in PAIRS]
)


def numbers(markdown: str) -> list[str]:
    """The numbers of a text in ascending order; those in links belong to their targets."""
    return sorted(re.findall(r"\d+(?:\.\d+)*", re.sub(r"\]\(\S+?\)", "", markdown)))


def targets(document: str, section: str) -> list[str]:
    """Where its links go, a heading by its place in the document; not that to the other language."""
    headings = anchors(ROOT / document)
    found = [link for link in linked(section) if link not in (ENGLISH, CHINESE)]
    return [f"#{headings.index(link[1:])}" if link.startswith("#") else link for link in found]


def test_the_sections() -> None:
    assert len(sections(ENGLISH)) == len(sections(CHINESE))


@in_each_section
def test_the_code(original: str, translation: str) -> None:
    assert fenced(original) == fenced(translation)


@in_each_section
def test_what_each_piece_names(original: str, translation: str) -> None:
    assert [sorted(codes(piece)) for piece in pieces(original)] == [
        sorted(codes(piece)) for piece in pieces(translation)
    ]


@in_each_section
def test_the_numbers(original: str, translation: str) -> None:
    assert [numbers(piece) for piece in pieces(original)] == [numbers(piece) for piece in pieces(translation)]


def test_nothing_is_left_in_english() -> None:
    found = {piece for _, section in PAIRS for piece in pieces(section) if re.search(r"\w", piece)}
    assert {piece for piece in found if not re.search("[一-鿿]", piece)} == {"# Perdure", f"[English]({ENGLISH})"}


@in_each_section
def test_the_links(original: str, translation: str) -> None:
    assert targets(ENGLISH, original) == targets(CHINESE, translation)


def test_what_lags_is_a_section_and_readers_are_told() -> None:
    assert LAGGING - {heading(original) for original, _ in ALL} == set()
    assert (NOTE in text(CHINESE)) is bool(LAGGING)


def test_a_note_of_what_lags_is_read() -> None:
    assert lagging("# Perdure\n\n<!-- lags: Two commands; The command line -->\n") == {
        "Two commands",
        "The command line",
    }
    assert lagging("# Perdure\n") == set()


def test_each_leads_to_the_other() -> None:
    assert text(ENGLISH).splitlines()[2] == f"[中文]({CHINESE})"
    assert text(CHINESE).splitlines()[2] == f"[English]({ENGLISH})"
