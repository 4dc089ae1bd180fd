"""The promises of a bridge, as a test suite that ships: subclass `BridgeConformance`."""

from .faults import Faults
from .suite import BridgeConformance

__all__ = ["BridgeConformance", "Faults"]
