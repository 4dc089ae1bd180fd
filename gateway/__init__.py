"""The LangGraph API over HTTP: `Gateway` serves it."""

from .app import create_app
from .server import Gateway
from .serving import Authenticate, Serving

__all__ = ["Authenticate", "Gateway", "Serving", "create_app"]
