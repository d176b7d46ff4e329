"""The bytes that a layer must move: its inputs, its output, and its weights each time it runs."""

from __future__ import annotations

import cnncalc
from cnncalc.analysis.analyze import analyze
from cnncalc.analysis.traffic import moved_bytes

SHARED = """
input: [4, 8, 8]
layers:
  - {conv: {out: 4, kernel: 3, padding: 1}, name: first}
  - {conv: {out: 4, kernel: 3, padding: 1}, name: again, share: first}
"""


def test_shared_weights_are_read_by_each_layer() -> None:
    report = analyze(cnncalc.loads(SHARED), batch=2)
    values = 2 * (4 * 8 * 8) * 2 + 4 * 4 * 9 + 4  # two maps of two images, weights and biases
    moved = [moved_bytes(report, row, training=False, width=4) for row in report.rows]
    assert moved == [4 * values, 4 * values]
    assert [row.params for row in report.rows] == [148, 0]
