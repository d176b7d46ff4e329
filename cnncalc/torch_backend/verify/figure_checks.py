"""Compares measured figures with predicted ones, for each layer and for the whole network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from torch import nn

from ...analysis.compare import formula_text, layer_facts, term_of
from ...analysis.memory.storage import buffer_bytes, own_bytes
from ...analysis.result import BYTES, Report, Row
from ...conventions import CONVENTIONS
from ...graph import Graph
from ...ops.opaque import Opaque
from ..build import Network, layer_paths
from .counters import Counts, enclosing
from .declared import declared_checks
from .field_report import field_check
from .hooks import Call, Run
from .receptive_fields import MeasuredFields
from .result import Check, CheckedLayer, check_equal, unmeasured

_WIDTH = BYTES["float32"]  # of the network that is built

_Tensors = dict[str, tuple[int, ...]]  # shapes by name in `state_dict`


class Measured(NamedTuple):
    """A network, and everything that was measured on it."""

    network: Network
    run: Run
    flops: dict[str, int]  # by path of the module, "" for the whole network
    macs: Counts | None  # None if fvcore did not run
    fields: MeasuredFields
    tensor_bytes: Mapping[str, int]  # asked of a card's allocator, by module; empty without a card


class FigureChecks:
    """Checks what a report predicts against what was measured."""

    def __init__(self, report: Report, measured: Measured):
        self._report = report
        self._measured = measured
        layers = set(layer_paths(measured.network))
        self._predicted_tensors = _predicted_tensors(report.graph)
        self._tensors = _tensors_by_layer(measured.network, layers)
        self._params = _params_by_layer(measured.network, layers)
        self._tensor_bytes: dict[str, int] = defaultdict(int)
        for path, count in measured.tensor_bytes.items():
            self._tensor_bytes[_owner(path, layers)] += count
        self._declared = {row.path for row in report.rows if row.declared}
        self._fvcore_rules = _fvcore_rules(report)
        self._users: dict[str, list[Row]] = defaultdict(list)  # rows by the owner of their weights
        for row in report.rows:
            self._users[row.shared_with or row.path].append(row)
        self._fused = _fused_macs(report)
        nodes = report.graph.nodes
        self._of_packages = {node.path for node in nodes if node.op and node.op.operation}
        live = {report.graph.nodes[n].path for n in report.graph.live}
        self._untraced = {row.path for row in report.rows if row.path not in live and row.macs}

    def layer(self, n: int, row: Row) -> CheckedLayer:
        """Check a row. Its layer is the n-th to run."""
        macs, rule = self._measured.macs, self._fvcore_rules[row.path]
        by_rule = macs.others.get(row.path, 0) if macs and not row.declared else 0
        not_asked = macs is None and rule is not None and not row.macs
        return CheckedLayer(
            row=row,
            checks=tuple(self._checks(n, row)),
            uncounted=0 if by_rule or not_asked else row.flops - 2 * row.macs,
            fvcore_count=by_rule,
            fvcore_rule=rule,
        )

    def totals(self) -> Iterator[Check]:
        """Check the totals of the network. They are measured as a whole, not summed over rows."""
        report, totals = self._report, self._report.totals
        network, run = self._measured.network, self._measured.run
        parameters = list(network.parameters())
        outputs = tuple((report.batch, *node.shape) for node in report.graph.returned)
        tensors = sum(map(len, self._predicted_tensors.values()))
        named = len(network.state_dict()) - sum(len(self._tensors[p]) for p in self._declared)
        params = sum(p.numel() for p in parameters)
        param_bytes = sum(p.untyped_storage().nbytes() for p in parameters)
        activation_bytes = run.input_bytes + sum(call.bytes for call in run.calls)
        yield check_equal("outputs", outputs, run.outputs, "forward")
        yield check_equal("tensors", tensors, named, "state_dict")
        yield check_equal("params", totals.params, params, "parameters()")
        if totals.frozen_params:
            trained = sum(p.numel() for p in parameters if p.requires_grad)
            yield check_equal("trainable_params", totals.trainable_params, trained, "requires_grad")
        yield check_equal("param_bytes", totals.param_bytes, param_bytes, "storages")
        yield from self._counts("", totals.macs, report.rows)
        yield check_equal("activation_bytes", totals.activation_bytes, activation_bytes, "hooks")
        if self._tensor_bytes:
            yield from self._allocated()

    def _checks(self, n: int, row: Row) -> Iterator[Check]:
        """Check everything that is measured for a layer."""
        calls = self._measured.run.calls
        call = calls[n] if n < len(calls) else Call("nothing", (), 0)
        shape = (row.batch, *row.output_shape)
        yield check_equal("called", row.shared_with or row.path, call.path, "hooks")
        yield check_equal("output", shape, call.shape, "hooks")
        yield check_equal("activation_bytes", row.activation_bytes, call.bytes, "hooks")
        if call.requested is not None:
            yield check_equal("output_bytes", row.activation_bytes, call.requested, "the allocator")
        if row.shared_with is None:
            yield from self._own_checks(n, row)
        for axis, spans in self._measured.fields.spans.get(row.path, {}).items():
            if not row.declared:
                yield field_check(axis, spans)

    def _own_checks(self, n: int, row: Row) -> Iterator[Check]:
        """Check a layer's own tensors, and the cost of all calls that use them."""
        path, users = row.path, self._users[row.path]
        if row.declared:
            op = self._report.graph.nodes[n + len(self._report.graph.inputs)].op
            assert isinstance(op, Opaque)  # no other operator declares figures
            yield from declared_checks(row, op, self._measured.network.get_submodule(path))
        else:
            tensors = self._predicted_tensors[path]
            yield check_equal("tensors", tensors, self._tensors[path], "state_dict")
        yield check_equal("params", row.params, self._params[path], "parameters()")
        if self._tensor_bytes:
            graph = self._report.graph
            node = graph.nodes[n + len(graph.inputs)]
            params, buffers = own_bytes(graph, node, _WIDTH)
            own = sum(params.values()) + sum(buffers.values())
            yield check_equal("tensor_bytes", own, self._tensor_bytes[path], "the allocator")
        note = f"all {len(users)} calls together" if len(users) > 1 else None
        yield from self._counts(path, sum(user.macs for user in users), users, note)

    def _counts(
        self, path: str, macs: int, rows: Iterable[Row], note: str | None = None
    ) -> Iterator[Check]:
        """Check what fvcore and torch count for a module, or for the network ("")."""
        if self._of_packages & {path, *([] if path else self._of_packages)}:
            why = "no tool counts the operation of a package beside torch"
            yield unmeasured("macs", macs, "fvcore", why)
            yield unmeasured("product_flops", 2 * macs, "flop_counter", why)
            return
        fused = sum(self._fused[row.path] for row in rows)
        counts, flops = self._measured.macs, self._measured.flops.get(path, 0)
        if path in self._untraced or not path and self._untraced:
            why = "fvcore leaves out layers that no output needs"
            yield unmeasured("macs", macs, "fvcore", why)
        elif counts is None:
            yield unmeasured("macs", macs, "fvcore", "fvcore did not run")
        elif self._declared_otherwise(counts) & {path, *([] if path else self._declared)}:
            why = "fvcore does not count all of what a declared layer computes"
            yield unmeasured("macs", macs, "fvcore", why)
        elif fused:
            left_out = f"it has no rule for the other {fused:,}, in kernels of whole layers"
            seen = counts.products.get(path, 0)
            yield check_equal("macs", macs - fused, seen, "fvcore", note or left_out)
        else:
            yield check_equal("macs", macs, counts.products.get(path, 0), "fvcore", note)
        yield check_equal("product_flops", 2 * macs, flops, "flop_counter", note)

    def _declared_otherwise(self, counts: Counts) -> set[str]:
        """Return the declared layers of which fvcore counts something else than torch does."""
        flops, products = self._measured.flops, counts.products
        return {path for path in self._declared if 2 * products.get(path, 0) != flops.get(path, 0)}

    def _allocated(self) -> Iterator[Check]:
        """Check with the allocator the bytes of all tensors, and of all outputs without inputs."""
        totals, run = self._report.totals, self._measured.run
        held = totals.params * _WIDTH + buffer_bytes(self._report.graph, _WIDTH)
        outputs = totals.activation_bytes - run.input_bytes
        requested = sum(call.requested or 0 for call in run.calls)
        yield check_equal("tensor_bytes", held, sum(self._tensor_bytes.values()), "the allocator")
        yield check_equal("output_bytes", outputs, requested, "the allocator")


