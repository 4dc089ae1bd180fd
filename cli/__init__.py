"""The command line: `perdure …`."""

__all__ = ["main"]


def main() -> int:
    """Run the command of this process's arguments; its exit code (`exit_codes.ExitCode`)."""
    try:
        from .app import run_command  # here, so that Ctrl-C during the import shows no traceback

        return run_command()
    except KeyboardInterrupt:
        return 130
