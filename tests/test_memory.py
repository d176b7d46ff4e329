"""`memory` shows what its timeline says, and the largest batch is the largest.

The measured bytes are torch's, on the CPU, in float32. That the timeline is torch's too, tensor by
tensor, is tested on its own.
"""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from cnncalc import loads, zoo
from cnncalc.analysis.memory.devices import context, device, devices, known_speeds, limit, size
from cnncalc.analysis.memory.fit import fit
from cnncalc.analysis.memory.lines import Lines
from cnncalc.analysis.memory.optimizers import OPTIMIZERS
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.summary import summary
from cnncalc.cli.options import Optimizer
from cnncalc.diagnostic import Mistake
from cnncalc.graph import Graph
from cnncalc.language.load import load

from .command import run
from .graphs import networks

MB = 10**6
SMALL = ("lenet5", "alexnet", "vgg16", "googlenet", "resnet18", "mobilenet_v2", "squeezenet1_0")
RUNS = (Run(), Run(mode="training", optimizer="sgd"), Run(mode="training", device="cpu"))


def graph_of(name: str) -> Graph:
    """Return the graph of a bundled network."""
    spec = load(name)
    return spec.graph(spec.variant)


@pytest.mark.parametrize(
    ("name", "batch", "saved", "training", "activations"),
    [
        ("resnet50", 8, 687.5, 840, 83.5),
        ("vgg16", 8, 586.0, 1666, 205.5),
        ("vgg16", 1, 73.3, 1170, 25.7),
    ],
)
def test_figures_are_those_that_torch_measured(
    name: str, batch: int, saved: float, training: float, activations: float
) -> None:
    done = run("memory", name, "--batch", str(batch), "--device", "cpu", "--format", "json")
    data = json.loads(done.stdout)
    figures = data["figures"]
    held = data["parts"]["params"] + data["parts"]["buffers"] + data["parts"]["inputs"]
    assert figures["saved"] / MB == pytest.approx(saved, abs=0.05)
    assert figures["training_peak"] / MB == pytest.approx(training, rel=0.01)
    assert (figures["inference_peak"] - held) / MB == pytest.approx(activations, rel=0.1)


def test_the_sum_of_outputs_is_that_of_analyze() -> None:
    for name in SMALL:
        memory = json.loads(run("memory", name, "--batch", "3", "--format", "json").stdout)
        analyze = json.loads(run("analyze", name, "--batch", "3", "--format", "json").stdout)
        assert memory["figures"]["outputs"] == analyze["totals"]["activation_bytes"], name


@pytest.mark.parametrize("how", RUNS)
@pytest.mark.parametrize("name", SMALL)
def test_a_peak_is_the_sum_of_its_tensors(name: str, how: Run) -> None:
    graph = graph_of(name)
    found = summary(graph, how._replace(batch=3))
    assert found.peak == sum(tensor.bytes for tensor in found.alive) == sum(found.parts.values())
    highest = max(max(layer.forward, layer.backward or 0) for layer in found.layers)
    assert found.at.phase == "optimizer" or highest == found.peak
    assert found.parts["saved"] <= found.saved
    assert (found.saved > 0) == how.training


@pytest.mark.parametrize("how", RUNS)
@pytest.mark.parametrize("name", SMALL)
def test_the_peak_of_every_batch_is_the_highest_line(name: str, how: Run) -> None:
    graph = graph_of(name)
    found = Lines(graph).of(how._replace(batch=2))
    for batch in (2, 3, 7, 100, 12345):
        peak = summary(graph, how._replace(batch=batch)).peak
        assert peak == max(line.size.at(batch) for line in found)


@pytest.mark.parametrize("how", RUNS)
def test_the_largest_batch_fits_and_the_next_does_not(how: Run) -> None:
    graphs = [graph_of(name) for name in SMALL]
    graphs += [report.graph for _, report in networks(15, 20)]
    rng = random.Random("largest batch")
    for graph in graphs:
        first = summary(graph, how).peak
        limits = [first - 1, first, *(int(first * rng.uniform(1, most)) for most in (2, 5, 90))]
        for most in limits:
            found = fit(graph, how, most + 1000, 1000)
            assert found.room == most
            if found.max_batch:
                fitting = summary(graph, how._replace(batch=found.max_batch)).peak
                assert fitting == found.peak <= most
            beyond = summary(graph, how._replace(batch=found.max_batch + 1)).peak
            assert beyond == found.beyond == found.line.at(found.max_batch + 1) > most
        assert fit(graph, how, first, 0).max_batch >= 1
        assert fit(graph, how, first - 1, 0).max_batch == 0


@pytest.mark.parametrize("name", ["rtx3090", "RTX 3090", "rtx-3090", "Rtx_3090"])
def test_devices_are_found_however_they_are_written(name: str) -> None:
    assert limit(name, "--fit") == (24576 * 2**20, "RTX3090", "RTX3090")


