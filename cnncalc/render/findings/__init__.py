"""The findings of a check, one file per format; each has ``render(checked) -> str``."""
