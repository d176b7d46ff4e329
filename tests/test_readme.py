"""The README's commands print what it shows. CNNCALC_UPDATE=1 writes what they print into it."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from cnncalc.conventions import CONVENTIONS
from cnncalc.ops import OPS
from cnncalc.ops.base import Op

from .command import ROOT, run
from .measured.record import markdown
from .settings import UPDATE

README = ROOT / "README.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.S)


def printed(command: str, folder: Path) -> str:
    """What a command prints, in a terminal of 100 columns without colours."""
    name, *arguments = shlex.split(command)
    assert name == "cnncalc"
    done = run(*arguments, folder=folder)
    lines = [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]
    # What differs from run to run and from torch to torch.
    text = re.sub(r"(?m)^(time +)[\d.]+ s$", r"\g<1>1.0 s", "\n".join(lines))
    return re.sub(r"torch \d+\.\d+\.\d+\S*", "torch 2.13.0", text)


def shown(block: str, folder: Path) -> str:
    """A console block with every command followed by what it prints."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{line}\n{printed(line[2:], folder)}\n" for line in commands)


def operators() -> str:
    """The table of operators, from their classes."""
    lines = ["| operator | takes | |", "|---|---|---|"]
    for op in OPS:
        names = sorted(op.fields(), key=lambda name: not op.fields()[name].is_required())
        fields = ", ".join(taken(op, name) for name in names)
        if op.inputs[1] is None:
            fields = fields or "branches or names"
        text = " ".join((op.__doc__ or "").split("\n\n")[0].split()).replace("|", "\\|")
        lines.append(f"| `{op.key}` | {fields} | {text} |")
    return "\n".join(lines)


def conventions() -> str:
    """The conventions, and what their users should know."""
    lines = ["| convention | whose | |", "|---|---|---|"]
    for convention in CONVENTIONS.values():
        notes = " ".join(note.text for note in convention.notes)
        lines.append(f"| `{convention.name}` | {convention.who} | {notes} |")
    return "\n".join(lines)


def taken(op: type[Op], name: str) -> str:
    """A field: bold where a bare value sets it, with its default unless it must be given."""
    field = op.fields()[name]
    shown = f"**{name}**" if name == op.main else name
    if field.is_required():
        return f"{shown} (required)"
    if field.default is None:
        return shown
    default = str(field.default)
    return f"{shown}: {default.lower() if isinstance(field.default, bool) else default}"


def generated() -> dict[str, str]:
    """The parts that are made of the code and the measurements, by the marks around them."""
    foot = "Fields with their defaults; a bare value sets the **bold** one."
    return {
        "operators": f"{operators()}\n\n{foot}",
        "conventions": conventions(),
        "measured": markdown(),
    }


def test_readme(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    text = README.read_text("utf-8")
    for kind, block in BLOCK.findall(text):
        if kind in ("yaml", "python") and block.startswith("# "):
            (tmp_path / block.partition("\n")[0][2:].strip()).write_text(block, "utf-8")

    def current(block: re.Match[str]) -> str:
        if block[1] != "console":
            return block[0]
        return f"```console\n{shown(block[2], tmp_path)}```"

    wanted = BLOCK.sub(current, text)
    for mark, part in generated().items():
        pattern = rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)"
        wanted = re.sub(pattern, lambda m, part=part: f"{m[1]}{part}\n{m[2]}", wanted, flags=re.S)
    if UPDATE:
        README.write_text(wanted, "utf-8")
    assert text == wanted or UPDATE, (
        "CNNCALC_UPDATE=1 pytest tests/test_readme.py writes what the commands print now"
    )


def test_library_examples() -> None:
    pytest.importorskip("torch")
    failures, tried = doctest.testfile(
        str(README), module_relative=False, encoding="utf-8", optionflags=doctest.ELLIPSIS
    )
    assert tried > 8
    assert failures == 0


def test_the_test_command_is_the_one_that_ci_runs() -> None:
    text = README.read_text("utf-8")
    blocks = [block.strip() for kind, block in BLOCK.findall(text) if kind == "sh"]
    command = next(block for block in blocks if "pytest" in block)
    assert command in (ROOT / ".ci" / "run").read_text("utf-8")
