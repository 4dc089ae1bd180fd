"""What a store promises of lists of threads."""

from __future__ import annotations

from typing import Any

import pytest

from ..contract import Store
from .making import Draft, make_record, make_spec

_METADATA: dict[str, dict[str, Any]] = {
    "text": {"kind": "x", "deep": {"kind": "y"}},
    "whole": {"kind": 1},
    "broken": {"kind": 1.5},
    "odd": {"kind": "x'%\"", "nul": "\0a\0\0b", "none": "\\u0000\\", "a key": "here"},
}
"""By thread."""


class ThreadPromises:
    """Threads are found by what their runs say of them."""

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ({}, {*_METADATA}),
            ({"kind": "x"}, {"text"}),
            ({"kind": 1}, {"whole"}),
            ({"kind": 1.0}, {"whole"}),
            ({"kind": 1.5}, {"broken"}),
            ({"kind": "x'%\""}, {"odd"}),
            ({"a key": "here", "kind": "x'%\""}, {"odd"}),
            ({"kind": "1"}, set[str]()),
            ({"kind": "y"}, set[str]()),
            ({"kind": "x", "none": 1}, set[str]()),
        ],
    )
    async def test_threads_are_found_by_metadata(self, store: Store, wanted: dict[str, Any], found: set[str]) -> None:
        for thread_id, metadata in _METADATA.items():
            await store.create(make_record(f"run of {thread_id}", thread_id, metadata=metadata), make_spec())
            await store.mark_submitted(f"run of {thread_id}")
        assert {thread.thread_id for thread in await store.threads.list(metadata=wanted)} == found

    async def test_the_place_of_a_run_that_was_deleted_is_not_given_again(self, store: Store, draft: Draft) -> None:
        for number in (1, 2, 3):
            await draft(f"r{number}")
            await store.mark_submitted(f"r{number}", sequence=number)
        for gone in ("r3", "r2"):
            await store.delete(gone)
        assert (await store.line("thread")).last_sequence == 3
        await draft("r4")
        await store.mark_submitted("r4", sequence=4)
        assert (await store.line("thread")).last_sequence == 4
        for gone in ("r4", "r1"):
            await store.delete(gone)
        assert await store.threads.delete("thread")
        assert (await store.line("thread")).last_sequence == 0
