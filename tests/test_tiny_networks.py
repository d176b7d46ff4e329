"""Networks of one small layer, or of layers that do nothing, in every command."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from .command import run

BUDGET = """
budget:
  params: 1M
  macs: 1M
  flops: 1M
  activations: 1M
  latency: {max: 1 s, device: rtx3090}
  inference_peak: 1 GiB
  saved: 1 GiB
  max_batch: {min: 1, memory: 24 GiB}
"""
NETWORKS = {
    "no work": "input: [512]\nlayers: [dropout]",
    "nothing": "input: [3, 1, 1]\nlayers: [identity]",
    "one value": "input: [1]\nlayers: [flatten]",
    "in place": "input: [1, 7]\nlayers: [{relu: {inplace: true}}]",
    "one weight": "input: [1, 1, 1]\nlayers: [{conv: {out: 1, kernel: 1, bias: false}}]",
    "two inputs": "input: {a: [4], b: [4]}\nlayers: [{add: [a, b]}]",
    "an output twice": "input: [4]\nlayers: [{relu: , name: x}]\noutputs: [x, x]",
    "an input that is an output": (
        "input: {a: [4, 3, 3]}\nlayers: [{relu: , name: r}]\noutputs: [a, r]"
    ),
    "opaque": "input: [4]\nlayers: [{opaque: {out: [2]}}]",
    "padding": "input: [2, 3]\nlayers: [{pad: 1}]",
    "whole numbers": (
        "input: {t: {shape: [3], dtype: integer}}\nlayers: [{embedding: {vocabulary: 4, out: 2}}]"
    ),
    "a sequence": "input: [3, 4]\nlayers: [{lstm: 2}]",
    "an error in the first layer": "input: [3]\nlayers: [{linear: {outs: 4}}]",
    "a volume": "input: [3, 1, 1, 1]\nlayers: [globalavgpool]",
}


def commands(spec: str, limited: str, out: Path) -> Iterator[list[str]]:
    """Yield commands on a spec, and on the same with budgets."""
    for view in ("textbook", "shapes", "cost", "memory", "field", "graph"):
        yield ["analyze", spec, "--view", view]
    yield ["analyze", limited, "--format", "json"]
    yield ["check", limited]
    yield ["lock", limited]
    yield ["diff", spec, limited]
    yield ["memory", spec]
    yield ["memory", spec, "--fit", "1GiB"]
    yield ["memory", spec, "--arena", "cortex-m7", "--plot", str(out / "plot.svg")]
    yield ["formula", spec]
    yield ["sizes", spec]
    yield ["sweep", spec, "--over", "batch=1:3", "--pareto", "macs,params"]
    yield ["sweep", spec, "--over", "batch=1:3", "--plot", str(out / "plot.html")]
    yield ["latency", spec, "--device", "rtx3090", "--device", "rtx4090", "--batch", "1,8"]
    yield ["latency", spec, "--device", "rtx4090", "--mode", "training", "--format", "json"]
    for to in ("torch", "mermaid", "dot", "keras", "svg"):
        yield ["export", spec, "--to", to]
    yield ["export", spec, "--to", "svg", "--style", "textbook"]
    yield ["report", limited, "--against", spec, "-o", str(out / "page.html")]
    yield ["expand", spec, "--roll"]
    if find_spec("torch"):
        yield ["memory", spec, "--mode", "training", "--optimizer", "adam"]
        yield ["verify", spec]
        yield ["verify", spec, "--memory"]
        yield ["profile", spec, "--repeat", "1"]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_command_answers(name: str, tmp_path: Path) -> None:
    """A figure or one diagnostic comes back, never an internal fault."""
    spec, limited = tmp_path / "tiny.yaml", tmp_path / "limited.yaml"
    spec.write_text(f"cnncalc: 1\n{NETWORKS[name]}\n")
    limited.write_text(spec.read_text() + BUDGET)
    for command in commands(str(spec), str(limited), tmp_path):
        ran = run(*command, folder=tmp_path)
        text = ran.stdout + ran.stderr
        assert "CNN901" not in text and "Traceback" not in text, (command, text)
        assert ran.returncode in (0, 1, 2), command
        assert "Usage" not in text, (command, text)


def test_a_network_that_does_no_work_has_no_time(tmp_path: Path) -> None:
    spec = tmp_path / "idle.yaml"
    spec.write_text(f"cnncalc: 1\n{NETWORKS['no work']}\n{BUDGET}")
    ran = run("latency", str(spec), "--device", "rtx3090")
    assert ran.returncode == 2
    assert "the network does no work: there is no time to predict" in ran.stderr
    assert run("check", str(spec)).returncode == 0
