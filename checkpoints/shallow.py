"""Savers that keep only the newest checkpoint of a thread: without the others there is no rollback, and no fork."""

from __future__ import annotations


def is_shallow(saver: object) -> bool:
    """LangGraph's `ShallowPostgresSaver` and others that say so in their name, and what is made of them."""
    return any("Shallow" in base.__name__ for base in type(saver).__mro__)
