"""Files that only their owner can read: prompts, answers and the states of threads lie in them.

Whatever the umask is, and also those of before, whose folder was open to all. A folder that is not ours (a project's,
`/tmp`) keeps its mode; the files in it do not need it.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

FILE_MODE, FOLDER_MODE = 0o600, 0o700
HOME = ".perdure"
"""The default of the setting `home`. A folder of this name is ours, whoever made it."""
_COMPANIONS = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a database. New ones get the database's mode."""


def private_folder(path: Path) -> None:
    """Make the folder, and what is missing above it; for its owner only, if it is new or ours. Raises `OSError`."""
    missing = [*_missing(path)]
    for folder in reversed(missing):
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    for folder in missing or ([path] if path.name == HOME else []):
        _restrict(folder, FOLDER_MODE)


def private_file(path: Path) -> None:
    """Make the file, empty, if it is missing. Raises `OSError`.

    A file that is there is not opened: to close it would drop the locks that SQLite holds on it in this process.
    """
    if not path.exists():
        _make(path)
    restrict(path)


def private_database(path: Path) -> None:
    """A SQLite file, with its folder, before it is connected to. Raises `OSError`."""
    private_folder(path.parent)
    private_file(path)
    restrict_database(path)


def restrict_database(path: Path) -> None:
    """A database that is there already, and what SQLite has put beside it."""
    for name in (path, *(path.with_name(path.name + end) for end in _COMPANIONS)):
        restrict(name)


def restrict(path: Path) -> None:
    """Take a file from all but its owner. Nothing, if there is none."""
    _restrict(path, FILE_MODE)


def restrict_home(home: Path) -> None:
    """All that lies in a folder of ours. Others keep their mode: who set `home: .` has a project there."""
    if home.name != HOME or not home.is_dir():
        return
    _restrict(home, FOLDER_MODE)
    for folder, folders, files in os.walk(home):
        for name in folders:
            _restrict(Path(folder, name), FOLDER_MODE)
        for name in files:
            _restrict(Path(folder, name), FILE_MODE)


def _missing(path: Path) -> Iterator[Path]:
    while not path.exists():
        yield path
        path = path.parent


def _make(path: Path) -> None:
    try:
        os.mknod(path, FILE_MODE | stat.S_IFREG)  # without a descriptor, so with nothing to close
    except FileExistsError:
        return
    except (AttributeError, PermissionError):  # macOS lets only root do so
        path.touch(FILE_MODE)


def _restrict(path: Path, mode: int) -> None:
    """An executable stays one."""
    try:
        found = path.lstat().st_mode
        wanted = mode | (found & stat.S_IXUSR)
        if not stat.S_ISLNK(found) and stat.S_IMODE(found) != wanted:
            path.chmod(wanted)
    except FileNotFoundError:
        return
    except PermissionError:
        logger.warning("%s is another user's, so its mode cannot be set: more than its owner may read it", path)
