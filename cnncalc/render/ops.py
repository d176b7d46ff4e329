"""Writes the list of operators in every format."""

from __future__ import annotations

from typing import Any

from ..analysis.ops import Operator
from .formats.csv import Csv
from .formats.entries import Entry, Section, block, laid_out, text_width
from .formats.json import Json, document
from .formats.lines import Lines
from .formats.markdown import Page

_MORE = "`cnncalc ops NAME` explains an operator. Its names in torch and Keras work too."
_HEADINGS = ("operator", "group", "what it computes", "torch", "also called")


def table(found: list[Operator], width: int) -> Lines:
    """Write the operators, grouped by family."""
    sections: dict[str, list[Entry]] = {}
    for operator in found:
        entries = sections.setdefault(operator.family, [])
        entries.append(Entry(operator.name, operator.text.summary))
    width = text_width(width)
    _, *lines = laid_out((Section(*item) for item in sections.items()), width)
    return Lines(*lines, "", *block(_MORE, width, 0))


def json(found: list[Operator]) -> Json:
    """Write every operator with its fields."""
    return document({"operators": [operator_data(operator) for operator in found]})


def csv(found: list[Operator]) -> Csv:
    """Write a line for each operator."""
    return Csv(("name", "family", "summary", "torch", "aliases"), *map(_cells, found))


def markdown(found: list[Operator]) -> Page:
    """Write a line for each operator."""
    page = Page()
    page.table(_HEADINGS, [False] * len(_HEADINGS), map(_cells, found), compact=True)
    return page


def operator_data(operator: Operator) -> dict[str, Any]:
    """Return an operator for JSON."""
    text = operator.text
    return {
        "name": operator.name,
        "family": operator.family,
        "summary": text.summary,
        "details": text.details,
        "shapes": text.shapes,
        "rule": text.rule,
        "parameters": text.parameters,
        "cost": text.cost,
        "inputs": operator.inputs,
        "fields": [field._asdict() for field in operator.fields],
        "torch": text.torch_names,
        "torch_pages": operator.torch_pages,
        "source": text.source,
        "aliases": operator.aliases,
        "example": text.example and text.example._asdict(),
    }


def _cells(operator: Operator) -> tuple[str, ...]:
    text = operator.text
    names = " ".join(text.torch_names), " ".join(operator.aliases)
    return (operator.name, operator.family, text.summary, *names)
