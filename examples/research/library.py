"""A folder of Markdown documents, searched with BM25."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from examples.research.words import paragraphs, stems

# The usual constants of BM25: how fast repetitions of a word saturate, and how much a document's length counts.
_K1 = 1.5
_B = 0.75


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the folder."""

    name: str
    text: str

    @property
    def title(self) -> str:
        return self.text.partition("\n")[0].lstrip("# ")


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that a search found."""

    document: Document
    score: float
    passage: str
    """The paragraph that fits the query best."""


class Library:
    """The `*.md` files of `folder`, read once."""

    def __init__(self, folder: Path) -> None:
        self.documents = {
            path.name: Document(path.name, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.md"))
        }
        self._counts = {name: Counter(stems(document.text)) for name, document in self.documents.items()}
        self._average_length = sum(counts.total() for counts in self._counts.values()) / max(len(self._counts), 1)

    def search(self, query: str, *, limit: int = 4) -> list[Hit]:
        """The documents that share words with `query`, best first."""
        terms = sorted(set(stems(query)))
        scores = {name: self._score(name, terms) for name in self.documents}
        found = sorted((name for name, score in scores.items() if score > 0), key=lambda name: (-scores[name], name))
        return [self._hit(name, scores[name], terms) for name in found[:limit]]

    def has_quote(self, name: str, quote: str) -> bool:
        """Whether `quote` stands word for word in a document of this name; line breaks don't matter."""
        document = self.documents.get(name)
        wanted = " ".join(quote.split())
        return bool(wanted) and document is not None and wanted in " ".join(document.text.split())

    def _hit(self, name: str, score: float, terms: list[str]) -> Hit:
        document = self.documents[name]
        passage = max(paragraphs(document.text), key=lambda text: self._weight(stems(text), terms), default="")
        return Hit(document, round(score, 2), passage)

    def _weight(self, words: list[str], terms: list[str]) -> float:
        return sum(self._rarity(term) for term in terms if term in words)

    def _score(self, name: str, terms: list[str]) -> float:
        counts = self._counts[name]
        penalty = _K1 * (1 - _B + _B * counts.total() / self._average_length)
        return sum(self._rarity(term) * counts[term] * (_K1 + 1) / (counts[term] + penalty) for term in terms)

    def _rarity(self, term: str) -> float:
        having = sum(term in counts for counts in self._counts.values())
        return math.log(1 + (len(self._counts) - having + 0.5) / (having + 0.5))
