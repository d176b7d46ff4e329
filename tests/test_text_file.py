"""Files are written whole or not at all, and read up to a limit; devices and pipes are handled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cnncalc.diagnostic import Mistake
from cnncalc.text_file import write_text

from .command import code_of, run, run_code
from .samples import yaml

SPEC = yaml("""
    cnncalc: 1
    name: a name that makes the file longer than the limit on its size in these tests
    input: [3, 32, 32]
    layers:
      - conv: {out: 8, kernal: 3}
      - relu
""")
RIGHT = SPEC.replace("kernal", "kernel")
BASELINE, LOCK = '{"findings": []}', '{"schema_version": 1, "networks": {}}'
# What is there before, and the command that writes it. None of it may be lost.
WRITERS = {
    "fix": ("net.cnn.yaml", SPEC, ("check", "net.cnn.yaml", "--fix")),
    "fix-all": ("net.cnn.yaml", SPEC, ("check", "net.cnn.yaml", "--fix-all")),
    "lock": ("cnncalc.lock", LOCK, ("lock", "right.yaml")),
    "lock-elsewhere": ("x.lock", LOCK, ("lock", "right.yaml", "--lock", "x.lock")),
    "baseline": ("b.json", BASELINE, ("check", "net.cnn.yaml", "--write-baseline", "b.json")),
    "also": ("a.sarif", "old", ("check", "right.yaml", "--also", "sarif=a.sarif")),
    "check": ("out", "old", ("check", "right.yaml", "-o", "out", "--format", "json")),
    "analyze": ("out", "old", ("analyze", "right.yaml", "-o", "out")),
    "analyze-json": ("out", "old", ("analyze", "right.yaml", "-o", "out", "--format", "json")),
    "compare": ("out", "old", ("compare", "right.yaml", "-o", "out")),
    "memory": ("out", "old", ("memory", "right.yaml", "-o", "out")),
    "expand": ("right.yaml", RIGHT, ("expand", "right.yaml", "-o", "right.yaml")),
    "diff": ("out", "old", ("diff", "right.yaml", "vgg16", "-o", "out")),
    "zoo": ("out", "old", ("zoo", "-o", "out")),
    "zoo-show": ("out", "old", ("zoo", "show", "vgg16", "-o", "out")),
    "rule": ("out", "old", ("rule", "--all", "-o", "out")),
    "schema": ("out", "old", ("schema", "-o", "out")),
    "init": ("cnncalc.schema.json", "old", ("init", "new.cnn.yaml")),
}


def project(folder: Path, writer: str) -> Path:
    """Make a folder with the files that a command reads and the one that it will replace."""
    name, text, _ = WRITERS[writer]
    (folder / "right.yaml").write_text(RIGHT)
    (folder / "net.cnn.yaml").write_text(SPEC)
    (folder / name).write_text(text)
    return folder / name


LIMITED = "import resource, signal\nresource.setrlimit(resource.RLIMIT_FSIZE, (40, 40))\n"


@pytest.mark.parametrize("writer", WRITERS)
def test_a_full_disk_loses_nothing(writer: str, tmp_path: Path) -> None:
    target = project(tmp_path, writer)
    before, names = target.read_bytes(), sorted(os.listdir(tmp_path))
    done = run_code(LIMITED + code_of(*WRITERS[writer][2]), folder=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "cannot write" in done.stdout + done.stderr
    assert target.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == names


@pytest.mark.parametrize("writer", WRITERS)
def test_a_folder_that_may_not_be_written_loses_nothing(writer: str, tmp_path: Path) -> None:
    target = project(tmp_path, writer)
    before = target.read_bytes()
    done = as_anyone(tmp_path, *WRITERS[writer][2])
    assert done.returncode == 2, done.stdout + done.stderr
    assert "cannot write" in done.stdout + done.stderr
    assert target.read_bytes() == before


# Permissions bind even the superuser without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
BOUND = """
import ctypes, os
if os.geteuid() == 0:
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    sets[0] &= ~0b110
    assert libc.capset(header, sets) == 0
"""


def as_anyone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that is bound by permissions, in a folder that may not be written."""
    os.chmod(folder, 0o555)
    try:
        return run_code(BOUND + code_of(*arguments), folder=folder)
    finally:
        os.chmod(folder, 0o755)


@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_writes(writer: str, tmp_path: Path) -> None:
    """The commands above do write their file if nothing prevents it."""
    target = project(tmp_path, writer)
    before = target.read_bytes()
    done = run(*WRITERS[writer][2], folder=tmp_path)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert target.read_bytes() != before
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to("file")
    write_text(link, "new")
    assert link.is_symlink() and file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o640
    write_text(tmp_path / "other", "new")
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "other").stat().st_mode & 0o777 == 0o666 & ~mask
    hanging = tmp_path / "hanging"
    hanging.symlink_to("made")
    write_text(hanging, "new")
    assert (tmp_path / "made").read_text() == "new" and hanging.is_symlink()


