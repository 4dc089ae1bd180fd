"""Protocols of agents, for one facade."""
