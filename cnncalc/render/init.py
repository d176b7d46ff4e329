"""Makes the files that `init` writes: a first spec, the schema beside it, and a workflow."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from shlex import quote

from ..analysis.schema import spec_schema
from ..foreign import visible
from ..language.yaml_flow import quoted
from .formats.document import Document
from .formats.json import Json
from .formats.lines import Lines

SCHEMA = "cnncalc.schema.json"
WORKFLOW_FILE = ".github/workflows/cnncalc.yml"


def first_spec(target: Path, bundled: str | None) -> Lines:
    """Return the text of a spec at `target`: a small example, or the text of a bundled spec."""
    head = f"# yaml-language-server: $schema={SCHEMA}\n"
    if bundled is not None:
        return Lines.of(head + bundled.rstrip("\n"))
    file, name = in_shell(target.name), quoted(target.name.partition(".")[0])
    return Lines.of(head + SPEC.format(file=visible(file), name=name))


def workflow(source: str, *, is_locked: bool = False) -> Lines:
    """Return a workflow for GitHub Actions that installs cnncalc and checks every spec.

    With a lock, it also reports figures that differ from it.
    """
    source, folder = source.strip(), folder_of(source.strip())
    text, check = _WORKFLOW, "check --locked" if is_locked else "check"
    if folder is not None:  # cnncalc's own specs are there, and some are wrong on purpose
        text = text.replace("jobs:", f"{_FOLDER}{quoted(folder)}\njobs:")
        check += ' --exclude "$CNNCALC_FOLDER/*"'
    return Lines.of(text.replace("CHECK", check).replace("SOURCE", quoted(source)))


def folder_of(source: str) -> str | None:
    """Return the folder inside the repository that a source of cnncalc is; None if it is none."""
    path = re.sub(r"\[[^\]]*\]$", "", source)  # without extras
    folder = posixpath.normpath(path)
    is_path = path.startswith("./") or Path(path).is_dir()
    inside = not folder.startswith("..") and not folder.startswith("/") and folder != "."
    return folder if is_path and inside else None


def in_shell(word: str) -> str:
    """Return a word for a shell, in quotes if it needs them."""
    return word if re.fullmatch(r"[\w@%+=:,./][\w@%+=:,./#-]*", word) else quote(word)


def schema_file(folder: Path) -> tuple[Path, Document]:
    """Return the path of the schema in a folder, and its content."""
    return folder / SCHEMA, Json(spec_schema())


SPEC = """\
# A network for cnncalc: `cnncalc analyze {file}` shows its figures, \
`cnncalc check` checks its expectations and budget.
cnncalc: 1
name: {name}
input: [3, 32, 32]               # [channels, height, width]; no batch axis
params: {{width: 16, classes: 10}} # values for expressions; --set width=32 overrides one

blocks:
  conv_bn_relu:
    params: {{out: , stride: 1}}    # an empty default makes a parameter required
    layers:
      - conv: {{out: out, kernel: 3, stride: stride, padding: 1, bias: false}}
      - batchnorm
      - relu

layers:
  - conv_bn_relu: width
  - conv_bn_relu: {{out: 2 * width, stride: 2}}
  - conv_bn_relu: {{out: 4 * width, stride: 2}}
    expect: [4 * width, 8, 8]
  - globalavgpool
  - flatten
  - linear: classes

budget: {{params: < 25k, macs: < 3M, receptive_field: {{max: 32}}}}"""

_FOLDER = "  CNNCALC_FOLDER: "
_WORKFLOW = """\
name: networks
on: [push, pull_request]
permissions: {contents: read, security-events: write}
env:
  CNNCALC: SOURCE # where uvx installs cnncalc from: a path, an address or a requirement
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: astral-sh/setup-uv@v6
      - run: uvx --from "$CNNCALC" cnncalc CHECK --format github \
--also "markdown=$GITHUB_STEP_SUMMARY" --also sarif=cnncalc.sarif
      - if: always()
        uses: github/codeql-action/upload-sarif@v3
        with: {sarif_file: cnncalc.sarif}"""
