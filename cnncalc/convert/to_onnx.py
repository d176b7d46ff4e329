"""Writes a spec as an ONNX file, through torch's exporter."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..diagnostic import Diagnostic, Mistake, first_line
from ..extras import install_command
from ..graph import Graph
from ..language.spec import Spec
from ..text_file import reason

if TYPE_CHECKING:
    from torch import nn

OPSET = 18  # the first one that torch's exporter writes without a conversion
_MOST_BYTES = 2**31 - 1  # of a protobuf message
_PACKAGES = ("onnx", "onnxscript")


def onnx_bytes(
    spec: Spec,
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    opset: int = OPSET,
    any_batch: bool = False,
    weights: str | None = None,
    allow_code: bool = False,
) -> bytes:
    """Return an ONNX file of a network in inference, with random weights or those of a file.

    Accepts:
        opset: the version of ONNX's operators.
        any_batch: whether the file takes batches of any size, and not of one image alone.
        weights: a file that `torch.save` wrote, with the network's `state_dict`.
        allow_code: whether the classes that `opaque` layers name may be imported and run.

    Errors: a Mistake with the errors of the spec; with CNN401 where torch, onnx or onnxscript is
    not installed; with CNN415 for a network that the format or its exporter does not take; with
    CNN403 for weights that cannot be loaded.
    """
    from ..torch_backend.build import build

    _need_packages()
    network = build(spec, variant, set=set, input=input, allow_code=allow_code, device="meta")
    _refuse_large(network)
    network = build(spec, variant, set=set, input=input, allow_code=allow_code)
    if weights is not None:
        _load(network, weights)
    graph = spec.graph(variant, set, input)
    model = _exported(network.eval(), graph, opset, any_batch)
    _describe(model, spec, variant)
    found: bytes = model.SerializeToString()
    return found


def _need_packages() -> None:
    """Raise a Mistake with CNN401 unless all packages beside torch are installed."""
    from importlib.util import find_spec

    for package in _PACKAGES:
        if find_spec(package) is None:
            message = f"{package} is not installed"
            raise Mistake(Diagnostic("CNN401", message, help=install_command("onnx")))


def _refuse_large(network: nn.Module) -> None:
    tensors = network.state_dict().values()
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    if size > _MOST_BYTES:
        message = f"its weights take {size:,} bytes, and an ONNX file holds less than 2 GiB"
        raise Mistake(Diagnostic("CNN415", message, help="export it `--to torch`"))


def _load(network: nn.Module, file: str) -> None:
    """Give a network the weights of a file.

    Errors: a Mistake with CNN002 if the file cannot be read, with CNN403 if they do not fit.
    """
    import torch

    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except OSError as error:
        message = f"cannot read {file}: {reason(error)}"
        raise Mistake(Diagnostic("CNN002", message)) from None
    except Exception as error:  # torch raises its own kinds for damaged files and other weights
        message = f"the weights in {file} cannot be loaded: {first_line(error)}"
        help = "save them with `torch.save(network.state_dict(), file)`"
        raise Mistake(Diagnostic("CNN403", message, help=help)) from None


def _exported(network: nn.Module, graph: Graph, opset: int, any_batch: bool) -> Any:
    """Return the model that torch's exporter makes of a network.

    Errors: a Mistake with CNN415 if it refuses.
    """
    import torch

    from ..torch_backend.inputs import blank_inputs

    images = 2 if any_batch else 1  # a batch of 1 would be taken as fixed
    inputs = tuple(blank_inputs(graph, images, "cpu"))
    shapes = ({0: "batch"},) * len(inputs) if any_batch else None
    names = [node.path for node in graph.inputs]
    try:
        with _quiet():
            program: Any = torch.onnx.export(
                network,
                inputs,
                dynamo=True,
                opset_version=opset,
                input_names=names,
                output_names=[node.path for node in graph.returned],
                dynamic_shapes=(shapes,) if shapes else None,
                verbose=False,
            )
    except Exception as error:  # the exporter raises many kinds
        message = f"torch cannot export this network to ONNX: {first_line(error)}"
        raise Mistake(Diagnostic("CNN415", message)) from None
    return program.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter says to developers from the screen."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _describe(model: Any, spec: Spec, variant: str | None) -> None:
    """Write into a model what it was made of."""
    title = spec.title(variant or spec.variant)
    model.producer_name = "cnncalc"
    model.graph.name = title
    model.doc_string = title
    facts = {
        "cnncalc.spec": spec.file,
        "cnncalc.variant": variant or spec.variant or "",
        "cnncalc.sha256": hashlib.sha256(spec.text.encode()).hexdigest(),
    }
    for key, value in facts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
