"""The words of a text that carry its meaning, and their stems."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+")
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[\"A-Z])")
_ENDING = re.compile(r"(?<=\w{3})(?:ies|es|ed|ing|e|y|(?<!s)s)$")
_STOP_WORDS = frozenset(
    _WORD.findall(
        """a about after again all also an and any are as at be because been before but by can could did do does for
        from go goes had happen happens has have how i if in into is it its may me more most must my no not
        of on one only or our out over please should so some such than that the their them then there these
        they this through to too twice two up was we were what when where which while who why will with
        without would you your"""
    )
)


def content_words(text: str) -> list[str]:
    """The words of `text` in lower case and in order, each once, stop words left out."""
    return list(dict.fromkeys(word for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS))


def stem(word: str) -> str:
    """`word` without its commonest English endings, so that crash, crashes and crashed are the same."""
    return _ENDING.sub("", word)


def stems(text: str) -> list[str]:
    """The stem of every word of `text` that is no stop word, repetitions included."""
    return [stem(word) for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS]


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a Markdown text, one line each, headings left out."""
    blocks = (" ".join(block.split()) for block in text.split("\n\n"))
    return [block for block in blocks if block and not block.startswith("#")]


def sentences(text: str) -> list[str]:
    """The sentences of a Markdown text, headings left out."""
    return [sentence for block in paragraphs(text) for sentence in _SENTENCE_END.split(block)]
