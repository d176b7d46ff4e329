"""Frozen parts: `freeze` in a spec, paths given beside it, and what torch then holds."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable

import pytest
import torch

import cnncalc
from cnncalc.analysis.diff import diff
from cnncalc.analysis.freezing import freeze, nothing_trained, train_only
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.timeline import Timeline
from cnncalc.checking.lock import lock_findings, locked_figures
from cnncalc.graph import Graph
from cnncalc.language.write import flat_spec
from cnncalc.num import product
from cnncalc.torch_backend.allocations import recorded
from cnncalc.torch_backend.build import as_tuple, assemble
from cnncalc.torch_backend.verify.verify import verify

from .command import ROOT, run
from .graphs import spec as random_spec
from .samples import yaml

SEEDS = 8  # of bytes: sums and ones that backward starts from, one of each for an output
TEXT = yaml(
    """
    input: [3, 16, 16]
    params: {frozen: true}
    blocks:
      stage:
        params: {out: }
        layers:
          - conv: {out: out, kernel: 3, padding: 1}
          - batchnorm
          - relu
    layers:
      - stage: 4
        repeat: 3
        freeze: frozen and i < 2
        name: stages
      - chain:
          - globalavgpool
          - flatten
          - linear: 10
        name: head
    """
)


def graph_of(text: str = TEXT) -> Graph:
    graph = cnncalc.loads(text).graph()
    assert graph.outputs, graph.diagnostics
    return graph


def trained(graph: Graph) -> list[str]:
    return [node.path for node in graph.nodes if graph.trains(node)]


LAST = ["stages.2.conv1", "stages.2.batchnorm1", "head.linear1"]


def test_freeze_beside_a_block_is_a_condition() -> None:
    assert trained(graph_of()) == LAST
    everything = cnncalc.loads(TEXT).graph(set={"frozen": False})
    assert len(trained(everything)) == 7
    wrong = cnncalc.loads(TEXT.replace("frozen and i < 2", "3")).graph()
    assert [(d.code, d.message) for d in wrong.diagnostics] == [
        ("CNN103", "`freeze` takes a condition, not 3")
    ]
    empty = cnncalc.loads(TEXT.replace("frozen and i < 2", ""))
    assert [d.message for d in empty.diagnostics] == ["`freeze` has no value"]


def test_totals_rows_and_formats_show_frozen_parameters_apart() -> None:
    report = cnncalc.analyze(cnncalc.loads(TEXT))
    totals = report.totals
    frozen = sum(row.params for row in report.group("stages")[:6])
    assert totals.frozen_params == frozen == totals.params - totals.trainable_params > 0
    assert [row.path for row in report.rows if row.trainable_params] == LAST
    data = json.loads(run("analyze", "-", "--format", "json", stdin=TEXT).stdout)
    assert data["totals"]["frozen_params"] == frozen
    assert sum(layer["frozen_params"] for layer in data["layers"]) == frozen


def test_a_network_without_frozen_parts_reads_as_before() -> None:
    report = cnncalc.analyze(cnncalc.load("lenet5"))
    for form in ("json", "csv", "table", "markdown"):
        assert "frozen" not in run("analyze", "lenet5", "--format", form).stdout
    assert "frozen_params" not in locked_figures(report)


def test_a_lock_and_a_diff_notice_what_is_frozen() -> None:
    spec = cnncalc.loads(TEXT)
    frozen = locked_figures(cnncalc.analyze(spec))
    free = locked_figures(cnncalc.analyze(spec, set={"frozen": False}))
    for before, after in ((frozen, free), (free, frozen)):
        (finding,) = lock_findings({"net": before}, {"net": after}, {})
        assert "frozen_params" in finding.message
    assert not list(lock_findings({"net": frozen}, {"net": frozen}, {}))
    old, new = cnncalc.analyze(spec, set={"frozen": False}), cnncalc.analyze(spec)
    changes = diff(old, new).changes
    assert [change.figures for change in changes] == [{"freeze": (False, True)}] * 4


def test_a_flat_spec_freezes_the_same_layers() -> None:
    flat = cnncalc.analyze(cnncalc.loads(flat_spec(graph_of(), "net")))
    assert flat.totals == cnncalc.analyze(cnncalc.loads(TEXT)).totals


def test_paths_freeze_or_are_all_that_is_trained() -> None:
    graph = graph_of()
    freeze(graph, ["stages.2", "head"])
    assert not trained(graph)
    assert nothing_trained(graph)
    train_only(graph, ["stages.0", "head.linear1"])
    assert trained(graph) == ["stages.0.conv1", "stages.0.batchnorm1", "head.linear1"]
    assert not nothing_trained(graph)
    freeze(graph, ["stages"])
    assert trained(graph) == ["head.linear1"]


def test_wrong_paths_are_all_reported_with_the_nearest_ones() -> None:
    with pytest.raises(cnncalc.Mistake) as caught:
        freeze(graph_of(), ["stage", "head.flatten1", "head.liner1"])
    found = [(d.code, d.message, d.help) for d in caught.value.diagnostics]
    assert found == [
        ("CNN111", "no layer or block is called `stage`", "did you mean `stages`?"),
        ("CNN111", "`head.flatten1` has no parameters to freeze", None),
        ("CNN111", "no layer or block is called `head.liner1`", "did you mean `head.linear1`?"),
    ]


def test_shared_parameters_are_frozen_for_all_layers_that_use_them() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: {out: 3, kernel: 3, padding: 1}, name: a}
          - {conv: {out: 3, kernel: 3, padding: 1}, name: b, share: a, freeze: true}
          - {conv: {out: 3, kernel: 1}, name: c}
    """
    graph = graph_of(yaml(text))
    assert trained(graph) == ["c"]
    assert flat_spec(graph, "net").count("freeze: true") == 1


