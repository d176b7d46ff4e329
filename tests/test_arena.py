"""No two tensors share a byte while both are needed, and sizes are those worked out by hand."""

from __future__ import annotations

import math
import random
from itertools import combinations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

import cnncalc
from cnncalc.analysis.memory.arena import ALIGNMENT, Arena, Lifetime, arena, in_arena, lifetimes
from cnncalc.analysis.memory.deployment import deployed, folded, parameter_bytes
from cnncalc.analysis.memory.in_place import written_over
from cnncalc.analysis.memory.order import best_order, reordered
from cnncalc.analysis.memory.storage import storages
from cnncalc.graph import Graph
from cnncalc.ops.base import Op
from cnncalc.torch_backend.build import as_tuple, assemble

from .branches import branched
from .cases import COMPUTED
from .graphs import networks
from .samples import sample, yaml
from .test_order import SIDE_BY_SIDE

EVERY = ("resnet50", "mobilenet_v2", "densenet121", "inception_v3", "unet", "shufflenet_v2_x1_0")


def index(graph: Graph, path: str) -> int:
    """Return the number of a layer."""
    return next(n for n, node in enumerate(graph.nodes) if node.path == path)


def check(found: Arena, tensors: list[Lifetime]) -> None:
    """Check an arena against what it is for, byte by byte and step by step."""
    assert sorted(placed.tensor for placed in found.placed) == sorted(tensors)
    for a, b in combinations(found.placed, 2):
        both_needed = a.tensor.first <= b.tensor.last and b.tensor.first <= a.tensor.last
        if both_needed:
            assert a.end <= b.offset or b.end <= a.offset
    assert all(placed.offset % ALIGNMENT == 0 for placed in found.placed)
    assert found.size == max((placed.end for placed in found.placed), default=0)
    steps = range(max((t.last for t in tensors), default=0) + 1)
    needed = [sum(t.size for t in tensors if t.first <= step <= t.last) for step in steps]
    assert found.bound == max(needed) <= found.size
    assert found.busiest == needed.index(found.bound)
    assert sum(p.tensor.size for p in found.at(found.busiest)) == found.bound


def test_tensors_of_a_chain_take_both_ends_in_turn() -> None:
    sizes = (64, 48, 32, 16)
    tensors = [Lifetime(n, size, n, n + 1) for n, size in enumerate(sizes)]
    found = arena(tensors)
    check(found, tensors)
    offsets = {placed.tensor.layer: placed.offset for placed in found.placed}
    # The 64 are first. The 48 are needed with them, the 32 only with the 48, the 16 with the 32.
    assert offsets == {0: 0, 1: 64, 2: 0, 3: 32}
    assert (found.size, found.bound) == (112, 112)


def test_a_gap_between_tensors_is_used_where_the_tensor_fits() -> None:
    tensors = [Lifetime(0, 96, 0, 5), Lifetime(1, 80, 0, 2), Lifetime(2, 64, 0, 5)]
    tensors += [Lifetime(3, 48, 3, 5), Lifetime(4, 48, 3, 5), Lifetime(5, 32, 3, 5)]
    found = arena(tensors)
    check(found, tensors)
    offsets = {placed.tensor.layer: placed.offset for placed in found.placed}
    # 48 fit into the 80 that are free from step 3 on, and leave 32.
    assert offsets == {0: 0, 1: 96, 2: 176, 3: 96, 4: 240, 5: 144}
    assert (found.size, found.bound) == (288, 288)


def test_largest_first_may_leave_a_gap() -> None:
    tensors = [Lifetime(n, size, n, n + 1) for n, size in enumerate((48, 32, 32, 64))]
    found = arena(tensors)
    check(found, tensors)
    offsets = {placed.tensor.layer: placed.offset for placed in found.placed}
    # The 64 and the 48 are never needed at once, and both begin at 0. The first 32 lie above the
    # 48, the others above these and the 64. With the 48 at 48 all would end at 96.
    assert offsets == {3: 0, 0: 0, 1: 48, 2: 80}
    assert (found.size, found.bound, found.gaps) == (112, 96, 16)


