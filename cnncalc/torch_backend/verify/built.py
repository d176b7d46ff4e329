"""Builds the network of a spec to be verified, and makes the result of what was checked."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import torch

from ...analysis.analyze import analyze
from ...analysis.memory.checkpoints import checkpoint
from ...analysis.result import Report
from ...graph import Graph
from ...language.spec import Spec
from ..allocator import AllocatorBytes, fitting, held_by
from ..build import Network, assemble, refuse_code
from ..device import described
from .gpu import move_from_meta
from .result import Check, CheckedLayer, Verification


class Changes(NamedTuple):
    """Paths of what is trained in another way than the spec says.

    Attributes:
        frozen: layers, blocks and chains whose parameters are not trained.
        trained_only: those whose parameters alone are trained.
        checkpoints: blocks and chains, or ``first..last``, that run again in backward.
    """

    frozen: Collection[str] = ()
    trained_only: Collection[str] = ()
    checkpoints: Collection[str] = ()


class Built(NamedTuple):
    """A network of zeros on a device, with what is predicted of it.

    `held_before` is what the device's allocator held before, and `tensor_bytes` are what the
    network's tensors asked of it, by path of the module, if the device is a card.
    """

    report: Report
    network: Network
    device: torch.device
    held_before: AllocatorBytes
    tensor_bytes: Mapping[str, int]
    start: float

    def result(
        self,
        layers: list[CheckedLayer],
        totals: Iterable[Check],
        notes: list[str],
        versions: Mapping[str, str | None] | None = None,
    ) -> Verification:
        """Return what was checked, with where it was, and the seconds since the start."""
        return Verification(
            report=self.report,
            layers=layers,
            totals=tuple(totals),
            notes=notes,
            environment={**described(self.device), **(versions or {})},
            seconds=time.perf_counter() - self.start,
        )


def built(
    spec: Spec,
    variant: str | None,
    set: Mapping[str, Any] | None,
    input: Any,
    batch: int,
    device: torch.device,
    changes: Changes = Changes(),
    allow_code: bool = False,
) -> Built:
    """Analyze a spec, and build its network on a device.

    Errors: a Mistake if the spec has errors, a path of `changes` is wrong (CNN111, CNN103), the
    network does not fit in memory (CNN407), or it has `opaque` layers whose classes may not run
    (CNN408).
    """
    start = time.perf_counter()
    report = analyze(
        spec,
        variant,
        set=set,
        input=input,
        batch=batch,
        freeze=changes.frozen,
        train_only=changes.trained_only,
    ).or_mistake()
    refuse_code(report.graph, allow_code)
    checkpoint(report.graph, changes.checkpoints)
    before = held_by(device)
    with fitting("the network alone, without an image,", device):
        network, tensor_bytes = zeros(report.graph, device)
    return Built(
        report=report,
        network=network,
        device=device,
        held_before=before,
        tensor_bytes=tensor_bytes,
        start=start,
    )


def zeros(graph: Graph, device: torch.device) -> tuple[Network, dict[str, int]]:
    """Build a network of zeros: only shapes matter, and random values take time.

    Also returns the bytes that its tensors asked of a card's allocator, by path of the module.
    """
    tensor_bytes: dict[str, int] = {}
    network = assemble(graph, "meta")
    if device.type == "cuda":
        tensor_bytes = move_from_meta(network, device)
    elif device.type != "meta":
        network.to_empty(device=device)
    for tensor in network.state_dict().values():
        if not tensor.is_meta:
            tensor.zero_()
    return network, tensor_bytes
