"""The command line has the right formats, options, streams and exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import cnncalc
from cnncalc.analysis.schema import spec_schema
from cnncalc.cost import CLASSES
from cnncalc.language.yaml_tree import parse
from cnncalc.render.columns import COLUMNS, OF_MEMORY

from .command import ROOT, code_of, run, run_code
from .samples import BUNDLED, plain, yaml


def figures(*arguments: str, stdin: str | None = None) -> Any:
    """Return what a command prints as JSON."""
    return json.loads(run(*arguments, "--format", "json", stdin=stdin).stdout)


def test_json_is_what_the_design_says() -> None:
    done = run("analyze", "vgg16", "--format", "json")
    data = json.loads(done.stdout)
    assert done.returncode == 0
    assert data["schema_version"] == 2
    assert data["totals"] == {
        "params": 138357544,
        "weights": 138344128,
        "biases": 13416,
        "affine": 0,
        "trainable_params": 138357544,
        "buffers": 0,
        "macs": 15470264320,
        "flops": data["totals"]["flops"],
        "activations": 15237608,
        "conv_activations": 13556712,
        "activation_bytes": 60950432,
        "param_bytes": 553430176,
        "counted": 15470264320,
        "counted_params": 138357544,
    }
    assert (data["convention"], data["rule"]) == ("macs", "mac")
    field = {"at": "pool5", "size": [212, 212], "stride": [32, 32], "padding": [90, 90]}
    assert {key: data["receptive_field"][key] for key in field} == field
    first = {
        "path": "conv1_1",
        "op": "conv",
        "inputs": ["input"],
        "input_shapes": [[3, 224, 224]],
        "output_shape": [64, 224, 224],
        "params": 1792,
        "macs": 86704128,
        "activations": 3211264,
        "activation_bytes": 12845056,
    }
    assert {key: data["layers"][0][key] for key in first} == first
    assert data["totals"]["flops"] == sum(layer["flops"] for layer in data["layers"])
    assert "NaN" not in done.stdout


def test_batch_and_dtype_scale_the_totals() -> None:
    one = cnncalc.analyze(cnncalc.load("alexnet"))
    eight = cnncalc.analyze(cnncalc.load("alexnet"), batch=8, dtype="float16")
    assert eight.totals.macs == 8 * one.totals.macs
    assert eight.totals.activation_bytes == 8 * one.totals.activation_bytes // 2
    assert eight.totals.param_bytes == one.totals.param_bytes // 2


def test_flops_are_the_sum_of_the_classes_of_cost() -> None:
    for row in cnncalc.analyze(cnncalc.load("resnet18"), batch=3).rows:
        parts = {name: getattr(row.cost, name) for name in CLASSES}
        others = sum(parts[name] for name in CLASSES if name != "mac")
        assert row.flops == 3 * (2 * parts["mac"] + others)


@pytest.mark.parametrize("columns", [None, "path,op,macs,rf"])
def test_csv_has_the_columns_and_rows(columns: str | None) -> None:
    done = run("analyze", "lenet5", "--format", "csv", *(["--columns", columns] if columns else []))
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    of_time = ("backward_macs", "backward_bytes", "latency", "bound")
    left_out = ("trainable_params", "frozen_params", "declared", *OF_MEMORY, *of_time)
    every = [key for key in COLUMNS if key not in left_out]
    assert list(rows[0]) == (columns.split(",") if columns else every)
    assert [row["path"] for row in rows][:4] == ["input", "C1", "tanh1", "S2"]
    assert (rows[0]["macs"], rows[1]["macs"]) == ("", "117600")


def test_markdown_is_written_to_a_file(tmp_path: Path) -> None:
    done = run("analyze", "three_conv", "--format", "markdown", "-o", "out.md", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert "| conv3 | 24×24×24 | 2,616 |" in (tmp_path / "out.md").read_text("utf-8")


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_a_table_fits_its_terminal(width: int) -> None:
    for name in ("vgg16", "resnet50", "unet", "googlenet"):
        lines = run("analyze", name, COLUMNS=str(width)).stdout.splitlines()
        assert max(map(len, lines)) <= max(width, 79)


def test_pipes_get_no_colour_unless_it_is_forced() -> None:
    assert "\x1b" not in run("analyze", "lenet5", NO_COLOR="").stdout
    assert "\x1b" in run("analyze", "lenet5", NO_COLOR="", FORCE_COLOR="1").stdout
    assert "\x1b[3" not in run("analyze", "lenet5", FORCE_COLOR="1", NO_COLOR="1").stdout


def test_depth_folds_rows_without_losing_anything() -> None:
    full = figures("analyze", "googlenet")["layers"]
    folded = figures("analyze", "googlenet", "--depth", "1")["layers"]
    assert len(folded) < len(full)
    for key in ("params", "macs", "flops", "activations"):
        assert sum(layer[key] for layer in folded) == sum(layer[key] for layer in full)


def test_standard_input_variants_and_parameters_are_read() -> None:
    text = yaml("""
        input: [3, 8, 8]
        params: {w: 1}
        variants: {wide: {params: {w: 9}}}
        layers:
          - conv: {out: w, kernel: 3}
    """)
    wide = figures("analyze", "-", "--variant", "wide", stdin=text)
    assert wide["totals"]["params"] == 9 * 28
    two = figures("analyze", "-", "--set", "w=2", stdin=text)
    assert two["totals"]["params"] == 2 * 28
    assert figures("analyze", "specs/resnet.yaml#resnet18")["name"] == "ResNet-18"


USAGE = [
    (["analyze", "nothing_of_the_kind"], "CNN111"),
    (["analyze", "missing.yaml"], "CNN002"),
    (["analyze", "tests"], "CNN002"),
    (["analyze", ""], "CNN111"),
    (["analyze", "vgg16", "--batch", "0"], "CNN111"),
    (["analyze", "vgg16", "--input", "big"], "CNN111"),
    (["analyze", "vgg16", "--input", "0x3x3"], "CNN111"),
    (["analyze", "alexnet", "--set", "group=2"], "CNN111"),
    (["analyze", "alexnet", "--set", "groups"], "CNN111"),
    (["analyze", "alexnet", "--set", "groups=["], "CNN111"),
    (["analyze", "vgg16", "--columns", "pth"], "CNN111"),
    (["analyze", "vgg16", "--variant", "x"], "CNN111"),
    (["analyze", "vgg16", "--depth", "0"], "CNN111"),
    (["analyze", "vgg16", "-o", "/nowhere/x"], "CNN002"),
    (["explain", "vgg16", "conv9"], "CNN111"),
    (["size", "0", "-k", "3"], "CNN111"),
    (["size", "7", "-k", "3", "-p", "-1"], "CNN111"),
]


@pytest.mark.parametrize(("arguments", "code"), USAGE, ids=[" ".join(a) or "-" for a, _ in USAGE])
def test_wrong_commands_end_with_2(arguments: list[str], code: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2, done
    assert f"[{code}]" in done.stderr
    assert "Traceback" not in done.stderr


def test_text_that_is_not_utf8_exits_with_2_and_malformed_yaml_with_1(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"input: [3, 8, 8]\nname: caf\xe9\n")
    done = run("analyze", "a.yaml", folder=tmp_path)
    assert (done.returncode, "a.yaml:2:10" in done.stderr) == (2, True)
    (tmp_path / "b.yaml").write_text("input: [3, 8\n")
    assert run("analyze", "b.yaml", folder=tmp_path).returncode == 1


def test_a_closed_pipe_is_not_an_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m cnncalc analyze vgg16 --format json | head -c 10",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.stderr == ""


def nested(first: str, line: str, depth: int) -> str:
    """Return lines that each use the line before: `{n}` is a line's number, `{m}` is one less."""
    return first + "".join(line.format(n=n, m=n - 1) for n in range(1, depth))


