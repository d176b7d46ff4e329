"""Columns, views and folded blocks of `analyze`; what `check` and `zoo show` take besides."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import sys
from pathlib import Path

import pytest

import cnncalc
from cnncalc.analysis.blocks import LONG, folded, readable_depth, tree
from cnncalc.cli.analyze import View
from cnncalc.render.columns import COLUMNS, VIEWS

from .command import ROOT, python_path, run
from .samples import yaml


def layers(*arguments: str) -> dict[str, dict[str, str]]:
    """Return what `analyze` writes about each layer as CSV, by path."""
    done = run("analyze", *arguments, "--format", "csv")
    assert done.returncode == 0, done.stderr
    return {row["path"]: row for row in csv.DictReader(io.StringIO(done.stdout))}


def on_terminal(*arguments: str, columns: int = 100) -> str:
    """Return what a command prints on a terminal, without colours."""
    environment = {**os.environ, "PYTHONPATH": python_path(), "COLUMNS": str(columns)}
    environment["NO_COLOR"] = "1"
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(sys.executable, [sys.executable, "-m", "cnncalc", *arguments], environment)
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # on Linux, the end of a terminal is an error
            break
        if not part:
            break
        parts.append(part)
    os.close(terminal)
    os.waitpid(pid, 0)
    text = b"".join(parts).decode("utf-8").replace("\r\n", "\n")
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_settings_of_windows_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    for name in ("mobilenet_v2", "alexnet", "resnext50_32x4d"):
        rows = layers(name, "--columns", "path,kernel,stride,padding,dilation,groups")
        built = cnncalc.build(cnncalc.load(name))
        tried = 0
        for path, module in built.named_modules():
            if isinstance(module, torch.nn.Conv2d):
                row = rows[path]
                assert row["groups"] == str(module.groups)
                for key in ("stride", "padding", "dilation"):
                    assert row[key] == str(getattr(module, key)[0])
                assert row["kernel"] == str(module.kernel_size[0])
                tried += 1
        assert tried > 4


def test_axes_and_sides_that_differ_are_all_shown() -> None:
    text = yaml("""
        input: [1, 8, 9]
        layers:
          - conv: {out: 2, kernel: [3, 5], stride: [1, 2], padding: same}
          - maxpool: 2
          - relu
    """)
    done = run("analyze", "-", "--columns", "path,kernel,stride,padding,dilation", stdin=text)
    lines = {words[0]: words[1:] for words in map(str.split, done.stdout.splitlines()) if words}
    assert lines["conv1"] == ["3×5", "1×2", "1×2", "1"]
    assert lines["maxpool1"] == ["2", "2", "0", "1"]
    assert lines["relu1"] == ["–"] * 4


def test_percentages_are_of_the_network() -> None:
    for name in ("alexnet", "resnet18"):
        rows = layers(name)
        report = cnncalc.analyze(cnncalc.load(name))
        for figure in ("params", "macs", "flops", "activations"):
            total = getattr(report.totals, figure)
            for row in report.rows:
                share = rows[row.path][f"{figure}_share"]
                value = getattr(row, figure)
                assert share == (f"{100 * value / total:.1f}" if value else "")


def test_a_network_with_an_error_has_no_percentages() -> None:
    text = "input: [3, 8, 8]\nlayers: [conv: {out: 2, kernel: 3}, maxpool: 9]\n"
    done = run("analyze", "-", "--columns", "path,params,params_share", stdin=text)
    assert re.search(r"conv1 +56 . +–", done.stdout), done.stdout


def test_every_view_shows_its_columns_in_their_order() -> None:
    assert [view.value for view in View] == [*VIEWS, "graph"]  # which has no columns
    for view, keys in VIEWS.items():
        done = run("analyze", "lenet5", "--view", view, COLUMNS="200")
        titles = [COLUMNS[key].title if key != "counted" else "MACs" for key in keys.split()]
        assert done.stdout.splitlines()[3].split() == " ".join(titles).split()


def test_columns_compose_freely() -> None:
    both = layers("lenet5", "--view", "cost", "--columns", "rf,params,op")
    assert list(both["C1"]) == [*VIEWS["cost"].split(), "rf", "op"]
    named = layers("lenet5", "--columns", "op,cost")
    assert list(named[""] if "" in named else next(iter(named.values()))) == [
        "op",
        *VIEWS["cost"].split(),
    ]
    wrong = run("analyze", "lenet5", "--columns", "path,costs")
    assert (wrong.returncode, "did you mean `cost`?" in wrong.stderr) == (2, True)
    assert run("analyze", "lenet5", "--view", "cost", "--format", "json").returncode == 2


def test_a_narrow_screen_shows_the_first_columns_and_names_the_others() -> None:
    for width in (40, 60, 80):
        text = run("analyze", "alexnet", COLUMNS=str(width)).stdout
        note = re.search(r"No room for the columns (.*?): `--columns`", " ".join(text.split()))
        left_out = note[1].split(", ") if note else []
        usual = ["path", "output", "params", "counted", "activations", "rf"]
        shown = usual[: len(usual) - len(left_out)]
        assert usual == shown + left_out
        titles = [COLUMNS[key].title if key != "counted" else "MACs" for key in shown]
        assert titles in [line.split() for line in text.splitlines()]
    assert "No room" not in run("analyze", "alexnet", COLUMNS="100").stdout


def test_a_pipe_gets_what_the_documents_show() -> None:
    with_columns = run("analyze", "googlenet").stdout
    assert with_columns == run("analyze", "googlenet", COLUMNS="").stdout


def test_long_networks_are_folded_on_a_terminal_and_say_so() -> None:
    short, long = on_terminal("analyze", "alexnet"), on_terminal("analyze", "resnet50")
    note = "Blocks are folded: `--depth all` shows all 175 layers."
    assert "folded" not in short and "fc8" in short
    assert note in long and "stage4.bottleneck1" in long and "conv_bn3" not in long
    everything = on_terminal("analyze", "resnet50", "--depth", "all")
    assert "folded" not in everything and everything.count("conv_bn3") == 16
    assert "folded" not in on_terminal("analyze", "resnet50", "--depth", "1")
    piped = run("analyze", "resnet50").stdout
    assert "folded" not in piped and piped.count("conv_bn3") == 16


@pytest.mark.parametrize("name", ["resnet50", "googlenet", "mobilenet_v3_small", "convnext_tiny"])
def test_sums_of_blocks_are_the_sums_of_their_layers(name: str) -> None:
    report = cnncalc.analyze(cnncalc.load(name))
    depth = readable_depth(report)
    assert depth is not None and len(tree(report, folded(report, depth))) <= LONG
    for rows in (report.rows, folded(report, depth)):
        branches = tree(report, rows)
        assert [branch.row for branch in branches if not branch.heading] == rows
        for n, branch in enumerate(branches):
            if not branch.heading:
                continue
            below = []
            for other in branches[n + 1 :]:
                if other.level <= branch.level:
                    break
                below += [] if other.heading else [other.row]
            assert len(below) > 1
            assert all(row.path.startswith(branch.row.path) for row in below)
            for figure in ("params", "macs", "flops", "activations", "buffers"):
                assert getattr(branch.row, figure) == sum(getattr(row, figure) for row in below)
            assert branch.row.output_shape == report.result(branch.row.path).output_shape


def test_depth_takes_a_number_or_all() -> None:
    wrong = run("analyze", "vgg16", "--depth", "some")
    assert wrong.returncode == 2
    assert "--depth takes a number or `all`, not `some`" in wrong.stderr


def test_check_takes_other_parameters_inputs_and_variants(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        yaml("""
            input: [3, 32, 32]
            params: {w: 4}
            variants: {wide: {params: {w: 64}}, narrow: {}}
            budget: {params: < 1K}
            layers:
              - conv: {out: w, kernel: 3}
              - maxpool: 9
        """)
    )

    def findings(*options: str) -> list[tuple[str, str]]:
        done = run("check", "net.yaml", "--format", "json", *options, folder=tmp_path)
        found = json.loads(done.stdout)["findings"]
        return [(f["code"], f["severity"]) for f in found if f["severity"] == "error"]

    assert findings() == []
    assert findings("--set", "w=64") == [("CNN302", "error")]
    assert findings("--input", "3x8x8") == [("CNN204", "error")]
    assert findings("--variant", "wide") == []
    assert findings("--variant", "wild") == [("CNN111", "error")]
    assert findings("--set", "x=1") == [("CNN111", "error")]
    for options in (["--fix"], ["--fix-all"], ["--locked"], ["--lock", "x.lock"]):
        done = run("check", "net.yaml", "--set", "w=5", *options, folder=tmp_path)
        assert done.returncode == 2
        assert f"{options[0]} is for networks as they are written" in done.stderr
    both = run("check", "net.yaml#wide", "--variant", "narrow", folder=tmp_path)
    assert (both.returncode, "PATH names the variant wide" in both.stderr) == (2, True)


def test_zoo_show_describes_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.cnn.yaml").write_text((ROOT / "specs" / "vgg.yaml").read_text("utf-8"))
    bundled = run("zoo", "show", "vgg11").stdout.splitlines()
    own = run("zoo", "show", "mine.cnn.yaml#vgg11", folder=tmp_path).stdout.splitlines()
    assert [line for line in bundled if line not in own] == [
        line for line in bundled if line.startswith(("layers", "start here"))
    ]
    assert "`cnncalc analyze mine.cnn.yaml#vgg11` lists them" in "\n".join(own)
    (tmp_path / "bad.yaml").write_text("input: [3, 8, 8]\nlayers: [maxpool: 9]\n")
    done = run("zoo", "show", "bad.yaml", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "2 | layers: [maxpool: 9]" in done.stderr
