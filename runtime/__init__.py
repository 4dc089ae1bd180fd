"""The composition root: settings in, connected parts out."""

from .client import connect
from .worker import Worker

__all__ = ["Worker", "connect"]
