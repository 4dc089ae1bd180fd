"""The page for people at `/`: its files, and what it asks for beside LangGraph's API."""

from .actions import router as actions
from .files import router as files
from .lists import router as lists
from .stories import router as stories
from .threads import router as threads

__all__ = ["ROUTERS"]

ROUTERS = (files, lists, stories, actions, threads)
