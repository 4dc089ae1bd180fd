"""LangGraph's clients for JavaScript: installed once for each lock file, and executed by node."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

SOURCES = Path(__file__).parents[1] / "gateway" / "javascript"
_PINS = ("package.json", "package-lock.json")
_LIMIT = 60
"""Seconds for an installation: it takes ten."""


def node_modules() -> Path:
    """The installed packages. Where they cannot be had the test is skipped; in CI it fails."""
    pinned = hashlib.sha256(b"".join((SOURCES / name).read_bytes() for name in _PINS)).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / f"perdure-javascript-{pinned}"
    if not place.exists():
        _install(place)
    return place / "node_modules"


def _install(place: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        _missing("node and npm are not installed")
    with tempfile.TemporaryDirectory(dir=place.parent) as begun:
        for name in _PINS:
            shutil.copy(SOURCES / name, begun)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        try:
            subprocess.run(command, cwd=begun, check=True, capture_output=True, text=True, timeout=_LIMIT)
        except subprocess.TimeoutExpired:
            _missing(f"npm has not installed the clients within {_LIMIT} s")
        except subprocess.CalledProcessError as exc:
            _missing(f"npm cannot install the clients: {exc.stderr[-1000:]}")
        shutil.copytree(begun, f"{begun}-whole", symlinks=True)
        try:
            Path(f"{begun}-whole").rename(place)
        except OSError:  # another process was faster
            shutil.rmtree(f"{begun}-whole")


def _missing(why: str) -> None:
    told = f"the clients for JavaScript are not tried: {why}"
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)


async def told(script: str, name: str, url: str, folder: Path) -> AsyncGenerator[Any]:
    """What a script tells, line by line. Raises with what it has written to its errors, when it fails."""
    shutil.copy(SOURCES / script, folder)
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
