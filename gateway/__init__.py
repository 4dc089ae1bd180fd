"""The LangGraph API over HTTP: `Gateway` serves it."""

from .access import Authenticate
from .app import create_app
from .server import Gateway

__all__ = ["Authenticate", "Gateway", "create_app"]
