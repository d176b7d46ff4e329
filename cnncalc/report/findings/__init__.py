"""Findings of a check, one file per format; each has ``render(checked) -> str``."""

FORMATS = ("full", "concise", "json", "github", "sarif", "junit", "gitlab", "markdown")
