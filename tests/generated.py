"""Makes the parts of the documents that come from the code and from recorded measurements."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from typer.main import get_command

from cnncalc.analysis.figures import budget_figures
from cnncalc.analysis.latency.devices import fits
from cnncalc.analysis.latency.model import UNITS, Coefficients
from cnncalc.analysis.memory.budget import SETTINGS, SETTINGS_OF
from cnncalc.analysis.ops import worked
from cnncalc.cli.app import app_for
from cnncalc.cli.help import examples_of, paragraphs_of, text_of, word_of
from cnncalc.conventions import CONVENTIONS
from cnncalc.convert.from_torch.readers import READ_AS
from cnncalc.convert.layers import operators_called
from cnncalc.ops import OPS
from cnncalc.ops.base import Op
from cnncalc.render import op as entry
from cnncalc.render.columns import COLUMNS, VIEWS
from cnncalc.rules import rules

from .command import ROOT
from .docstrings import documented
from .library_page import library
from .measured import latency_cpu
from .measured.latency import ERRORS
from .measured.record import markdown


def operators() -> str:
    """Return the table of operators, then the entry of each, from their classes."""
    lines = ["| operator | fields | what it does |", "|---|---|---|"]
    entries = []
    group = None
    for op in OPS:
        names = sorted(op.fields(), key=lambda name: not op.fields()[name].is_required())
        fields = ", ".join(taken(op, name) for name in names)
        if op.joins():
            fields = ", ".join(["branches or names", *([fields] if fields else [])])
        found = worked(op.key)
        operator = found.operator
        lines.append(f"| [`{op.key}`](#{op.key}) | {fields} | {cell(operator.text.summary)} |")
        if operator.family != group:
            group = operator.family
            entries.append(f"## {group}")
        entries.append(linked(entry.markdown(found).written()))
    return "\n".join(lines) + "\n\n" + "\n\n".join(entries)


def linked(page: str) -> str:
    """Return the entry of an operator with links to torch's page and to papers."""
    page = re.sub(r"`(https://\S+)`", r"<\1>", page)
    page = re.sub(r"arXiv:(\d{4}\.\d{5})", r"[\g<0>](https://arxiv.org/abs/\1)", page)
    return re.sub(r"doi:(10\.\d+/[\w.]+)", r"[\g<0>](https://doi.org/\1)", page)


def taken(op: type[Op], name: str) -> str:
    """Return a field with its default if it has one, in bold if a bare value sets it."""
    field = op.fields()[name]
    shown = f"**{name}**" if name == op.main else name
    if field.is_required():
        return f"{shown} (required)"
    if field.default is None:
        return shown
    default = str(field.default)
    return f"{shown}: {default.lower() if isinstance(field.default, bool) else default}"


def conventions() -> str:
    """Return the conventions, and what their users should know."""
    lines = ["| convention | used by | |", "|---|---|---|"]
    for convention in CONVENTIONS.values():
        notes = " ".join(note.text for note in convention.notes)
        lines.append(f"| `{convention.name}` | {convention.who} | {cell(notes)} |")
    return "\n".join(lines)


def commands() -> str:
    """Return each command with its arguments, options and examples, as in its `--help`."""
    parts = []
    for name, command in get_command(app_for([])).commands.items():
        about = "\n\n".join(paragraphs_of(command))
        rows = [f"| {code(word_of(param))} | {cell(text_of(param))} |" for param in command.params]
        shown = [f"# {example.caption}\n{example.command}" for example in examples_of(command)]
        lines = "\n".join(shown)
        table = "\n".join(["| argument or option | |", "|---|---|", *rows])
        parts.append(f"## {name}\n\n{about}\n\n{table}\n\n```sh\n{lines}\n```")
    return "\n\n".join(parts)


def columns() -> str:
    """Return the keys of `--columns`, with the titles of the columns."""
    lines = ["| key | title of the column |", "|---|---|"]
    lines += [f"| `{key}` | {column.title} |" for key, column in COLUMNS.items()]
    return "\n".join(lines)


def views() -> str:
    """Return the views of `analyze`, with their columns."""
    lines = ["| view | columns |", "|---|---|"]
    for view, keys in VIEWS.items():
        lines.append(f"| `{view}` | {', '.join(f'`{key}`' for key in keys.split())} |")
    return "\n".join(lines)


