"""The documents, taken apart: sections, code blocks, inline code, tables, links and the commands that they name."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(sorted(page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").glob("*.md")))
MAIN = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
DOCUMENTS = (*MAIN, *PAGES)
TRANSLATIONS = ("README_zh.md",)
"""Held against their originals: what these say of the code need not be tried twice."""

_FENCED = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_ASSIGNMENT = re.compile(r"[A-Z_]+=")


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, as it stands in a document."""

    document: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words, without the environment variables before and the comment behind them."""
        words = shlex.split(self.text, comments=True)
        return words[len(self.variables) :]

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that it sets."""
        found: dict[str, str] = {}
        for word in shlex.split(self.text, comments=True):
            if not _ASSIGNMENT.match(word):
                break
            name, _, value = word.partition("=")
            found[name] = value
        return found

    def __str__(self) -> str:
        return f"{self.document}: {' '.join(self.words)}"


def text(document: str) -> str:
    """All of it."""
    return (ROOT / document).read_text(encoding="utf-8")


def section(document: str, heading: str) -> str:
    """From a heading to the next one."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text(document), re.MULTILINE | re.DOTALL)
    assert found, f"{document} has no section {heading!r}"
    return found[1]


def sections(document: str) -> list[str]:
    """All of them with their headings, behind what stands before the first."""
    return re.split(r"^(?=## )", text(document), flags=re.MULTILINE)


def pieces(markdown: str) -> list[str]:
    """Its paragraphs, headings, list items and table rows."""
    return re.split(r"\n{2,}|\n(?=- |\|)", _FENCED.sub("", markdown).strip())


def fenced(markdown: str) -> list[str]:
    """The fenced code of every language, with its fences."""
    return [match[0] for match in _FENCED.finditer(markdown)]


def blocks(document: str, language: str) -> list[str]:
    """The fenced code of a language."""
    return [match["code"] for match in _FENCED.finditer(text(document)) if match["language"] == language]


def codes(markdown: str) -> list[str]:
    """The inline code of a text."""
    return [code.replace("\\|", "|") for code in _INLINE.findall(_FENCED.sub("", markdown))]


def rows(markdown: str) -> list[list[str]]:
    """The cells of a table's rows, its heading left out."""
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in cells if _INLINE.match(row[0])]


def links(document: str) -> list[str]:
    """Where its links go."""
    return linked(text(document))


def linked(markdown: str) -> list[str]:
    """Where the links of a text go."""
    return _LINK.findall(_FENCED.sub("", markdown))


def anchors(document: Path) -> list[str]:
    """The names by which its headings can be linked to, in their order."""
    headings = re.findall(r"^#+ (.*)$", _FENCED.sub("", document.read_text("utf-8")), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def commands(*programs: str) -> list[Command]:
    """Every command line of these programs, in blocks and in the text, but no mere names and none with an ellipsis."""
    lines = ((document, line) for document in DOCUMENTS for line in _command_lines(document))
    found = [Command(document, line) for document, line in lines if any(program in line for program in programs)]
    return [command for command in found if len(command.words) > 1 and command.words[0] in programs]


def _command_lines(document: str) -> list[str]:
    lines = [line for block in blocks(document, "bash") for line in block.splitlines()]
    inline = [code for code in codes(text(document)) if "…" not in code and "'" not in code]
    return [*lines, *inline]
