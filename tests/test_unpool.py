"""`maxunpool` puts values where torch puts them, and the pool's places are in memory until then."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cnncalc
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.segments import cheapest
from cnncalc.analysis.memory.timeline import Timeline
from cnncalc.diagnostic import Mistake
from cnncalc.language.yaml_flow import in_yaml
from cnncalc.torch_backend.build import assemble
from cnncalc.torch_backend.verify.memory import verify_memory
from cnncalc.torch_backend.verify.verify import verify

from .command import run
from .samples import yaml
from .settings import CASES

POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
UNPOOLS = (nn.MaxUnpool1d, nn.MaxUnpool2d, nn.MaxUnpool3d)
CASE = yaml("""
    input: [3, 8, 8]
    layers:
      - conv: {out: 8, kernel: 3, padding: 1}
      - maxpool: 2
      - maxunpool: maxpool1
      - conv: {out: 2, kernel: 3, padding: 1}
        expect: [2, 8, 8]
""")
SEGNET = yaml("""
    input: [3, 21, 18]
    layers:
      - conv: {out: 4, kernel: 3, padding: 1, bias: false}
      - relu
      - maxpool: 2
      - conv: {out: 6, kernel: 3, padding: 1}
      - relu
      - {maxpool: {kernel: 3, stride: 2, padding: 1, ceil_mode: true}, name: second}
      - relu
      - maxunpool: second
      - conv: {out: 4, kernel: 3, padding: 1}
      - batchnorm
      - relu
      - maxunpool: maxpool1
      - conv: {out: 2, kernel: 3, padding: 1}
""")


def in_torch(body: dict[str, Any], x: Tensor) -> Tensor | None:
    """Return a pool undone by torch's modules; None if torch refuses."""
    axes = x.dim() - 2
    window = {key: body[key] for key in ("stride", "padding") if key in body}
    more = {key: body[key] for key in ("dilation", "ceil_mode") if key in body}
    pool = POOLS[axes - 1](body["kernel"], **window, **more, return_indices=True)
    try:
        y, places = pool(x)
        undo = UNPOOLS[axes - 1](body["kernel"], **window)
        found: Tensor = undo(y, places, output_size=x.shape[2:])
    except (RuntimeError, ValueError):
        return None
    return found


def test_random_pools_are_undone_as_in_torch() -> None:
    rng, outcome = random.Random("unpool"), Counter[str]()
    for _ in range(max(CASES, 100)):
        axes = rng.choice((1, 2, 2, 2, 3))
        shape = (rng.choice((1, 2, 3)), *(rng.randint(1, 9) for _ in range(axes)))
        body: dict[str, Any] = {"kernel": rng.randint(1, 4)}
        for key, values in (
            ("stride", (1, 2, 3)),
            ("padding", (0, 1, 2)),
            ("dilation", (1, 1, 2)),
            ("ceil_mode", (True, False)),
        ):
            if rng.random() < 0.6:
                body[key] = rng.choice(values)
        x = torch.randn(2, *shape)
        expected = in_torch(body, x)
        layers = f"layers:\n  - maxpool: {in_yaml(body)}\n  - maxunpool: maxpool1"
        text = f"input: {list(shape)}\n{layers}"
        graph = cnncalc.loads(text).graph()
        assert (expected is None) == any(d.severity == "error" for d in graph.diagnostics), (
            text,
            graph.diagnostics,
        )
        if expected is None:
            outcome["both refuse"] += 1
            continue
        outcome["both accept"] += 1
        assert tuple(graph.nodes[-1].shape) == tuple(expected.shape[1:]) == shape
        assert torch.equal(assemble(graph)(x), expected), text
    assert min(outcome.values()) > 10 and len(outcome) == 2, outcome


def test_the_case_has_the_figures_of_torch() -> None:
    report = cnncalc.analyze(cnncalc.loads(CASE)).or_mistake()
    assert (report.totals.params, report.totals.macs) == (370, 23_040)
    assert verify(cnncalc.loads(CASE)).ok


@pytest.mark.parametrize("text", (CASE, SEGNET))
def test_every_figure_is_verified(text: str) -> None:
    found = verify(cnncalc.loads(text))
    assert found.ok, [str(d) for d in found.diagnostics]
    found = verify_memory(cnncalc.loads(text), batch=2)
    assert found.ok, [str(d) for d in found.diagnostics]


