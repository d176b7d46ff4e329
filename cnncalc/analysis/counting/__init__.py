"""Counts the figures of many variants of a network at once, on arrays."""
