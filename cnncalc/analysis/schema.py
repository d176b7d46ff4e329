"""The JSON Schema of a spec, with the figures that its budgets limit."""

from __future__ import annotations

from ..language.schema import Schema, json_schema
from .figures import budget_figures
from .memory.budget import schemas


def spec_schema() -> Schema:
    """Return the schema of a spec, for editors."""
    return json_schema(budget_figures(), schemas())
