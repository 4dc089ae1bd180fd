"""The thread protocol: commands, and all that happens on a thread as one line of events."""
