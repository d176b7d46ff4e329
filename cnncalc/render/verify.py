"""Predicted figures beside measured ones, as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.segment import Segment, Segments
from rich.style import Style
from rich.table import Table
from rich.text import Text

from .columns import DASH, Column, axes_text, shape_text
from .json import SCHEMA_VERSION, diagnostic_data, dumps
from .table import BOLD, DIM, Layout, heading, outline

if TYPE_CHECKING:
    from ..torch_backend.verify.verify import Check, Line, Verification

COLUMNS = {
    "output": "output",
    "params": "params",
    "macs": "MACs",
    "product_flops": "2·MAC",
    "activation_bytes": "bytes",
    "receptive_field": "field",
}
COUNTER = {
    "macs": "fvcore",
    "product_flops": "torch",
}  # whose figure stands beside ours where the column is wide
LESS = (
    (),
    ("product_flops",),
    ("product_flops", "activation_bytes"),
)  # columns left out of a narrow table
RED, GREEN = Style(color="red", bold=True), Style(color="green")


def render(found: Verification, width: int) -> Group:
    """One line per layer, its sums below, and what the marks do not cover."""
    env = found.environment
    device = f"{env['device_name']} ({env['device']})" if env["cuda"] else env["device"]
    title = heading(found.report).append(
        f"\nbuilt on {device} with torch {found.environment['torch']}", "dim"
    )
    return Group(title, table(found, width), summary(found))


def table(found: Verification, width: int) -> Segments:
    """Predicted ✓ measured where there is room, else predicted ✓; what differs always has both."""
    for both, left_out in ((True, ()), *((False, left_out) for left_out in LESS)):
        keys = [key for key in COLUMNS if key not in left_out]
        columns = [
            Column("path", "layer", str),
            *(
                Column(key, title_of(key, both), str, total=key if key != "output" else None)
                for key in keys
            ),
        ]
        body = [[line.row.path, *(cell(line, key, both) for key in keys)] for line in found.lines]
        ends = ["total", *(total_cell(found, key, both) for key in keys)]
        lines = [[column.title for column in columns], *body, ends]
        if both:
            align(lines)
        widths = [max(map(len, column)) for column in zip(*lines)]
        room = width - sum(widths[1:]) - len(columns)
        if room >= min(widths[0], 16):
            break
    heads = {}
    if widths[0] > room:
        heads = outline(body)
        widths[0] = min(max(len(line[0]) for line in lines), max(room, 12))
    layout = Layout(columns, widths, 0)
    segments = [
        Segment("\n"),
        *layout.line(lines[0], BOLD),
        Segment(" " + "─" * (layout.width - 1) + "\n"),
    ]
    for n, (line, values) in enumerate(zip(found.lines, body)):
        if n in heads:
            segments.append(Segment(f" {heads[n]}\n", DIM))
        segments += layout.line(values, None if line.ok else RED)
    return Segments([*segments, Segment("\n"), *layout.line(ends, BOLD), Segment("\n")])


def align(lines: list[list[str]]) -> None:
    """Fills up what stands behind the marks, so that they stand below each other."""
    for n in range(len(lines[0])):
        behind = [len(line[n].partition(" ✓ ")[2]) for line in lines]
        for line, length in zip(lines, behind):
            if max(behind) and line[n] and "✗" not in line[n]:
                line[n] += " " * (max(behind) - length + (0 if length else 3))


def title_of(key: str, both: bool) -> str:
    return (
        f"{COLUMNS[key]} ✓ {COUNTER.get(key, 'torch')}"
        if both and key not in ("output", "receptive_field")
        else COLUMNS[key]
    )


def cell(line: Line, key: str, both: bool) -> str:
    """A figure of a layer with its mark."""
    checks = [check for check in line.checks if check.what == key]
    if key == "receptive_field":
        return field_cell(line, checks)
    if not checks:
        return DASH
    check = checks[0]
    if key == "output":
        called = next(c for c in line.checks if c.what == "called")
        check = check._replace(
            ok=check.ok and called.ok, predicted=check.predicted[1:], measured=check.measured[1:]
        )
    also = {"params": ("tensors", "tensor_bytes"), "activation_bytes": ("output_bytes",)}.get(
        key, ()
    )
    check = check._replace(ok=check.ok and all(c.ok for c in line.checks if c.what in also))
    return marked(check, both and key != "output")


def field_cell(line: Line, checks: list[Check]) -> str:
    """The size of the field; with a mark where gradients were asked."""
    if line.row.receptive_field is None:
        return DASH
    size = axes_text(line.row.receptive_field.size)
    wrong = [check for check in checks if check.ok is False]
    if wrong:
        return f"{span(wrong[0].predicted)} ✗ {span(wrong[0].measured)}"
    return f"{size} ✓" if any(check.ok for check in checks) else f"{size}  "


def span(positions: list[int] | None) -> str:
    """``3–17``: first and last position seen."""
    return f"{positions[0]}–{positions[1]}" if positions else "nothing"


def total_cell(found: Verification, key: str, both: bool) -> str:
    """A sum of the network with its mark."""
    check = next((check for check in found.totals if check.what == key), None)
    return marked(check, both) if check else ""


def marked(check: Check, both: bool) -> str:
    """``34,944 ✓``, ``34,944 ✓ 34,944`` or ``34,944 ✗ 34,848``; a dash for nothing on both sides."""
    predicted, measured = figure(check.predicted), figure(check.measured)
    if check.ok is None:
        return f"{predicted}  " if check.predicted else DASH
    if check.ok and check.predicted == 0:
        return DASH
    if check.ok:
        return f"{predicted} ✓ {measured}" if both else f"{predicted} ✓"
    return f"{predicted} ✗ {measured}"


def figure(value: Any) -> str:
    return (
        f"{value:,}"
        if isinstance(value, int)
        else shape_text(value)
        if isinstance(value, tuple)
        else str(value)
    )


def summary(found: Verification) -> Table:
    """How many figures agree, and what nobody but us counts."""
    marks = Counter(check.ok for line in found.lines for check in line.checks)
    marks.update(check.ok for check in found.totals)
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    wrong = f"{marks[False]:,} of {sum(marks.values()):,} figures differ ✗"
    right = f"all {marks[True]:,} figures agree ✓" + (
        f"; {marks[None]:,} could not be measured" if marks[None] else ""
    )
    grid.add_row("verified", Text(wrong, RED) if marks[False] else Text(right, GREEN))
    allocator = (
        " bytes by the card's allocator too,"
        if any(check.what == "output_bytes" for check in found.totals)
        else ""
    )
    macs = (
        " MACs by fvcore,"
        if any(check.what == "macs" and check.ok is not None for check in found.totals)
        else ""
    )
    grid.add_row(
        "measured",
        Text(
            f"shapes and bytes by hooks, tensors by state_dict,{allocator}{macs} 2·MAC by torch's flop_counter, fields by gradients",
            "dim",
        ),
    )
    for label, text in [*card(found), *unseen(found)]:
        grid.add_row(label, Text(text, "dim"))
    for n, note in enumerate(found.notes):
        grid.add_row("" if n else "notes", Text(note, "dim"))
    grid.add_row("time", Text(f"{found.seconds:.1f} s", "dim"))
    return grid


def card(found: Verification) -> list[tuple[str, str]]:
    """What a graphics card confirms of the whole network."""
    said = {check.what: check.measured for check in found.totals}
    if "output_error" not in said:
        return []
    kernels = (
        f"; {said['kernels']:,} kernels in one forward pass" if said["kernels"] is not None else ""
    )
    return [
        (
            "on the card",
            f"outputs {said['output_error']:.1e} of their length away from the CPU's{kernels}",
        )
    ]


def unseen(found: Verification) -> list[tuple[str, str]]:
    """The operations that no counter sees, and those that fvcore counts by rules of its own, by operator."""
    blind: Counter[str] = Counter()
    for line in found.lines:
        blind[line.row.op if not line.row.macs else "biases"] += line.unseen
    blind = +blind
    ruled = dict.fromkeys(f"{line.row.op} ({line.rule})" for line in found.lines if line.ruled)
    rows = (
        [
            (
                "unseen",
                f"no counter sees these operations: {', '.join(f'{op} {count:,}' for op, count in blind.items())}",
            )
        ]
        if blind
        else []
    )
    return rows + (
        [
            (
                "otherwise",
                f"fvcore counts by rules of its own: {'; '.join(ruled)}, x being the values of the input, y of the output",
            )
        ]
        if ruled
        else []
    )


def overview(found: list[tuple[str, Verification | None]], width: int, seconds: float) -> Table:
    """Several networks, a line each, and the time of all."""
    from rich import box

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    wide = width >= 100
    for title in (
        "network",
        "layers",
        "figures",
        "params",
        "MACs",
        *(("bytes", "fields") if wide else ()),
        "s",
        "",
    ):
        grid.add_column(
            title, justify="left" if title in ("network", "") else "right", no_wrap=True
        )
    for name, one in found:
        if one is None:
            grid.add_row(name, *[""] * (7 if wide else 5), "✗", style=RED)
            continue
        totals = {check.what: marked(check, False) for check in one.totals}
        figures = sum(len(line.checks) for line in one.lines) + len(one.totals)
        asked = sum(
            any(check.what == "receptive_field" for check in line.checks) for line in one.lines
        )
        cells = (
            f"{len(one.lines):,}",
            f"{figures:,}",
            totals["params"],
            totals.get("macs", totals["product_flops"]),
            *((totals["activation_bytes"], str(asked)) if wide else ()),
        )
        grid.add_row(
            name,
            *cells,
            f"{one.seconds:.1f}",
            "✓" if one.ok else "✗",
            style=None if one.ok else RED,
        )
    wrong = sum(one is None or not one.ok for _, one in found)
    grid.caption = f"{len(found)} networks in {seconds:.1f} s: " + (
        f"{wrong} not confirmed ✗" if wrong else "every figure agrees ✓"
    )
    grid.caption_justify = "left"
    return grid


def json(
    found: list[tuple[str, Verification | None]], diagnostics: list[Any], seconds: float
) -> str:
    """The object that `verify --format json` prints."""
    return dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "ok": all(one is not None and one.ok for _, one in found),
            "networks": [data(name, one) for name, one in found if one is not None],
            "seconds": round(seconds, 3),
            "diagnostics": [diagnostic_data(d) for d in diagnostics],
        }
    )


def data(name: str, found: Verification) -> dict[str, Any]:
    """One network: each layer's checks, the totals', and what was run."""
    return {
        "spec": name,
        "name": found.report.name,
        "variant": found.report.variant,
        "input": {of: list(shape) for of, shape in found.report.inputs.items()},
        "batch": found.report.batch,
        "ok": found.ok,
        **found.environment,
        "seconds": round(found.seconds, 3),
        "notes": found.notes,
        "layers": [
            {
                "path": line.row.path,
                "op": line.row.op,
                "line": line.row.position.line if line.row.position else None,
                "ok": line.ok,
                "checks": [check._asdict() for check in line.checks],
                "note": line.note,
            }
            for line in found.lines
        ],
        "totals": [check._asdict() for check in found.totals],
    }