def test_of_equal_tensors_either_may_be_first() -> None:
    longest = [Lifetime(0, 48, 1, 1), Lifetime(1, 16, 1, 2), Lifetime(2, 32, 2, 3)]
    longest += [Lifetime(3, 32, 3, 5)]
    found = arena(longest)
    check(found, longest)
    # With the 32 that live longer at 0, the others at 32 would push the 16 up to 64.
    assert {placed.tensor.layer: placed.offset for placed in found.placed} == {
        0: 0,
        2: 0,
        3: 32,
        1: 48,
    }
    assert found.size == found.bound == 64


@pytest.mark.parametrize("seed", range(30))
def test_random_lifetimes(seed: int) -> None:
    rng = random.Random(seed)
    tensors = []
    for n in range(rng.randint(1, 40)):
        first = rng.randint(0, 30)
        size = rng.choice((16, 32, 64, 16 * rng.randint(1, 500)))
        tensors.append(Lifetime(n, size, first, first + rng.randint(0, 12)))
    check(arena(tensors), tensors)


@pytest.mark.parametrize("name", EVERY)
def test_bundled_networks(name: str) -> None:
    graph = cnncalc.load(name).graph()
    check(arena(lifetimes(graph)), lifetimes(graph))
    found = deployed(graph)
    check(found.arena, lifetimes(found.graph))
    written = deployed(graph, reorder=False)
    assert written.order is None and not written.used
    assert found.sram <= written.sram
    assert found.flash == written.flash


def test_random_networks() -> None:
    graphs = [branched(random.Random(seed), most=25) for seed in range(40)]
    graphs += [report.graph for _, report in networks(seed=9, count=40)]
    for graph in graphs:
        found = deployed(graph)
        check(found.arena, lifetimes(found.graph))
        assert found.sram <= deployed(graph, reorder=False).sram


def test_a_value_is_there_while_a_layer_reads_it() -> None:
    for seed in range(40):
        graph = branched(random.Random(seed), most=25)
        found = arena(lifetimes(graph))
        at = {placed.tensor.layer: placed for placed in found.placed}
        for n, node in enumerate(graph.nodes):
            for source in node.inputs:
                if source in at:
                    assert at[source].tensor.first <= n <= at[source].tensor.last


def test_vgg16_needs_the_two_maps_at_its_start() -> None:
    found = deployed(cnncalc.load("vgg16").graph())
    assert found.sram == found.arena.bound == 2 * 64 * 224 * 224
    assert found.graph.nodes[found.arena.busiest].path == "conv1_2"
    report = cnncalc.analyze(cnncalc.load("vgg16"))
    assert found.weights == report.totals.params - found.others // 4
    biases = sum(64 * w for w in (1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 8, 8, 8)) + 4096 + 4096 + 1000
    assert found.others == 4 * biases


def test_an_inverted_residual_needs_its_wide_maps() -> None:
    found = deployed(cnncalc.load("mobilenet_v2").graph())
    assert found.sram == 96 * 112 * 112 + 96 * 56 * 56
    # The batch norms are in the convolutions: a bias for each of their channels, in 32 bits.
    norms = sum(
        node.shape[0]
        for node in cnncalc.load("mobilenet_v2").graph().nodes
        if node.op is not None and node.op.key == "batchnorm"
    )
    assert found.others == 4 * (norms + 1000)
    assert found.weights == 3_504_872 - 2 * norms - 1000


BLOCK = """
input: [3, 8, 8]
layers:
  - conv: {out: 4, kernel: 3, padding: 1, bias: false}
  - batchnorm
  - relu
  - maxpool: 2
  - flatten
  - linear: 10
"""


