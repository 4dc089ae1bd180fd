"""What may stand for a value: JSON, a file, stdin, a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure.cli.inputs import read_answer, read_duration, read_json, read_object, read_pairs
from perdure.contracts.errors import InvalidRunError


def test_json_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_bytes(b'\xef\xbb\xbf{"a": [1, "\xc3\xa4"]}')  # editors on Windows begin with these three bytes
    assert read_json(f"@{file}", "--input") == {"a": [1, "ä"]}


@pytest.mark.parametrize("text", ["", "{", "hello", "{'a': 1}", "[Infinity]", "1 2", r'"\ud800"'])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidRunError, match=r"--input: .* is not JSON"):
        read_json(text, "--input")


def test_a_character_in_two_halves_is_read() -> None:
    assert read_json(r'"\ud83d\ude00"', "--input") == "😀"


def test_nesting_that_python_cannot_read_is_refused() -> None:
    with pytest.raises(InvalidRunError, match="nested too deeply"):
        read_json("[" * 100_000, "--input")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "input.json"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidRunError, match="not UTF-8"):
        read_json(f"@{file}", "--input")


@pytest.mark.parametrize("text", ["[]", "1", "null", '"x"'])
def test_an_object_is_required_where_one_is_meant(text: str) -> None:
    with pytest.raises(InvalidRunError, match="--command must be a JSON object"):
        read_object(text, "--command")


@pytest.mark.parametrize(
    ("argument", "answer"),
    [
        ("true", True),
        ("42", 42),
        ('"42"', "42"),
        ('{"a": 1}', {"a": 1}),
        ("yes, please", "yes, please"),
        ("NaN", "NaN"),
    ],
)
def test_an_answer_is_json_or_else_a_text(argument: str, answer: object) -> None:
    assert read_answer(argument, as_text=False) == answer


def test_an_answer_can_be_a_text_that_reads_as_json() -> None:
    assert read_answer("42", as_text=True) == "42"


def test_an_answer_from_a_file_loses_the_last_line_break(tmp_path: Path) -> None:
    file = tmp_path / "answer.txt"
    file.write_text("two\nlines\n")
    assert read_answer(f"@{file}", as_text=False) == "two\nlines"


def test_pairs_keep_their_values_as_texts() -> None:
    assert read_pairs(["version=1.10", "empty=", "a=b=c"], "--metadata") == {"version": "1.10", "empty": "", "a": "b=c"}


@pytest.mark.parametrize("argument", ["novalue", "=x", ""])
def test_what_is_no_pair_is_refused(argument: str) -> None:
    with pytest.raises(InvalidRunError, match="--metadata takes KEY=VALUE"):
        read_pairs([argument], "--metadata")


def test_durations_have_units() -> None:
    assert [read_duration(text, "--after") for text in ("90", "250ms", "2h")] == [90, 0.25, 7200]
    with pytest.raises(InvalidRunError, match="--after: '2 weeks' is not a duration"):
        read_duration("2 weeks", "--after")
