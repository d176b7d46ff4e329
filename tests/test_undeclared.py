"""What layers do not declare is unknown: no figure that depends on it is a number.

A figure depends on it if two networks that declare it differently differ in that figure.
"""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.at_least import AtLeast

from .command import run
from .samples import yaml

SPEC = yaml("""
    input: [3, 16, 16]
    params: {width: 8, deep: true}
    blocks:
      body:
        params: {out: }
        layers:
          - conv: {out: out, kernel: 3, padding: 1}
          - {opaque: DECLARED, name: mix, when: deep}
    layers:
      - body: width
      - body: width
      - relu
      - conv: 4
      - globalavgpool
""").replace("conv: 4", "conv: {out: 4, kernel: 1}")
UNKNOWN = dict.fromkeys(("params", "macs", "saved"))
COMMANDS = (
    "analyze net.yaml",
    "analyze net.yaml --depth 1",
    "analyze net.yaml --columns path,saved,peak",
    "analyze net.yaml --convention torchinfo",
    "memory net.yaml --mode training --freeze body1",
    "compare net.yaml",
    "diff net.yaml lenet5",
    "diff lenet5 net.yaml",
    "formula net.yaml",
    "formula net.yaml --at H=32,W=32",
    "formula net.yaml body1",
    "memory net.yaml",
    "memory net.yaml --mode training --optimizer adam --batch 2",
    "memory net.yaml --checkpoint body1 --loss cross_entropy",
)


def written(figures: dict[str, int | None]) -> str:
    """Return the spec with some figures declared."""
    parts = (f"{name}: {n}" for name, n in figures.items() if n is not None)
    return SPEC.replace("DECLARED", f"{{{', '.join(parts)}}}")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every number and text of a document, with its path."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from leaves(entry, (*path, key))
    elif isinstance(value, list):
        for n, entry in enumerate(value):
            yield from leaves(entry, (*path, n))
    else:
        yield path, value


def document(text: str, command: str, folder: Path) -> dict[tuple[Any, ...], Any]:
    (folder / "net.yaml").write_text(text)
    word, *arguments = shlex.split(command)
    done = run(word, *arguments, "--format", "json", folder=folder)
    assert done.returncode == 0, done.stderr
    return dict(leaves(json.loads(done.stdout)))


# The moment of a peak, and what it is made of then, are those of what is known.
ORDERED = {"tensors", "at", "phase", "parts"}


@pytest.mark.parametrize("what", UNKNOWN)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_depends_on_it_is_null(what: str, command: str, tmp_path: Path) -> None:
    rest = {"params": 7, "macs": 11, "saved": 13}
    low, high = (document(written({**rest, what: n}), command, tmp_path) for n in (5, 2**20))
    unknown = document(written({**rest, what: None}), command, tmp_path)
    differing = [path for path in low if path in high and low[path] != high[path]]
    differing = [path for path in differing if ORDERED.isdisjoint(path)]
    for path in differing:
        if "note" not in path and "rule" not in path:
            assert unknown[path] is None, (path, unknown[path])
    if what == "params" and ("parts", "params") in unknown:
        assert unknown["parts", "params"] is None


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_is_known_of_it_is_a_bound(what: str) -> None:
    rest = {"params": 7, "macs": 11, "saved": 13}
    known, unknown = (
        cnncalc.analyze(cnncalc.loads(written({**rest, what: n})), batch=3) for n in (1000, None)
    )
    for name, value in unknown.totals._asdict().items():
        declared = getattr(known.totals, name)
        if isinstance(value, AtLeast):
            assert int(value) < declared and name in unknown.undeclared.reasons([name])
        else:
            assert value == declared


