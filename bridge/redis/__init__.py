"""A bridge over Redis or Valkey: streams for workers and readers on many machines. Needs `perdure[redis]`."""

from .bridge import RedisBridge

__all__ = ["RedisBridge"]
