"""The files that `init` writes: a first spec, the schema beside it, and a workflow."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote

from ..analysis.figures import known_figures
from ..foreign import visible
from ..language.schema import json_schema
from ..language.yaml_flow import quoted
from .formats.document import Document
from .formats.json import Json
from .formats.lines import Lines

SCHEMA = "cnncalc.schema.json"
WORKFLOW_FILE = ".github/workflows/cnncalc.yml"


def first_spec(target: Path, bundled: str | None) -> Lines:
    """Return the text of a spec at `target`: a small example, or a bundled text."""
    head = f"# yaml-language-server: $schema={SCHEMA}\n"
    if bundled is not None:
        return Lines.of(head + bundled.rstrip("\n"))
    file, name = in_shell(target.name), quoted(target.name.partition(".")[0])
    return Lines.of(head + SPEC.format(file=visible(file), name=name))


def workflow(source: str) -> Lines:
    """Return a workflow of GitHub Actions that checks every spec with cnncalc from a source."""
    return Lines.of(_WORKFLOW.replace("SOURCE", quoted(source.strip())))


def in_shell(word: str) -> str:
    """Return a word as a shell reads it back: in quotes where it needs them."""
    return word if re.fullmatch(r"[\w@%+=:,./][\w@%+=:,./#-]*", word) else quote(word)


def schema_file(folder: Path) -> tuple[Path, Document]:
    """Return the schema's file in a folder, and what is in it."""
    return folder / SCHEMA, Json(json_schema(known_figures()))


SPEC = """\
# A network of cnncalc: `cnncalc analyze {file}` shows its figures, \
`cnncalc check` holds it to what stands here.
cnncalc: 1
name: {name}
input: [3, 32, 32]               # [channels, height, width]; no batch axis
params: {{width: 16, classes: 10}} # values that expressions may use; --set width=32 overrides them

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
      - run: uvx --from "$CNNCALC" cnncalc check --format github \
--also "markdown=$GITHUB_STEP_SUMMARY" --also sarif=cnncalc.sarif
      - if: always()
        uses: github/codeql-action/upload-sarif@v3
        with: {sarif_file: cnncalc.sarif}"""
