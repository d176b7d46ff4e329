"""Imports mutated ONNX files: each gives a spec or one diagnostic, soon and in little memory.

``python -m tests.benchmarks.onnx_fuzz 2000 7`` tries 2,000 files with seed 7. The files are built
anew from a network that was exported and changed: what nodes read, their operators and attributes,
sizes of weights and inputs, and what the file states of shapes. It fails if one raises anything
else than a Mistake, takes more than 2 s, or if the process takes more than 500 MB.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import helper

import cnncalc
from cnncalc.convert.from_onnx.importing import import_onnx
from cnncalc.convert.from_onnx.operators import names
from cnncalc.diagnostic import Mistake

SECONDS, BYTES = 2.0, 500 * 10**6
_INTEGERS = (0, 1, -1, 2, 7, 2**31, 2**62, -(2**63), 10**9)
_FLOATS = (0.0, -1.0, float("nan"), float("inf"), 1e-45, 3.4e38)
_WORDS = (b"", b"SAME_UPPER", b"reflect", b"\xff\xfe", b"x" * 5000, "ü\u202e".encode())


def mutated(model: onnx.ModelProto, draw: random.Random) -> bytes:
    """Return a file that differs from a model in one to six ways."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for _ in range(draw.randint(1, 6)):
        draw.choice(CHANGES)(changed.graph, draw)
    data = bytearray(changed.SerializeToString())
    if draw.random() < 0.15:
        at = draw.randrange(len(data))
        data[at : at + draw.randint(0, 8)] = draw.randbytes(draw.randint(0, 8))
    return bytes(data[: draw.randint(1, len(data))] if draw.random() < 0.05 else data)


def _operator(graph: Any, draw: random.Random) -> None:
    draw.choice(graph.node).op_type = draw.choice(OPERATORS)


def _domain(graph: Any, draw: random.Random) -> None:
    draw.choice(graph.node).domain = draw.choice(("com.microsoft", "ai.onnx.ml", "ai.onnx", ""))


def _reads(graph: Any, draw: random.Random) -> None:
    """Let a node read another value: of a later node, its own, or none."""
    node = draw.choice(graph.node)
    names = [name for n in graph.node for name in (*n.input, *n.output)] + ["", "nothing"]
    if node.input:
        node.input[draw.randrange(len(node.input))] = draw.choice(names)
    else:
        node.input.append(draw.choice(names))


def _more_inputs(graph: Any, draw: random.Random) -> None:
    node = draw.choice(graph.node)
    node.input.extend(draw.choices([*node.input, ""], k=draw.choice((1, 3, 2000))))


def _writes(graph: Any, draw: random.Random) -> None:
    node = draw.choice(graph.node)
    del node.output[:]
    node.output.extend(draw.choices([n for m in graph.node for n in m.output] or ["y"], k=2))