def test_a_built_network_trains_what_is_not_frozen() -> None:
    spec = cnncalc.loads(TEXT)
    network = cnncalc.build(spec, device="meta")
    found = {name for name, p in network.named_parameters() if p.requires_grad}
    assert found == {f"{path}.{name}" for path in LAST for name in ("weight", "bias")}
    head = cnncalc.build(spec, device="meta", train_only=["head"])
    assert [n for n, p in head.named_parameters() if p.requires_grad] == [
        "head.linear1.weight",
        "head.linear1.bias",
    ]
    with pytest.raises(cnncalc.Mistake):
        cnncalc.build(spec, device="meta", freeze=["tail"])


def test_verify_counts_the_parameters_that_are_trained() -> None:
    checks = verify(cnncalc.loads(TEXT)).totals
    (check,) = [check for check in checks if check.what == "trainable_params"]
    assert check.ok


def held_after_forward(graph: Graph, batch: int) -> tuple[int, int]:
    """Return the bytes in memory before backward, parameters and buffers apart, and the peak."""
    alive: dict[int, int] = {}
    now, most, held = 0, 0, None
    for event in Timeline(graph, Run("training", batch, device="cpu")):
        size = event.tensor.size.at(batch)
        if event.step.phase == "backward" and held is None:
            held = sum(alive.values())
        now += -size if event.freed else size
        most = max(most, now)
        if event.tensor.reason not in ("parameter", "buffer"):
            if event.freed:
                del alive[id(event.tensor)]
            else:
                alive[id(event.tensor)] = size
    assert held is not None
    return held, most


def measured(graph: Graph, batch: int) -> tuple[int, int]:
    """Return the same from torch: storages of what is saved, given and returned; and its peak."""
    network = assemble(graph).train()
    xs = [torch.randn(batch, *node.shape) for node in graph.inputs]
    fixed = [*network.parameters(), *network.buffers()]
    storages: dict[int, torch.UntypedStorage] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storages.setdefault(tensor.untyped_storage().data_ptr(), tensor.untyped_storage())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        ys = as_tuple(network(*xs))
    for tensor in (*xs, *ys):
        note(tensor)
    for tensor in fixed:
        storages.pop(tensor.untyped_storage().data_ptr(), None)
    held = sum(storage.nbytes() for storage in storages.values())
    del ys
    storages.clear()
    kept: list[object] = []

    def step() -> None:
        ys = as_tuple(network(*xs))
        kept.append(ys)
        torch.autograd.backward([y.sum() for y in ys if y.requires_grad])

    return held, recorded(step, [*fixed, *xs]).peak.bytes