def test_a_small_network_by_hand() -> None:
    found = deployed(cnncalc.loads(BLOCK).graph())
    paths = [node.path for node in found.graph.nodes]
    assert paths == ["input", "conv1", "relu1", "maxpool1", "flatten1", "linear1"]
    # While conv1 runs: 3·8·8 of the input and 4·8·8 of its output. The pool's 64 values lie where
    # the input was; ten outputs take 16 bytes.
    assert found.sram == found.arena.bound == 192 + 256
    offsets = {p.tensor.layer: (p.offset, p.tensor.size) for p in found.arena.placed}
    assert offsets == {0: (256, 192), 1: (0, 256), 3: (256, 64), 5: (0, 16)}
    assert found.weights == 4 * 3 * 9 + 10 * 64
    assert found.others == 4 * 4 + 4 * 10
    assert found.fits(448, 804) and found.flash == 804
    assert not found.fits(447, 804) and not found.fits(448, 803)


@pytest.mark.parametrize(
    ("layers", "left"),
    [
        ("[{conv: {out: 4, kernel: 1}}, batchnorm, layer_scale]", ["conv1"]),
        ("[{conv: {out: 4, kernel: 1}}, relu, batchnorm]", ["conv1", "relu1", "batchnorm1"]),
        ("[batchnorm, {conv: {out: 4, kernel: 1}}]", ["batchnorm1", "conv1"]),
        (
            "[{conv: {out: 4, kernel: 1}}, {batchnorm: {track_running_stats: false}}]",
            ["conv1", "batchnorm1"],
        ),
        ("[{conv: {out: 4, kernel: 1}}, {groupnorm: 2}]", ["conv1", "groupnorm1"]),
        (
            "[{conv: {out: 4, kernel: 1}}, {add: {a: [batchnorm], b: []}}]",
            ["conv1", "add1.a.batchnorm1", "add1"],
        ),
        (
            "[{conv: {out: 3, kernel: 1}, name: one}, batchnorm,"
            " {conv: {out: 3, kernel: 1}, share: one, name: two}, batchnorm]",
            ["one", "batchnorm1", "two", "batchnorm2"],
        ),
    ],
)
def test_what_filters_take_in(layers: str, left: list[str]) -> None:
    spec = cnncalc.loads(f"input: [3, 4, 4]\nlayers: {layers}\n")
    report = cnncalc.analyze(spec)
    assert report.ok, report.diagnostics
    assert [node.path for node in folded(report.graph).nodes if node.op is not None] == left


def test_parameters_that_no_filter_takes_in_have_32_bits() -> None:
    spec = "input: [4, 4, 4]\nlayers: [batchnorm, {conv: {out: 2, kernel: 1, bias: false}}]\n"
    graph = folded(cnncalc.loads(spec).graph())
    assert parameter_bytes(graph) == (8, 4 * 4 * 4)  # scale, shift, mean and variance of 4


def test_only_a_scale_needs_no_bias() -> None:
    spec = "input: [4, 4, 4]\nlayers: [{conv: {out: 2, kernel: 1, bias: false}}, layer_scale]\n"
    assert parameter_bytes(folded(cnncalc.loads(spec).graph())) == (8, 0)


def test_folded_filters_compute_the_same() -> None:
    """The network with the norms' numbers put into the filters gives the same outputs."""
    text = """
    input: [3, 6, 6]
    layers:
      - conv: {out: 4, kernel: 3, bias: false}
      - batchnorm
      - flatten
      - linear: 5
      - batchnorm
    """
    graph = cnncalc.loads(text).graph()
    whole = assemble(graph, dtype=torch.float64).eval()
    for norm in (whole.batchnorm1, whole.batchnorm2):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    less = assemble(folded(graph), dtype=torch.float64).eval()
    fused = fuse_conv_bn_eval(whole.conv1, whole.batchnorm1)
    less.conv1.load_state_dict(fused.state_dict())
    less.linear1.load_state_dict(fuse_linear_bn_eval(whole.linear1, whole.batchnorm2).state_dict())
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    assert torch.allclose(whole(x), less(x))


