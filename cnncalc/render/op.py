"""Writes one operator in every format, for `ops NAME`."""

from __future__ import annotations

from ..analysis.ops import Operator, OperatorField, Worked
from ..language.yaml_flow import in_yaml
from ..wording import shape_text
from .formats.csv import Csv
from .formats.entries import Entry, Section, block, laid_out, text_width
from .formats.json import Json, document
from .formats.lines import Line, Lines
from .formats.markdown import Page
from .ops import operator_data

_HEADINGS = ("field", "default", "meaning", "values")


def table(found: Worked, width: int) -> Lines:
    """Write what an operator computes, its fields, its names elsewhere and its example."""
    operator, note, _ = found
    width = text_width(width)
    lines: list[Line] = [*block(note, width, 0), ""] if note else []
    lines += block(f"{operator.name}: {operator.text.summary}", width, 0)
    for paragraph in operator.text.details:
        lines += ["", *block(paragraph, width)]
    parts: list[tuple[str, list[tuple[str, str]]]] = [
        ("Shapes and cost", _formulas(operator)),
        ("Fields", [(field.name, _field_text(operator, field)) for field in operator.fields]),
        ("Names and sources", [*_facts(operator), *_page(operator)]),
        ("What other frameworks call the fields", _other_names(operator)),
        _example(found),
    ]
    sections = [Section(title, [Entry(*line) for line in part]) for title, part in parts if part]
    return Lines(*lines, *laid_out(sections, width))


def json(found: Worked) -> Json:
    """Write an operator with the arithmetic of its example."""
    arithmetic = {quantity.what: quantity.how for quantity in found.arithmetic}
    data = operator_data(found.operator)
    return document({**data, "note": found.note, "arithmetic": arithmetic})


def csv(found: Worked) -> Csv:
    """Write a line for each field."""
    return Csv(("field", "default", "meaning", "accepts"), *map(_cells, found.operator.fields))


def markdown(found: Worked) -> Page:
    """Write an operator as a page."""
    operator = found.operator
    page = Page()
    page.heading(operator.name)
    for paragraph in (found.note, operator.text.summary, *operator.text.details):
        if paragraph:
            page.paragraph(paragraph)
    page.table(("shapes and cost", ""), [False] * 2, _formulas(operator), compact=True)
    if operator.fields:
        rows = [_row(operator, field) for field in operator.fields]
        page.table(_HEADINGS, [False] * 4, rows, compact=True)
    facts = [*_facts(operator), *((title, f"`{address}`") for title, address in _page(operator))]
    page.table(("names and sources", ""), [False] * 2, facts, compact=True)
    if names := _other_names(operator):
        page.table(("field", "in other frameworks"), [False] * 2, names, compact=True)
    layer, arithmetic = _example(found)
    if arithmetic:
        page.paragraph(f"{layer}:")
        page.table(("quantity", "arithmetic"), [False] * 2, arithmetic, compact=True)
    return page


def _default(field: OperatorField) -> str:
    if field.required:
        return "required"
    return "optional" if field.default is None else in_yaml(field.default)


def _cells(field: OperatorField) -> tuple[str, ...]:
    return (field.name, _default(field), field.meaning, field.accepts)


def _row(operator: Operator, field: OperatorField) -> tuple[str, ...]:
    """Return the cells of a field on a page."""
    name, default, meaning, accepts = _cells(field)
    short = _short_form(operator, field)
    return (name, default, f"{meaning} ({short})" if short else meaning, accepts)


def _field_text(operator: Operator, field: OperatorField) -> str:
    """Return what a field is, its default and its values."""
    default = _default(field)
    given = default if field.default is None else f"default:\xa0{default}"
    notes = "; ".join(filter(None, (given, _short_form(operator, field))))
    return f"{field.meaning} ({notes}). Values: {field.accepts}"


def _short_form(operator: Operator, field: OperatorField) -> str:
    """Return how a layer is written that sets only its main field."""
    return f"short form:\xa0`{operator.name}:\xa0VALUE`" if field.main else ""


def _formulas(operator: Operator) -> list[tuple[str, str]]:
    """Return an operator's shapes, its formulas, and what their symbols mean."""
    text = operator.text
    formulas = (
        ("shapes", text.shapes),
        ("rule", text.rule),
        ("parameters", text.parameters),
        ("cost", text.cost),
        ("symbols", "; ".join(text.symbols)),
    )
    return [(what, formula) for what, formula in formulas if formula]


def _facts(operator: Operator) -> list[tuple[str, str]]:
    """Return the names and sources of an operator; those that do not exist are left out."""
    facts = (
        ("group", operator.family),
        ("input", operator.inputs),
        ("in torch", ", ".join(operator.text.torch_names)),
        ("also called", ", ".join(operator.aliases)),
        ("source", operator.text.source or ""),
    )
    return [fact for fact in facts if fact[1]]


def _page(operator: Operator) -> list[tuple[str, str]]:
    """Return the address of torch's page; of pages for one to three axes, the second one."""
    pages = operator.torch_pages
    return [("torch's page", pages[len(pages) // 2])] if pages else []


def _other_names(operator: Operator) -> list[tuple[str, str]]:
    """Return what other frameworks call the fields."""
    return [(field.name, ", ".join(field.aliases)) for field in operator.fields if field.aliases]


def _example(found: Worked) -> tuple[str, list[tuple[str, str]]]:
    """Return the example's layer and its arithmetic, which is empty without an example."""
    example = found.operator.text.example
    layer = f"Example, `{example.layer}` on {shape_text(example.input)}" if example else ""
    return layer, [(quantity.what, quantity.how) for quantity in found.arithmetic]
