"""`--only` names rows that there are."""

from __future__ import annotations

import sys

import pytest

from benchmarks.__main__ import main


def test_a_row_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--only", "page,pages"])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "--only pages: no row has such a name; there are first_event, " in capsys.readouterr().err