def test_another_order_is_used_where_the_arena_is_smaller() -> None:
    graph = cnncalc.loads(SIDE_BY_SIDE).graph()
    found, written = deployed(graph), deployed(graph, reorder=False)
    assert found.used and found.order is not None
    # The input and both wide maps; or the input, one narrow map and the other wide one.
    assert written.arena.bound == (8 + 64 + 64) * 1024
    assert found.sram == (8 + 64 + 4) * 1024


def in_one_buffer(graph: Graph, network: nn.Module, inputs: list[Tensor]) -> list[Tensor]:
    """Return the outputs of a network that is run with every value in its place in an arena.

    The place of an output is overwritten before the layer reads its inputs.
    """
    width, found = 8, arena(lifetimes(graph, width=8))
    buffer = torch.full((found.size // width,), torch.nan, dtype=torch.float64)
    offsets = {p.tensor.layer: p.offset // width for p in found.placed}
    over, homes, values = written_over(graph), storages(graph), list[Tensor]()
    given = iter(inputs)
    for n, node in enumerate(graph.nodes):
        xs = [values[m] for m in node.inputs]
        place = torch.empty(0)
        if homes[n] == n:
            size = math.prod(node.shape)
            place = buffer[offsets[n] : offsets[n] + size].view(1, *node.shape).fill_(torch.nan)
        if node.op is None:
            values.append(place.copy_(next(given)))
            continue
        owner = node if node.shares is None else graph.nodes[node.shares]
        layer = network.get_submodule(owner.path)
        if homes[n] == n:
            y = place.copy_(layer(*(x.clone() for x in xs)))
        elif n in over:
            y = xs[0].copy_(layer(*(x.clone() for x in xs)))
        else:
            y = layer(*xs)
            assert y.untyped_storage().data_ptr() == buffer.untyped_storage().data_ptr()
        values.append(y)
    return [values[n] for n in graph.outputs]


def test_networks_that_run_in_the_arena_compute_the_same() -> None:
    graphs = [branched(random.Random(seed), most=25) for seed in range(60)]
    graphs += [report.graph for _, report in networks(seed=3, count=60)]
    for graph in graphs:
        network = assemble(graph, dtype=torch.float64).eval()
        inputs = [torch.randn(1, *node.shape, dtype=torch.float64) for node in graph.inputs]
        order = best_order(graph, in_arena(graph)).nodes
        with torch.no_grad():
            wanted = as_tuple(network(*(x.clone() for x in inputs)))
            for run in (graph, reordered(graph, order)):
                for y, right in zip(in_one_buffer(run, network, inputs), wanted):
                    assert torch.allclose(y, right)


@pytest.mark.parametrize("op", COMPUTED, ids=[op.key for op in COMPUTED])
def test_what_folds_multiplies_and_adds_at_inference(op: type[Op]) -> None:
    report = cnncalc.analyze(cnncalc.loads(yaml(sample(op))))
    node = next(node for node in report.graph.nodes if node.op and node.op.key == op.key)
    assert node.op is not None
    if node.op.folds is None:
        return
    xs = report.graph.shapes_into(node)
    layer = node.op.torch(*xs).build().double().eval()
    for tensor in (*layer.parameters(), *layer.buffers()):
        if tensor.is_floating_point():
            tensor.data.uniform_(0.5, 2)
    with torch.no_grad():
        zero, one, any_ = (
            make(2, *xs[0], dtype=torch.float64) for make in (torch.zeros, torch.ones, torch.randn)
        )
        shift, scale = layer(zero), layer(one) - layer(zero)
        assert torch.allclose(layer(any_), any_ * scale + shift)
        of_channel = scale.flatten(2) if scale.dim() > 2 else scale.unsqueeze(2)
        assert torch.equal(of_channel, of_channel[:1, :, :1].expand_as(of_channel))
        assert bool(shift.any()) == (node.op.folds == "scale and shift")
