"""Faults against a real installation, and what must hold of every run that lives through them."""
