"""A command that starts by a fork does what it does in a new process."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .command import ROOT, run, run_python
from .forks import USE_TORCH

PIPED = "input: [3, 8, 8]\nlayers: [{conv: {out: 2, kernel: 9}}]\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze", "lenet5"),
        ("analyze", "-"),
        ("check", "tests/bad"),
        ("sizes", "nothing_of_the_kind"),
        ("zoo", "--whre"),
        ("verify", "three_conv", "--memory"),
    ],
    ids=" ".join,
)
def test_a_fork_does_as_a_new_process(arguments: tuple[str, ...]) -> None:
    if arguments[0] in USE_TORCH:
        pytest.importorskip("torch")
    forked = run(*arguments, stdin=PIPED)
    new = run_python("-m", "cnncalc", *arguments, stdin=PIPED)
    assert (forked.returncode, forked.stderr) == (new.returncode, new.stderr)
    told = [
        [s for s in text.splitlines() if "time" not in s] for text in (forked.stdout, new.stdout)
    ]
    assert told[0] == told[1]


def test_a_fork_has_its_own_folder_and_environment(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(PIPED.replace("9", "3"))
    assert run("analyze", "net.yaml", folder=tmp_path).returncode == 0
    assert run("analyze", "net.yaml", folder=ROOT).returncode == 2
    wide, narrow = (run("zoo", COLUMNS=columns).stdout for columns in ("200", "60"))
    assert max(map(len, narrow.splitlines())) <= 60 < max(map(len, wide.splitlines()))


def test_a_command_that_takes_too_long_is_killed() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run("check", "specs", timeout=0)
    assert run("analyze", "lenet5").returncode == 0
