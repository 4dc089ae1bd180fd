"""The LangGraph API over HTTP: `Gateway` serves it."""

from .app import create_app
from .server import Gateway

__all__ = ["Gateway", "create_app"]
