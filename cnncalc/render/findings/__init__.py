"""Writes the findings of a check, one file per format, each with a function `render`."""
