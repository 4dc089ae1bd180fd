"""The words that every room shares: types, wire models, errors, settings, serialization.

Imports nothing of ours.
"""
