"""Everything of a run that has side effects: driving the graph, finishing, stopping, watching."""

from .graphs import GraphRegistry, GraphSource, load_graphs
from .runs import RunActivities

__all__ = ["GraphRegistry", "GraphSource", "RunActivities", "load_graphs"]