ALIASES = nested("a0: &a0 [1, 1]\n", "a{n}: &a{n} [*a{m}, *a{m}, *a{m}]\n", 40)
BLOCKS = nested("  b0: {layers: [relu]}\n", "  b{n}: {{layers: [b{m}, b{m}]}}\n", 60)
LISTS = nested("  p0: [1, 1]\n", "  p{n}: [p{m}, p{m}]\n", 40)
HOSTILE = [
    ALIASES,
    f"input: [1, 8]\nblocks:\n{BLOCKS}layers: [b59]\n",
    f"input: [1, 8]\nparams:\n{LISTS}layers: [linear: p39]\n",
    "[" * 100_000,
    "{" * 100_000,
    "x: 0x" + "f" * 5000,
    "a: " + "9" * 10_000,
    "- " * 50_000,
]


def seconds_of_children() -> float:
    """Return the processor time of all child processes so far; other load does not count."""
    used = os.times()
    return used.children_user + used.children_system


def test_hostile_files_end_soon() -> None:
    for text in HOSTILE:
        before = seconds_of_children()
        done = run("analyze", "-", stdin=text)
        assert done.returncode == 1, done.stderr[:300]
        assert "CNN901" not in done.stderr
        assert seconds_of_children() - before < 5


def test_a_bug_of_ours_shows_no_traceback() -> None:
    fault = "import cnncalc.analysis.analyze as faulty\nfaulty._judged = None\n"
    done = run_code(fault + code_of("analyze", "vgg16"))
    assert done.returncode == 1
    assert "CNN901" in done.stderr
    assert "Traceback" not in done.stderr


