"""`diff`: what differs between two networks, and nothing else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

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
    """What `diff` reports of each network, as JSON."""
    done = run("diff", old, new, "--format", "json", folder=folder)
    assert done.returncode == 0, done.stderr
    networks: list[Any] = json.loads(done.stdout)["networks"]
    return networks


def difference(folder: Path, old: str, new: str) -> Any:
    """What `diff` reports of the only network."""
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


def test_every_kind_of_change(tmp_path: Path) -> None:
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
        }
    ]
    done = run("diff", "old.yaml", "new.yaml", "--format", "markdown", folder=tmp_path)
    assert "❌ exceeded" in done.stdout
    assert run("diff", "old.yaml", "new.yaml", "--exit-code", folder=tmp_path).returncode == 1
    assert run("diff", "old.yaml", "old.yaml", "--exit-code", folder=tmp_path).returncode == 0


def test_equal_windows_and_other_names_are_no_change(tmp_path: Path) -> None:
    new = NET.replace("kernel: 3, padding: 1", "kernel: [3, 3], padding: same")
    new = new.replace("  - relu\n", "  - relu:\n    name: act\n", 1)
    (tmp_path / "old.yaml").write_text(NET)
    (tmp_path / "new.yaml").write_text(new)
    assert difference(tmp_path, "old.yaml", "new.yaml")["layers"] == []
    assert run("diff", "old.yaml", "new.yaml", folder=tmp_path).stdout == "new: no change\n"


def test_revisions_of_git(tmp_path: Path) -> None:
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


def test_families_network_by_network(tmp_path: Path) -> None:
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
    """It changes the paths of those after it: what they are counts for more than their names."""
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