def _fused_macs(report: Report) -> dict[str, int]:
    """Return the MACs in kernels of whole layers, by path."""
    nodes = {node.path: node for node in report.graph.nodes}
    found = {}
    for row in report.rows:
        op = nodes[row.path].op
        found[row.path] = op.fused(*row.input_shapes) * row.batch if op else 0
    return found


def _fvcore_rules(report: Report) -> dict[str, str | None]:
    """Return the formula by which fvcore counts each layer, by path."""
    terms = CONVENTIONS["fvcore"].terms
    rules = {}
    for row, layer in zip(report.rows, layer_facts(report)):
        term = term_of(terms, layer)
        rules[row.path] = formula_text(term.formula) if term else None
    return rules


def _predicted_tensors(graph: Graph) -> dict[str, _Tensors]:
    """Return the tensors that each layer should have of its own in `state_dict`, by path."""
    found = {}
    for node in graph.nodes:
        if node.op is not None and node.shares is None and not node.op.declared:
            xs = graph.shapes_into(node)
            shapes = {**node.op.weights(*xs), **node.op.buffers(*xs)}
            found[node.path] = {f"{node.path}.{name}": tuple(s) for name, s in shapes.items()}
    return found


def _tensors_by_layer(network: nn.Module, layers: set[str]) -> dict[str, _Tensors]:
    """Return the tensors of `state_dict`, by the innermost layer that they belong to."""
    found: dict[str, _Tensors] = defaultdict(dict)
    for name, tensor in network.state_dict().items():
        found[enclosing(name, layers)][name] = tuple(tensor.shape)
    return found


def _params_by_layer(network: nn.Module, layers: set[str]) -> dict[str, int]:
    """Return the numbers of trained values, by the innermost layer that they belong to."""
    found: dict[str, int] = defaultdict(int)
    for name, parameter in network.named_parameters():
        found[enclosing(name, layers)] += parameter.numel()
    return found


def _owner(path: str, layers: set[str]) -> str:
    """Return the layer that a module is or belongs to."""
    return path if path in layers else enclosing(path, layers)
