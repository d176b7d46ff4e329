"""Layers that cnncalc does not know: their figures are declared, and held to a class on request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import cnncalc
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.summary import summary
from cnncalc.diagnostic import Mistake

from .command import run
from .samples import yaml

CLASS = yaml("""
    import pathlib

    import torch
    from torch import nn

    pathlib.Path("it_ran").touch()


    class Mix(nn.Module):
        def __init__(self, n, m, how="relu"):
            super().__init__()
            self.mix = nn.Conv2d(n, m, 1)
            self.norm = nn.BatchNorm2d(m)
            self.how = getattr(torch, how)

        def forward(self, x):
            return self.how(self.norm(self.mix(x)))


    class Crash(nn.Module):
        def forward(self, x):
            raise RuntimeError("no way")
""")
SPEC = yaml("""
    input: [3, 32, 32]
    params: {width: 16}
    layers:
      - conv: {out: 8, kernel: 3, padding: 1}
      - opaque:
          out: [width, null, null]
          params: 8 * width + 3 * width
          macs: 8 * width * 1024
          saved: 65664
          module: mix.py:Mix
          args: {n: c + 5, m: width, how: tanh}
        name: mix
      - relu
      - maxpool: 2
""")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mix.py").write_text(CLASS)
    (tmp_path / "net.yaml").write_text(SPEC)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    (
        "analyze net.yaml",
        "check net.yaml",
        "expand net.yaml",
        "diff net.yaml net.yaml",
        "explain net.yaml mix",
        "memory net.yaml",
        "compare net.yaml",
        "sizes net.yaml",
        "formula net.yaml",
        "sweep net.yaml --over width=8,16",
        "schema",
        "verify net.yaml",
        "profile net.yaml",
        "verify net.yaml --module torch.nn:Identity",
        "verify net.yaml --memory",
    ),
)
def test_no_command_runs_the_class_unless_it_is_allowed_to(folder: Path, command: str) -> None:
    done = run(*command.split(), folder=folder)
    refused = command.startswith(("verify", "profile"))
    assert done.returncode == (1 if refused else 0), done.stderr
    assert ("CNN408" in done.stderr) == refused
    assert not (folder / "it_ran").exists()


def test_verify_holds_what_is_declared_to_the_class(folder: Path) -> None:
    done = run("verify", "net.yaml", "--allow-code", folder=folder)
    assert (folder / "it_ran").exists()
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = SPEC.replace("params: 8 *", "params: 1 + 8 *").replace("saved: 65664", "saved: 0")
    (folder / "net.yaml").write_text(wrong.replace("* 1024", "* 1000"))
    done = run("verify", "net.yaml", "--allow-code", folder=folder)
    assert done.returncode == 1
    for text in (
        "saved: predicted 0, measured 65,664",
        "params: predicted 177, measured 176",
        "macs: predicted 128,000, measured 131,072",
    ):
        assert f"error[CNN409]: mix: {text}" in done.stderr
    assert "CNN406" not in done.stderr


def test_a_class_with_another_output_is_found(folder: Path) -> None:
    (folder / "net.yaml").write_text(SPEC.replace("[width, null, null]", "[width, 16, 16]"))
    done = run("verify", "net.yaml", "--allow-code", folder=folder)
    assert "error[CNN409]: mix: output: predicted 1×16×16×16, measured 1×16×32×32" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "code", "text"),
    (
        ("mix.py:Mix", "mix.py:Max", "CNN403", "`mix.py` has no `Max`"),
        ("mix.py:Mix", "mix.py:Crash", "CNN403", "Crash"),
        (", how: tanh", ", how: [1]", "CNN403", "`mix.py:Mix` fails"),
    ),
)
def test_a_class_that_cannot_be_made_is_a_finding(
    folder: Path, old: str, new: str, code: str, text: str
) -> None:
    (folder / "net.yaml").write_text(SPEC.replace(old, new))
    done = run("verify", "net.yaml", "--allow-code", folder=folder)
    assert done.returncode == 2 and f"error[{code}]" in done.stderr and text in done.stderr


def test_a_class_that_does_not_run_is_a_finding(folder: Path) -> None:
    text = SPEC.replace("mix.py:Mix", "mix.py:Crash").replace("      args:", "      # args:")
    (folder / "net.yaml").write_text(text)
    done = run("verify", "net.yaml", "--allow-code", folder=folder)
    assert "error[CNN404]: the network does not run: RuntimeError: no way" in done.stderr


def test_build_makes_the_class(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    spec = cnncalc.load("net.yaml")
    with pytest.raises(Mistake, match="CNN408"):
        cnncalc.build(spec)
    network = cnncalc.build(spec, allow_code=True, set={"width": 4})
    assert type(network.get_submodule("mix")).__name__ == "Mix"
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 4, 16, 16)


def test_profile_runs_the_class(folder: Path) -> None:
    done = run("profile", "net.yaml", "--allow-code", "--repeat", "1", folder=folder)
    assert done.returncode == 0 and "mix" in done.stdout, done.stderr


def test_declared_figures_are_said_to_be_declared(folder: Path) -> None:
    said = "of which declared, not computed: 176 parameters and 131,072 MACs, by mix"
    for command in ("analyze", "memory", "compare"):
        assert said in run(command, "net.yaml", folder=folder).stdout
    fit = "fit --vary width=1:32 --budget params<1k"
    for command in ("formula", "sweep --over width=8,16", fit):
        word, *options = command.split()
        assert "note[CNN211]" in run(word, "net.yaml", *options, folder=folder).stderr
    assert "declared, not computed" in run("diff", "net.yaml", "lenet5", folder=folder).stdout
    assert "131,072, declared" in run("explain", "net.yaml", "mix", folder=folder).stdout
    found = json.loads(run("analyze", "net.yaml", "--format", "json", folder=folder).stdout)
    assert found["totals"]["declared"] == {"params": 176, "macs": 131072}
    assert [layer["declared"] for layer in found["layers"]] == [False, True, False, False]
    assert "declared" not in json.loads(run("analyze", "lenet5", "--format", "json").stdout)
    lines = run("analyze", "net.yaml", "--format", "csv", folder=folder).stdout.splitlines()
    assert "declared" in lines[0]


def test_what_is_declared_is_in_every_total() -> None:
    report = cnncalc.analyze(cnncalc.loads(SPEC), batch=2)
    row = report.row("mix")
    assert row is not None and row.output_shape == (16, 32, 32)
    assert (row.params, row.macs, row.flops) == (176, 262144, 524288)
    assert report.totals.params == 224 + 176 and report.totals.macs == 2 * (221184 + 131072)
    run_ = Run(mode="training", batch=2)
    kept = summary(report.graph, run_).kept[report.graph.nodes.index(report.node("mix"))]
    assert kept == 2 * (65664 + 4 * 1024 * (8 + 16))


@pytest.mark.parametrize(("field", "size"), (("all", "all"), ('"?"', None)))
def test_a_field_is_all_or_unknown(field: str, size: str | None) -> None:
    spec = f"input: [4, 9, 9]\nlayers: [opaque: {{params: 0, macs: 0, saved: 0, field: {field}}}]"
    (row,) = cnncalc.analyze(cnncalc.loads(spec)).rows
    assert row.receptive_field is not None and row.receptive_field.size == (size, size)


def test_the_same_layer_may_be_shared() -> None:
    text = SPEC + "  - {from: conv1, opaque: %s, share: mix}\n"
    body = SPEC.split("opaque:")[1].split("name:")[0]
    text = "\n".join(
        [SPEC.rstrip(), "  - opaque:" + body.rstrip(), "    from: conv1", "    share: mix", ""]
    )
    report = cnncalc.analyze(cnncalc.loads(text))
    assert report.ok, report.diagnostics
    assert report.declared is not None and report.declared.params == 176
    assert report.declared.macs == 2 * 131072


def test_the_written_spec_has_the_same_figures(folder: Path) -> None:
    (folder / "flat.yaml").write_text(run("expand", "net.yaml", folder=folder).stdout)
    a, b = (cnncalc.analyze(folder / name) for name in ("net.yaml", "flat.yaml"))
    assert a.totals == b.totals and a.declared == b.declared
    assert [row.output_shape for row in a.rows] == [row.output_shape for row in b.rows]
    assert a.graph.nodes[2].op.code == b.graph.nodes[2].op.code  # type: ignore[union-attr]


def test_a_layer_without_a_class_cannot_be_built() -> None:
    spec = cnncalc.loads("input: [4, 9, 9]\nlayers: [opaque: {params: 0, macs: 0, saved: 0}]")
    with pytest.raises(Mistake, match="declared only"):
        cnncalc.build(spec, allow_code=True)
