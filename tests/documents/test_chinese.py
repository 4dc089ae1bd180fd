"""The README in Chinese, held against the English one: all that can be compared without reading Chinese is the same."""

from __future__ import annotations

import re

import pytest

from .reading import ROOT, anchors, codes, fenced, links, pieces, sections, text

ENGLISH, CHINESE = "README.md", "README_zh.md"
# What is missing at the end of one of them is for `test_the_sections` to say.
PAIRS = [
    pytest.param(original, translation, id=original.partition("\n")[0].lstrip("# "))
    for original, translation in zip(sections(ENGLISH), sections(CHINESE), strict=False)
]
in_each_section = pytest.mark.parametrize(("original", "translation"), PAIRS)


def numbers(markdown: str) -> list[str]:
    """The numbers of a text in ascending order; those in links belong to their targets."""
    return sorted(re.findall(r"\d+(?:\.\d+)*", re.sub(r"\]\(\S+?\)", "", markdown)))


def targets(document: str) -> list[str]:
    """Where its links go, a heading by its place in the document; not that to the other language."""
    headings = anchors(ROOT / document)
    found = [link for link in links(document) if link not in (ENGLISH, CHINESE)]
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
    found = {piece for section in sections(CHINESE) for piece in pieces(section) if re.search(r"\w", piece)}
    assert {piece for piece in found if not re.search("[一-鿿]", piece)} == {"# Perdure", f"[English]({ENGLISH})"}


def test_the_links() -> None:
    assert targets(ENGLISH) == targets(CHINESE)


def test_each_leads_to_the_other() -> None:
    assert text(ENGLISH).splitlines()[2] == f"[中文]({CHINESE})"
    assert text(CHINESE).splitlines()[2] == f"[English]({ENGLISH})"
