"""The JSON Schema of a spec, with budgets on figures that depend on how the network runs."""

from __future__ import annotations

from ..language.schema import Schema, json_schema
from .figures import LATENCY, budget_figures
from .latency.budget import schema
from .memory.budget import schemas


def spec_schema() -> Schema:
    """Return the schema, with every figure that a budget may limit."""
    return json_schema(budget_figures(), {**schemas(), LATENCY: schema()})
