"""Spans, metrics, and whom a log line is about."""