def test_an_unknown_device_answers_with_the_nearest() -> None:
    with pytest.raises(Mistake) as found:
        limit("rtx3080", "--fit")
    (fault,) = found.value.diagnostics
    assert fault.code == "CNN111" and "did you mean `RTX3090`?" in (fault.help or "")
    with pytest.raises(Mistake):
        limit("STM32F746", "--fit")  # no memory of that kind
    assert device("stm32f746", devices()).sram == 320 * 2**10


@pytest.mark.parametrize(
    ("text", "bytes"),
    [
        ("24GiB", 24 * 2**30),
        ("24 GB", 24 * 10**9),
        ("24gb", 24 * 10**9),
        ("24gib", 24 * 2**30),
        ("1.5 GiB", 3 * 2**29),
        ("600 MiB", 600 * 2**20),
        ("1,000 kB", 10**6),
        ("2 TiB", 2**41),
        ("0 B", 0),
        ("123 bytes", 123),
    ],
)
def test_sizes_have_units(text: str, bytes: int) -> None:
    assert size(text, "--fit") == bytes


@pytest.mark.parametrize(
    "text", ["24", "24G", "-3 GB", "24 XB", "GiB", "1e400 GB", "24 GiBs", "∞B"]
)
def test_unreadable_sizes_are_one_mistake(text: str) -> None:
    with pytest.raises(Mistake) as found:
        size(text, "--fit")
    (fault,) = found.value.diagnostics
    assert fault.code == "CNN111" and f"not `{text}`" in fault.message


def test_every_device_has_a_size_and_a_source() -> None:
    timed = {speed.name for speed in known_speeds()}  # processors have no memory of their own
    for known in devices():
        assert known.source and (known.memory is None or known.sram is None)
        assert known.memory or known.sram or known.name in timed
    assert context("cuda").smallest <= context("cuda").usual <= context("cuda").largest


def test_fit_shows_its_arithmetic_and_the_other_modes() -> None:
    options = ("--optimizer", "adam", "--fit", "rtx3090", "--context", "1 GiB")
    data = json.loads(run("memory", "vgg16", *options, "--format", "json").stdout)
    found = data["fit"]
    room = found["limit"] - found["context"]
    assert (found["limit"], found["context"]) == (24576 * 2**20, 2**30)
    assert found["max_batch"] == (room - found["fixed"]) // found["per_image"]
    assert found["peak_bytes"] <= room < found["next_bytes"]
    modes = {(each["mode"], each["optimizer"]) for each in data["fits"]}
    trained = {("training", optimizer) for optimizer in OPTIMIZERS if optimizer != "none"}
    assert modes == {("inference", "none")} | trained
    shown = run("memory", "vgg16", *options).stdout
    assert f"largest batch       {found['max_batch']:,}: training with adam" in shown
    assert f"batch {found['max_batch'] + 1:,}" in shown and "1,024.0 MiB" in shown


def test_the_optimizers_are_those_of_the_option() -> None:
    assert {optimizer.value for optimizer in Optimizer} == set(OPTIMIZERS)


@pytest.mark.parametrize(
    ("options", "mode"),
    [
        ((), "inference"),
        (("--fit", "8GB"), "inference"),
        (("--mode", "training"), "training"),
        (("--optimizer", "adam"), "training"),
        (("--loss", "cross_entropy"), "training"),
        (("--accumulate",), "training"),
    ],
)
def test_what_belongs_to_training_means_training(options: tuple[str, ...], mode: str) -> None:
    data = json.loads(run("memory", "lenet5", *options, "--format", "json").stdout)
    assert data["mode"] == mode
    assert (data["optimizer"] == "none") == (mode == "inference")


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        (("--batch", "0"), "CNN111]: --batch takes a number from 1", 2),
        (("--dtype", "int8", "--mode", "training"), "CNN111]: training needs numbers that", 2),
        (("--mode", "inference", "--optimizer", "sgd"), "CNN111]: --mode inference has no", 2),
        (("--fit", "rtx3080"), "CNN111]: unknown device `rtx3080`", 2),
        (("--fit", "24"), "CNN111]: --fit takes a size with its unit, not `24`", 2),
        (("--fit", "8GB", "--context", "x"), "CNN111]: --context takes a size", 2),
        (("--context", "1GB"), "CNN111]: --context is for --fit", 2),
        (("--fit", "500 MB"), "at batch 1: the context alone takes 629.1 MB", 1),
        (
            ("--fit", "500 MB", "--context", "0 B"),
            "VGG-16 does not fit in 500 MB at batch 1: 553.4 MB of parameters alone",
            1,
        ),
        (
            ("--fit", "1 GiB", "--context", "0 B", "--mode", "training"),
            "at batch 1: 1,170 MB, of which 553.4 MB are parameters",
            1,
        ),
    ],
)
def test_each_mistake_is_one_diagnostic(options: tuple[str, ...], said: str, code: int) -> None:
    done = run("memory", "vgg16", *options)
    assert done.returncode == code
    assert said in done.stderr and done.stderr.count("error[") == 1, done.stderr


