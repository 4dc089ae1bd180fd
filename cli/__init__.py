"""The command line: `perdure …`."""

import os
import sys
from contextlib import suppress
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command of this process's arguments, and end the process with its code (`exit_codes.ExitCode`)."""
    try:
        from .app import run_command  # here, so that Ctrl-C during the import shows no traceback

        code = run_command()
    except KeyboardInterrupt:
        code = 130
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):  # full, or closed by the shell and therefore None
            stream.flush()
    # Not `sys.exit`: while the interpreter finalizes, a thread of Temporal's native library can still come back from a
    # call and abort the process (seen in 16 of 160 exits shortly after one), which would change the exit code.
    os._exit(code)
