"""Budgets on memory are judged by what torch holds, shown, locked and compared.

The bytes of the network in `MEASURED` are torch's own, on the CPU.
"""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

import cnncalc
from cnncalc.analysis.diff import diff
from cnncalc.analysis.memory.budget import SETTINGS, SETTINGS_OF
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.summary import summary
from cnncalc.analysis.result import Report
from cnncalc.analysis.schema import spec_schema
from cnncalc.checking.fix import apply_fixes
from cnncalc.checking.lock import lock_findings, locked_figures
from cnncalc.language.yaml_tree import parse

from .command import run
from .test_imports import command, imported

MIB, GIB = 2**20, 2**30
MEASURED = """
cnncalc: 1
input: [3, 50, 50]
layers:
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
SAVED, PEAK = 55_208_448, 100.7 * MIB  # with 64 images, and no optimizer
SMALL = "input: [3, 16, 16]\nlayers: [{conv: {out: 8, kernel: 3}}, relu, flatten, {linear: 10}]\n"
PARAMS = 8 * 27 + 8 + 10 * (8 * 14 * 14 + 1)


def report_of(budget: str, text: str = SMALL, **options: object) -> Report:
    """Analyze a network with a budget."""
    spec = cnncalc.loads(f"{text}budget: {{{budget}}}\n")
    return cnncalc.analyze(spec, **options)  # type: ignore[arg-type]


def ours(budget: str, text: str = SMALL, **options: object) -> int:
    """Return the figure that a budget limits."""
    (found,) = report_of(budget, text, **options).budgets
    assert isinstance(found.ours, int)
    return found.ours


def test_the_figures_are_those_that_torch_measured() -> None:
    verify_memory = pytest.importorskip("cnncalc.torch_backend.verify.memory").verify_memory
    how = "batch: 64, device: cpu"
    saved = ours(f"saved: {{max: 1 GiB, {how}}}", MEASURED)
    peak = ours(f"training_peak: {{max: 1 GiB, optimizer: none, {how}}}", MEASURED)
    first = ours(f"inference_peak: {{max: 1 GiB, {how}}}", MEASURED)
    assert saved == SAVED
    assert peak == pytest.approx(PEAK, rel=0.002)
    found = verify_memory(cnncalc.loads(MEASURED), batch=64, run=Run(mode="training"))
    measured = {check.what: check.measured for check in found.totals}
    assert saved == measured["saved"]
    assert peak == pytest.approx(measured["training_peak"], rel=0.01)
    assert first == pytest.approx(measured["inference_peak"], rel=0.01)


@pytest.mark.parametrize(
    ("kept", "failed"),
    [
        ("inference_peak: < 72 KiB", "inference_peak: < 71 KiB"),
        ("inference_peak: 0.07 MiB", "inference_peak: 0.069 MiB"),
        ("inference_peak: {max: 3 MB, batch: 256}", "inference_peak: {max: 2 MB, batch: 256}"),
        ("saved: {max: 9344}", "saved: {max: 9343}"),
        ("saved: {min: 9344}", "saved: {min: 9345}"),
        ("training_peak: {max: 1 GB, batch: 9}", "training_peak: {max: 200 kB, batch: 9}"),
        (
            "max_batch: {min: 64, memory: 24 GiB, optimizer: adam}",
            "max_batch: {min: 10M, memory: 24 GiB, optimizer: adam}",
        ),
        (
            "max_batch: {min: 1, memory: rtx 3090, context: 24 GB}",
            "max_batch: {min: 1, memory: rtx 3090, context: 24 GiB}",
        ),
        ("at: {conv1: {saved: 3072}}", "at: {conv1: {saved: 3071}}"),
        ("at: {relu1: {inference_peak: 73 kB}}", "at: {relu1: {inference_peak: 72.9 kB}}"),
        ("at: {conv1: {training_peak: 1 MiB}}", "at: {conv1: {training_peak: 9 KiB}}"),
    ],
)
def test_each_budget_can_be_kept_and_can_fail(kept: str, failed: str) -> None:
    good, bad = report_of(kept), report_of(failed)
    assert [budget.verdict for budget in good.budgets] == ["kept"]
    assert not [found for found in good.diagnostics if found.code.startswith("CNN3")]
    assert [budget.verdict for budget in bad.budgets] != ["kept"]
    (found,) = (found for found in bad.diagnostics if found.code.startswith("CNN3"))
    assert found.code == "CNN302" and found.severity == "warning"


@pytest.mark.parametrize("what", ["inference_peak", "saved", "training_peak", "param_bytes"])
def test_the_limit_that_is_proposed_is_kept(what: str) -> None:
    text = f"{SMALL}budget: {{{what}: < 2 KiB}}\n"
    (found,) = (d for d in cnncalc.analyze(cnncalc.loads(text)).diagnostics if d.fix)
    assert found.fix is not None
    repaired = cnncalc.analyze(cnncalc.loads(apply_fixes(text, [found.fix])))
    assert [budget.verdict for budget in repaired.budgets] == ["kept"]
    assert repaired.ok


def test_a_small_network_adds_up_by_hand() -> None:
    """The input, what relu and linear read, and the output are 768, 1568 and 10 numbers."""
    assert ours("saved: 1 GiB") == 4 * (768 + 1568)
    assert ours("at: {conv1: {saved: 1 GiB}}") == 4 * 768
    assert ours("inference_peak: 1 GiB") == 4 * (PARAMS + 768 + 1568 + 10)
    assert ours("inference_peak: {max: 1 GiB, batch: 8}") == 4 * (PARAMS + 8 * (768 + 1568 + 10))
    assert ours("saved: 1 GiB", batch=8) == 8 * 4 * (768 + 1568)
    assert ours("saved: {max: 1 GiB, batch: 2}", batch=8) == 2 * 4 * (768 + 1568)
    assert ours("saved: 1 GiB", dtype="float16") == 2 * (768 + 1568)
    assert ours("saved: {max: 1 GiB, dtype: float64}", dtype="float16") == 8 * (768 + 1568)
    plain, adam = (ours(f"training_peak: {{max: 1 GiB, optimizer: {o}}}") for o in ("sgd", "adam"))
    assert adam - plain >= 2 * 4 * PARAMS


@pytest.mark.parametrize(
    ("settings", "how"),
    [
        ({"batch": 7}, {"batch": 7}),
        ({"dtype": "float64"}, {"width": 8}),
        ({"optimizer": "adam", "device": "cpu"}, {"optimizer": "adam", "device": "cpu"}),
        ({"loss": "cross_entropy"}, {"loss": "cross_entropy"}),
        ({"accumulate": True}, {"kept_gradients": True}),
    ],
)
def test_every_setting_is_that_of_the_run(settings: dict, how: dict) -> None:
    report = report_of(f"training_peak: {json.dumps({'max': '1 GiB', **settings})}", MEASURED)
    how_it_runs = Run(mode="training", **{"optimizer": "sgd", **how})
    assert report.budgets[0].ours == summary(report.graph, how_it_runs).peak
    limit = {"min": 1, "memory": "1 GiB", "context": "3 MiB", "mode": "training", **settings}
    limit.pop("batch", None)
    report = report_of(f"max_batch: {json.dumps(limit)}", MEASURED)
    largest = report.budgets[0].ours
    for batch in (largest, largest + 1):
        peak = summary(report.graph, how_it_runs._replace(batch=batch)).peak
        assert (peak + 3 * MIB <= GIB) == (batch == largest)


def test_the_mode_follows_from_what_belongs_to_training() -> None:
    modes = {}
    for more in ("", "optimizer: none", "loss: cross_entropy", "accumulate: true", "loss: none"):
        (found,) = report_of(f"max_batch: {{min: 1, memory: 1 GiB, {more}}}").budgets
        modes[more] = found.settings["mode"], found.settings.get("optimizer")
    assert modes == {
        "": ("inference", None),
        "loss: none": ("inference", None),
        "optimizer: none": ("training", "none"),
        "loss: cross_entropy": ("training", "sgd"),
        "accumulate: true": ("training", "sgd"),
    }


@pytest.mark.parametrize(
    ("budget", "dtype", "why"),
    [
        ("saved: 1 GiB", "int8", "int8 numbers have no gradients"),
        ("max_batch: {min: 1, memory: 1 GiB, optimizer: adam}", "int8", "int8 numbers have no"),
    ],
)
def test_what_is_unknown_is_not_judged(budget: str, dtype: str, why: str) -> None:
    report = report_of(budget, dtype=dtype)
    (found,) = (found for found in report.diagnostics if found.code.startswith("CNN3"))
    assert found.code == "CNN308" and why in found.message
    assert report.budgets == []


def test_mixed_precision_keeps_less() -> None:
    report = report_of("saved: {max: 1 GiB, batch: 8, amp: bfloat16}")
    (budget,) = report.budgets
    how = Run("training", 8, amp="bfloat16", optimizer="sgd")
    assert budget.ours == summary(report.graph, how).saved
    assert budget.ours < summary(report.graph, how._replace(amp=None)).saved


def test_a_layer_has_no_largest_batch() -> None:
    report = report_of("at: {conv1: {max_batch: {min: 1, memory: 1 GiB}}}")
    (found,) = (found for found in report.diagnostics if found.severity == "error")
    assert (found.code, found.message) == ("CNN101", "`conv1` has no max_batch")


def test_check_fails_and_analyze_shows_how_the_network_runs(tmp_path: Path) -> None:
    text = f"{SMALL}budget: {{training_peak: {{max: 1 KiB, batch: 32, optimizer: adam}}}}\n"
    (tmp_path / "net.cnn.yaml").write_text(text)
    done = run("check", folder=tmp_path)
    assert done.returncode == 1
    assert "training_peak (batch 32, optimizer adam) is " in done.stdout
    assert "the peak is in the " in done.stdout and "net.cnn.yaml:3:31" in done.stdout
    shown = run("analyze", "net.cnn.yaml", folder=tmp_path)
    assert shown.returncode == 0
    assert "training_peak (batch 32, optimizer adam)" in shown.stdout
    data = json.loads(run("analyze", "net.cnn.yaml", "--format", "json", folder=tmp_path).stdout)
    assert data["budgets"][0]["settings"] == {"batch": 32, "optimizer": "adam"}


def test_a_lock_holds_the_figures_of_the_budgets() -> None:
    budget = "saved: 1 GiB, training_peak: {max: 1 GiB, batch: 4}"
    locked = locked_figures(report_of(budget))
    assert locked["saved"] == 4 * (768 + 1568)
    assert "training_peak (batch 4, optimizer sgd)" in locked
    assert not any("peak" in name or "saved" in name for name in locked_figures(report_of("")))

    def differences(budget: str, text: str = SMALL) -> list[str]:
        now = {"net": locked_figures(report_of(budget, text))}
        return [found.message for found in lock_findings({"net": locked}, now, {})]

    assert differences(budget) == []
    (wider,) = differences(budget, SMALL.replace("out: 8", "out: 9"))
    assert "params" in wider
    (other,) = differences("saved: 1 GiB, training_peak: {max: 1 GiB, batch: 5}")
    assert "training_peak (batch 4, optimizer sgd) 214,128 → none" in other, other
    assert "training_peak (batch 5, optimizer sgd) none → " in other
    (gone,) = differences("")
    assert "saved 9,344 → none" in gone


def test_a_diff_compares_memory_and_its_budgets() -> None:
    budget = "saved: {max: 10 kB, batch: 2}, max_batch: {min: 1, memory: 1 GiB, optimizer: adam}"
    old, new = report_of(""), report_of(budget, SMALL.replace("out: 8", "out: 4"))
    found = diff(old, new)
    figures = ("inference_peak", "saved", "training_peak")
    assert {name: found.totals[name][1] for name in figures} == {
        name: ours(f"{name}: 1 GiB", SMALL.replace("out: 8", "out: 4")) for name in figures
    }
    saved, batch = found.budgets
    assert saved.what == "saved (batch 2)"
    assert (saved.old, saved.old_verdict) == (2 * 4 * (768 + 1568), "exceeded")
    assert (saved.new, saved.verdict) == (2 * 4 * (768 + 784), "exceeded")
    assert batch.old < batch.new and batch.verdict == batch.old_verdict == "kept"
    assert diff(new, new).budgets[0].old_limit == "at most 10 kB"


def test_the_schema_knows_the_budgets() -> None:
    valid = jsonschema.Draft202012Validator(spec_schema()).is_valid

    def knows(budget: str) -> bool:
        data, _ = parse(f"{SMALL}budget: {{{budget}}}", "net.yaml")
        return valid(data)

    assert knows("saved: 1 GiB, inference_peak: {max: 1 GiB, batch: 2, dtype: int8}")
    assert knows("training_peak: {max: 1 GiB, optimizer: adam, amp: bfloat16, accumulate: true}")
    assert knows("max_batch: {min: 64, memory: rtx3090, mode: training}")
    assert knows("at: {conv1: {saved: 1 GiB}}")
    for wrong in (
        "saved: {max: 1 GiB, optimizer: adam}",
        "training_peak: {max: 1 GiB, batch: 0}",
        "training_peak: {max: 1 GiB, optimizer: addam}",
        "max_batch: {min: 64}",
        "max_batch: 64",
        "at: {conv1: {max_batch: {min: 64, memory: 1 GiB}}}",
    ):
        assert not knows(wrong), wrong
    assert {key for keys in SETTINGS_OF.values() for key in keys} == SETTINGS.keys()


@pytest.mark.parametrize("name", ["alexnet", "resnet18", "mobilenet_v2"])
def test_the_columns_add_up_to_the_figures_of_memory(name: str) -> None:
    columns = ("--columns", "path,saved,peak", "--batch", "3")
    memory = json.loads(run("memory", name, "--batch", "3", "--format", "json").stdout)
    rows = run("analyze", name, *columns, "--format", "csv").stdout.splitlines()[1:]
    cells = [row.split(",") for row in rows]
    assert cells[0][1:] == ["", ""]  # of the input
    assert sum(int(saved) for _, saved, _ in cells[1:]) == memory["figures"]["saved"]
    assert max(int(peak) for _, _, peak in cells[1:]) == memory["figures"]["inference_peak"]
    data = json.loads(run("analyze", name, *columns, "--format", "json").stdout)
    assert [[str(layer[key]) for key in ("path", "saved", "peak")] for layer in data["layers"]] == (
        cells[1:]
    )
    for key, figure in (("saved", "saved"), ("peak", "inference_peak")):
        assert data["totals"][key] == memory["figures"][figure]


def test_columns_without_a_value_are_empty() -> None:
    shown = run("analyze", "lenet5", "--columns", "path,saved,peak", "--dtype", "int8")
    assert [line.split()[1] for line in shown.stdout.splitlines() if "C1" in line] == ["–"]
    broken = run("analyze", "alexnet", "--columns", "path,saved,peak", "--input", "3x32x32")
    assert broken.returncode == 1 and "conv1" in broken.stdout
    usage = run("analyze", "lenet5", "--columns", "path", "--format", "json")
    assert usage.returncode == 2 and "every figure but `saved` and `peak`" in usage.stderr


PASSES = ("cnncalc.analysis.memory.timeline", "cnncalc.analysis.memory.budget")


def test_only_those_who_ask_follow_a_run(tmp_path: Path) -> None:
    spec = tmp_path / "net.yaml"
    spec.write_text(f"{SMALL}budget: {{params: < 1M}}\n")
    for arguments in (("analyze", str(spec)), ("check", str(spec)), ("analyze", "vgg16")):
        assert imported(command(*arguments), PASSES) == set(), arguments
    spec.write_text(f"{SMALL}budget: {{saved: < 1 GiB}}\n")
    assert imported(command("check", str(spec)), PASSES) == set(PASSES)


def test_a_spec_that_is_loaded_can_be_checked(tmp_path: Path) -> None:
    text = f"cnncalc: 1\n{SMALL}budget: {{saved: < 1 KiB}}\n"
    (tmp_path / "net.cnn.yaml").write_text(text)
    spec = cnncalc.load(str(tmp_path / "net.cnn.yaml"))
    for_spec, for_path, bundled = cnncalc.check(spec, tmp_path, cnncalc.load("vgg16"))
    assert for_spec.findings == for_path.findings and for_spec.file == for_path.file
    assert for_spec.fails and not bundled.fails
    (lone,) = cnncalc.check(cnncalc.load("resnet18"))
    assert lone.networks == ("resnet18",)
    with pytest.raises(cnncalc.Mistake, match="not 3"):
        cnncalc.check(3)
