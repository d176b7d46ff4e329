"""Writes ONNX files as exporters do, and runs a file and the network imported from it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

import cnncalc
from cnncalc.convert.from_onnx.importing import import_onnx
from cnncalc.convert.from_onnx.tracing import OnnxTrace
from cnncalc.convert.importing import ImportedSpec
from cnncalc.trace import Call, Trace, Weight

Shape = tuple[int, ...]


def exported(
    network: nn.Module, inputs: Sequence[Shape], path: Path, how: str = "dynamo", **options: Any
) -> Path:
    """Write a network of torch by one of torch's exporters: `dynamo` or `script`.

    The network gets random statistics and biases, as training would leave them.
    """
    scattered(network)
    images = tuple(torch.randn(2, *shape) for shape in inputs)
    if how == "script":
        options = {"dynamo": False, "opset_version": 17, **options}
    else:
        options = {"dynamo": True, "external_data": False, "verbose": False, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network.eval(), images, path, **options)
    return path


def scattered(network: nn.Module) -> None:
    """Give all parameters and statistics values of their own."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if not value.is_floating_point():
                continue
            noise = torch.rand(value.shape, generator=generator)
            if value.dim() > 1:
                fan_in = max(value[0].numel(), 1)
                value.copy_((noise - 0.5) * (12 / fan_in) ** 0.5)
            else:
                value.copy_(noise * 0.4 + (0.8 if "var" in name or "weight" in name else -0.2))


def traced(path: Path, inputs: dict[str, Shape] | None = None) -> Trace:
    """Return the calls of a file, for its own sizes or for those with the batch."""
    from cnncalc.convert.from_onnx.file import read_onnx

    file = read_onnx(path)
    sizes = inputs or {given.name: tuple(given.axes or ()) for given in file.inputs}
    return OnnxTrace(file, sizes, inputs is None).trace()  # type: ignore[arg-type]


def run_both(path: Path, found: ImportedSpec) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Run a file, and the network of the spec with the weights of the file in their order."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    spec = cnncalc.loads(found.text)
    network = cnncalc.build(spec).eval()
    load_weights(network, path)
    shapes = [tuple(n if isinstance(n, int) else 2 for n in i.shape) for i in session.get_inputs()]
    whole = [given.type == "tensor(int64)" for given in session.get_inputs()]
    images = [torch.randint(5, n) if of else torch.rand(n) for n, of in zip(shapes, whole)]
    names = [given.name for given in session.get_inputs()]
    expected = session.run(None, {n: image.numpy() for n, image in zip(names, images)})
    given = [
        image if tuple(image.shape[1:]) == node.shape else image.movedim(-1, 1)
        for image, node in zip(images, spec.graph().inputs)
    ]
    with torch.no_grad():
        outputs = network(*given)
    listed = [outputs] if isinstance(outputs, Tensor) else [*outputs]
    assert len(listed) == len(expected)
    for ours, theirs in zip(listed, expected):
        yield ours.numpy(), theirs


def load_weights(network: nn.Module, path: Path) -> None:
    """Copy the weights of a file into a network, call by call."""
    model = onnx.load(path)
    tensors = {own.name: numpy_helper.to_array(own) for own in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensors[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        if node.op_type == "Identity" and node.input[0] in tensors:
            tensors[node.output[0]] = tensors[node.input[0]]
    stored_as_used = _transposed_by_use(model)
    held = [value for value in network.state_dict().values() if value.is_floating_point()]
    seen: set[tuple[Weight, ...]] = set()
    given: list[np.ndarray] = []
    for call in traced(path).calls:
        weights = tuple(_weights(call))
        if weights in seen:
            continue  # shared with an earlier layer
        seen.add(weights)
        for weight in weights:
            if call.name in _GATES:
                given.append(_of_recurrent(weight, tensors, _GATES[call.name]))
                continue
            name = weight.names[0].rpartition(" ")[2]
            array = tensors[name]
            given.append(array.T if name in stored_as_used else array)
    assert len(held) == len(given)
    with torch.no_grad():
        for value, array in zip(held, given):
            value.copy_(torch.tensor(array).reshape(value.shape))


_GATES = {"lstm": (0, 2, 3, 1), "gru": (1, 0, 2)}  # torch's order of those in ONNX


def _of_recurrent(
    weight: Weight, tensors: dict[str, np.ndarray], gates: tuple[int, ...]
) -> np.ndarray:
    """Return the weights of one direction, in torch's order of the gates."""
    name, _, place = weight.names[0].rpartition(" ")
    array = tensors[name][int(place[0])]
    if len(place) > 1:
        array = np.split(array, 2)["ih".index(place[1])]
    parts = np.split(array, len(gates))
    return np.concatenate([parts[gate] for gate in gates])


def _transposed_by_use(model: onnx.ModelProto) -> set[str]:
    """Return the matrices that are stored with the inputs first."""
    found = set()
    for node in model.graph.node:
        attributes = {own.name: own.i for own in node.attribute}
        if node.op_type == "MatMul" or node.op_type == "Gemm" and not attributes.get("transB"):
            found.add(node.input[1])
    return found


def _weights(call: Call) -> list[Weight]:
    """Return what a call has trained, or saved."""
    values = [*call.arguments.values(), *call.arguments.get("params", ())]
    found = [value for value in values if isinstance(value, Weight)]
    return [weight for weight in found if weight.trained or not weight.is_parameter]


def imported(path: Path, **inputs: Shape) -> ImportedSpec:
    """Import a file."""
    return import_onnx(path, inputs or None)
