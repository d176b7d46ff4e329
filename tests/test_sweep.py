"""Sweeps: what published tables say, what single analyses say, and the same whoever counts."""

from __future__ import annotations

import contextlib
import csv
import gc
import json
import os
import signal
from collections.abc import Iterator
from fractions import Fraction
from multiprocessing import active_children
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import cnncalc
from cnncalc.analysis.figures import figure
from cnncalc.analysis.sweep import executors
from cnncalc.analysis.sweep.best import frontier
from cnncalc.analysis.sweep.grid import cut
from cnncalc.analysis.sweep.run import run as run_job
from cnncalc.analysis.sweep.sweep import sweep
from cnncalc.analysis.sweep.values import read_values
from cnncalc.graph import Graph

from .command import code_of, run, run_code, run_without

PAPERS = json.loads((Path(__file__).parent / "published" / "families.json").read_text("utf-8"))
OPS = "zeroize,skip_connect,nor_conv_1x1,nor_conv_3x3,avg_pool_3x3"
EDGES = {"0→1": "e01", "0→2": "e02", "1→2": "e12", "0→3": "e03", "1→3": "e13", "2→3": "e23"}


# ---- published tables


def test_mobilenet_v2_has_its_published_rows() -> None:
    rows = PAPERS["mobilenet_v2"]["rows"]
    over = {
        "width": ",".join(str(row[0]) for row in rows),
        "H,W": ",".join(str(row[1]) for row in rows),
    }
    found = sweep(
        "mobilenet_v2",
        over,
        zip=[("width", "H", "W")],
        show=["macs", "params", "affine"],
        set={"classes": 1001},
    )
    ours = [(row["macs"] // 10**6, row["params"] - row["affine"]) for row in found]
    printed = [(macs, round(params * 10**6, -4)) for _, _, macs, params in rows]
    assert [(macs, round(params, -4)) for macs, params in ours] == printed


def test_efficientnet_has_its_published_parameters() -> None:
    published = [7794184, 9109994, 12233232, 19341616, 30389784, 43040704, 66347960]
    over = {"width": "1,1.1,1.2,1.4,1.6,1.8,2", "depth": "1.1,1.2,1.4,1.8,2.2,2.6,3.1"}
    found = sweep("efficientnet_b0", over, zip=[("width", "depth")], show=["params"])
    assert [row["params"] for row in found] == published


def test_nas_bench_201_has_its_published_cells() -> None:
    found = sweep("nas_bench_201", dict.fromkeys(EDGES.values(), OPS))
    flops = [row["macs"] + 10 for row in found]  # with the biases of the linear layer
    params = [row["params"] for row in found]
    space = PAPERS["nas_bench_201"]["whole_space_cifar10"]
    assert (len(params), len(set(flops))) == (space["cells"], space["distinct_flops"])
    assert [min(flops), max(flops)] == space["flops"]
    assert [min(params), max(params)] == space["params"]


@pytest.mark.parametrize("row", PAPERS["nas_bench_201"]["rows"], ids=str)
def test_nas_bench_201_has_each_published_row(row: list[Any]) -> None:
    _, _, arch, data, params, flops = row
    ops = [part.partition("~")[0] for part in arch.split("|") if "~" in part]
    words = ["zeroize" if op == "none" else op for op in ops]
    over = {edge: [word] for edge, word in zip(EDGES.values(), words)}
    classes = {"cifar100": 100, "ImageNet16-120": 120}.get(data, 10)
    size = 16 if data == "ImageNet16-120" else 32
    over |= {"H": [size], "W": [size], "classes": [classes]}
    (found,) = sweep("nas_bench_201", over)
    assert (found["params"], found["macs"] + classes) == (
        round(params * 10**6),
        round(flops * 10**6),
    )


# ---- single analyses


def test_conditions_order_and_frontier_are_those_of_a_loop() -> None:
    sizes, widths = range(64, 200, 24), [Fraction(n, 4) for n in range(1, 7)]
    rows = []
    spec = cnncalc.load("mobilenet_v1")
    for width in widths:
        for size in sizes:
            totals = cnncalc.analyze(spec, set={"width": width}, input=(3, size, size)).totals
            rows.append((width, size, totals.params, totals.macs, totals.activations))
    over = {"width": widths, "H,W": sizes}
    kept = [row for row in rows if row[2] < 3_000_000 and row[3] >= 10 * row[2]]
    kept.sort(key=lambda row: -row[4])
    where = ["params < 3M", "macs / params ≥ 10"]
    found = sweep(spec, over, where=where, sort="activations", reverse=True, top=7)
    shown = [(r["width"], r["H"], r["params"], r["macs"], r["activations"]) for r in found]
    assert shown == kept[:7]
    assert (found.total, found.fitting, found.matching) == (len(rows), len(rows), len(kept))
    best = [row for row in rows if not any(beats(other, row) for other in rows)]
    found = sweep(spec, over, pareto=["macs", "params:max"])
    assert {(r["width"], r["H"]) for r in found} == {row[:2] for row in best}


def beats(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Return whether one has no more MACs and no fewer parameters, and not the same of both."""
    same = one[2:4] == other[2:4]
    return bool(one[3] <= other[3] and one[2] >= other[2] and not same)


def test_figures_one_by_one_are_those_of_memory() -> None:
    found = sweep(
        "lenet5", {"batch": [1, 4, 16]}, show=["training_peak"], where="training_peak > 500k"
    )
    from cnncalc.analysis.memory.overview import Wanted, overview
    from cnncalc.analysis.memory.run import Run

    for row in sweep("lenet5", {"batch": [1, 4, 16]}, show=["training_peak"]):
        report = cnncalc.analyze(cnncalc.load("lenet5"), batch=row["batch"])
        figures = overview(report, Run(batch=row["batch"]), Wanted()).figures
        assert row["training_peak"] == figures.training_peak
    assert all(row["training_peak"] > 500_000 for row in found)


def test_memory_of_equal_networks_is_that_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnncalc.analysis.memory import by_batch
    from cnncalc.analysis.memory.lines import Lines
    from cnncalc.analysis.memory.overview import Wanted, overview
    from cnncalc.analysis.memory.run import Run
    from cnncalc.analysis.result import BYTES

    made = []

    class Counted(Lines):
        def __init__(self, graph: Any):
            made.append(graph)
            super().__init__(graph)

    monkeypatch.setattr(by_batch, "Lines", Counted)
    names = ["inference_peak", "saved", "training_peak", "receptive_field"]
    over = {
        "width": [Fraction(1, 2), Fraction(51, 100)],
        "batch": [1, 2, 7],
        "H": [32, 64],
        "dtype": ["float32", "float16", "int8"],
    }
    found = sweep("mobilenet_v2", over, show=names)
    spec = cnncalc.load("mobilenet_v2")
    for row in found:
        settings: dict[str, Any] = {"set": {"width": row["width"]}, "input": (3, row["H"], 224)}
        report = cnncalc.analyze(spec, batch=row["batch"], dtype=row["dtype"], **settings)
        run = Run(batch=row["batch"], width=BYTES[row["dtype"]])
        figures = overview(report, run, Wanted()).figures
        for name in names[:3]:
            assert row[name] == getattr(figures, name), (row, name)
        assert row["receptive_field"] == figure(report, "receptive_field")
    # Both widths round to the same channels but for the first, and no batch above 1 has its own.
    assert len(made) < len(found)


def test_networks_of_a_sweep_over_memory_are_freed() -> None:
    """The command runs without a collector, and a network has cycles."""
    gc.disable()
    try:
        sweep("lenet5", {"H": [*range(32, 182)]}, show=["training_peak"])
        assert sum(isinstance(held, Graph) for held in gc.get_objects()) < 70
    finally:
        gc.unfreeze()
        gc.enable()


def test_a_spec_that_is_wrong_for_all_variants_is_refused_as_by_analyze() -> None:
    spec = cnncalc.loads("input: '[a]'\nparams: {n: 1}\nlayers: [{relu: , repeat: n}]")
    with pytest.raises(cnncalc.Mistake, match="an input is"):
        cnncalc.sweep(spec, {"n": [1, 2]})


def test_variants_that_are_no_networks_are_counted_with_their_reasons() -> None:
    found = sweep("unet", {"H,W": "100:300:7"})
    spec = cnncalc.load("unet")
    fitting = [n for n in range(100, 301, 7) if cnncalc.analyze(spec, input=(1, n, n)).ok]
    assert [row["H"] for row in found] == fitting
    assert (found.total, found.fitting) == (29, len(fitting))
    assert sum(reason.variants for reason in found.reasons) == 29 - len(fitting)
    for reason in found.reasons:
        size = reason.example["H"]
        errors = cnncalc.analyze(spec, input=(1, size, size)).diagnostics
        assert reason.diagnostic in errors


def test_entries_of_lists_settings_and_files_vary() -> None:
    over = {"spec": ["resnet18", "resnet50"], "depths[2]": [1, 9], "batch": [1, 3]}
    found = sweep("resnet18", over, show=["params", "macs", "output"])
    for row in found:
        spec = cnncalc.load(row["spec"])
        depths = spec.parameters()["depths"]
        given = {"depths": (*depths[:2], row["depths[2]"], depths[3])}
        report = cnncalc.analyze(spec, set=given, batch=row["batch"])
        assert (row["params"], row["macs"]) == (report.totals.params, report.totals.macs)
        assert row["output"] == (1000,)
    assert len(found) == 8


def test_what_a_spec_lacks_is_a_reason() -> None:
    found = sweep("mobilenet_v1", {"spec": ["mobilenet_v1", "alexnet"], "width": [1]})
    assert [row["spec"] for row in found] == ["mobilenet_v1"]
    (reason,) = found.reasons
    assert reason.diagnostic is not None and "no parameter `width`" in reason.diagnostic.message


def test_numbers_beyond_64_bits_are_counted_as_such() -> None:
    found = sweep("three_conv", {"H": [32, 10**9], "W": [32, 10**9], "batch": [1, 10**9]})
    assert (found.fitting, found.total) == (len(list(found)), 8)
    spec = cnncalc.load("three_conv")
    for row in found:
        report = cnncalc.analyze(spec, input=(3, row["H"], row["W"]), batch=row["batch"])
        assert row["macs"] == report.totals.macs
    assert found.fitting >= 4


# ---- lists and grids


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1:3", [1, 2, 3]),
        ("0.25:1:0.25", [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), 1]),
        ("128:512:100", [128, 228, 328, 428]),
        ("1:100:*3", [1, 3, 9, 27, 81]),
        ("1:2.0:*1.5", [1, Fraction(3, 2)]),
        ("[1, 2], [3, 4]", [(1, 2), (3, 4)]),
        ("relu, true, none, 0.1", ["relu", True, None, Fraction(1, 10)]),
        ("1/3, 2", [Fraction(1, 3), 2]),
    ],
)
def test_values_are_read_exactly(text: str, values: list[Any]) -> None:
    assert list(read_values(text, text)) == values


def test_chunks_cover_a_grid_in_order() -> None:
    whole = (range(3), range(70), range(11))
    for most, longest in ((1, 1), (5, 99), (40, 7), (10**6, 10**6), (770, 20)):
        seen = []
        for box in cut(whole, most, longest):
            seen += [(a, b, c) for a in box[0] for b in box[1] for c in box[2]]
        assert seen == [(a, b, c) for a in whole[0] for b in whole[1] for c in whole[2]]


def test_drawn_variants_are_some_of_the_grid() -> None:
    over = {"H": "64:128", "W": "64:128", "width": "0.5:1:0.1"}
    every = {(row["H"], row["W"], row["width"]): row for row in sweep("mobilenet_v1", over)}
    drawn = list(sweep("mobilenet_v1", over, random=300, seed=7))
    assert len({(row["H"], row["W"], row["width"]) for row in drawn}) == 300
    assert all(row == every[row["H"], row["W"], row["width"]] for row in drawn)
    assert drawn == list(sweep("mobilenet_v1", over, random=300, seed=7))
    assert drawn != list(sweep("mobilenet_v1", over, random=300, seed=8))


def test_long_lists_in_step_are_counted_as_grids_are() -> None:
    sizes = [64 + 7 * n % 100 for n in range(2000)]
    classes = [10 + n % 13 for n in range(2000)]
    over = {"H": sizes, "classes": classes}
    found = list(sweep("mobilenet_v1", over, zip=[("H", "classes")]))
    assert [(row["H"], row["classes"]) for row in found] == list(zip(sizes, classes))
    every = {
        (r["H"], r["classes"]): r for r in sweep("mobilenet_v1", {k: {*v} for k, v in over.items()})
    }
    assert all(row == every[row["H"], row["classes"]] for row in found)


def test_a_frontier_is_what_nothing_beats() -> None:
    rng = np.random.default_rng(0)
    for objectives in (1, 2, 3, 4):
        for spread in (3, 1000):
            table = rng.integers(0, spread, (60, objectives))
            beaten = [any((o <= row).all() and (o < row).any() for o in table) for row in table]
            kept = frontier([table[:, n] for n in range(objectives)])
            assert kept.tolist() == [n for n, lost in enumerate(beaten) if not lost]


def test_all_variants_are_sorted_without_a_limit() -> None:
    over = {"width": "0.5:1:0.1", "H,W": [192, 96, 128]}
    rows = sorted(sweep("mobilenet_v1", over), key=lambda row: row["macs"])
    assert list(sweep("mobilenet_v1", over, sort="macs")) == rows


# ---- whoever counts

OVER = ("--over", "width=0.5:1:0.05", "--over", "H=97:160", "--over", "W=100:160")
ROWS = 11 * 64 * 61


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return what one process writes."""
    folder = tmp_path_factory.mktemp("whole")
    done = run("sweep", "mobilenet_v1", *OVER, "-o", "a.csv", folder=folder)
    assert done.returncode == 0, done.stderr
    return (folder / "a.csv").read_bytes()


def test_a_file_has_a_line_for_each_variant(whole: bytes) -> None:
    rows = list(csv.DictReader(whole.decode().splitlines()))
    assert len(rows) == ROWS
    spec = cnncalc.load("mobilenet_v1")
    for row in rows[:: ROWS // 5]:
        given = {"width": Fraction(row["width"])}
        report = cnncalc.analyze(spec, set=given, input=(3, int(row["H"]), int(row["W"])))
        assert (int(row["params"]), int(row["macs"])) == (
            report.totals.params,
            report.totals.macs,
        )


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a small sweep have many chunks."""
    monkeypatch.setattr("cnncalc.analysis.sweep.run.CHUNK", 1500)


JOB = {
    "over": {"width": "0.5:1:0.05", "H": "97:160", "W": "100:160"},
    "where": "macs < 100M",
}


def rows_of(found: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in found]


def test_workers_find_the_same_in_the_same_order(small_chunks: None) -> None:
    one, two = (sweep("mobilenet_v1", **JOB, workers=workers) for workers in (1, 2))
    assert rows_of(one) == rows_of(two)
    assert (one.counted, one.matching) == (two.counted, two.matching) == (ROWS, len(one))


def test_a_worker_that_dies_changes_nothing(small_chunks: None) -> None:
    calm = sweep("mobilenet_v1", **JOB)
    job, done, killed = calm.job, [], []

    def after(state: Any) -> None:
        done.append(state.done)
        if len(done) in (2, 5):
            for process in active_children():
                with contextlib.suppress(ProcessLookupError):  # one that has just ended
                    os.kill(process.pid or 0, signal.SIGKILL)
                    killed.append(process.pid)

    found = run_job(job, workers=2, after=after)
    assert killed and len(done) > 9
    assert rows_of(found) == rows_of(calm)


@contextlib.contextmanager
def dask_cluster() -> Iterator[Any]:
    """Start a cluster with two workers that are replaced when they die."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster


def test_dask_workers_that_die_change_nothing(small_chunks: None) -> None:
    calm = sweep("mobilenet_v1", **JOB)
    with dask_cluster() as cluster:
        killed = []

        def after(state: Any) -> None:
            if state.done == 3:
                for worker in cluster.workers.values():
                    os.kill(worker.process.pid, signal.SIGKILL)
                    killed.append(worker.process.pid)

        found = run_job(calm.job, dask=cluster.scheduler_address, after=after)
    assert len(killed) == 2
    assert rows_of(found) == rows_of(calm)


def test_a_dask_scheduler_that_goes_away_is_said(small_chunks: None) -> None:
    job = sweep("mobilenet_v1", **JOB).job
    with dask_cluster() as cluster:

        def after(state: Any) -> None:
            if state.done == 3:
                cluster.sync(cluster.scheduler.close)

        with pytest.raises(cnncalc.Mistake, match="the Dask scheduler went away"):
            run_job(job, dask=cluster.scheduler_address, after=after)


def test_a_dask_address_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(cnncalc.Mistake, match="no Dask scheduler answers"):
        executors.dask_client("tcp://127.0.0.1:9", 0.5)


@pytest.mark.parametrize("options", [(), ("--sort", "macs", "--top", "50")])
def test_a_stopped_sweep_goes_on(
    options: tuple[str, ...], tmp_path: Path, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run stops after some chunks, as Ctrl-C stops it; the second one does the rest."""
    command = ["sweep", "mobilenet_v1", *OVER, *options]
    code = """
import cnncalc.analysis.sweep.run as run, os, signal
run.CHUNK = 1500
add, calls = run.State.add, []
def stopped(state, *given):
    calls.append(1)
    if len(calls) == 7:
        os.kill(os.getpid(), signal.SIGINT)
    return add(state, *given)
run.State.add = stopped
"""
    again = "import cnncalc.analysis.sweep.run as run\nrun.CHUNK = 1500\n"
    first = run_code(code + code_of(*command, "-o", "a.csv"), folder=tmp_path)
    assert first.returncode == 130, first.stderr
    assert "stopped after 9,272 of 42,944 variants" in first.stderr
    assert (tmp_path / "a.csv.resume").exists()
    second = run_code(again + code_of(*command, "-o", "a.csv", "--resume"), folder=tmp_path)
    assert second.returncode == 0, second.stderr
    third = run(*command, "-o", "b.csv", folder=tmp_path)
    assert third.returncode == 0, third.stderr
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert {file.name for file in tmp_path.iterdir()} == {"a.csv", "b.csv"}


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A folder with a sweep that was stopped after a chunk."""
    code = """
import cnncalc.analysis.sweep.run as run, os, signal
run.CHUNK = 1500
add = run.State.add
def stopped(state, *given):
    os.kill(os.getpid(), signal.SIGINT)
    add(state, *given)
run.State.add = stopped
"""
    done = run_code(code + code_of("sweep", "mobilenet_v1", *OVER, "-o", "a.csv"), folder=tmp_path)
    assert done.returncode == 130, done.stderr
    return tmp_path


def resumed(folder: Path, *options: str) -> tuple[int, str]:
    """Resume the sweep of a folder; return how it ends, and its message."""
    done = run("sweep", "mobilenet_v1", *OVER, "-o", "a.csv", "--resume", *options, folder=folder)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "note",
    ["", "[]", "null", "{}", "{", '{"job": 1}', "5", "\x00", '"size"', '{"done": -5, "sum": "a"}'],
)
def test_a_damaged_note_is_said(stopped: Path, note: str) -> None:
    before = (stopped / "a.csv").read_bytes()
    (stopped / "a.csv.resume").write_text(note)
    assert resumed(stopped)[0] == 2 and "a.csv.resume is damaged" in resumed(stopped)[1]
    assert (stopped / "a.csv").read_bytes() == before


def test_a_note_with_a_changed_number_is_damaged(stopped: Path) -> None:
    note = json.loads((stopped / "a.csv.resume").read_text())
    for key in note:
        changed = {**note, key: 10**9 if key != "job" else ""}
        (stopped / "a.csv.resume").write_text(json.dumps(changed))
        assert resumed(stopped)[0] == 2, key


def test_a_file_that_was_cut_is_not_resumed(stopped: Path) -> None:
    os.truncate(stopped / "a.csv", 100)
    assert resumed(stopped) == (2, resumed(stopped)[1])
    assert "a.csv is shorter than a.csv.resume says" in resumed(stopped)[1]


def test_another_format_is_another_sweep(stopped: Path) -> None:
    code, said = resumed(stopped, "--format", "jsonl")
    assert (code, "belongs to another sweep" in said) == (2, True)


def test_a_sweep_that_starts_anew_leaves_no_note_of_an_earlier_one(stopped: Path) -> None:
    assert (
        run("sweep", "lenet5", "--over", "H=30:99", "-o", "a.csv", folder=stopped).returncode == 0
    )
    assert {file.name for file in stopped.iterdir()} == {"a.csv"}


def test_a_note_of_an_earlier_sweep_does_not_describe_a_new_file(stopped: Path) -> None:
    """The new sweep is stopped while it writes its first chunk, before it has a note of its own."""
    code = """
import cnncalc.cli.sweep_files as files
write = files.RowsFile.write
def stopped(file, rows):
    write(file, rows)
    raise KeyboardInterrupt
files.RowsFile.write = stopped
"""
    again = code_of("sweep", "mobilenet_v1", *OVER, "-o", "a.csv")
    assert run_code(code + again, folder=stopped).returncode == 130
    assert "there is no unfinished sweep" in resumed(stopped)[1]


def test_a_file_keeps_what_it_held_until_the_first_chunk_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("kept")
    arguments = ("sweep", "lenet5", "--over", "H=30:99", "-o", "a.csv")
    pytest.importorskip("distributed")
    done = run(*arguments, "--dask", "tcp://127.0.0.1:1", folder=tmp_path)
    assert done.returncode == 2 and (tmp_path / "a.csv").read_text() == "kept"
    stops = "import cnncalc.analysis.sweep.run as run\nrun.in_this_process = lambda *_: 1 / 0\n"
    assert run_code(stops + code_of(*arguments), folder=tmp_path).returncode == 1
    assert (tmp_path / "a.csv").read_text() == "kept"


def test_two_sweeps_do_not_write_one_file(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    with open(tmp_path / "a.csv", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = run("sweep", "lenet5", "--over", "H=30:99", "-o", "a.csv", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "another sweep is writing it" in done.stderr


def test_what_cannot_go_back_is_written_too() -> None:
    arguments = ("sweep", "lenet5", "--over", "H=30:99", "--format", "csv")
    code = code_of(*arguments, "-o", "/dev/stdout")
    assert run_code(code).stdout == run(*arguments).stdout != ""


def test_parquet_holds_the_same(tmp_path: Path, whole: bytes) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    done = run("sweep", "mobilenet_v1", *OVER, "-o", "a.parquet", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    table = parquet.read_table(tmp_path / "a.parquet").to_pydict()
    rows = list(csv.DictReader(whole.decode().splitlines()))
    assert table["macs"] == [int(row["macs"]) for row in rows]
    assert table["width"] == [float(row["width"]) for row in rows]
    assert {file.name for file in tmp_path.iterdir()} == {"a.parquet"}


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no device that is always full")
    done = run("sweep", "mobilenet_v1", "--over", "H=97:160", "-o", "/dev/full", folder=tmp_path)
    assert done.returncode == 2
    assert "cannot write /dev/full: No space left on device" in done.stderr


# ---- what cannot be asked


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--over", "widht=1,2"], "did you mean `width`?"),
        (["--over", "H=5:1"], "is empty: it ends before it begins"),
        (["--over", "H="], "--over takes NAME=VALUES"),
        (["--over", "H=1:10:0"], "the step must be positive"),
        (["--over", "H=1:9:*1"], "never ends"),
        (["--over", "H=1:1000000000000"], "has 1,000,000,000,000 values"),
        (
            ["--over", "H=1:10000000", "--over", "W=1:100000"],
            "these are 1,000,000,000,000 variants",
        ),
        (["--over", "H=1", "--where", "paramz < 1"], "did you mean `params`?"),
        (["--over", "H=1", "--where", "params <"], "is not an expression"),
        (["--over", "H=1", "--where", "params"], "is a number, not a condition"),
        (["--over", "H=1", "--where", "1 < 2"], "names no figure"),
        (["--over", "H=1", "--sort", "mac"], "did you mean `macs`?"),
        (["--over", "H=1", "--pareto", "macs:most"], ":min or :max"),
        (["--over", "H=1", "--over", "H=2"], "given twice"),
        (["--over", "H=1,2", "--over", "W=1", "--zip", "H,W"], "lists of equal length"),
        (["--over", "H=1,2", "--zip", "H,W"], "--zip names `W`"),
        (["--over", "H=1", "--top", "0"], "--top takes a number from 1"),
        (["--over", "H=1", "--resume"], "--resume needs the file"),
        (["--over", "H=1", "-o", "never.csv", "--resume"], "there is no unfinished sweep"),
        (["--over", "dtype=float33"], "unknown dtype"),
        (["--over", "batch=0"], "--over batch takes numbers from 1"),
        (["--over", "classes[0]=1"], "`classes` is not a list"),
        (["--over", "H=1", "--format", "parquet"], "needs a file"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_said(options: list[str], message: str) -> None:
    done = run("sweep", "mobilenet_v1", *options)
    assert done.returncode == 2, done.stdout
    assert message in " ".join(done.stderr.split())


def test_without_numpy_the_extra_is_named() -> None:
    done = run_without("numpy", "sweep", "mobilenet_v1", "--over", "H=1")
    assert done.returncode == 2
    assert "CNN401" in done.stderr and "[sweep]" in done.stderr


def test_a_sweep_without_a_network_fails() -> None:
    done = run("sweep", "vgg16", "--over", "H,W=1:20")
    assert done.returncode == 1
    assert "no variant gives a valid network" in done.stderr


def test_a_plot_has_points_and_a_frontier(tmp_path: Path) -> None:
    over = ["--over", "width=0.25:1:0.25", "--over", "H,W=128:224:32"]
    options = ["--pareto", "macs,params:max", "--plot", "a.svg"]
    done = run("sweep", "mobilenet_v1", *over, *options, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert names.count("polyline") == 1 and names.count("circle") >= 4


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_number_is_cut_and_times_have_units(width: int) -> None:
    figures = "params,macs,flops,latency,inference_peak,training_peak"
    over = ("--over", "width=0.35,1", "--over", "H,W=160,224", "--device", "rpi5")
    done = run("sweep", "mobilenet_v2", *over, "--show", figures, COLUMNS=str(width))
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= width and "…" not in done.stdout
    assert all(" ms" in line for line in lines if line.startswith("  0.35"))
    assert ("No room for the columns" in done.stdout) == (width < 100)


@pytest.mark.parametrize("text", ["latency < 19", "params < 5M and 2e7 >= latency"])
def test_a_limit_of_time_has_a_unit(text: str) -> None:
    done = run("sweep", "mobilenet_v2", "--over", "width=1", "--device", "rpi5", "--where", text)
    assert done.returncode == 2 and "a time has a unit" in done.stderr


def test_frames_a_second_are_explained() -> None:
    text = "latency < 30 fps"
    done = run("sweep", "mobilenet_v2", "--over", "width=1", "--device", "rpi5", "--where", text)
    assert done.returncode == 2 and "latency < 33 ms" in done.stderr