def test_integers_have_no_figures_of_training() -> None:
    options = ("--dtype", "int8", "--fit", "8GB", "--format", "json")
    data = json.loads(run("memory", "lenet5", *options).stdout)
    assert data["figures"]["saved"] is data["figures"]["training_peak"] is None
    assert [each["mode"] for each in data["fits"]] == ["inference"]


def test_a_wrong_network_has_no_figures(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("input: [3, 4, 4]\nlayers: [maxpool: 9]\n", "utf-8")
    done = run("memory", "wrong.yaml", "--format", "json", folder=tmp_path)
    assert done.returncode == 1 and json.loads(done.stdout)["figures"] is None
    assert run("memory", "wrong.yaml", folder=tmp_path).stdout == ""


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_table_is_as_wide_as_the_screen(width: int) -> None:
    options = ("memory", "resnet50", "--optimizer", "adam", "--batch", "64")
    timeline = run(*options, COLUMNS=str(width)).stdout
    fitting = run(*options, "--fit", "rtx3090", COLUMNS=str(width)).stdout
    for shown, words in ((timeline, "stage4.bottleneck1.2.add1"), (fitting, "training, adagrad")):
        assert max(map(len, shown.splitlines())) <= width
        assert words in shown and "saved for backward" in shown
    assert "█" in timeline and len(fitting.splitlines()) <= 48


def test_other_formats_have_the_same_numbers() -> None:
    layers = ("memory", "lenet5", "--mode", "training")
    options = (*layers, "--fit", "8GB")
    data = json.loads(run(*options, "--format", "json").stdout)
    head, *rows = run(*layers, "--format", "csv").stdout.splitlines()
    assert head == "path,forward_bytes,backward_bytes"
    assert rows == [f"{r['path']},{r['forward']},{r['backward']}" for r in data["layers"]]
    shown = csv.DictReader(run(*options, "--format", "csv").stdout.splitlines())
    for row, each in zip(shown, data["fits"], strict=True):
        assert (row["mode"], row["optimizer"]) == (each["mode"], each["optimizer"])
        assert (row["amp"], row["way"]) == (each["amp"] or "", each["way"] or "")
        numbers = [row[key] for key in ("max_batch", "fixed_bytes", "image_bytes", "peak_bytes")]
        wanted = [each[key] for key in ("max_batch", "fixed", "per_image", "peak_bytes")]
        assert numbers == list(map(str, wanted))
        assert (row["path"], row["phase"]) == (each["at"] or "", each["phase"])
    page = run(*options, "--format", "markdown").stdout
    assert f"| largest batch | {data['fit']['max_batch']:,}: training with sgd" in page
    for each in data["fits"]:
        assert f" {each['max_batch']:,} |" in page


def test_every_bundled_network_has_an_answer() -> None:
    for name in zoo.stems():
        spec = load(name)
        graph = spec.graph(spec.variant)
        if graph.outputs:
            assert summary(graph, Run(mode="training", batch=2)).saved > 0, name


def test_an_output_that_another_layer_reads_stays_in_memory() -> None:
    layers = "layers:\n  - linear: 6\n    name: first\n  - linear: 4\n    name: second\n"
    spec = loads(f"input: [8]\n{layers}outputs: [first, second]")
    found = summary(spec.graph(None), Run())
    assert found.peak == 4 * (8 + 6 + 4) + 4 * (8 * 6 + 6 + 6 * 4 + 4)


def test_the_case_of_a_small_network_in_training_is_as_measured() -> None:
    """Torch 2.13 on the CPU keeps 55,208,448 bytes at batch 64, and its peak is 100.7 MiB."""
    layers = """
      - conv: {out: 32, kernel: 3, padding: 1}
      - relu
      - maxpool: 2
      - conv: {out: 64, kernel: 3, padding: 1}
      - relu
      - maxpool: 2
      - flatten
      - linear: 500
      - relu
      - linear: 10
      - softmax
    """
    text = f"input: [3, 50, 50]\nlayers:{layers}"
    options = ("--batch", "64", "--optimizer", "none", "--mode", "training", "--device", "cpu")
    done = run("memory", "-", *options, "--format", "json", stdin=text)
    figures = json.loads(done.stdout)["figures"]
    assert figures["saved"] == 55_208_448
    assert figures["training_peak"] / 2**20 == pytest.approx(100.7, rel=0.01)
