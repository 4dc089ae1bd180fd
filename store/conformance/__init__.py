"""The promises of a store, as a test suite that ships: subclass `StoreConformance`. It needs pytest."""

from .suite import StoreConformance

__all__ = ["StoreConformance"]
