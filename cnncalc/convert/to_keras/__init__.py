"""Writes a spec as source of Keras 3."""
