"""Large, deep or long specs end soon with a finding, and a bug of ours hides no other finding."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cnncalc import analyze, loads
from cnncalc.checking.config import Config
from cnncalc.checking.run import Job, check_text
from cnncalc.diagnostic import MOST, Mistake
from cnncalc.language.expression import Expression
from cnncalc.language.expression_limits import ExpressionError

from . import heavy
from .benchmarks.hostile import expression
from .command import ROOT, called_in_a_fork, code_of, python_path, run, run_code
from .settings import FULL, HOSTILE

CASES = {
    "hang-ceil-div": ("CNN107", 4),
    "hang-doubling-list": ("CNN107", 16),
    "raise-aliases": ("CNN004", 6),
    "raise-budget-float": ("CNN103", 5),
    "raise-deep": ("CNN107", 5),
    "message-tab": ("CNN001", 5),
}


@pytest.mark.parametrize("case", CASES)
def test_hostile_files_end_in_a_finding(case: str) -> None:
    """Files that once ended in an exception, or never, now end in a finding with a place."""
    file = str(ROOT / "tests" / "hostile" / f"{case}.yaml")
    for command in ("check", "analyze"):
        done = run(command, file, timeout=20)
        assert done.returncode == 1
        assert f"[{CASES[case][0]}]" in done.stdout + done.stderr
        assert f"{case}.yaml:{CASES[case][1]}:" in done.stdout + done.stderr


def test_tabs_are_named() -> None:
    text = (ROOT / "tests" / "hostile" / "message-tab.yaml").read_text("utf-8")
    for start in ("\t", "  \t", "\t  ", "- conv:\n\t  "):
        with pytest.raises(
            Mistake, match="YAML does not allow tabs for indentation; indent with spaces"
        ):
            loads(text.replace("\t", start))


SIZE = 990_000 if FULL else 200_000
HEAVY = dict(heavy.texts(SIZE))


@pytest.mark.parametrize("name", HEAVY)
def test_heavy_files_end_soon(name: str) -> None:
    seconds, mib = called_in_a_fork(_measured, HEAVY[name])
    assert seconds < 20 and mib < 500  # some of them once never ended


def _measured(text: str) -> tuple[float, float]:
    """Return the processor time of a check, and the MiB of memory that it adds."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    checked = check_text(text, "heavy.yaml", None, Job(Config()))
    assert "CNN901" not in {finding.diagnostic.code for finding in checked.findings}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return time.process_time() - start, (peak - before) / 1024


def test_findings_alike_are_listed_up_to_a_number() -> None:
    for name in ("published", "budgets", "expectations", "outputs", "comments", "blocks"):
        text = heavy.many(60_000)[name]
        found = check_text(text, "heavy.yaml", None, Job(Config())).findings
        assert MOST <= len(found) <= MOST + 3
        assert "CNN004" in {finding.diagnostic.code for finding in found}


def test_a_list_that_is_too_long_is_one_finding() -> None:
    text = f"input: [3, 8, 8]\nlayers:\n  - maxpool: {{kernel: [{'[], ' * 10_001}]}}\n"
    (finding,) = check_text(text, "long.yaml", None, Job(Config())).findings
    assert finding.diagnostic.code == "CNN004"
    assert finding.diagnostic.message == "a list has more than 10,000 entries"


def test_variants_are_checked_up_to_a_number_of_layers_in_total() -> None:
    """No variant is begun that would exceed it; the first network may be as long as any other."""
    text = "input: [3, 8, 8]\nparams: {n: 9000}\nvariants:\n  short: {}\n"
    text += "".join(f"  {name}: {{params: {{n: {n}}}}}\n" for name, n in VARIANTS.items())
    checked = check_text(
        f"{text}layers:\n  - relu:\n    repeat: n\n", "v.yaml", None, Job(Config())
    )
    (found,) = [f.diagnostic for f in checked.findings if f.diagnostic.code == "CNN004"]
    assert found.message.startswith("the variants have more than 15,000 layers in total; `longer`")
    assert checked.networks == ("short", "long")


VARIANTS = {"long": 5900, "longer": 6000, "after": 1}


def test_expressions_have_a_value_or_a_message() -> None:
    import random

    rng = random.Random(5)
    scope = {"c": 3, "i": 0, "p0": (0, (1, 2)), "depths": (3, 4, 6, 3), "width": 64}
    valued = 0
    for _ in range(20 * HOSTILE):
        try:
            Expression(expression(rng)).value(scope)
            valued += 1
        except ExpressionError as error:
            assert str(error)
    assert valued > HOSTILE


def test_figures_have_no_more_digits_than_can_be_printed() -> None:
    for name in ("channels that double", "sizes that grow", "strides that grow"):
        done = run("analyze", "-", stdin=heavy.repeated()[name])
        assert "CNN901" not in done.stderr


