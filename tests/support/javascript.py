"""LangGraph's clients for JavaScript: installed once for each lock file, and executed by node."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, NoReturn

import pytest

SOURCES = Path(__file__).parents[1] / "gateway" / "javascript"
EXAMPLE = SOURCES.parents[2] / "examples" / "chat" / "chat.jsx"
_PINS = ("package.json", "package-lock.json")
LIMIT = 240
"""Seconds for an installation: it takes ten where nothing else is at work."""


def node_modules() -> Path:
    """The installed packages. Where node or a registry of npm cannot be had the test is skipped."""
    pinned = hashlib.sha256(b"".join((SOURCES / name).read_bytes() for name in _PINS)).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / f"perdure-javascript-{pinned}"
    if not place.exists():
        _install(place)
    return place / "node_modules"


def _install(place: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        _missing("node and npm are not installed")
    begun = Path(tempfile.mkdtemp(dir=place.parent))
    try:
        for name in _PINS:
            shutil.copy(SOURCES / name, begun)
        _fill(begun)
        with suppress(OSError):  # another process was faster
            begun.rename(place)
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def _fill(folder: Path) -> None:
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    with (folder / "errors").open("w+b") as errors:
        # With its children, which would outlive it.
        npm = subprocess.Popen(command, cwd=folder, stdout=DEVNULL, stderr=errors, start_new_session=True)
        try:
            failed = npm.wait(LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(npm.pid, signal.SIGKILL)
            npm.wait()
            _missing(f"npm has not installed the clients within {LIMIT} s")
        else:
            errors.seek(0)
            if failed:
                _missing(f"npm cannot install the clients: {errors.read()[-1000:].decode()}")


def _missing(why: str) -> NoReturn:
    pytest.skip(f"the clients for JavaScript are not tried: {why}")


async def told(script: str, name: str, url: str, folder: Path) -> AsyncGenerator[Any]:
    """What a script tells, line by line. Raises with what it has written to its errors, when it fails."""
    for source in (SOURCES / script, EXAMPLE):
        shutil.copy(source, folder)
    (folder / "node_modules").symlink_to(node_modules())
    with (folder / "errors").open("w+b") as errors:
        node = await asyncio.create_subprocess_exec(
            "node", folder / script, name, url, stdout=PIPE, stderr=errors, cwd=folder
        )
        assert node.stdout is not None
        try:
            async for line in node.stdout:
                yield json.loads(line)
            failed = await node.wait()
        finally:
            if node.returncode is None:
                node.kill()
                await node.wait()
        errors.seek(0)
        assert not failed, errors.read().decode()
