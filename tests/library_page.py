"""The page of the library, made from the docstrings of what `import cnncalc` offers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import cnncalc
from cnncalc.analysis.receptive_field import ReceptiveField
from cnncalc.analysis.result import Budget, Comparison, Row, Totals
from cnncalc.checking.finding import Checked, Finding
from cnncalc.cost import Cost
from cnncalc.diagnostic import Edit, Fix, Position
from cnncalc.pytest_plugin import Cnn

from .docstrings import Documented, attributes, documented, methods, properties

# What reports and findings hold.
HELD = (
    Row,
    Totals,
    ReceptiveField,
    Cost,
    Comparison,
    Budget,
    Checked,
    Finding,
    Position,
    Fix,
    Edit,
)


def library() -> str:
    """What `import cnncalc` offers, from its docstrings: functions, classes, and what they hold."""
    offered = {name: getattr(cnncalc, name) for name in sorted(cnncalc.__all__, key=str.lower)}
    classes = {name: value for name, value in offered.items() if inspect.isclass(value)}
    functions = {name: value for name, value in offered.items() if name not in classes}
    held = {cls.__name__: cls for cls in HELD}
    parts = ["## Functions", overview(functions)]
    parts += [function_section(name, value) for name, value in functions.items()]
    parts += ["## Classes", overview(classes)]
    parts += [class_section(name, value) for name, value in classes.items()]
    parts += ["## What reports and findings hold", overview(held)]
    parts += [class_section(name, value) for name, value in held.items()]
    parts += ["## The fixture cnn", class_body(Cnn)]
    return "\n\n".join(parts)


def overview(values: dict[str, Any]) -> str:
    """A table of links to the sections, with the first sentence of each."""
    lines = ["| name | |", "|---|---|"]
    for name, value in values.items():
        summary = in_markdown(documented(value).summary)
        lines.append(f"| [`{name}`](#{name.lower()}) | {summary} |")
    return "\n".join(lines)


def function_section(name: str, function: Callable[..., Any]) -> str:
    """A function: how it is called, what it takes and returns, its errors and its example."""
    about = documented(function)
    call = f"```python\n{name}{call_text(function)}\n```"
    table = ["| argument | |", "|---|---|"]
    for word, text in about.names.items():
        table.append(f"| `{word}` | {in_markdown(text).rstrip('.')} |")
    paragraphs = [about.summary, *about.details]
    ends = [f"**Returns:** {about.returns}", f"**Errors:** {about.errors}"]
    parts = [f"### {name}", *map(in_markdown, paragraphs), call, "\n".join(table)]
    return "\n\n".join([*parts, *map(in_markdown, ends), example_block(about)])


def class_section(name: str, cls: type) -> str:
    """A class: what it is, and what its objects have."""
    about = documented(cls)
    parts = [f"### {name}", *map(in_markdown, [about.summary, *about.details]), class_body(cls)]
    return "\n\n".join(parts)


def class_body(cls: type) -> str:
    """The attributes and methods of a class, and its example."""
    about, types = documented(cls), attributes(cls)
    known = {word: (types.get(word, ""), text) for word, text in about.names.items()}
    for word, function in properties(cls).items():
        text = documented(function).summary
        known[word] = (function.__annotations__["return"], text[0].lower() + text[1:])
    lines = ["| attribute | |", "|---|---|"]
    for word, (kind, text) in known.items():
        typed = f"{word}: {plain_type(kind)}" if kind else word
        lines.append(f"| `{typed}` | {in_markdown(text).rstrip('.')} |")
    parts = ["\n".join(lines)] if known else []
    for word, function in methods(cls):
        parts.append(method_text(f"{word}{call_text(function)}", documented(function)))
    return "\n\n".join([*parts, example_block(about)] if about.example else parts)


def method_text(call: str, about: Documented) -> str:
    """A method: how it is called, with a line for each argument."""
    head = " ".join([f"`{call}`:", about.summary, *about.details])
    lines = [f"- `{word}`: {text}" for word, text in about.names.items()]
    if about.errors:
        lines.append(f"- Errors: {about.errors}")
    return in_markdown("\n\n".join([head, "\n".join(lines)] if lines else [head]))


def example_block(about: Documented) -> str:
    """An example as the documents have it, which a test runs."""
    return f"```python\n{about.example}\n```"


def call_text(function: Callable[..., Any]) -> str:
    """The arguments of a function and its result; the types of arguments are left out."""
    signature = inspect.signature(function)
    parts = []
    for parameter in signature.parameters.values():
        if parameter.name != "self":
            parts.append(parameter.replace(annotation=parameter.empty))
    words = re.sub(r"Config\(.+\)\Z", "Config())", str(inspect.Signature(parts)))
    return f"{words} -> {plain_type(signature.return_annotation)}"


def plain_type(annotation: str) -> str:
    """A type in words that need no escape in a table."""
    return annotation.replace(" | ", " or ").replace('Literal["all"]', '"all"')


def in_markdown(text: str) -> str:
    """A text of a docstring as Markdown has it, also in tables."""
    return text.replace("``", "`").replace("|", "\\|")