def test_a_bug_in_one_file_hides_no_other_finding(tmp_path: Path) -> None:
    right = "input: [3, 8, 8]\nlayers: [relu]\n"
    for n in range(30):
        layer = "rlu" if n % 2 else "relu"
        (tmp_path / f"n{n:02}.cnn.yaml").write_text(right.replace("relu", layer))
    fault = (
        "import cnncalc.checking.run as run\nright = run.examine\n"
        "def examine(text, file, variant):\n"
        "    return None.missing if 'n04' in file else right(text, file, variant)\n"
        "run.examine = examine\n"
    )
    for processes in (1, 2):
        several = f"import cnncalc.processes as p\np.processors = lambda: {processes}\n"
        done = run_code(fault + several + code_of("check", "--format", "json"), folder=tmp_path)
        found = json.loads(done.stdout)["findings"]
        files = {(f["code"], f["file"]) for f in found}
        assert done.returncode == 1
        assert ("CNN901", "n04.cnn.yaml") in files
        assert {code for code, _ in files} == {"CNN901", "CNN104"}
        assert len(files) == 16


def test_a_killed_process_is_reported(tmp_path: Path) -> None:
    for n in range(30):
        (tmp_path / f"n{n:02}.cnn.yaml").write_text("input: [3, 8, 8]\nlayers: [relu]\n")
    fault = (
        "import os, cnncalc.processes as p, cnncalc.checking.run as run\nright = run.examine\n"
        "def examine(text, file, variant):\n"
        "    return os.kill(os.getpid(), 9) if 'n04' in file else right(text, file, variant)\n"
        "run.examine, p.processors = examine, lambda: 2\n"
    )
    done = run_code(fault + code_of("check"), folder=tmp_path, timeout=60)
    assert done.returncode == 1
    assert "error[CNN901]: a process that checked files was killed" in done.stderr


def test_an_interrupt_ends_quietly_with_all_processes(tmp_path: Path) -> None:
    for n in range(30):
        (tmp_path / f"n{n:02}.cnn.yaml").write_text("input: [3, 8, 8]\nlayers: [relu]\n")
    slow = (
        "import time, cnncalc.processes, cnncalc.checking.run as run\n"
        "run.examine = lambda *given: print('begun', flush=True) or time.sleep(60)\n"
        "cnncalc.processes.processors = lambda: 2\n"
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            slow + "from cnncalc.cli.main import run as begin\nbegin()",
            "check",
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": python_path()},
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("begun")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "")


@pytest.mark.parametrize(
    "arguments", ["zoo", "analyze resnet50", "check specs --format json", "--help", "rule --all"]
)
def test_a_reader_that_goes_away_ends_a_command_as_sigpipe_does(arguments: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "cnncalc", *arguments.split()],
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_full_disk_behind_stdout_is_reported() -> None:
    script = f"{sys.executable} -m cnncalc analyze vgg16 > /dev/full"
    done = subprocess.run(script, shell=True, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert "cannot write: No space left on device" in done.stderr


@pytest.mark.parametrize("value", ["{a: 1}", "[{a: 1}]", "~", "'x'", "[]", "9" * 19, "[" * 40])
def test_values_of_the_command_line_end_in_a_message(value: str) -> None:
    done = run("analyze", "resnet50", "--set", f"depths={value}")
    assert done.returncode in (1, 2)
    assert "CNN901" not in done.stderr


def test_a_budget_of_a_part_of_a_parameter_lacks_its_unit() -> None:
    for budget in ("25.6", "< 25.6", "{max: 0.5}", "4503599627370496.1", "0.1"):
        text = (
            f"input: [3, 8, 8]\nlayers: [conv: {{out: 4, kernel: 3}}]\nbudget: {{params: {budget}}}"
        )
        found = [d for d in analyze(loads(text)).diagnostics if d.severity == "error"]
        assert [d.code for d in found] == ["CNN103"] and "whole number" in found[0].message


def test_configurations_that_take_quadratic_memory_are_refused(tmp_path: Path) -> None:
    head = "[tool.cnncalc]\nselect = []\n[other]\n"
    for body in (f"{'a.' * 100_000}b = 1", f"x = {'[' * 100_000}", f"x = '{'y' * 10**6}'"):
        (tmp_path / "pyproject.toml").write_text(f"{head}{body}\n")
        done = run("check", "vgg16", folder=tmp_path, timeout=30)
        assert done.returncode == 2
        assert "CNN901" not in done.stderr and "pyproject.toml" in done.stderr


@pytest.mark.parametrize("kernel", [10**9, 10**9 - 1, 5 * 10**8])
@pytest.mark.parametrize("dilation", [1, 2, 4, 10**9])
@pytest.mark.parametrize("layer", ["conv: {out: 4,", "maxpool: {", "avgpool: {", "lppool: {"])
def test_repairs_of_huge_windows_stay_within_what_the_fields_take(
    layer: str, kernel: int, dilation: int
) -> None:
    dilated = "" if layer.startswith(("avg", "lp")) else f", dilation: {dilation}"
    text = f"input: [3, 8, 8]\nlayers:\n  - {layer} kernel: {kernel}{dilated}}}\n"
    found = check_text(text, "huge.yaml", None, Job(Config()))
    assert found.findings
