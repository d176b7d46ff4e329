"""The options of `memory`: frozen parts, checkpoints, what makes a batch fit, plans and plots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cnncalc.analysis.memory.course import course
from cnncalc.analysis.memory.lines import Lines
from cnncalc.analysis.memory.optimizers import OPTIMIZERS
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.summary import summary
from cnncalc.language.load import load

from .command import run

BRANCHES = """
input: [8, 32, 32]
layers:
  - {conv: {out: 64, kernel: 1}, name: wide_a}
  - {conv: {out: 64, kernel: 1}, name: wide_b, from: input}
  - {conv: {out: 4, kernel: 1}, name: a, from: wide_a}
  - {conv: {out: 4, kernel: 1}, name: b, from: wide_b}
  - concat: [a, b]
"""

SMALL = """
name: Small
input: [3, 64, 64]
layers:
  - {conv: {out: 16, kernel: 3, padding: 1}, name: stem}
  - chain:
      - conv: {out: 16, kernel: 3, padding: 1}
      - batchnorm
      - relu
      - conv: {out: 16, kernel: 3, padding: 1}
      - batchnorm
      - relu
    name: first
  - {maxpool: 2, name: pool}
  - chain:
      - conv: {out: 32, kernel: 3, padding: 1}
      - batchnorm
      - relu
    name: second
  - globalavgpool
  - flatten
  - {linear: 10, name: head}
