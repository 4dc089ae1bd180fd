"""The programs of the pages in docs/, executed as they are written, and what they print."""

from __future__ import annotations

import asyncio

import pytest

from .reading import PAGES, blocks

OWN = "docs/observers.md"
"""Has tests of its own."""
PRINTED = {
    ("docs/plugin.md", 0): ["success You said: Hello"],
    ("docs/threads.md", 0): ["t-3 2 ()", "3 4"],
    ("docs/threads.md", 1): ["Hello ann", "None"],
}
"""By page and number of the block, where the output is always the same."""

PROGRAMS = [(page, number) for page in PAGES if page != OWN for number, _ in enumerate(blocks(page, "python"))]


@pytest.mark.parametrize(("page", "number"), PROGRAMS)
async def test_a_program(
    page: str,
    number: int,
    house: object,
    elsewhere: None,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = blocks(page, "python")[number]
    if "perdure.Worker" not in program:  # it uses the worker that the reader has
        request.getfixturevalue("at_home")
    # A program has an event loop of its own.
    await asyncio.to_thread(exec, compile(program, page, "exec"), {"__name__": "__main__"})
    printed = capsys.readouterr().out.splitlines()
    assert printed == PRINTED.get((page, number), printed)
