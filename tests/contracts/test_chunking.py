"""Chunks: joined they are the content, and what grows, or is told again with less before it, shares them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from perdure.contracts.chunking import chunks_of, from_ranges, to_ranges
from perdure.contracts.serialization.serializer import to_json


def message(size: int) -> dict[str, Any]:
    return {"content": secrets.token_hex(size // 2), "tool_calls": [{"args": {"a": 1}}, {"args": {"b": 2}}]}


def lists(size: int, *, window: int = 10_000) -> list[bytes]:
    messages = [message(size) for _ in range(200)]
    return [to_json({"messages": messages[max(0, end - window) : end], "n": end}) for end in range(1, 201)]


def prompts() -> list[bytes]:
    text = secrets.token_hex(100_000)
    return [to_json({"prompts": [text[: 1000 * end]]}) for end in range(1, 201)]


@pytest.mark.parametrize(
    "made",
    [
        partial(lists, 2000),
        partial(lists, 1000),
        partial(lists, 200),
        partial(lists, 2000, window=20),
        partial(lists, 200, window=100),
        prompts,
    ],
    ids=["large", "middling", "small", "a window of large", "a window of small", "prompts"],
)
def test_what_is_told_again_is_not_kept_again(made: Callable[[], list[bytes]]) -> None:
    contents = made()
    kept = {chunk for content in contents for chunk in chunks_of(content)}
    assert [b"".join(chunks_of(content)) for content in contents] == contents
    said = len(max(contents, key=len)) * (10 if len(contents[50]) * 4 > len(contents[-1]) * 3 else 1)
    # Beside what was said: the beginning of what is told later, once for each content.
    assert sum(map(len, kept)) < said + 200 * 5000


@pytest.mark.parametrize(
    "content", ["x" * 10_000, [{"a": n} for n in range(3000)], "é" * 5000, {}, [], "}]},{"], ids=repr
)
def test_any_content_is_its_chunks(content: object) -> None:
    chunks = chunks_of(to_json(content))
    assert b"".join(chunks) == to_json(content)
    assert max(map(len, chunks)) <= 4096
    assert len(chunks) <= 2 + 4 * len(to_json(content)) // 1024


@pytest.mark.parametrize(
    ("numbers", "text"), [([], ""), ([7], "7"), ([1, 2, 3, 9, 2], "1-3 9 2"), ([3, 2, 1, 2], "3 2 1-2")]
)
def test_numbers_as_text(numbers: list[int], text: str) -> None:
    assert to_ranges(numbers) == text
    assert [number for some in from_ranges(text) for number in some] == numbers
