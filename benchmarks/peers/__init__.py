"""The systems beside ours, as far as they are installed (`make bench` installs them, nothing else does)."""