"""
FITTING = ("-", "--optimizer", "adam", "--fit", "50 MB", "--context", "0 B")


def answer(*options: str, stdin: str | None = None) -> dict[str, Any]:
    """Return the JSON that `memory` prints."""
    done = run("memory", *options, "--format", "json", stdin=stdin)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_optimizers_that_share_a_timeline_have_the_peaks_of_their_own(device: Any) -> None:
    graph = load("lenet5").graph()
    shared = Lines(graph)
    for optimizer in OPTIMIZERS:
        for how in (Run(), Run(kept_gradients=True), Run(loss="cross_entropy"), Run(fused=True)):
            how = how._replace(mode="training", optimizer=optimizer, device=device, batch=2)
            for batch in (2, 3, 1000):
                own = summary(graph, how._replace(batch=batch))
                assert max(line.size.at(batch) for line in shared.of(how)) == own.peak


def test_frozen_parameters_stand_apart_and_have_no_state() -> None:
    plain = answer("lenet5", "--optimizer", "adam")
    found = answer("lenet5", "--optimizer", "adam", "--freeze", "C1,C3")
    assert plain["frozen_params"] == 0
    assert found["frozen_params"] == 156 + 1516
    assert found["trainable_params"] == plain["trainable_params"] - found["frozen_params"]
    assert found["parts"]["optimizer"] == 2 * 4 * found["trainable_params"]
    head = answer("lenet5", "--train-only", "F6")
    assert head["mode"] == "training" and head["figures"]["saved"] < found["figures"]["saved"]
    assert head["trainable_params"] == 10_164
    for format in ("table", "markdown"):
        shown = run("memory", "lenet5", "--freeze", "C1,C3", "--format", format).stdout
        assert "58,328 trainable, 1,672 frozen" in shown


def test_checkpoints_say_what_they_cost() -> None:
    options = ("-", "--batch", "4")
    found = answer(*options, "--checkpoint", "first,second", stdin=SMALL)
    known, plain = found["checkpoints"], answer(*options, "--mode", "training", stdin=SMALL)
    assert known["peak_without_bytes"] == plain["peak"]["bytes"]
    assert found["peak"]["bytes"] < known["peak_without_bytes"]
    assert 0 < known["recomputed_macs"] < known["forward_macs"]
    shown = run("memory", *options, "--checkpoint", "first,second", stdin=SMALL).stdout
    assert "checkpoints         2: first, second" in shown
    one = answer(*options, "--checkpoint", "first..second.conv1", stdin=SMALL)
    assert one["checkpoints"]["segments"] == [{"first": "first.conv1", "last": "second.conv1"}]


def test_checkpoints_are_chosen_for_a_batch() -> None:
    plain = answer(*FITTING, "--batch", "36", stdin=SMALL)
    assert plain["fit"]["max_batch"] < 36
    found = answer(*FITTING, "--batch", "36", "--checkpoint", "auto", stdin=SMALL)
    assert found["peak"]["bytes"] <= 5 * 10**7 and found["fit"]["max_batch"] >= 36
    (way,) = (way for way in plain["ways"] if way["name"] == "checkpoints")
    assert way["fits"] and way["peak_bytes"] == found["peak"]["bytes"]
    assert way["checkpoints"] == found["checkpoints"]["segments"]
    listed = ",".join(f"{each['first']}..{each['last']}" for each in way["checkpoints"])
    same = answer(*FITTING, "--batch", "36", "--checkpoint", listed, stdin=SMALL)
    assert same["peak"]["bytes"] == found["peak"]["bytes"]
    none = answer(*FITTING, "--batch", "2", "--checkpoint", "auto", stdin=SMALL)
    assert none["checkpoints"] is None


def test_what_makes_a_batch_fit_is_tried() -> None:
    asked = (*FITTING, "--batch", "36")
    done = run("memory", *asked, stdin=SMALL)
    assert done.returncode == 1
    assert "error[CNN407]: Small does not fit in 50 MB at batch 36" in done.stderr
    ways = {way["name"]: way for way in answer(*asked, stdin=SMALL)["ways"]}
    assert next(iter(ways.values()))["name"] in done.stderr
    for name, way in ways.items():
        assert way["fits"] == (way["peak_bytes"] <= 5 * 10**7)
        assert name in done.stdout and "What makes batch 36 fit" in done.stdout
        extra = way["option"].split()
        kept = FITTING if "--batch" in extra else asked
        assert answer(*kept, *extra, stdin=SMALL)["peak"]["bytes"] == way["peak_bytes"], way
    parts = next(way for way in ways.values() if "--accumulate" in way["option"])
    assert "batch normalization sees" in parts["cost"]
    assert "only head" in ways and "checkpoints" in ways
    page = run("memory", *asked, "--format", "markdown", stdin=SMALL).stdout
    assert "| What makes batch 36 fit |" in page
    fitting = run("memory", *FITTING, "--batch", "8", stdin=SMALL)
    assert fitting.returncode == 0 and "What makes" not in fitting.stdout


@pytest.mark.parametrize(
    ("batch", "limit", "wanted"),
    [
        (36, "2 MB", "AMP float16, 36 parts of 1"),
        (36, "1 MB", "only head, 36 parts of 1"),
        (1, "400 kB", "only head, AMP float16"),
    ],
)
def test_pairs_are_tried_where_no_way_is_enough(batch: int, limit: str, wanted: str) -> None:
    options = ("-", "--optimizer", "adam", "--context", "0 B", "--fit", limit)
    asked = (*options, "--batch", str(batch))
    done = run("memory", *asked, stdin=SMALL)
    ways = answer(*asked, stdin=SMALL)["ways"]
    single = [way for way in ways if "," not in way["name"]]
    pairs = ways[len(single) :]
    assert not any(way["fits"] for way in single) and all(way["fits"] for way in pairs)
    assert pairs[0]["name"] == wanted and f"help: try {wanted}" in done.stderr
    for way in pairs:
        extra = way["option"].split()
        kept = options if "--batch" in extra else asked
        assert answer(*kept, *extra, stdin=SMALL)["peak"]["bytes"] == way["peak_bytes"], way
    assert all(way["name"] in done.stdout for way in ways)


def test_where_not_even_a_pair_is_enough_the_best_is_shown() -> None:
    found = answer("-", "--optimizer", "adam", "--context", "0 B", "--fit", "300 kB", stdin=SMALL)
    *single, best = found["ways"]
    assert best["name"] == "only head, AMP float16" and not best["fits"]
    assert not any("," in way["name"] for way in single)


def test_a_deep_network_says_that_no_checkpoints_are_tried() -> None:
    layers = "layers:\n  - chain: [{linear: 4}, relu]\n    repeat: 1001\n"
    options = ("-", "--optimizer", "sgd", "--fit", "50 MB", "--context", "0 B")
    for count, tried in ((1001, False), (900, True)):
        text = "input: [4]\n" + layers.replace("1001", str(count))
        found = answer(*options, stdin=text)
        assert found["checkpoints_tried"] == tried
        assert tried == any(fit["way"] == "checkpoints" for fit in found["fits"])
        for format in ("table", "markdown"):
            shown = " ".join(run("memory", *options, "--format", format, stdin=text).stdout.split())
            said = "Checkpoints are not tried where there are more than 2,000 layers"
            assert (said in shown) != tried


def test_what_is_not_exact_is_said() -> None:
    text = """
input: [4, 8, 8]
layers:
  - {conv: {out: 4, kernel: 1}, name: a}
  - {batchnorm: , name: b, from: input}
  - {conv: {out: 2, kernel: 1, connections: [[0], [1, 2]]}, name: table, from: a}
  - {mul: [a, b, a], name: product}
  - concat: [table, product]
