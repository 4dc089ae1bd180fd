"""How Python values become strict JSON, and what is valid text."""

from .serializer import from_json, qualified_name, to_json

__all__ = ["from_json", "qualified_name", "to_json"]
