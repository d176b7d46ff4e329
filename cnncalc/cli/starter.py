"""The spec that `init` begins with, and the files around it."""

from __future__ import annotations

SPEC = """\
# yaml-language-server: $schema={schema}
# A network of cnncalc: `cnncalc analyze {file}` shows its figures, `cnncalc check` holds it to what stands here.
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

budget: {{params: < 25k, macs: < 3M, receptive_field: {{max: 32}}}}
"""

WORKFLOW = """\
name: networks
on: [push, pull_request]
permissions: {contents: read, security-events: write}
env: {CNNCALC: cnncalc} # what uvx installs: a version, such as cnncalc==0.1.0, a path, or git+https://…
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: astral-sh/setup-uv@v6
      - run: uvx --from "$CNNCALC" cnncalc check --format github --also "markdown=$GITHUB_STEP_SUMMARY" --also sarif=cnncalc.sarif
      - if: always()
        uses: github/codeql-action/upload-sarif@v3
        with: {sarif_file: cnncalc.sarif}
"""
