"""The checkpointer of a run: LangGraph's own savers by URL, behind a fence."""

from .contract import Checkpoints, KnownRun, RunNote, SaveHooks
from .open import open_checkpoints
from .saver import FencedSaver

__all__ = ["Checkpoints", "FencedSaver", "KnownRun", "RunNote", "SaveHooks", "open_checkpoints"]