def test_zoo_lists_every_network() -> None:
    networks = figures("zoo")["networks"]
    names = [entry["name"] for entry in networks]
    assert len(names) == len(set(names)) >= 37
    for entry in networks:
        totals = cnncalc.analyze(cnncalc.load(entry["name"])).totals
        assert (entry["params"], entry["macs"]) == (totals.params, totals.macs)


def test_zoo_says_how_to_describe_the_network_that_is_named() -> None:
    last = run("zoo", "alexnet").stdout.splitlines()[-1]
    assert "`cnncalc zoo show alexnet` describes one network" in last
    assert "zoo show" not in run("zoo", "alexnet", "--format", "csv").stdout


def test_schema_accepts_every_bundled_spec_and_refuses_mistakes() -> None:
    validator = jsonschema.Draft202012Validator(spec_schema())
    for spec in {network.spec.file: network.spec for network in BUNDLED}.values():
        data, _ = parse(spec.text, spec.file)
        assert list(validator.iter_errors(plain(data))) == [], spec.file
    for layers in (
        [{"conv": {"out": 3, "kernal": 3}}],
        [{"conv": {"out": 0, "kernel": 3}}],
        [{"relu": None, "name": "a b"}],
        [3],
        "relu",
    ):
        assert not validator.is_valid({"input": [3, 8, 8], "layers": layers}), layers


HUGE = r"""
from itertools import product

import cnncalc
from cnncalc.language.yaml_flow import in_yaml
from cnncalc.ops import OPS

VALUES = (10**9, 10**5, [10**9, 10**9], [[10**9, 10**9]] * 2)
SHAPES = ([4], [4, 9, 9], [4, 10**9], [10**9, 10**9, 10**9])
for op in OPS:
    if op.joins():
        continue
    required = {name: 1 for name, field in op.fields().items() if field.is_required()}
    for name, huge, shape in product(op.fields(), VALUES, SHAPES):
        layer = f"{op.key}: {in_yaml({**required, name: huge})}"
        text = f"input: {shape}\nlayers:\n  - {layer}\n  - maxpool: 2\n"
        try:
            cnncalc.analyze(cnncalc.loads(text))
        except cnncalc.Mistake:
            pass
print("done")
"""


def test_no_huge_value_of_any_field_hangs() -> None:
    done = run_code(HUGE, timeout=60)
    assert done.stdout == "done\n", done.stderr[-500:]
