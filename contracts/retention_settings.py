"""How long is kept what is not needed any more to go on."""

from __future__ import annotations

from .settings_section import Section, Timeout


class RetentionSettings(Section):
    """Counted from the end of a run, or from the last use of a thread; null is for ever."""

    streams: Timeout | None = None
    """The event streams of runs."""
    events: Timeout | None = None
    """What happened inside of runs (`perdure events`)."""
    runs: Timeout | None = None
    """The records of runs, with all that is kept of them. Their threads keep their state."""
    threads: Timeout | None = None
    """Threads, with their state and their runs."""

    @property
    def is_set(self) -> bool:
        """Whether anything is removed at all."""
        return any(value is not None for value in (self.streams, self.events, self.runs, self.threads))
