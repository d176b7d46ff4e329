"""`diff` reports what differs between two networks, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.analysis.diff import diff
from cnncalc.render.changes import SIGNS, folded_changes
from cnncalc.render.diff import table
from cnncalc.render.formats.wrapped import beside

from .command import ROOT, run
from .samples import yaml

NET = yaml("""
    cnncalc: 1
    input: [3, 16, 16]
    layers:
      - conv: {out: 8, kernel: 3, padding: 1}
      - relu
      - maxpool: 2
      - conv: {out: 16, kernel: 3, padding: 1}
      - relu
      - globalavgpool
      - flatten
      - linear: 10
    budget: {params: < 2k}
""")
FAMILY = yaml("""
    cnncalc: 1
    input: [3, 8, 8]
    params: {w: 8}
    variants: {a: {params: {w: 4}}, b: {params: {w: 6}}}
    layers:
      - conv: {out: w, kernel: 3}
""")
THREE = yaml("""
    cnncalc: 1
    input: [8, 16, 16]
    layers:
      - conv: {out: 8, kernel: 3, padding: 1}
      - conv: {out: 8, kernel: 5, padding: 2}
      - conv: {out: 8, kernel: 7, padding: 3}
""")


def differences(folder: Path, old: str, new: str) -> list[Any]:
    """Return what `diff` reports about each network, as JSON."""
    done = run("diff", old, new, "--format", "json", folder=folder)
    assert done.returncode == 0, done.stderr
    networks: list[Any] = json.loads(done.stdout)["networks"]
    return networks


def difference(folder: Path, old: str, new: str) -> Any:
    """Return what `diff` reports about the only network."""
    (network,) = differences(folder, old, new)
    return network


@pytest.mark.parametrize(
    ("old", "new"), [("vgg16", "vgg19"), ("vgg.yaml#vgg16d", "vgg.yaml#vgg19")]
)
def test_vgg19_has_three_layers_more(old: str, new: str) -> None:
    specs = ROOT / "specs"
    changes = [
        (layer["change"], layer["new"])
        for layer in difference(specs, old, new)["layers"]
        if layer["change"] not in ("renamed", "field")
    ]
    assert changes == [("added", f"stage1.{n}.conv_relu1.3.conv1") for n in (2, 3, 4)]
    done = run("diff", old, new, folder=specs)
    assert done.stdout.count("\n + ") == 3
    assert "\n ~ " not in done.stdout
    assert "\n − " not in done.stdout


def test_every_kind_of_change_is_reported(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(NET)
    new = (
        NET.replace("out: 16", "out: 32")
        .replace("  - maxpool: 2\n", "")
        .replace("  - globalavgpool\n", "  - dropout: 0.1\n  - globalavgpool\n")
        .replace("linear: 10\n", "linear: 10\n    name: head\n")
    )
    (tmp_path / "new.yaml").write_text(new)
    network = difference(tmp_path, "old.yaml", "new.yaml")
    changes = {
        (layer["change"], layer["old"], layer["new"]): layer["figures"]
        for layer in network["layers"]
    }
    assert ("removed", "maxpool1", None) in changes
    assert changes["changed", "conv2", "conv2"]["out"] == [16, 32]
    assert changes["changed", "conv2", "conv2"]["params"] == [1168, 2336]
    assert changes["changed", "conv2", "conv2"]["then"] == [["relu"], ["relu", "dropout 0.1"]]
    assert changes["changed", "linear1", "head"]["params"] == [170, 330]
    assert network["totals"]["params"] == [1562, 2890]
    assert network["budgets"] == [
        {
            "what": "params",
            "old_limit": "< 2k",
            "limit": "< 2k",
            "old": 1562,
            "new": 2890,
            "verdict": "exceeded",
            "old_verdict": "kept",
        }
    ]
    done = run("diff", "old.yaml", "new.yaml", "--format", "markdown", folder=tmp_path)
    assert "❌ kept → exceeded" in done.stdout
    assert run("diff", "old.yaml", "new.yaml", "--exit-code", folder=tmp_path).returncode == 1
    assert run("diff", "old.yaml", "old.yaml", "--exit-code", folder=tmp_path).returncode == 0


def test_equal_windows_and_other_names_are_not_changes(tmp_path: Path) -> None:
    new = NET.replace("kernel: 3, padding: 1", "kernel: [3, 3], padding: same")
    new = new.replace("  - relu\n", "  - relu:\n    name: act\n", 1)
    (tmp_path / "old.yaml").write_text(NET)
    (tmp_path / "new.yaml").write_text(new)
    assert difference(tmp_path, "old.yaml", "new.yaml")["layers"] == []
    assert run("diff", "old.yaml", "new.yaml", folder=tmp_path).stdout == "new: no change\n"


def test_revisions_of_git_are_compared(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        someone = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", "-C", str(tmp_path), *someone, *words]
        subprocess.run(command, check=True, capture_output=True)

    (tmp_path / "sub").mkdir()
    spec = tmp_path / "sub" / "net.yaml"
    git("init", "-q")
    spec.write_text(NET)
    git("add", ".")
    git("commit", "-qm", "first")
    spec.write_text(NET.replace("out: 16", "out: 24"))
    from_root = difference(tmp_path, "HEAD:sub/net.yaml", "sub/net.yaml")
    assert from_root["totals"]["params"] == [1562, 2226]
    from_folder = difference(tmp_path / "sub", "HEAD:net.yaml", "net.yaml")
    assert from_folder["totals"]["params"] == [1562, 2226]
    for side in ("nope:sub/net.yaml", "HEAD:nope.yaml", "--output=x:net.yaml"):
        done = run("diff", "--", side, "sub/net.yaml", folder=tmp_path)
        assert done.returncode == 2
        assert "cannot read" in done.stderr


def test_families_are_compared_network_by_network(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(FAMILY)
    (tmp_path / "new.yaml").write_text(FAMILY.replace("w: 6", "w: 7"))
    networks = differences(tmp_path, "old.yaml", "new.yaml")
    assert [(network["name"], len(network["layers"])) for network in networks] == [
        (None, 0),
        ("a", 0),
        ("b", 1),
    ]


def test_a_spec_with_errors_says_so(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(NET.replace("kernel: 3", "kernel: 99"))
    done = run("diff", "bad.yaml", "vgg16", folder=tmp_path)
    assert done.returncode == 1
    assert "CNN204" in done.stderr


def test_a_layer_put_in_front_is_one_layer_more(tmp_path: Path) -> None:
    """It changes the paths of later layers, but they are matched by content rather than name."""
    new = THREE.replace("layers:\n", "layers:\n  - conv: {out: 8, kernel: 1}\n")
    (tmp_path / "old.yaml").write_text(THREE)
    (tmp_path / "new.yaml").write_text(new)
    changes = [
        (layer["change"], layer["old"], layer["new"])
        for layer in difference(tmp_path, "old.yaml", "new.yaml")["layers"]
    ]
    assert changes == [
        ("added", None, "conv1"),
        ("renamed", "conv1", "conv2"),
        ("renamed", "conv2", "conv3"),
        ("renamed", "conv3", "conv4"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "verdicts"),
    [
        ("", "params: < 300", "exceeded → kept"),
        ("params: < 300", "params: < 250", "exceeded → kept"),
        ("params: < 500", "params: < 300", "kept"),
        ("", "params: < 200", "still exceeded"),
        ("", "params: {min: 300}", "kept → missed"),
        ("", "shape: [8, _, _]", "differs → kept"),
        ("params: {max: 500, min: 9}", "params: {min: 10, max: 500}", "kept"),
    ],
)
def test_both_verdicts_of_a_budget_are_shown(
    old: str, new: str, verdicts: str, tmp_path: Path
) -> None:
    text = "input: [3, 8, 8]\nlayers: [conv: {out: OUT, kernel: 3}]\nbudget: {BUDGET}\n"
    for name, out, budget in (("old", "16", old), ("new", "8", new)):
        spec = text.replace("OUT", out).replace("BUDGET", budget)
        (tmp_path / f"{name}.yaml").write_text(spec)
    lines = run("diff", "old.yaml", "new.yaml", folder=tmp_path).stdout.splitlines()
    judged = [line for line in lines if line.startswith(" budget ")]
    assert judged
    for line in judged:
        assert line.endswith(f", {verdicts}"), line
    if len(judged) == 2:  # each bound with its own old limit
        assert "at least 9 → at least 10" in judged[0] and " at most 500:" in judged[1]


def test_the_field_without_gates_comes_first() -> None:
    lines = run("diff", "mobilenet_v2", "mobilenet_v3_large").stdout.splitlines()
    first, second = (line.split() for line in lines if line.startswith(" receptive_field"))
    assert first[:4] == ["receptive_field_without_gates", "491", "→", "595"]
    assert second[:4] == ["receptive_field", "491", "→", "35"]
    assert second[-2:] == ["with", "gates"]
    assert "gates" not in run("diff", "vgg16", "vgg19").stdout


def test_parameters_that_changed_come_first(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(FAMILY)
    network = difference(tmp_path, "net.yaml#a", "net.yaml#b")
    assert network["parameters"] == {"w": [4, 6]}
    lines = run("diff", "net.yaml#a", "net.yaml#b", folder=tmp_path).stdout.splitlines()
    found = [n for n, line in enumerate(lines) if line.startswith((" w 4 → 6", " params ", " ~ "))]
    assert len(found) == 3 and [lines[n][1] for n in found] == ["w", "p", "~"]


def test_a_parameter_is_set_for_the_new_network(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(FAMILY)
    (tmp_path / "wide.yaml").write_text(FAMILY.replace("w: 8", "w: 2.5 * 4"))
    wanted = differences(tmp_path, "net.yaml", "wide.yaml")[0]
    for sides in (("net.yaml",), ("net.yaml", "net.yaml")):
        done = run("diff", *sides, "--set", "w=10", "--format", "json", folder=tmp_path)
        (network, *_) = json.loads(done.stdout)["networks"]
        assert network["totals"]["params"] == wanted["totals"]["params"]
    shown = run("diff", "net.yaml", "--set", "w=10", folder=tmp_path).stdout
    assert shown.startswith("net: as written → w=10\n")
    alone = run("diff", "net.yaml", folder=tmp_path)
    assert (alone.returncode, alone.stdout) == (2, "") and "NEW is missing" in alone.stderr


def test_folded_blocks_have_the_sums_of_their_layers() -> None:
    old, new = (cnncalc.analyze(name) for name in ("resnet18", "resnet34"))
    changes = [c for c in diff(old, new).changes if c.kind in SIGNS]
    for depth in (1, 2):
        lines = folded_changes(changes, depth)
        assert len({line.label for line in lines}) == len(lines) < len(changes)
        added = re.findall(r"params ([+-][\d,]+)", "; ".join(line.words for line in lines))
        moved = sum(int(n.replace(",", "")) for n in added)
        assert moved == new.totals.params - old.totals.params
    assert len(folded_changes(changes, None)) == len(changes)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_lines_fit_the_screen_and_cut_no_number(width: int) -> None:
    pairs = ("resnet18", "resnet50"), ("vgg16", "vgg19"), ("unet", "lenet5")
    for names in pairs:
        found = diff(*(cnncalc.analyze(name) for name in names))
        for depth in (1, None):
            lines = table([("", found)], ([], []), depth, width=width).written().split("\n")
            assert max(map(len, lines)) <= width
            numbers = set(re.findall(r"[\d,]*\d", " ".join(lines)))
            for old, new in (found.totals["params"], found.totals["macs"]):
                assert {f"{old:,}", f"{new:,}"} <= numbers


def test_a_long_list_is_folded_on_a_terminal_and_says_so() -> None:
    found = diff(cnncalc.analyze("resnet50"), cnncalc.analyze("resnet101"))
    changes = len(found.changes)
    every = table([("", found)], ([], []), None, width=100).written()
    folded = table([("", found)], ([], []), None, True, width=100).written()
    layers = re.findall(r"(?m)^ \+ ", every)
    assert len(layers) == len([c for c in found.changes if c.kind == "added"]) > 50
    assert "folded" not in every
    lines = re.findall(r"(?m)^ \+ (\S+)", folded)
    assert 1 < len(lines) <= 50
    assert all(line.startswith("stage3.bottleneck1.") for line in lines)
    assert f"`--depth all` shows all {len(layers)} changes" in folded
    assert changes >= len(layers)


def test_a_short_list_and_a_given_depth_are_not_folded_by_themselves() -> None:
    short = diff(cnncalc.analyze("vgg16"), cnncalc.analyze("vgg19"))
    shown = [table([("", short)], ([], []), None, folds, width=100).written() for folds in (1, 0)]
    assert shown[0] == shown[1]
    done = run("diff", "resnet50", "resnet101", "--depth", "all")
    assert done.stdout == run("diff", "resnet50", "resnet101").stdout  # this is no terminal
    assert run("diff", "vgg16", "vgg19", "--depth", "no").returncode == 2


def test_paths_break_at_dots() -> None:
    path = "stage3.bottleneck1.12.add1.body.conv_bn1.batchnorm1 + relu10"
    for room in range(20, 60):
        lines = list(beside(" + ", path, 4, "gone", room))
        assert max(map(len, lines)) <= room
        parts = [line[3:] for line in lines[:-1]]
        assert all(part[-1] in ".+0" or part.endswith("batchnorm1") for part in parts), parts
        assert "".join(parts).replace(" ", "") == path.replace(" ", "")
