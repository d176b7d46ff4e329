"""The best values under budgets are those that trying all of them finds."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.analysis.fit.fit import Fitted, fit
from cnncalc.analysis.memory.overview import Wanted, overview
from cnncalc.analysis.memory.run import Run
from cnncalc.checking.add_variant import with_variant
from cnncalc.diagnostic import Mistake

from .command import run
from .samples import yaml
from .test_imports import command, imported

DESIGN = yaml("""
    input: [3, size, size]
    params: {width: 8, size: 32, depth: 2}
    layers:
      - conv: {out: width, kernel: 3, padding: 1}
      - conv: {out: make_divisible(1.5 * width), kernel: 3, padding: 1}
        repeat: depth
      - globalavgpool
      - flatten
      - linear: 10
""")


def totals(name: str, **set: Any) -> Any:
    return cnncalc.analyze(cnncalc.load(name), set=set).or_mistake().totals


def design(*vary: str, budgets: tuple[str, ...], **options: Any) -> Fitted:
    return fit(cnncalc.loads(DESIGN), vary, budgets, **options)


def test_the_widest_mobilenet_under_300_million_macs() -> None:
    found = fit(cnncalc.load("mobilenet_v2"), ["width"], ["macs < 300M"], maximize="params")
    assert found.best is not None
    width = found.best.settings["width"]
    assert totals("mobilenet_v2", width=width).macs == found.best.figures["macs"] < 300_000_000
    beyond = width + Fraction(1, 100)
    assert [trial.settings for trial in found.next] == [{"width": beyond}]
    assert totals("mobilenet_v2", width=beyond).macs == found.next[0].figures["macs"] >= 300_000_000
    assert found.how.startswith("bisection; ") and "macs and params only grow" in found.how
    # The training memory is that of `memory`.
    report = cnncalc.analyze(cnncalc.load("mobilenet_v2"), set={"width": width})
    run = Run(mode="training", optimizer="sgd")
    figures = overview(report, run, Wanted()).figures
    assert found.best.figures["training_peak"] == figures.training_peak


@pytest.mark.parametrize(
    ("budget", "goal"),
    [
        ("params < 20k", "width"),
        ("params < 20k and macs < 9M", "macs"),
        ("params > 20k", "-macs"),
        ("20k < params and params < 30k", "width"),
        ("20k < params and params < 30k", "-width"),
        ("activations <= 100000", "params"),
        ("width * 3 < 50", "macs"),
        ("20000 < params < 30000", "-macs"),
    ],
)
def test_bisection_finds_what_trying_all_values_finds(budget: str, goal: str) -> None:
    smallest, name = goal.startswith("-"), goal.lstrip("-")
    goals = {"minimize": name} if smallest else {"maximize": name}
    found = design("width", budgets=(budget,), **goals)
    spec = cnncalc.loads(DESIGN)
    best = None
    for width in range(1, 200):
        figures = cnncalc.analyze(spec, set={"width": width}).totals._asdict()
        scope = {**figures, "width": width}
        if not eval(budget.replace("k", "_000").replace("M", "_000_000"), scope):
            continue
        value = -scope[name] if smallest else scope[name]
        if best is None or value >= best[0] and not smallest or value > best[0]:
            best = value, width
    assert best is not None and found.best is not None
    assert found.best.settings == {"width": best[1]}
    assert found.how.startswith("bisection")


def test_figures_that_go_up_and_down_are_tried_one_by_one() -> None:
    text = yaml("""
        input: [4, 8, 8]
        params: {k: 3}
        layers:
          - conv: {out: "4 + k * k % 5", kernel: 1}
    """)
    spec = cnncalc.loads(text)
    found = fit(spec, ["k=1:100"], ["params < 40"], maximize="params")
    params = [cnncalc.analyze(spec, set={"k": k}).totals.params for k in range(1, 101)]
    assert found.best is not None
    assert found.best.figures["params"] == max(n for n in params if n < 40)
    assert found.how == "all 100 values were tried"


def test_values_that_are_no_networks_are_passed_over() -> None:
    text = "input: [4, 8, 8]\nparams: {k: 3}\nlayers:\n  - conv: {out: 12, kernel: 1, groups: k}\n"
    with pytest.raises(Mistake):
        fit(cnncalc.loads(text), ["g"], ["params < 50"])
    found = fit(cnncalc.loads(text.replace("k: 3", "k: 2")), ["k=1:8"], ["params < 50"])
    assert found.best is not None and found.best.settings == {"k": 4}


def test_several_values_with_a_tie() -> None:
    pytest.importorskip("numpy")
    tie = "1.5 <= depth/2 * (width/8)**2 <= 2.5"
    found = design(
        "depth=1:4",
        "width=4:16",
        budgets=("params < 20k",),
        ties=(tie,),
        maximize="macs",
    )
    spec = cnncalc.loads(DESIGN)
    best = 0
    for depth in range(1, 5):
        for width in range(4, 17):
            if 1.5 <= Fraction(depth, 2) * Fraction(width, 8) ** 2 <= 2.5:
                figures = cnncalc.analyze(spec, set={"depth": depth, "width": width}).totals
                if figures.params < 20_000:
                    best = max(best, figures.macs)
    assert found.best is not None and found.best.figures["macs"] == best > 0
    assert found.total == 4 * 13
    assert all(trial.unmet(found.conditions) for trial in found.next)


def test_inputs_and_batches_vary_too() -> None:
    spec = cnncalc.load("unet_same")
    found = fit(spec, ["H,W=32:512:16"], ["training_peak < 1GiB"])
    assert found.best is not None
    side = found.best.settings["H"]
    assert found.best.settings["W"] == side and found.best.figures["training_peak"] < 2**30
    assert found.next[0].figures["training_peak"] >= 2**30
    batch = fit(cnncalc.load("vgg16"), ["batch"], ["training_peak < 24GB"], optimizer="adam")
    assert batch.best is not None
    done = run("memory", "vgg16", "--optimizer", "adam", "--fit", "24 GB", "--context", "0MB",
               "--format", "json")  # fmt: skip
    assert batch.best.settings == {"batch": json.loads(done.stdout)["fit"]["max_batch"]}


def test_nothing_fits_and_the_nearest_miss_is_shown() -> None:
    done = run("fit", "mobilenet_v2", "--vary", "width", "--budget", "macs < 1M")
    assert done.returncode == 1
    assert "nearest miss  width = 0.01" in done.stdout
    assert "macs < 1M: macs 23,225,728, not met" in done.stdout
    assert "error[CNN309]: no value meets the budget" in done.stderr


def test_the_command_needs_no_numpy() -> None:
    arguments = ("fit", "mobilenet_v2", "--vary", "width", "--budget", "macs < 300M")
    assert imported(command(*arguments)) == set()


def test_json() -> None:
    done = run(
        "fit", "mobilenet_v2", "--vary", "width", "--budget", "macs < 300M", "--format", "json"
    )
    data = json.loads(done.stdout)
    assert data["best"] == {"width": 0.98}
    assert data["figures"]["macs"] == totals("mobilenet_v2", width=Fraction("0.98")).macs
    assert data["next"][0]["values"] == {"width": 0.99}
    assert data["next"][0]["unmet"] == ["macs < 300M"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--vary", "widht", "--budget", "macs < 1G"), "did you mean `width`?"),
        (("--vary", "width", "--budget", "mac < 1G"), "did you mean `macs`?"),
        (("--vary", "width=2:1", "--budget", "macs < 1G"), "is empty: it ends before it begins"),
        (("--vary", "width", "--vary", "width", "--budget", "macs < 1G"), "is given twice"),
        (("--vary", "variant", "--budget", "macs < 1G"), "--vary variant needs values"),
        (("--vary", "width", "--budget", "macs <"), "--budget takes a condition such as"),
        (("--vary", "width", "--budget", "macs < 1G", "--maximize", "x"), "unknown figure `x`"),
        (
            ("--vary", "H=1:90000", "--vary", "W=1:90000", "--budget", "saved < 1G"),
            "8,100,000,000 combinations are too many",
        ),
    ],
)
def test_mistakes_are_answered(arguments: tuple[str, ...], says: str) -> None:
    done = run("fit", "mobilenet_v2", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


WRITTEN = {
    "block": (
        "params: {width: 8}   # kept\nvariants:\n  a:\n    params: {width: 9}\n  b: {}  # last\n",
        "params: {width: 8}   # kept\nvariants:\n  a:\n    params: {width: 9}\n  b: {}\n"
        "  new:\n    params: {width: 0.75, s: 2}  # last\n",
    ),
    "flow": ("variants: {a: {params: {width: 9}}}\n", None),
    "none": ("params: {width: 8, s: 1} # kept\n\n# more\n", None),
    "empty": ("", None),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_a_variant_is_added_and_the_rest_is_kept(case: str) -> None:
    before, _ = WRITTEN[case]
    params = "" if before.startswith("params") else "params: {width: 8, s: 1}\n"
    params = params.replace("width: 8}", "width: 8, s: 1}")
    head = (
        f"# a comment\ninput: [3, 8, 8]\n{params}{before.replace('width: 8}', 'width: 8, s: 1}')}"
    )
    text = head + "layers:\n  - conv: {out: 8 * width, kernel: 1, stride: s} # end\n"
    spec = cnncalc.loads(text)
    after = with_variant(spec, "new", {"width": Fraction(3, 4), "s": 2})
    added = cnncalc.loads(after)
    assert added.variants == (*spec.variants, "new")
    assert added.graph("new").nodes[-1].shape == (6, 4, 4)
    assert added.graph("new").diagnostics == []
    for line in text.splitlines():
        kept = line.partition("#")[0].rstrip().rstrip("}")
        assert kept in after, line
    for comment in ("# a comment", "# end"):
        assert comment in after


def test_the_command_writes_a_variant(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("# mine\n" + DESIGN, "utf-8")
    arguments = ("--vary", "width", "--budget", "params < 20k", "--write", "light")
    done = run("fit", "mine.yaml", *arguments, folder=tmp_path)
    assert done.returncode == 0 and "has the new variant `light`" in done.stderr
    spec = cnncalc.load(file)
    assert spec.text.startswith("# mine\ninput:")
    assert cnncalc.analyze(spec, "light").totals.params < 20_000
    again = run("fit", "mine.yaml", *arguments, folder=tmp_path)
    assert again.returncode == 2 and "has this variant already" in again.stderr
    sizes = run("fit", "mine.yaml", "--vary", "H=8:64", "--budget", "macs < 1M", "--write", "x",
                folder=tmp_path)  # fmt: skip
    assert sizes.returncode == 2 and "`H` is not a parameter of the spec" in sizes.stderr
    bundled = run("fit", "resnet50", "--vary", "width", "--budget", "macs < 1G", "--write", "x")
    assert bundled.returncode == 2 and "copy it first" in bundled.stderr


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits_the_screen(width: int) -> None:
    done = run(
        "fit", "mobilenet_v2", "--vary", "width", "--budget", "macs < 300M", COLUMNS=str(width)
    )
    assert max(map(len, done.stdout.splitlines())) <= width