def settings() -> str:
    """Return what may be beside the limit of a budget on memory, and of which figures."""
    lines = ["| setting | beside | |", "|---|---|---|"]
    for key, schema in SETTINGS.items():
        figures = ", ".join(f"`{what}`" for what, keys in SETTINGS_OF.items() if key in keys)
        words = ", ".join(f"`{word}`" for word in schema.get("enum", ()))
        text = f"{schema['description']}: {words}" if words else schema["description"]
        lines.append(f"| `{key}` | {figures} | {text} |")
    return "\n".join(lines)


def figures() -> str:
    """Return the figures that budgets may name."""
    return ", ".join(f"`{name}`" for name in budget_figures())


def codes() -> str:
    """Return the titles of all rules."""
    lines = ["| code | severity | finding |", "|---|---|---|"]
    lines += [f"| {r.code} | {r.severity} | {cell(r.title)} |" for r in rules().values()]
    return "\n".join(lines)


def cell(text: str) -> str:
    """Return a text in a cell of a table."""
    return text.replace("|", "\\|")


def code(text: str) -> str:
    """Return a text in a cell as code."""
    return f"`{cell(text)}`"


def called(operation: str) -> str:
    """Return the name by which import knows an operation, such as `convolution` for `conv2d`."""
    name = operation.partition(".")[0].strip("_")
    name = re.sub(r"^conv\dd$", "convolution", name)
    return re.sub(r"^conv_transpose\dd$", "conv_transpose", name)


def traced() -> str:
    """Return a table of torch's operations, with what stands for each in an imported spec."""
    lines = ["| operation | nodes | networks | in the spec |", "|---|---:|---:|---|"]
    for line in (ROOT / "tests/published/aten_operations.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            operation, nodes, networks = line.split()
            lines.append(f"| `{operation}` | {nodes} | {networks} | {read_as(operation)} |")
    return "\n".join(lines)


def read_as(operation: str) -> str:
    """Return what an operation becomes in a spec."""
    name = called(operation)
    operators = [f"`{op.key}`" for op in operators_called(name)]
    return READ_AS.get(name) or " or ".join(operators)


def latency_errors() -> str:
    """Return how far predicted times are off, by configuration and by family."""
    lines = [
        "| device | how | torch | measurements | mean | median | rank | 80 % interval | inside |",
        "|---|---|---|---:|---:|---:|---:|---|---:|",
    ]
    for one in fits():
        off = one["left_out"]
        cells = (
            one["device"],
            _how(one),
            one["torch"],
            one["networks"],
            f"{off['mean']:.1%}",
            f"{off['median']:.1%}",
            f"{off['rank']:.3f}",
            f"{off['low'] - 1:+.0%} to {off['high'] - 1:+.0%}",
            f"{off['coverage']:.0%}",
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    lines += [
        "",
        "Where a network is off by more than 15 % (predicted time, by measured time):",
        "",
    ]
    for one in fits():
        rows = json.loads(ERRORS.read_text("utf-8"))[one["table"]]
        large = sorted((row for row in rows if abs(row[3]) > 0.15), key=lambda row: -abs(row[3]))
        words = [f"{row[0].replace(' ', ' at ')} {row[3]:+.0%}" for row in large]
        found = ", ".join(words) if words else "none"
        lines.append(f"- {one['device']}, {_how(one)}, torch {one['torch']}: {found}")
    return "\n".join(lines)


def _how(one: Mapping[str, Any]) -> str:
    words = [f"AMP {one['amp']}" if one["amp"] else one["dtype"]]
    words += ["channels last"] if one["channels_last"] else []
    words += ["compiled"] if one["compile"] else []
    return ", ".join(words)


def coefficients() -> str:
    """Return the coefficients of a device, with their units."""
    about = documented(Coefficients).names
    lines = ["| coefficient | unit | usual | |", "|---|---|---:|---|"]
    for name, value in Coefficients()._asdict().items():
        unit = UNITS.get(name, "share of a peak")
        lines.append(f"| `{name}` | {unit} | {value:g} | {about[name]} |")
    return "\n".join(lines)


PARTS: dict[str, Callable[[], str]] = {  # by the marks around them
    "operators": operators,
    "conventions": conventions,
    "commands": commands,
    "columns": columns,
    "views": views,
    "figures": figures,
    "settings": settings,
    "library": library,
    "codes": codes,
    "measured": markdown,
    "aten": traced,
    "latency_errors": latency_errors,
    "latency_cpu": latency_cpu.markdown,
    "coefficients": coefficients,
}
