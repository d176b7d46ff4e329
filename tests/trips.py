"""Networks that are written in another form and read back: round trips."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import cnncalc
from cnncalc.analysis.result import Report
from cnncalc.convert.from_onnx.importing import import_onnx
from cnncalc.convert.importing import ImportedSpec
from cnncalc.convert.to_onnx import onnx_bytes
from cnncalc.language.spec import Spec

TOLERANCE = 1e-5  # of the largest output


def written_as_onnx(spec: Spec, variant: str | None, file: Path) -> float:
    """Write a network as ONNX; return how far onnxruntime is from torch, relative to the largest
    output.

    The checker of the package onnx has to accept the file.
    """
    import numpy as np
    import onnx
    import onnxruntime
    import torch

    from cnncalc.torch_backend.build import as_tuple
    from cnncalc.torch_backend.inputs import blank_inputs

    torch.manual_seed(0)
    network = cnncalc.build(spec, variant).eval()
    graph = spec.graph(variant)
    weights = file.with_suffix(".pt")
    torch.save(network.state_dict(), weights)
    file.write_bytes(onnx_bytes(spec, variant, weights=str(weights)))
    weights.unlink()
    onnx.checker.check_model(str(file), full_check=True)
    inputs = [
        x if not x.is_floating_point() else torch.randn(x.shape)
        for x in blank_inputs(graph, 1, "cpu")
    ]
    with torch.no_grad():
        wanted = [y.numpy() for y in as_tuple(network(*[x.clone() for x in inputs]))]
    del network
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    found: Any = session.run(None, {n: x.numpy() for n, x in zip(names, inputs, strict=True)})
    worst = 0.0
    for y, z in zip(found, wanted, strict=True):
        assert y.shape == z.shape and np.isfinite(z).all()
        worst = max(worst, float(np.abs(y - z).max() / max(np.abs(z).max(), 1e-30)))
    return worst


def differences_after_onnx(spec: Spec, variant: str | None, file: Path) -> list[str]:
    """Import a file that was written of a network; return in what it differs from the network.

    Batch norms may be part of the convolutions, so parameters are not compared. Of each layer that
    multiplies, the shape and the MACs are.
    """
    ours = cnncalc.analyze(spec, variant)
    imported = import_onnx(file)
    theirs = cnncalc.analyze(cnncalc.loads(imported.text))
    found = [str(d) for d in theirs.diagnostics if d.severity == "error"]
    found += [f"{part.path} is opaque: {part.what}" for part in imported.declared]
    for what, a, b in (
        ("inputs", [*ours.inputs.values()], [*theirs.inputs.values()]),
        ("outputs", [*ours.outputs.values()], [*theirs.outputs.values()]),
        ("macs", ours.totals.macs, theirs.totals.macs),
        ("layers with MACs", products(ours), products(theirs)),
    ):
        if a != b:
            found.append(f"{what}: {a} and {b}")
    return found


def products(report: Report) -> Counter[tuple[Any, ...]]:
    """Return how many layers have this shape and these MACs, of those that multiply."""
    return Counter((row.output_shape, row.macs) for row in report.rows if row.macs)


def imported_source(source: str, spec: Spec, variant: str | None) -> ImportedSpec:
    """Import the class of a network from the source that was written of it."""
    from cnncalc.convert.importing import imported, traced

    from .test_export import network_class

    shapes = {node.path: tuple(node.shape) for node in spec.graph(variant).inputs}
    import torch

    with torch.device("meta"):
        network = network_class(source)().eval()
    return imported(traced(network, [*shapes.values()], "net"))
