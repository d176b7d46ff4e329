"""Counts every combination of values of a spec's parameters, sizes and settings."""
