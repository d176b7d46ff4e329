"""Figures that are found by analysing one variant after another: memory and receptive fields.

A network is expanded once for variants in a row that differ in the batch or the type alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...graph import Graph
from ...language.spec import Spec
from ..analyze import analyze
from ..counting.columns import Array
from ..figures import OF_A_RUN, figure
from ..memory.by_batch import MemoryByBatch
from ..memory.overview import trainable
from ..result import BYTES, Report
from .grid import Grid
from .names import of_parameters, shapes


class _Variant(NamedTuple):
    """What a variant is: a network, and how it runs."""

    spec: Spec
    variant: str | None
    set: dict[str, Any]
    input: dict[str, tuple[Any, ...]] | None
    batch: int
    dtype: str

    @property
    def network(self) -> Any:
        """What is equal for variants of the same network."""
        return id(self.spec), self.variant, self.set, self.input


class Variants(NamedTuple):
    """All variants of a job: its specs, their files, and what varies and what does not."""

    specs: Sequence[Spec]
    files: Sequence[str]
    grid: Grid
    fixed: Mapping[str, Any]
    input: Mapping[str, Any]
    batch: int
    dtype: str
    optimizer: str


class OneByOne:
    """Finds the figures of single variants; what several of them share is found once."""

    def __init__(self, variants: Variants):
        self._variants = variants
        self._memory = MemoryByBatch()
        self._last: tuple[Any, Graph | Report] | None = None

    def figures(self, numbers: Array, names: Sequence[str]) -> dict[str, Array]:
        """Return figures of variants; None where a variant has no such figure."""
        found = {name: np.full(len(numbers), None, object) for name in names}
        for n, number in enumerate(numbers.tolist()):
            for name, value in self._of(_variant(self._variants, number), names).items():
                found[name][n] = value
        return found

    def report(self, number: int) -> Report:
        """Return the analysis of one variant, by its number in the grid."""
        return _report(_variant(self._variants, number))

    def _of(self, one: _Variant, names: Sequence[str]) -> Mapping[str, Any]:
        in_memory = [name for name in names if name in OF_A_RUN]
        seen = [name for name in names if name not in OF_A_RUN]
        network = self._network(one, bool(seen))
        graph = network if isinstance(network, Graph) else network.graph
        found: dict[str, Any] = dict.fromkeys(names)
        if isinstance(network, Report):
            found |= {name: figure(network, name) for name in seen}
        if graph.outputs and in_memory:
            is_trained = trainable(one.dtype)
            width = BYTES[one.dtype]
            found |= self._memory.figures(
                graph, one.batch, width, is_trained, in_memory, self._variants.optimizer
            )
        return found

    def _network(self, one: _Variant, with_fields: bool) -> Graph | Report:
        """Return the graph, or the report where receptive fields are asked for."""
        key = (with_fields, one.network)
        if self._last is None or self._last[0] != key:
            made = _report(one) if with_fields else one.spec.graph(one.variant, one.set, one.input)
            self._last = key, made
        return self._last[1]


def _report(one: _Variant) -> Report:
    return analyze(
        one.spec, one.variant, set=one.set, input=one.input, batch=one.batch, dtype=one.dtype
    )


def _variant(variants: Variants, number: int) -> _Variant:
    settings = variants.grid.settings(number)
    spec = variants.specs[0]
    if "spec" in settings and "spec" not in spec.parameter_names:
        spec = variants.specs[list(variants.files).index(settings["spec"])]
    own, others = of_parameters(spec, settings.get("variant"), variants.fixed, settings)
    return _Variant(
        spec=spec,
        variant=others.get("variant"),
        set={**variants.fixed, **own},
        input=shapes(spec, variants.input, others),
        batch=others.get("batch", variants.batch),
        dtype=others.get("dtype", variants.dtype),
    )
