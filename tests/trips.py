"""Networks that are written in another form and read back: round trips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import cnncalc
from cnncalc.analysis.compare import counts
from cnncalc.analysis.result import Report
from cnncalc.convert.from_onnx.importing import import_onnx
from cnncalc.convert.to_keras.functions import function_name, layer_names
from cnncalc.convert.to_onnx import onnx_bytes
from cnncalc.graph import Graph, Node
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

    from .onnx_files import scattered

    torch.manual_seed(0)
    network = cnncalc.build(spec, variant).eval()
    scattered(network)  # as they are made, deep networks compute next to nothing
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
        assert y.shape == z.shape and np.isfinite(z).all() and z.std() > 0
        worst = max(worst, float(np.abs(y - z).max() / np.abs(z).max()))
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


def differences_after_source(spec: Spec, variant: str | None) -> list[str]:
    """Import the class that the source of a network defines; return in what the graphs differ.

    Views may be written in another order: see `moves`.
    """
    import torch

    from cnncalc.convert.importing import imported, traced
    from cnncalc.convert.to_torch.source import torch_source

    from .moves import differences_beyond_moves
    from .test_export import network_class

    graph = spec.graph(variant)
    of_values = any(node.op is not None and node.op.key == "layer_scale" for node in graph.nodes)
    with torch.device("cpu" if of_values else "meta"):  # factors begin with the same small value
        network = network_class(torch_source(spec, variant))().eval()
    text = imported(traced(network, [tuple(node.shape) for node in graph.inputs], "net")).text
    found = cnncalc.loads(text).graph()
    if not [*differences(found, graph)]:
        return []
    return [*differences_beyond_moves(found, graph)][:4]


def differences(found: Graph, wanted: Graph) -> Iterator[str]:
    """Yield how the layers of two graphs differ, by operator, fields, shape, inputs and sharing."""
    for n, m in zip(found.nodes, wanted.nodes):
        a, b = _facts(found, n), _facts(wanted, m)
        if a != b:
            parts = [f"{key}: {a[key]} and {b[key]}" for key in b if a[key] != b[key]]
            yield f"{n.path} and {m.path}: {', '.join(parts)}"
    if len(found.nodes) != len(wanted.nodes):
        yield f"{len(found.nodes)} nodes and {len(wanted.nodes)}"
    if found.outputs != wanted.outputs:
        yield f"outputs: {found.outputs} and {wanted.outputs}"


def _facts(graph: Graph, node: Node) -> dict[str, Any]:
    op = node.op
    fields = {}
    if op is not None:
        settings = op.settings(*graph.shapes_into(node))
        fields = {key: n for key, n in settings.items() if key not in op.layers_named}
    return {
        "operator": op and op.key,
        "fields": fields,
        "shape": tuple(node.shape),
        "inputs": node.inputs,
        "shares": node.shares,
    }


def keras_differences(
    source: str, spec: Spec, variant: str | None, numbers: bool = False
) -> list[str]:
    """Run source of Keras that was written of a network; return in what it differs.

    The layers are compared in their order: operator, path and shape. With `numbers`, the network of
    Keras gets the weights of the built one, and has to compute the same.
    """
    import keras

    keras.backend.clear_session()
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(source, "exported.py", "exec"), names)
    report = cnncalc.analyze(spec, variant)
    keys = {row.op for row in report.rows}
    made: list[tuple[str, str, tuple[int, ...]]] = []
    for key in keys:
        function = function_name(key)
        names[function] = _recorded(names[function], key, made)
    functions = [f for f in names.values() if getattr(f, "__doc__", "") == "Return the network."]
    model = functions[-1]()
    layers = layer_names(report.graph)
    wanted = [
        (row.op, layers[row.shared_with or row.path], (*row.output_shape[1:], row.output_shape[0]))
        for row in report.rows
    ]
    for n, (row, one) in enumerate(zip(report.rows, made)):
        if not row.params:  # it has no weights, so its name may be that of a layer like it
            wanted[n] = (wanted[n][0], one[1], wanted[n][2])
    found = [f"{a} and {b}" for a, b in zip(made, wanted) if a != b][:3]
    if len(made) != len(wanted):
        found.append(f"{len(made)} layers and {len(wanted)}")
    counted = {count.convention.name: count.params for count in counts(report)}
    trained = sum(prod(weight.shape) for weight in model.trainable_weights)
    for what, ours, theirs in (
        ("params", counted["keras"], model.count_params()),
        ("trained", report.totals.trainable_params, trained),
    ):
        if ours != theirs:
            found.append(f"{what}: {theirs} and {ours}")
    if numbers and not found:
        error = _error_in_keras(model, spec, variant)
        if error > 1e-4:
            found.append(f"an error of {error:.1e}")
    return found


def _recorded(function: Any, key: str, made: list[Any]) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        y = function(*args, **kwargs)
        made.append((key, kwargs["name"], tuple(y.shape[1:])))
        return y

    return call


def _error_in_keras(model: Any, spec: Spec, variant: str | None) -> float:
    """Return how far a model of Keras with the weights of torch is from the built network."""
    import numpy as np
    import torch

    from cnncalc.torch_backend.build import as_tuple
    from cnncalc.torch_backend.inputs import blank_inputs

    from .onnx_files import scattered

    network = cnncalc.build(spec, variant).eval()
    scattered(network)
    layers = layer_names(spec.graph(variant))
    modules = {layers.get(path, ""): module for path, module in network.named_modules()}
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(list(_weights_of(layer, modules[layer.name])))
    inputs = [
        x if not x.is_floating_point() else torch.randn(x.shape)
        for x in blank_inputs(spec.graph(variant), 2, "cpu")
    ]
    with torch.no_grad():
        wanted = [y.numpy() for y in as_tuple(network(*[x.clone() for x in inputs]))]
    given = [np.moveaxis(x.numpy(), 1, -1) for x in inputs]
    found = model.predict_on_batch(given if len(given) > 1 else given[0])
    found = found if isinstance(found, (list, tuple)) else [found]
    worst = 0.0
    for y, z in zip(found, wanted, strict=True):
        y = np.moveaxis(y, -1, 1)
        assert np.isfinite(z).all()
        worst = max(worst, float(np.abs(y - z).max() / max(np.abs(z).max(), 1e-6)))
    return worst


def _weights_of(layer: Any, module: Any) -> Iterator[Any]:
    """Yield the weights of a layer of Keras, from those of its module of torch."""
    import numpy as np

    state = {name: value.numpy() for name, value in module.state_dict().items()}
    kind = type(layer).__name__
    kernel = state.get("weight")
    for weight in layer.weights:
        shape, name = tuple(weight.shape), weight.name
        if name in ("gamma", "beta"):
            yield state[{"gamma": "weight", "beta": "bias"}[name]]
        elif name in ("moving_mean", "moving_variance"):
            yield state[{"moving_mean": "running_mean", "moving_variance": "running_var"}[name]]
        elif name == "bias":
            yield state["bias"]
        elif kind == "Dense":
            yield state["weight"].reshape(shape[::-1]).T
        elif "Transpose" in kind:  # (in, out, *k) -> (*k, out, in)
            yield np.moveaxis(state["weight"], (0, 1), (-1, -2))
        elif kind.startswith("Depthwise"):  # (channels·m, 1, *k) -> (*k, channels, m)
            assert kernel is not None
            yield np.moveaxis(kernel.reshape(shape[-2], shape[-1], *shape[:-2]), (0, 1), (-2, -1))
        elif kind.startswith("Conv"):  # (out, in, *k) -> (*k, in, out)
            assert kernel is not None
            yield np.moveaxis(kernel, (0, 1), (-1, -2))
        else:
            (value,) = state.values()
            yield value.reshape(shape)
