"""Turns an ONNX file into a spec."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from ...diagnostic import Diagnostic, Mistake
from ...graph import Graph
from ...num import Shape
from ..from_torch import graph_of
from ..from_torch.declared import Declared
from ..importing import ImportedSpec
from ..roll import rolled_spec
from .file import OnnxFile, OnnxValue, read_onnx
from .naming import clean
from .tracing import OnnxTrace
from .wire import Damaged

_BATCH = 2  # where the file leaves it open: 1 would be taken for an axis of 1
_MUCH_LONGER = 1.3  # times: then blocks that are found without names are worth more than names
_NORMS = {"BatchNormalization", "InstanceNormalization", "LayerNormalization", "GroupNormalization"}


def import_onnx(path: Path, inputs: Mapping[str, Shape] | Shape | None = None) -> ImportedSpec:
    """Return the spec of the network in an ONNX file. Neither torch nor the package onnx is used.

    The weights are not read, and nothing in the file runs. Each layer has the parameters and the
    shape that the file states for it.

    Accepts:
        inputs: the shape of the input, or those of several by name, without the batch and in the
            order of the file; needed where the file leaves a size open.

    Errors: a Mistake if the file cannot be read (CNN411), or a node of it not be followed (CNN412).
    """
    file = _read(path)
    sizes, as_stated = _sizes(file, inputs)
    trace = OnnxTrace(file, sizes, as_stated)
    calls = trace.trace()
    try:
        found = graph_of(calls)
    except Mistake as mistake:
        raise Mistake(*(d._replace(code="CNN412") for d in mistake.diagnostics)) from None
    name = clean(path.stem).lower()
    try:
        text = _text(found.graph, name, trace.kinds)
    except LookupError:
        raise Mistake(Diagnostic("CNN412", "no spec can describe the numbers in it")) from None
    return ImportedSpec(
        name=name,
        text=text,
        layers=len(found.graph.nodes) - len(found.graph.inputs),
        declared=found.declared,
        held=None,
        problems=[*map(_declared, found.declared), *_remarks(file)],
    )


def _text(graph: Graph, name: str, kinds: Mapping[str, str]) -> str:
    """Write the graph, with blocks from the names of its nodes or from the layers alone.

    Names that exporters make up may say little about blocks: then the layers say more.
    """
    named = rolled_spec(graph, name, kinds).text
    if kinds or not any("." in node.path for node in graph.nodes):
        return named
    bare = graph.copy()
    counts: Counter[str] = Counter()
    for node in bare.nodes[len(graph.inputs) :]:
        word = node.op.key if node.op is not None else ""
        counts[word] += 1
        node.path = f"{word}{counts[word]}"
    unnamed = rolled_spec(bare, name).text
    return unnamed if named.count("\n") > _MUCH_LONGER * unnamed.count("\n") else named


def _read(path: Path) -> OnnxFile:
    """Read a file. Errors: a Mistake with CNN411."""
    try:
        file = read_onnx(path)
    except (Damaged, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"`{path}` cannot be read as ONNX: {reason}"
        raise Mistake(Diagnostic("CNN411", message)) from None
    if not file.nodes or not file.inputs:
        message = f"`{path}` cannot be read as ONNX: its network has no inputs or no nodes"
        raise Mistake(Diagnostic("CNN411", message))
    return file


def _sizes(
    file: OnnxFile, given: Mapping[str, Shape] | Shape | None
) -> tuple[dict[str, Shape], bool]:
    """Return the sizes of the inputs with the batch, and whether the file states the same.

    Errors: a Mistake with CNN412 for an input whose size is not known.
    """
    named = given if isinstance(given, Mapping) else {}
    if given is not None and not isinstance(given, Mapping):
        if len(file.inputs) > 1:
            names = " ".join(f"--input {value.name}=…" for value in file.inputs)
            raise _without_size(f"the file has {len(file.inputs)} inputs", f"name each: {names}")
        named = {file.inputs[0].name: given}
    unknown = named.keys() - {value.name for value in file.inputs}
    if unknown:
        known = ", ".join(f"`{value.name}`" for value in file.inputs)
        raise _without_size(f"the file has no input `{min(unknown)}`", f"its inputs: {known}")
    found, as_stated = {}, True
    for value in file.inputs:
        axes = value.axes or ()
        shape = named.get(value.name, axes[1:])
        if not axes and value.name not in named or not all(isinstance(n, int) for n in shape):
            raise _open(value)
        batch = axes[0] if axes and isinstance(axes[0], int) and axes[0] > 0 else _BATCH
        sizes = (batch, *(n for n in shape if isinstance(n, int)))
        differs = len(axes) != len(sizes) or any(
            isinstance(axis, int) and axis != size for axis, size in zip(axes, sizes)
        )
        as_stated = as_stated and not differs
        found[value.name] = sizes
    return found, as_stated


def _open(value: OnnxValue) -> Mistake:
    """Return the mistake that the size of an input is missing."""
    axes = [str(axis) if axis is not None else "?" for axis in value.axes or ()]
    sizes = "x".join(str(axis) if isinstance(axis, int) else "…" for axis in (value.axes or ())[1:])
    message = f"the file leaves sizes of input `{value.name}` open: [{', '.join(axes)}]"
    return _without_size(message, f"give them: --input {value.name}={sizes or '3x224x224'}")


def _without_size(message: str, help: str) -> Mistake:
    return Mistake(Diagnostic("CNN412", message, help=help))


def _declared(part: Declared) -> Diagnostic:
    """Report a node that no operator stands for."""
    why = part.why or f"no operator is `{part.what}`"
    message = (
        f"`{part.path}` is only declared: {why} ({part.source}); the file"
        " does not tell its multiply–accumulates and the bytes kept for backward: both are unknown"
    )
    help = "write its figures into the spec, or the layer with operators"
    return Diagnostic("CNN410", message, severity="warning", help=help)


def _remarks(file: OnnxFile) -> list[Diagnostic]:
    """Return the note that batch norms may be folded, if no norm is left."""
    used = {node.op for node in file.nodes}
    if "Conv" not in used or used & _NORMS:
        return []
    message = (
        "the file has no batch norms; if the network had some, they are now in the weights of its"
        " convolutions, and the spec has fewer parameters than were trained"
    )
    return [Diagnostic("CNN413", message, severity="note")]
