"""Driving a graph: one live graph for each run, held from slice to slice, and what a takeover makes of it."""