@pytest.mark.parametrize("frozen", ("maxpool1", "second"))
def test_memory_is_that_of_torch_where_no_gradient_passes_through_the_pool(frozen: str) -> None:
    """The places are then held by `maxunpool` alone."""
    last = SEGNET.splitlines().index(next(s for s in SEGNET.splitlines() if frozen in s))
    lines = [
        f"{line}\n    freeze: true" if n < last and "conv" in line else line
        for n, line in enumerate(SEGNET.splitlines())
    ]
    found = verify_memory(cnncalc.loads("\n".join(lines)), batch=2)
    assert found.ok, [str(d) for d in found.diagnostics]


def test_checkpoints_contain_both_or_neither() -> None:
    chain = SEGNET.replace("  - ", "      - ").replace("    layers:", "").splitlines()
    inside = "\n".join(
        [
            "input: [3, 21, 18]",
            "layers:",
            "  - conv: {out: 4, kernel: 1}",
            "  - chain:",
            *chain[2:],
            "    checkpoint: true",
        ]
    )
    found = verify_memory(cnncalc.loads(inside), batch=2)
    assert found.ok, [str(d) for d in found.diagnostics]
    apart = SEGNET.replace("  - maxpool: 2\n", "  - {maxpool: 2, checkpoint: true}\n")
    with pytest.raises(Mistake, match="`maxpool1` is inside a checkpoint"):
        cnncalc.analyze(cnncalc.loads(apart)).or_mistake()


def test_chosen_checkpoints_do_not_part_them() -> None:
    graph = cnncalc.analyze(cnncalc.loads(SEGNET), input=(3, 64, 64)).graph
    run_ = Run(mode="training")
    chosen = [cheapest(graph, run_, kilobytes * 1000) for kilobytes in (1, 600, 700, 800)]
    parts = [part for choice in chosen for part in choice.segments]
    assert parts
    for part in parts:
        for pool, undone in graph.places.items():
            assert pool not in part or undone in part


def test_only_the_places_are_held_between_pool_and_unpool() -> None:
    """At inference the largest maps are gone before they are made again."""
    graph = cnncalc.loads(SEGNET).graph()
    held = {}
    for event in Timeline(graph, Run(mode="inference")):
        if event.tensor.layer is not None and event.tensor.reason == "output":
            held[event.tensor.layer, event.tensor.size.at(1)] = event.step.layer
    pool = next(n for n, node in enumerate(graph.nodes) if node.path == "maxpool1")
    undone = next(n for n, node in enumerate(graph.nodes) if node.path == "maxunpool2")
    assert held[pool, 8 * 4 * 10 * 9] == undone
    assert held[1, 4 * 4 * 21 * 18] == pool


def test_the_size_follows_another_input() -> None:
    network = cnncalc.build(cnncalc.loads(SEGNET)).eval()
    assert network(torch.randn(1, 3, 33, 30)).shape == (1, 2, 33, 30)
    report = cnncalc.analyze(cnncalc.loads(SEGNET), input=(3, 33, 30))
    assert report.outputs == {"conv4": (2, 33, 30)}


@pytest.mark.parametrize(
    ("old", "new", "code", "text"),
    (
        ("maxunpool: maxpool1", "maxunpool: conv1", "CNN103", "`conv`, not `maxpool`"),
        ("maxunpool: maxpool1", "maxunpool: input", "CNN103", "an input of the network"),
        ("maxunpool: maxpool1", "maxunpool: pool9", "CNN105", "no earlier layer"),
        ("maxunpool: maxpool1", "maxunpool: second", "CNN206", "6×6×5 values"),
        ("maxpool: 2", "maxpool: {kernel: 3, padding: same}", "CNN207", "pads unevenly"),
    ),
)
def test_mistakes_are_explained(old: str, new: str, code: str, text: str) -> None:
    with pytest.raises(Mistake) as raised:
        cnncalc.analyze(cnncalc.loads(SEGNET.replace(old, new))).or_mistake()
    assert raised.value.diagnostics[0].code == code
    assert text in raised.value.diagnostics[0].message


def test_an_arena_refuses_it(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(CASE)
    done = run("memory", "net.yaml", "--arena", "stm32f746", folder=tmp_path)
    assert done.returncode == 1 and "indices of `maxpool1`" in done.stderr, done.stderr
