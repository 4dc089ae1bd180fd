"""Faults, one behaviour a file. What is tried at random here is tried for longer by `make chaos`."""