def test_texts_say_it(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(written(UNKNOWN))
    said = "not declared, so figures with them are unknown: parameters, multiply–accumulates"
    for word in ("analyze", "memory", "compare"):
        shown = run(word, "net.yaml", folder=tmp_path).stdout
        assert said in " ".join(shown.split()) and "≥" in shown, shown
    page = run("analyze", "net.yaml", "--format", "markdown", folder=tmp_path).stdout
    assert "| **≥ 844** |" in page and "| body1.mix | 8×16×16 | no | ? | ? |" in page
    rows = csv.DictReader(
        io.StringIO(run("analyze", "net.yaml", "--format", "csv", folder=tmp_path).stdout)
    )
    mix = next(row for row in rows if row["path"] == "body1.mix")
    assert (mix["params"], mix["macs"], mix["flops"]) == ("?", "?", "?")
    explained = run("explain", "net.yaml", "body1.mix", folder=tmp_path).stdout
    assert explained.count("not declared") == 4
    formulas = run("formula", "net.yaml", folder=tmp_path).stdout
    assert "≥ 824·H·W" in formulas and "parameters   ≥ 844" in formulas
    source = run("formula", "net.yaml", "--format", "python", folder=tmp_path).stdout
    assert "def macs_at_least(H, W):" in source and "def activations(H, W):" in source
    assert (
        r"\text{MACs} &\ge"
        in run("formula", "net.yaml", "--format", "latex", folder=tmp_path).stdout
    )
    assert (
        "note[CNN211]: not declared"
        in run("sweep", "net.yaml", "--over", "width=8,16", folder=tmp_path).stderr
    )


BUDGETS = (
    ("macs: < 1G", "CNN308"),  # it may be more
    ("macs: < 1k", "CNN302"),  # it is more already
    ("macs: {min: 1000}", ""),  # it is enough already
    ("macs: {min: 1G}", "CNN308"),
    ("params: <= 1M", "CNN308"),
    ("training_peak: < 8 GiB", "CNN308"),
    ("inference_peak: < 1 KiB", "CNN302"),
    ("saved: {max: 8 GiB, batch: 2}", "CNN308"),
    ("max_batch: {min: 4, memory: 8 GiB}", "CNN308"),
    ("activations: < 1G", ""),
    ("at: {body1: {macs: < 1G}}", "CNN308"),
    ("at: {conv1: {macs: < 1G}}", ""),
)


@pytest.mark.parametrize(("budget", "code"), BUDGETS)
def test_a_budget_is_kept_missed_or_not_decided(budget: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(f"{written(UNKNOWN)}budget: {{{budget}}}\n")
    done = run("check", "net.yaml", folder=tmp_path)
    found = [line for line in done.stdout.splitlines() if line.startswith("error")]
    assert [line[6:12] for line in found] == [code] * bool(code), done.stdout
    assert code != "CNN308" or "not declare" in found[0]


def test_a_published_figure_is_not_compared(tmp_path: Path) -> None:
    text = f"{written(UNKNOWN)}published: [{{what: macs, value: 1M, source: us}}]\n"
    (found,) = (d for d in cnncalc.analyze(cnncalc.loads(text)).diagnostics if d.code[:4] == "CNN3")
    assert found.code == "CNN308" and "cannot be checked" in found.message


def test_what_needs_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(written(UNKNOWN))
    for command in (
        "memory net.yaml --fit 8GiB",
        "memory net.yaml --allocator",
        "fit net.yaml --vary width=1:9 --budget 'macs < 1M'",
        "fit net.yaml --vary width=1:9 --budget 'activations < 1M' --maximize params",
    ):
        done = run(*shlex.split(command), folder=tmp_path)
        assert done.returncode == 1 and "error[CNN308]" in done.stderr, done.stderr
    fit = "fit net.yaml --vary width=1:9 --budget 'activations < 1M'"
    assert run(*shlex.split(fit), folder=tmp_path).returncode == 0
    (tmp_path / "net.yaml").write_text(written({**UNKNOWN, "params": 0}))
    done = run("memory", "net.yaml", "--fit", "8GiB", folder=tmp_path)
    assert done.returncode == 0 and "adam" not in done.stdout  # only inference is known


def test_a_sweep_knows_which_variants_have_it(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    spec = cnncalc.loads(written(UNKNOWN))
    over = {"deep": [False, True], "width": [4, 8]}
    rows = list(cnncalc.sweep(spec, over, show=["macs", "params", "activations"]))
    for row in rows:
        settings = {name: row[name] for name in over}
        totals = cnncalc.analyze(spec, set=settings).totals
        assert (row["macs"], row["params"]) == (totals.macs, totals.params)
        assert isinstance(row["macs"], AtLeast) == row["deep"]
    some = cnncalc.sweep(spec, over, where="macs < 1G", sort="macs", reverse=True)
    assert [row["width"] for row in some] == [8, 4] and not any(row["deep"] for row in some)
    lines = run(
        *shlex.split("sweep net.yaml --over deep=false,true --format jsonl"), folder=_at(tmp_path)
    ).stdout.splitlines()
    first, second = map(json.loads, lines[:2])
    assert type(first["macs"]) is int and "unknown" not in first
    assert second["macs"] is None and second["at_least"]["params"] == 844


def _at(folder: Path) -> Path:
    (folder / "net.yaml").write_text(written(UNKNOWN))
    return folder


def test_a_lock_holds_what_is_known(tmp_path: Path) -> None:
    folder = _at(tmp_path)
    assert run("lock", "net.yaml", folder=folder).returncode == 0
    assert run("check", "net.yaml", "--locked", folder=folder).returncode == 0
    held = json.loads((folder / "cnncalc.lock").read_text())["networks"]["net.yaml"]
    assert held["params"] == {"at_least": 844}
    (folder / "net.yaml").write_text(written({**UNKNOWN, "params": 0}))
    done = run("check", "net.yaml", "--locked", folder=folder)
    assert "params ≥ 844 → 844" in done.stdout


def test_verify_shows_what_is_measured(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "own.py").write_text(
        "from torch import nn\n\n\nclass Own(nn.Conv2d):\n    pass\n", "utf-8"
    )
    args = "module: own.py:Own, args: {in_channels: 8, out_channels: 8, kernel_size: 1}"
    text = SPEC.replace("DECLARED", f"{{{args}, macs: 16384}}")
    (tmp_path / "net.yaml").write_text(text)
    done = run("verify", "net.yaml", "--allow-code", "--format", "json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "layers do not declare all of it; measured 72" in done.stdout
    (tmp_path / "net.yaml").write_text(text.replace("16384", "16383"))
    done = run("verify", "net.yaml", "--allow-code", folder=tmp_path)
    assert "error[CNN409]: body1.mix: macs: predicted 16,383, measured 16,384" in done.stderr
