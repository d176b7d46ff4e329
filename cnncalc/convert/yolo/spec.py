"""Writes the spec of a model file: a layer or block for each row, and the blocks that they use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...analysis.analyze import analyze
from ...diagnostic import Diagnostic, Mistake
from ...language.load import from_text
from ...language.yaml_tree import parse
from ...num import Shape
from .blocks import BLOCKS, USES
from .rows import Row, rows_of

_DEFAULTS: Mapping[str, Sequence[tuple[str, Any]]] = {  # arguments after the first, by module
    "Conv": (("kernel", 1), ("stride", 1), ("padding", None), ("groups", 1)),
    "C3": (("depth", 1), ("shortcut", True)),
    "C2f": (("depth", 1), ("shortcut", False)),
    "SPPF": (("kernel", 5),),
}
_KEYS = {"Conv": "conv_bn_silu", "C3": "c3", "C2f": "c2f", "SPPF": "sppf"}


def spec_of_yolo(text: str, file: str, input: Shape = (3, 640, 640)) -> str:
    """Return the spec of a model file.

    The head ends with its convolutions: boxes are not decoded.

    Errors: a Mistake with CNN404 that names the row if it has a module that is not known here.
    """
    data = parse(text, file)[0]
    name = Path(file).stem
    rows = [*rows_of(data, name)]
    return _Writer(rows, name, input, data.get("nc", 80)).text()


class _Writer:
    def __init__(self, rows: list[Row], name: str, input: Shape, classes: int):
        self._rows, self._name, self._input, self._classes = rows, name, input, classes
        self._lines: list[str] = []
        self._outputs: list[str] = []
        self._used: set[str] = set()
        self._named = {n for k, row in enumerate(rows) for n in row.read if n != k - 1} | {
            n for row in rows if len(row.read) > 1 for n in row.read
        }

    def text(self) -> str:
        """Return the whole spec."""
        for n, row in enumerate(self._rows):
            self._write(n, row)
        used = self._used | {name for key in self._used for name in USES.get(key, ())}
        blocks = [text for key, text in BLOCKS.items() if key in used]
        head = ["cnncalc: 1", f"name: {self._name}", f"input: {list(self._input)}", "", "blocks:"]
        tail = [f"outputs: [{', '.join(self._outputs)}]"] if self._outputs else []
        layers = ["", "layers:", *self._lines, *tail]
        return "\n".join([*head, *"".join(blocks).splitlines(), *layers]) + "\n"

    def _write(self, n: int, row: Row) -> None:
        """Write the layer of a row."""
        if row.module == "Detect":
            self._detect(row)
        elif row.module == "Concat":
            listed = ", ".join(f"l{source}" for source in row.read)
            self._layer(n, f"concat: [{listed}]", row, reads=False)
        elif row.module == "Upsample":
            self._layer(n, f"upsample: {row.arguments[1]}", row)
        elif row.module == "Bottleneck":
            self._bottleneck(n, row)
        elif row.module in _KEYS:
            self._block(n, row)
        else:
            known = ", ".join([*_KEYS, "Bottleneck", "Concat", "nn.Upsample", "Detect"])
            message = f"row {n} has the module `{row.module}`, which is not known here"
            raise Mistake(Diagnostic("CNN404", message, help=f"known modules: {known}"))

    def _block(self, n: int, row: Row) -> None:
        out, *others = row.arguments
        names = _DEFAULTS[row.module]
        given = {
            name: value
            for (name, default), value in zip(names, others)
            if value != default and value not in (None, "None")
        }
        self._use("conv_bn_silu", _KEYS[row.module])
        self._layer(n, f"{_KEYS[row.module]}: {_body({'out': out, **given})}", row)

    def _bottleneck(self, n: int, row: Row) -> None:
        out, *others = row.arguments
        body = {"out": out, "hidden": out // 2, "first": 3}
        if others and others[0] is False:
            body["shortcut"] = False
        self._use("conv_bn_silu", "bottleneck")
        self._layer(n, f"bottleneck: {_body(body)}", row)

    def _detect(self, row: Row) -> None:
        """Write the convolutions of the head: for each map those of boxes and classes."""
        classes, *others = row.arguments
        first = self._channels(row.read[0])
        for source in row.read:
            name = f"out{len(self._outputs)}"
            if others:  # anchors: three boxes of 5 numbers and classes for each place
                body = f"conv: {{out: {len(others[0][0]) // 2 * (classes + 5)}, kernel: 1}}"
            else:
                self._use("conv_bn_silu", "detect")
                boxes, hidden = max(16, first // 4, 64), max(first, min(classes, 100))
                body = f"detect: {{boxes: {boxes}, hidden: {hidden}, classes: {classes}}}"
            self._lines.append(f"  - {{{body}, from: l{source}, name: {name}}}")
            self._outputs.append(name)

    def _layer(self, n: int, body: str, row: Row, reads: bool = True) -> None:
        words = [body]
        if reads and row.read != (n - 1,):
            words.append(f"from: {f'l{row.read[0]}' if row.read[0] >= 0 else 'input'}")
        if row.number > 1:
            words.append(f"repeat: {row.number}")
        if n in self._named:
            words.append(f"name: l{n}")
        self._lines.append(f"  - {{{', '.join(words)}}}" if len(words) > 1 else f"  - {body}")

    def _use(self, *keys: str) -> None:
        self._used.update(keys)

    def _channels(self, n: int) -> int:
        """Return the channels of a layer that is written, by analysing what there is so far."""
        lines = ["cnncalc: 1", f"input: {list(self._input)}", "blocks:"]
        used = self._used | {name for key in self._used for name in USES.get(key, ())}
        lines += "".join(text for key, text in BLOCKS.items() if key in used).splitlines()
        text = "\n".join([*lines, "layers:", *self._lines, f"outputs: [l{n}]"]) + "\n"
        graph = analyze(from_text(text, self._name)).or_mistake().graph
        return int(graph.returned[0].shape[0])


def _body(body: Mapping[str, Any]) -> str:
    """Return a body on one line: the bare number of channels if there is nothing else."""
    if len(body) == 1:
        return str(body["out"])
    words = [f"{key}: {str(value).lower()}" for key, value in body.items()]
    return f"{{{', '.join(words)}}}"
