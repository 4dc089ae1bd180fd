"""What a command loads: a list of runs needs no LangGraph and no Temporal, nothing needs what only workers do."""

from __future__ import annotations

import asyncio
import sys

import pytest

from .conftest import CommandLine

_CODE = """
import os, sys
from contextlib import redirect_stderr, redirect_stdout
with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
    {}
print(*sys.modules)
"""
_COMMAND = "from perdure.cli.app import run_command; run_command()"
_NEVER = {"langgraph", "langchain_core", "langsmith", "alembic", "opentelemetry", "pydantic_settings", "httpx"}


async def _loaded(cli: CommandLine, code: str, *arguments: str) -> set[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CODE.format(code), *arguments,
        env=cli.environment, cwd=cli.folder, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0
    return {name.partition(".")[0] for name in out.decode().splitlines()[-1].split()}


@pytest.fixture(scope="module", autouse=True)
async def tables(lonely: CommandLine) -> None:
    """Alembic makes them, once."""
    assert (await lonely("runs")).code == 0


@pytest.mark.parametrize(
    ("code", "words", "unwanted"),
    [
        ("import perdure; dir(perdure); perdure.Settings", "", {*_NEVER, "temporalio", "sqlalchemy", "rich", "typer"}),
        ("import perdure.runtime.client", "", {*_NEVER, "temporalio", "sqlalchemy", "rich", "typer"}),
        (_COMMAND, "runs --help", {*_NEVER, "temporalio", "sqlalchemy"}),
        (_COMMAND, "runs", {*_NEVER, "temporalio"}),
        (_COMMAND, "show nobody", {*_NEVER, "temporalio"}),
        (_COMMAND, "stream nobody", {*_NEVER, "temporalio"}),
        (_COMMAND, "threads", {*_NEVER, "temporalio"}),
        (_COMMAND, "cancel nobody", {*_NEVER, "temporalio", "rich"}),
    ],
)
async def test_nothing_heavy_is_loaded_for_nothing(
    lonely: CommandLine, code: str, words: str, unwanted: set[str]
) -> None:
    assert await _loaded(lonely, code, *words.split()) & unwanted == set()