"""
    mixed = answer("-", "--amp", "bfloat16", stdin=text)
    assert mixed["not_followed"] == ["table", "product"]
    options = ("--amp", "bfloat16", "--mode", "inference")
    assert answer("-", *options, stdin=text)["not_followed"] == ["table", "product"]
    assert answer("-", "--mode", "training", stdin=text)["not_followed"] == []
    for format in ("table", "markdown"):
        done = run("memory", "-", "--amp", "bfloat16", "--format", format, stdin=text)
        assert "a peak in table, product may differ" in " ".join(done.stdout.split())


def test_the_table_of_batches_has_checkpoints_and_a_frozen_backbone() -> None:
    found = answer(*FITTING, stdin=SMALL)
    by_way = {each["way"]: each for each in found["fits"] if each["way"]}
    assert list(by_way) == ["checkpoints", "only head"]
    assert all(each["optimizer"] == "adam" for each in by_way.values())
    assert all(each["max_batch"] > found["fit"]["max_batch"] for each in by_way.values())


def test_the_allocator_has_both_kinds_of_segments() -> None:
    options = ("lenet5", "--mode", "training", "--batch", "64", "--allocator")
    usual, expandable = answer(*options)["allocator"]
    assert [usual["expandable_segments"], expandable["expandable_segments"]] == [False, True]
    assert usual["allowance"] == 65 * 2**20 // 8
    less = answer(*options, "--workspace", "0 B")["allocator"][0]
    assert less["allocated_peak"] == usual["allocated_peak"] - usual["allowance"]
    for format in ("table", "markdown"):
        shown = " ".join(run("memory", *options, "--format", format).stdout.split())
        assert "expandable" in shown and "8.1 MiB for the workspace of cuBLAS" in shown


def test_the_order_is_shown_in_every_format() -> None:
    found = answer("-", "--order", stdin=BRANCHES)["order"]
    assert (found["peak"], found["peak_as_written"]) == (334_368, 580_128)
    rows = run("memory", "-", "--order", "--format", "csv", stdin=BRANCHES).stdout.splitlines()
    assert rows[0] == "path,run_as,written_as"
    assert [row.split(",")[0] for row in rows[1:]] == found["layers"]
    for format in ("table", "markdown"):
        shown = run("memory", "-", "--order", "--format", format, stdin=BRANCHES).stdout
        assert "42.4% less" in shown and "wide_b" in shown


def test_the_arena_is_shown_in_every_format() -> None:
    options = ("memory", "lenet5", "--arena", "STM32 F746")
    found = json.loads(run(*options, "--format", "json").stdout)
    assert found["dtype"] == "int8" and found["arena"]["fits"]
    assert found["arena"]["sram"]["available"] == 320 * 1024
    head, *rows = run(*options, "--format", "csv").stdout.splitlines()
    assert head == "path,bytes,offset,first,last"
    tensors = found["arena"]["tensors"]
    assert [row.split(",")[:3] for row in rows] == [
        [each["path"], str(each["bytes"]), str(each["offset"])] for each in tensors
    ]
    shown, page = run(*options).stdout, run(*options, "--format", "markdown").stdout
    assert "on STM32F746 ✓" in shown and "| SRAM |" in page and "Busiest layer" in page
    assert "✗" in run("memory", "vgg16", "--arena", "stm32f746").stdout


@pytest.mark.parametrize("width", [60, 120])
def test_tables_are_as_wide_as_the_screen(width: int) -> None:
    asked = (*FITTING[1:], "--batch", "36")
    for options in (asked, (*asked, "--checkpoint", "auto"), ("--allocator",)):
        shown = run("memory", "-", *options, stdin=SMALL, COLUMNS=str(width)).stdout
        assert shown and max(map(len, shown.splitlines())) <= width
    for options in (("--order",), ("--arena", "esp32s3")):
        shown = run("memory", "-", *options, stdin=BRANCHES, COLUMNS=str(width)).stdout
        assert shown and max(map(len, shown.splitlines())) <= width


def test_the_course_of_a_run_has_its_peak() -> None:
    graph = load("resnet18").graph()
    for how in (Run(batch=3), Run("training", 3, optimizer="adam"), Run("training", 3)):
        found = summary(graph, how)
        moments = course(graph, how)
        assert {moment.step: moment.bytes for moment in moments} == found.steps
        highest = max(moments, key=lambda moment: moment.bytes)
        assert (highest.step, highest.bytes) == (found.at, found.peak)
        assert {k: v for k, v in highest.parts.items() if v} == {
            k: v for k, v in found.parts.items() if v
        }


def test_a_plot_is_a_picture_with_the_peak(tmp_path: Path) -> None:
    file = tmp_path / "out.svg"
    done = run("memory", "resnet18", "--optimizer", "adam", "--batch", "8", "--plot", str(file))
    assert done.returncode == 0 and "peak" in done.stdout
    picture = ElementTree.parse(file).getroot()
    words = [element.text or "" for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    peak = next(line for line in done.stdout.splitlines() if line.startswith("peak "))
    assert " ".join(["peak", *peak.split()[1:]]) in words
    assert {"forward", "backward", "optimizer", "MB", "saved for backward"} <= set(words)
    assert "prefers-color-scheme: dark" in file.read_text("utf-8")
    assert file.stat().st_size < 150_000
    bands = list(picture.iter("{http://www.w3.org/2000/svg}polygon"))
    points = []
    for band in bands:
        points += [tuple(map(float, point.split(","))) for point in band.attrib["points"].split()]
    assert all(64 <= x <= 744 and 116 <= y <= 372 for x, y in points)
    (mark,) = picture.iter("{http://www.w3.org/2000/svg}circle")
    assert float(mark.attrib["cy"]) == min(y for _, y in points)
    # The bands are on top of each other: the lines of the axis say how high the peak is.
    lines = {
        float(element.attrib["y"]) - 4: int((element.text or "").replace(",", ""))
        for element in picture.iter("{http://www.w3.org/2000/svg}text")
        if element.get("text-anchor") == "end" and (element.text or "")[0].isdigit()
    }
    (low, zero), (high, most) = max(lines.items()), min(lines.items())
    height = zero + (most - zero) * (low - float(mark.attrib["cy"])) / (low - high)
    assert height == pytest.approx(float(peak.split()[1].replace(",", "")), rel=0.01)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--freeze", "C2"), "no layer or block is called `C2`"),
        (("--freeze", "tanh1"), "`tanh1` has no parameters to freeze"),
        (("--freeze", "C1,"), "--freeze takes paths such as"),
        (("--train-only", "F7"), "no layer or block is called `F7`"),
        (("--freeze", "C1,C3,C5,F6,S2,S4"), "all parameters are frozen"),
        (("--checkpoint", "C9"), "no layer or block is called `C9`"),
        (("--checkpoint", "C3..C1"), "`C1` runs before `C3`"),
        (("--checkpoint", "C1,C1"), "`C1` would be in two checkpoints"),
        (("--checkpoint", "auto"), "--checkpoint auto needs a limit"),
        (("--checkpoint", "auto,C1"), "--checkpoint takes paths, or auto alone"),
        (("--mode", "inference", "--freeze", "C1"), "--mode inference has no optimizer"),
        (("--workspace", "1 MiB"), "--workspace is for --allocator"),
        (("--allocator", "--workspace", "1"), "--workspace takes a size with its unit"),
        (("--allocator", "--device", "cpu"), "--allocator is about cards"),
        (("--arena", "rtx3090"), "unknown device `rtx3090`"),
        (("--arena", "esp32s3", "--batch", "2"), "--arena plans for one image in int8"),
        (("--order", "--optimizer", "sgd"), "--order and --arena answer a question of their own"),
        (("--plot", "no/such/folder/out.svg"), "no/such/folder/out.svg"),
    ],
)
def test_each_mistake_is_one_diagnostic(options: tuple[str, ...], said: str) -> None:
    done = run("memory", "lenet5", *options)
    assert done.returncode in (1, 2)
    assert said in done.stderr and done.stderr.count("error[") == 1, done.stderr


def test_a_checkpoint_that_cannot_be_cut_out_is_one_diagnostic() -> None:
    done = run("memory", "-", "--checkpoint", "wide_b..a", stdin=BRANCHES)
    assert done.returncode == 1 and done.stderr.count("error[") == 1, done.stderr
    assert "error[CNN103]: `wide_b` is inside a checkpoint, and what comes after" in done.stderr


def test_gigabytes_and_gibibytes_differ() -> None:
    found = [answer("vgg16", "--fit", f"8{unit}")["fit"] for unit in ("GB", "GiB")]
    assert [each["limit"] for each in found] == [8 * 10**9, 8 * 2**30]
    assert found[0]["max_batch"] < found[1]["max_batch"]
