"""`diff`: what differs between two networks, and nothing else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from .command import run

NET = "cnncalc: 1\ninput: [3, 16, 16]\nlayers:\n  - conv: {out: 8, kernel: 3, padding: 1}\n  - relu\n  - maxpool: 2\n  - conv: {out: 16, kernel: 3, padding: 1}\n  - relu\n  - globalavgpool\n  - flatten\n  - linear: 10\nbudget: {params: < 2k}\n"


def compared(folder: Path, old: str, new: str) -> dict:
    done = run(folder, "diff", old, new, "--format", "json")
    assert done.returncode == 0, done.stderr
    (network,) = json.loads(done.stdout)["networks"]
    return network  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("old", "new"), [("vgg16", "vgg19"), ("vgg.yaml#vgg16d", "vgg.yaml#vgg19")]
)
def test_vgg19_has_three_layers_more(old: str, new: str) -> None:
    specs = Path(__file__).parent.parent / "specs"
    layers = [
        layer
        for layer in compared(specs, old, new)["layers"]
        if layer["change"] not in ("renamed", "field")
    ]
    assert [(layer["change"], layer["new"]) for layer in layers] == [
        ("added", f"stage1.{n}.conv_relu1.3.conv1") for n in (2, 3, 4)
    ]
    done = run(specs, "diff", old, new)
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
    network = compared(tmp_path, "old.yaml", "new.yaml")
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
    assert (
        "❌ exceeded"
        in run(tmp_path, "diff", "old.yaml", "new.yaml", "--format", "markdown").stdout
    )
    assert run(tmp_path, "diff", "old.yaml", "new.yaml", "--exit-code").returncode == 1
    assert run(tmp_path, "diff", "old.yaml", "old.yaml", "--exit-code").returncode == 0


def test_equal_windows_and_other_names_are_no_change(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(NET)
    (tmp_path / "new.yaml").write_text(
        NET.replace("kernel: 3, padding: 1", "kernel: [3, 3], padding: same").replace(
            "  - relu\n", "  - relu:\n    name: act\n", 1
        )
    )
    network = compared(tmp_path, "old.yaml", "new.yaml")
    assert network["layers"] == []
    assert run(tmp_path, "diff", "old.yaml", "new.yaml").stdout == "new: no change\n"


def test_revisions_of_git(tmp_path: Path) -> None:
    def git(*words):
        return subprocess.run(
            ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *words],
            check=True,
            capture_output=True,
        )

    (tmp_path / "sub").mkdir()
    spec = tmp_path / "sub" / "net.yaml"
    git("init", "-q")
    spec.write_text(NET)
    git("add", ".")
    git("commit", "-qm", "first")
    spec.write_text(NET.replace("out: 16", "out: 24"))
    assert compared(tmp_path, "HEAD:sub/net.yaml", "sub/net.yaml")["totals"]["params"] == [
        1562,
        2226,
    ]
    assert compared(tmp_path / "sub", "HEAD:net.yaml", "net.yaml")["totals"]["params"] == [
        1562,
        2226,
    ]
    for side in ("nope:sub/net.yaml", "HEAD:nope.yaml", "--output=x:net.yaml"):
        done = run(tmp_path, "diff", "--", side, "sub/net.yaml")
        assert done.returncode == 2
        assert "cannot read" in done.stderr


def test_families_network_by_network(tmp_path: Path) -> None:
    family = "cnncalc: 1\ninput: [3, 8, 8]\nparams: {w: 8}\nvariants: {a: {params: {w: 4}}, b: {params: {w: 6}}}\nlayers:\n  - conv: {out: w, kernel: 3}\n"
    (tmp_path / "old.yaml").write_text(family)
    (tmp_path / "new.yaml").write_text(family.replace("w: 6", "w: 7"))
    networks = json.loads(run(tmp_path, "diff", "old.yaml", "new.yaml", "--format", "json").stdout)[
        "networks"
    ]
    assert [(network["name"], len(network["layers"])) for network in networks] == [
        (None, 0),
        ("a", 0),
        ("b", 1),
    ]


def test_a_spec_with_errors_says_so(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(NET.replace("kernel: 3", "kernel: 99"))
    done = run(tmp_path, "diff", "bad.yaml", "vgg16")
    assert done.returncode == 1
    assert "CNN204" in done.stderr


def test_a_layer_put_in_front_is_one_layer_more(tmp_path: Path) -> None:
    """The layers behind it have other paths then: what they are counts for more than what they are called."""
    layers = "  - conv: {out: 8, kernel: 3, padding: 1}\n  - conv: {out: 8, kernel: 5, padding: 2}\n  - conv: {out: 8, kernel: 7, padding: 3}\n"
    head = "cnncalc: 1\ninput: [8, 16, 16]\nlayers:\n"
    (tmp_path / "old.yaml").write_text(head + layers)
    (tmp_path / "new.yaml").write_text(head + "  - conv: {out: 8, kernel: 1}\n" + layers)
    changes = [
        (layer["change"], layer["old"], layer["new"])
        for layer in compared(tmp_path, "old.yaml", "new.yaml")["layers"]
    ]
    assert changes == [
        ("added", None, "conv1"),
        ("renamed", "conv1", "conv2"),
        ("renamed", "conv2", "conv3"),
        ("renamed", "conv3", "conv4"),
    ]
