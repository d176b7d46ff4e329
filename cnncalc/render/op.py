"""One operator in every format, for `ops NAME`."""

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

_HEADINGS = ("field", "default", "what it is", "values")


def table(found: Worked, width: int) -> Lines:
    """Write what an operator computes, its fields, its names elsewhere, and its example."""
    operator, note, _ = found
    width = text_width(width)
    lines: list[Line] = [*block(note, width, 0), ""] if note else []
    lines += block(f"{operator.name}: {operator.text.summary}", width, 0)
    for paragraph in operator.text.details:
        lines += ["", *block(paragraph, width)]
    parts: list[tuple[str, list[tuple[str, str]]]] = [
        ("Fields", [(field.name, _field_text(field)) for field in operator.fields]),
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
    if operator.fields:
        page.table(_HEADINGS, [False] * 4, map(_cells, operator.fields), compact=True)
    page.table(("", ""), [False] * 2, _facts(operator), compact=True)
    layer, arithmetic = _example(found)
    if arithmetic:
        page.paragraph(layer)
        page.table(("quantity", "arithmetic"), [False] * 2, arithmetic, compact=True)
    return page


def _default(field: OperatorField) -> str:
    if field.required:
        return "required"
    return "" if field.default is None else in_yaml(field.default)


def _cells(field: OperatorField) -> tuple[str, ...]:
    return (field.name, _default(field), field.meaning, field.accepts)


def _field_text(field: OperatorField) -> str:
    """Return what a field is, and how it is given."""
    default = _default(field)
    shown = default if field.required else default and f"default:\xa0{default}"
    notes = [shown, "a bare value sets it" if field.main else ""]
    given = "; ".join(filter(None, notes))
    text = f"{field.meaning}: {field.accepts}"
    return f"{text} ({given})" if given else text


def _facts(operator: Operator) -> list[tuple[str, str]]:
    """Return what is said of an operator beside its fields; what does not exist is left out."""
    facts = (
        ("group", operator.family),
        ("input", operator.inputs),
        ("in torch", ", ".join(operator.text.torch_names)),
        ("also called", ", ".join(operator.aliases)),
        ("source", operator.text.source or ""),
    )
    return [fact for fact in facts if fact[1]]


def _page(operator: Operator) -> list[tuple[str, str]]:
    """Return the address of torch's page: of those for one to three axes the second."""
    pages = operator.torch_pages
    return [("torch's page", pages[len(pages) // 2])] if pages else []


def _other_names(operator: Operator) -> list[tuple[str, str]]:
    """Return what other frameworks call the fields."""
    return [(field.name, ", ".join(field.aliases)) for field in operator.fields if field.aliases]


def _example(found: Worked) -> tuple[str, list[tuple[str, str]]]:
    """Return the example's layer, and its arithmetic; without an example no arithmetic."""
    example = found.operator.text.example
    layer = f"Example, `{example.layer}` on {shape_text(example.input)}" if example else ""
    return layer, [(quantity.what, quantity.how) for quantity in found.arithmetic]
