"""The graphs that a worker serves, and what can be asked of one: its config, its questions, the state of a thread."""
