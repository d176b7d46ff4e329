"""Writes predicted figures beside measured ones, as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..analysis.figures import RECEPTIVE_FIELDS
from ..diagnostic import Diagnostic
from ..wording import DASH, axes_text, value_text
from .analyze import heading
from .columns import BARRED
from .formats.json import Json, diagnostic_data, document
from .formats.table import (
    DIM,
    GREEN,
    RED,
    LayerTable,
    captioned,
    facts,
    grid,
    no_room,
    stacked,
    text,
)

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.segment import Segments
    from rich.table import Table
    from rich.text import Text

    from ..torch_backend.verify.result import Check, CheckedLayer, Verification

    Found = Sequence[tuple[str, Verification | None]]  # by SPEC; None: not verifiable

WIDE = 100  # columns of a screen that has room for all columns of a list of networks
PATHS = 16  # columns of a screen that paths should have
TITLES = {
    "output": "output",
    "params": "params",
    "macs": "MACs",
    "product_flops": "2·MAC",
    "activation_bytes": "bytes",
    "receptive_field": "field",
}
COUNTERS = {"macs": "fvcore", "product_flops": "torch"}  # who measures it, if not torch
ALSO = {"params": ("tensors", "tensor_bytes"), "activation_bytes": ("output_bytes",)}
LEFT_OUT = ((), ("product_flops",), ("product_flops", "activation_bytes"))  # if it is too wide


def table(
    found: Found, diagnostics: Sequence[Diagnostic], seconds: float, width: int
) -> RenderableType:
    """Write one network layer by layer, or a line for each of several networks."""
    first = found[0][1]
    if len(found) == 1 and first is not None:
        return network_table(first, width)
    return _overview(found, width >= WIDE, seconds)


def json(found: Found, diagnostics: Sequence[Diagnostic], seconds: float) -> Json:
    """Write every check of every network."""
    return document(
        {
            "ok": all(one is not None and one.ok for _, one in found),
            "networks": [_data(name, one) for name, one in found if one is not None],
            "seconds": round(seconds, 3),
            "diagnostics": [diagnostic_data(d) for d in diagnostics],
        }
    )


def network_table(found: Verification, width: int) -> Group:
    """Write a line per layer, the sums, and what was measured or not."""
    env = found.environment
    device = f"{env['device_name']} ({env['device']})" if env["cuda"] else env["device"]
    title = heading(found.report, f"built on {device} with torch {env['torch']}")
    layers, left_out = _layers(found, width)
    return stacked(title, layers, *left_out, facts(_summary(found)))


def marked(check: Check, both: bool) -> str:
    """Return ``34,944 ✓``, ``34,944 ✓ 34,944`` or ``34,944 ✗ 34,848``; a dash if both are zero."""
    predicted, measured = value_text(check.predicted), value_text(check.measured)
    if check.ok is None:
        return f"{predicted}  " if check.predicted else DASH
    if check.ok and check.predicted == 0:
        return DASH
    if not check.ok:
        return f"{predicted} ✗ {measured}"
    return f"{predicted} ✓ {measured}" if both else f"{predicted} ✓"


def _layers(found: Verification, width: int) -> tuple[Segments, list[Text]]:
    """Lay out the widest table that leaves room for paths; name the columns that are left out.

    If there is room, cells show predicted ✓ measured, otherwise predicted ✓. A figure that differs
    always shows both.
    """
    for both, left_out in ((True, LEFT_OUT[0]), *((False, less) for less in LEFT_OUT)):
        keys = [key for key in TITLES if key not in left_out]
        lines = _layer_table(found, keys, both)
        widths = lines.widths
        room = width - sum(widths[1:]) - len(widths)
        if room >= min(widths[0], PATHS):
            break
    return lines.render(room), no_room([TITLES[key] for key in left_out])


def _layer_table(found: Verification, keys: list[str], both: bool) -> LayerTable:
    titles = ["layer", *(_title(key, both) for key in keys)]
    body = [[layer.row.path, *(_cell(layer, key, both) for key in keys)] for layer in found.layers]
    ends = ["total", *(_total(found, key, both) for key in keys)]
    if both:
        _align([titles, *body, ends])
    return LayerTable(
        titles=titles,
        body=body,
        ends=ends,
        numeric=[False, *(key != "output" for key in keys)],
        barred=[False, *(key in BARRED for key in keys)],  # bars without cells, for an extra blank
        styles=list(map(_style, found.layers)),
    )


def _style(layer: CheckedLayer) -> str | None:
    return None if layer.ok else RED


def _align(lines: list[list[str]]) -> None:
    """Add blanks after the marks of each column, to align the marks."""
    for n in range(len(lines[0])):
        after = [len(line[n].partition(" ✓ ")[2]) for line in lines]
        widest = max(after)
        for line, length in zip(lines, after):
            if widest and line[n] and "✗" not in line[n]:
                mark = 0 if length else 3
                line[n] += " " * (widest - length + mark)


def _title(key: str, both: bool) -> str:
    if both and key not in ("output", "receptive_field"):
        return f"{TITLES[key]} ✓ {COUNTERS.get(key, 'torch')}"
    return TITLES[key]


def _cell(layer: CheckedLayer, key: str, both: bool) -> str:
    """Return a figure of a layer with its mark."""
    if key == "receptive_field":
        fields = [check for check in layer.checks if check.what in RECEPTIVE_FIELDS]
        return _field_cell(layer, fields)
    checks = [check for check in layer.checks if check.what == key]
    if not checks:
        return DASH
    check = checks[0]
    if key == "output":
        called = next(c for c in layer.checks if c.what == "called")
        return marked(
            check._replace(
                ok=check.ok and called.ok,
                predicted=check.predicted[1:],
                measured=check.measured[1:],
            ),
            False,
        )
    also = all(c.ok for c in layer.checks if c.what in ALSO.get(key, ()))
    return marked(check._replace(ok=check.ok and also), both)


def _field_cell(layer: CheckedLayer, checks: list[Check]) -> str:
    """Return the size of the receptive field, with a mark if gradients measured it."""
    if layer.row.receptive_field is None:
        return DASH
    size = axes_text(layer.row.receptive_field.size)
    wrong = [check for check in checks if check.ok is False]
    if wrong:
        return f"{_span(wrong[0].predicted)} ✗ {_span(wrong[0].measured)}"
    return f"{size} ✓" if any(check.ok for check in checks) else f"{size}  "


def _span(positions: list[int] | None) -> str:
    """Return ``3–17``: the first and the last position seen."""
    return f"{positions[0]}–{positions[1]}" if positions else "nothing"


def _total(found: Verification, key: str, both: bool) -> str:
    """Return a sum of the network with its mark."""
    check = next((check for check in found.totals if check.what == key), None)
    return marked(check, both) if check else ""


def _summary(found: Verification) -> Iterator[tuple[str, Text]]:
    """Yield how many figures agree, what measured them, and what no tool counts."""
    marks = Counter(check.ok for check in found.totals)
    for layer in found.layers:
        marks.update(check.ok for check in layer.checks)
    if marks[False]:
        verdict = f"{marks[False]:,} of {sum(marks.values()):,} figures differ ✗"
    else:
        verdict = f"all {marks[True]:,} figures agree ✓"
        if marks[None]:
            verdict += f"; {marks[None]:,} could not be measured"
    yield "verified", text(verdict, style=RED if marks[False] else GREEN)
    yield "measured", text(", ".join(_means(found)), style=DIM)
    for label, words in (*_card(found), *_unseen(found)):
        yield label, text(words, style=DIM)
    for n, note in enumerate(found.notes):
        yield "" if n else "notes", text(note, style=DIM)
    yield "time", text(f"{found.seconds:.1f} s", style=DIM)


def _means(found: Verification) -> Iterator[str]:
    """Yield what measured the figures."""
    asked = {check.what: check.ok for check in found.totals}
    yield "shapes and bytes by hooks"
    yield "tensors by state_dict"
    if "output_bytes" in asked:
        yield "bytes also by the card's allocator"
    if asked.get("macs") is not None:
        yield "MACs by fvcore"
    yield "2·MAC by torch's flop_counter"
    yield "fields by gradients"


def _card(found: Verification) -> Iterator[tuple[str, str]]:
    """Yield what a graphics card measured of the whole network."""
    measured = {check.what: check.measured for check in found.totals}
    if "output_error" in measured:
        words = f"outputs differ from the CPU's by {measured['output_error']:.1e} of their norm"
        if measured["kernels"] is not None:
            words += f"; one forward pass runs {measured['kernels']:,} kernels"
        yield "on the card", words


def _unseen(found: Verification) -> Iterator[tuple[str, str]]:
    """Yield the operations that no tool counts, and those that fvcore counts by its own rules."""
    blind: Counter[str] = Counter()
    for layer in found.layers:
        blind["biases" if layer.row.macs else layer.row.op] += layer.uncounted
    unseen = [f"{op} {count:,}" for op, count in blind.items() if count > 0]
    if unseen:
        yield "unseen", f"no tool counts these operations: {', '.join(unseen)}"
    ruled = dict.fromkeys(
        f"{layer.row.op} ({layer.fvcore_rule})" for layer in found.layers if layer.fvcore_count
    )
    if ruled:
        symbols = "x: values in the input, y: values in the output"
        yield "fvcore", f"counts by its own rules: {', '.join(ruled)}; {symbols}"


def _overview(found: Found, wide: bool, seconds: float) -> Table:
    """Lay out a line for each of several networks, and the total time."""
    titles = ["network", "layers", "figures", "params", "MACs"]
    titles += ["bytes", "fields"] if wide else []
    table = grid(*titles, "s", "", left=("network", ""))
    for name, one in found:
        if one is None:
            table.add_row(name, *[""] * len(titles), "✗", style=RED)
            continue
        cells = _overview_cells(one)
        mark, style = ("✓", None) if one.ok else ("✗", RED)
        table.add_row(name, *cells[: len(titles) - 1], f"{one.seconds:.1f}", mark, style=style)
    wrong = sum(one is None or not one.ok for _, one in found)
    verdict = f"{wrong} not confirmed ✗" if wrong else "every figure agrees ✓"
    return captioned(table, f"{len(found)} networks in {seconds:.1f} s: {verdict}")


def _overview_cells(found: Verification) -> list[str]:
    """Return the layers, figures, parameters, MACs, bytes and measured receptive fields."""
    totals = {check.what: marked(check, False) for check in found.totals}
    checked = [{check.what for check in layer.checks} for layer in found.layers]
    figures = sum(len(layer.checks) for layer in found.layers) + len(found.totals)
    return [
        f"{len(found.layers):,}",
        f"{figures:,}",
        totals["params"],
        totals.get("macs", totals["product_flops"]),
        totals["activation_bytes"],
        str(sum("receptive_field" in whats for whats in checked)),
    ]


def _data(name: str, found: Verification) -> dict[str, Any]:
    """Return what was run, and the checks of each layer and of the totals, for JSON."""
    return {
        "spec": name,
        "name": found.report.name,
        "variant": found.report.variant,
        "input": found.report.inputs,
        "batch": found.report.batch,
        "ok": found.ok,
        **found.environment,
        "seconds": round(found.seconds, 3),
        "notes": found.notes,
        "layers": [_layer_data(layer) for layer in found.layers],
        "totals": [check._asdict() for check in found.totals],
    }


def _layer_data(layer: CheckedLayer) -> dict[str, Any]:
    return {
        "path": layer.row.path,
        "op": layer.row.op,
        "line": layer.row.position.line if layer.row.position else None,
        "ok": layer.ok,
        "checks": [check._asdict() for check in layer.checks],
        "note": layer.note,
    }
