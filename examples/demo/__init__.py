"""The demo: a long agent job survives a killed worker, and another one is cancelled from Temporal's command line."""