def frozen_at_random(rng: random.Random) -> Graph:
    """Return a random network of which random parts are frozen, but not all."""
    head = "\n  - globalavgpool\n  - flatten\n  - linear: 7\n  - relu\n  - linear: 3"
    while True:
        graph = cnncalc.loads(random_spec(rng) + rng.choice(("", head))).graph()
        if not graph.outputs or any(d.severity == "error" for d in graph.diagnostics):
            continue
        owners = [n for n, node in enumerate(graph.nodes) if graph.has_parameters(node)]
        below = owners[: rng.randint(0, len(owners))]
        graph.freeze(rng.choice((below, [n for n in owners if rng.random() < 0.5])))
        if any(map(graph.trains, graph.nodes)):
            return graph


@pytest.mark.parametrize("seed", range(20))
def test_torch_holds_what_is_predicted_of_random_networks(seed: int) -> None:
    rng = random.Random(seed)
    graph, batch = frozen_at_random(rng), rng.choice((1, 2, 3))
    held, _ = held_after_forward(graph, batch)
    assert held == measured(graph, batch)[0]


PARTS: list[tuple[str, Iterable[str], Iterable[str]]] = [
    ("vgg16", (), ("fc8",)),
    ("vgg16", ("conv1_1", "conv1_2", "conv2_1", "conv2_2"), ()),
    ("vgg16", ("fc6", "fc7"), ()),
    ("resnet18", (), ("linear1",)),
    ("resnet18", ("stem", "stage1", "stage2"), ()),
    ("resnet18", (), ("stage1",)),
    ("resnet18", ("linear1",), ()),
]


@pytest.mark.parametrize(("name", "frozen", "only"), PARTS)
def test_torch_peaks_where_predicted(name: str, frozen: Iterable[str], only: Iterable[str]) -> None:
    graph = cnncalc.load(name).graph(input=(3, 32, 32))
    if only:
        train_only(graph, only)
    freeze(graph, frozen)
    held, peak = held_after_forward(graph, 2)
    real_held, real_peak = measured(graph, 2)
    assert held == real_held
    assert abs(peak - real_peak) <= SEEDS * len(graph.outputs)


def test_the_command_shows_them() -> None:
    shown = run("analyze", "-", stdin=TEXT).stdout
    assert "trainable    206  (276 are frozen)" in shown


PAGE = (ROOT / "docs" / "how-to" / "freeze.md").read_text("utf-8")
FROM_ON = {
    "`conv4_1`": ("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3"),
    "`stage3`": ("stem", "stage1", "stage2"),
}


@pytest.mark.parametrize(
    "row", [line for line in PAGE.splitlines() if line.startswith(("| VGG", "| ResNet"))]
)
def test_the_page_states_what_is_predicted(row: str) -> None:
    name, what, saved, peak = (cell.strip() for cell in row.strip("|").split("|"))
    graph, batch = cnncalc.load(name.lower().replace("-", "")).graph(), 8
    part = what.removeprefix("from ").removesuffix(" on")
    if part in FROM_ON:
        freeze(graph, FROM_ON[part])
    elif part != "everything":
        train_only(graph, [part.strip("`")])
    held, most = held_after_forward(graph, batch)
    given = [*graph.returned, *(graph.inputs if part != "everything" else [])]  # nobody saves them
    held -= sum(4 * batch * product(node.shape) for node in given)
    assert [f"{held / 1e6:.1f}", f"{most / 1e6:,.1f}"] == [saved, peak]


def test_a_report_of_frozen_parts_has_their_totals() -> None:
    spec = cnncalc.load("lenet5")
    found = cnncalc.analyze(spec, freeze=["C1"]).totals
    assert (found.frozen_params, found.trainable_params) == (156, 59_844)
    head = cnncalc.analyze(spec, train_only=["F6"]).totals
    assert head.trainable_params == 10_164
    with pytest.raises(cnncalc.Mistake, match="C2"):
        cnncalc.analyze(spec, freeze=["C2"])