def test_names_that_are_not_utf8_are_read_again(tmp_path: Path) -> None:
    """Each command that writes a file's name can read it again."""
    name = os.fsdecode(b"caf\xe9.cnn.yaml")
    (tmp_path / name).write_text(RIGHT)
    assert run("lock", folder=tmp_path).returncode == 0
    assert "caf" in (tmp_path / "cnncalc.lock").read_text("utf-8")
    done = run("check", "--locked", "--format", "json", folder=tmp_path)
    assert (done.returncode, "CNN30" in done.stdout) == (0, False)
    (tmp_path / name).write_text(SPEC)
    assert run("check", "--write-baseline", "b.json", folder=tmp_path).returncode == 0
    assert run("check", "--baseline", "b.json", folder=tmp_path).returncode == 0
    for kind in ("full", "concise", "json", "github", "sarif", "junit", "gitlab", "markdown"):
        done = run("check", "-o", "out", "--format", kind, folder=tmp_path)
        assert done.returncode == 1 and done.stderr == ""
        assert "CNN10" in (tmp_path / "out").read_text("utf-8")


def test_what_is_not_a_regular_file_is_written_directly(tmp_path: Path) -> None:
    shown = run("analyze", "vgg16").stdout.split("\n")[0]
    assert run("analyze", "vgg16", "-o", "/dev/stdout").stdout.split("\n")[0] == shown
    script = f"{sys.executable} -m cnncalc analyze vgg16"
    piped = subprocess.run(
        ["bash", "-c", f"{script} -o >(cat >&2); wait"], capture_output=True, text=True, check=False
    )
    assert piped.stderr.split("\n")[0] == shown
    log = tmp_path / "log"
    log.write_text("kept\n")
    subprocess.run(f"{script} -o /dev/stdout >> {log}", shell=True, check=True)
    assert log.read_text("utf-8").split("\n")[:2] == ["kept", shown]


def test_what_cannot_be_written_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="cannot write"):
        write_text(tmp_path, "text")
    with pytest.raises(Mistake, match="cannot write"):
        write_text(tmp_path / "missing" / "file", "text")


ENDLESS = [
    ("analyze", "/dev/zero"),
    ("check", "/dev/zero"),
    ("check", "right.yaml", "--baseline", "/dev/zero"),
    ("check", "right.yaml", "--lock", "/dev/zero"),
    ("lock", "right.yaml", "--lock", "/dev/urandom"),
    ("diff", "/dev/zero", "vgg16"),
    ("check", "right.yaml", "--fix", "/dev/null"),
]


@pytest.mark.parametrize("arguments", ENDLESS, ids=" ".join)
def test_devices_without_end_are_refused(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "right.yaml").write_text(RIGHT)
    done = run(*arguments, folder=tmp_path, timeout=20)
    assert done.returncode == 2, done.stdout + done.stderr


def test_pipes_are_read(tmp_path: Path) -> None:
    (tmp_path / "right.yaml").write_text(RIGHT)
    script = f"{sys.executable} -m cnncalc"
    for command in ("analyze <(cat right.yaml)", "check <(cat right.yaml)", "check - < right.yaml"):
        words = ["bash", "-c", f"{script} {command}"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    without_end = f"yes | {script} analyze -"
    done = subprocess.run(without_end, shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "CNN004" in done.stderr


def test_a_large_file_is_refused_whatever_its_characters(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{RIGHT}# {'é' * 600_000}\n", "utf-8")
    done = run("analyze", "a.yaml", folder=tmp_path)
    assert done.returncode == 1 and "CNN004" in done.stderr


def test_folders_that_cannot_be_read_are_reported(tmp_path: Path) -> None:
    for name in ("open", "closed"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.cnn.yaml").write_text(RIGHT)
    (tmp_path / "b.yaml").write_text(RIGHT)
    (tmp_path / "b.yaml").chmod(0)
    (tmp_path / "closed").chmod(0)
    done = as_anyone(tmp_path, "check")
    (tmp_path / "closed").chmod(0o755)
    assert done.returncode == 2
    assert done.stdout.count("error[CNN002]: cannot read closed: Permission denied") == 1
    assert done.stdout.count("error[CNN002]: cannot read b.yaml: Permission denied") == 1
    assert "3 files, 1 network" in done.stdout
    (tmp_path / "closed").chmod(0)
    for path in ("closed/a.cnn.yaml", "closed/c", "closed/a.cnn.yaml#x"):
        found = as_anyone(tmp_path, "check", path)
        assert found.returncode == 2 and "Permission denied" in found.stdout + found.stderr
    (tmp_path / "closed").chmod(0o755)