def _attribute(graph: Any, draw: random.Random) -> None:
    node = draw.choice(graph.node)
    names = [a.name for n in graph.node for a in n.attribute] + ["axis", "axes", "perm", "to"]
    value = draw.choice(
        (
            draw.choice(_INTEGERS),
            draw.choice(_FLOATS),
            draw.choice(_WORDS),
            draw.choices(_INTEGERS, k=draw.choice((0, 1, 2, 4, 5, 3000))) or [0],
            draw.choices(_FLOATS, k=3),
        )
    )
    name = draw.choice(names)
    kept = [a for a in node.attribute if a.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def _without_attribute(graph: Any, draw: random.Random) -> None:
    node = draw.choice(graph.node)
    if node.attribute:
        del node.attribute[draw.randrange(len(node.attribute))]


def _weight_sizes(graph: Any, draw: random.Random) -> None:
    """Let the sizes of a weight lie about its values."""
    if graph.initializer:
        tensor = draw.choice(graph.initializer)
        sizes = [*tensor.dims]
        if sizes and draw.random() < 0.7:
            sizes[draw.randrange(len(sizes))] = draw.choice(_INTEGERS)
        else:
            sizes = draw.choices(_INTEGERS, k=draw.choice((0, 1, 5, 200)))
        del tensor.dims[:]
        tensor.dims.extend(sizes)


def _weight_kind(graph: Any, draw: random.Random) -> None:
    if graph.initializer:
        draw.choice(graph.initializer).data_type = draw.choice((0, 1, 3, 7, 8, 11, 14, 23, 999))


def _outside(graph: Any, draw: random.Random) -> None:
    """Let a weight be in another file, which must not be opened."""
    if graph.initializer:
        tensor = draw.choice(graph.initializer)
        tensor.data_location = 1
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", draw.choice(("/etc/passwd", "../" * 50, "", "x"))


def _input_sizes(graph: Any, draw: random.Random) -> None:
    values = [*graph.input, *graph.output, *graph.value_info]
    shape = draw.choice(values).type.tensor_type.shape
    axis = shape.dim[draw.randrange(len(shape.dim))] if shape.dim else shape.dim.add()
    if draw.random() < 0.3:
        axis.dim_param = draw.choice(("n", "", "n" * 9999))
    else:
        axis.dim_value = draw.choice(_INTEGERS)


def _order(graph: Any, draw: random.Random) -> None:
    nodes = [*graph.node]
    draw.shuffle(nodes)
    del graph.node[:]
    graph.node.extend(nodes)


def _copies(graph: Any, draw: random.Random) -> None:
    graph.node.extend([draw.choice(graph.node)] * draw.choice((1, 50)))


def _fewer(graph: Any, draw: random.Random) -> None:
    if len(graph.node) > 1:
        del graph.node[draw.randrange(len(graph.node))]


def _nothing_stated(graph: Any, draw: random.Random) -> None:
    del graph.value_info[:]


def _branch(graph: Any, draw: random.Random) -> None:
    """Put the whole graph into branches inside a node, several deep."""
    inner = onnx.GraphProto()
    inner.CopyFrom(graph)
    for _ in range(draw.randint(1, 3)):
        node = helper.make_node("If", [draw.choice(graph.node).output[0]], ["b"])
        node.attribute.extend([helper.make_attribute("then_branch", inner)])
        outer = onnx.GraphProto()
        outer.node.append(node)
        inner = outer
    graph.node.extend(inner.node)


CHANGES = (
    _operator,
    _domain,
    _reads,
    _more_inputs,
    _writes,
    _attribute,
    _attribute,
    _without_attribute,
    _weight_sizes,
    _weight_sizes,
    _weight_kind,
    _outside,
    _input_sizes,
    _input_sizes,
    _order,
    _copies,
    _fewer,
    _nothing_stated,
    _branch,
)
OPERATORS = sorted({*names(), "Loop", "Scan", "If", "Sin", "NonZero", "Range", "Einsum"})


def tried(data: bytes, path: Path) -> tuple[str, float]:
    """Import a file; return what came of it, and the seconds that took.

    Errors: whatever else than a Mistake the import raises.
    """
    path.write_bytes(data)
    start = time.process_time()
    try:
        found = import_onnx(path)
    except Mistake as mistake:
        outcome = mistake.diagnostics[0].code
        said = [d.message for d in mistake.diagnostics]
        assert not any("\n" in message for message in said), said
    else:
        spec = cnncalc.loads(found.text)
        assert spec.ok and spec.graph().outputs, found.text
        outcome = "imported"
    return outcome, time.process_time() - start


def models(folder: Path) -> list[onnx.ModelProto]:
    """Return small networks as exporters write them."""
    from ..onnx_files import exported
    from ..real import to_import

    files: Sequence[tuple[Any, list[tuple[int, ...]], str]] = (
        (to_import.Gated, [(3, 32, 32)], "script"),
        (to_import.Functional, [(3, 28, 28)], "dynamo"),
        (to_import.Shuffled, [(8, 14, 14)], "script"),
        (to_import.Two, [(1, 12, 12)] * 2, "dynamo"),
    )
    found = []
    for n, (network, inputs, how) in enumerate(files):
        path = exported(network(), inputs, folder / f"{n}.onnx", how=how)
        found.append(onnx.shape_inference.infer_shapes(onnx.load(path)))
    return found


def main(cases: int, seed: int) -> int:
    """Try so many files; return how many are wrong."""
    draw, outcomes, wrong = random.Random(seed), Counter[str](), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = models(folder)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        slowest = 0.0
        for n in range(cases):
            data = mutated(draw.choice(sources), draw)
            try:
                outcome, seconds = tried(data, folder / "net.onnx")
            except Exception:
                wrong += 1
                outcome, seconds = "raised", 0.0
                print(f"case {n}:", traceback.format_exc().splitlines()[-1])
                print("\n".join(traceback.format_exc().splitlines()[-7:-1]))
            outcomes[outcome] += 1
            wrong += seconds > SECONDS
            slowest = max(slowest, seconds)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(dict(outcomes), f"slowest {slowest:.2f} s, {grown / 1e6:.0f} MB more")
    return wrong + (grown > BYTES)


if __name__ == "__main__":
    sys.exit(bool(main(*map(int, sys.argv[1:3]))))
