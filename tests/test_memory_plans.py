"""The tables and JSON of the allocator, the order and the arena say what was computed."""

from __future__ import annotations

import io
import json
from typing import Any

import cnncalc
from cnncalc.analysis.memory.allocator import reserved
from cnncalc.analysis.memory.blocks import MIB
from cnncalc.analysis.memory.deployment import deployed
from cnncalc.analysis.memory.order import best_order
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.timeline import Timeline
from cnncalc.render import memory_arena, memory_order
from cnncalc.render.memory.allocator import allocator, allocator_data

from .test_arena import BLOCK
from .test_order import SIDE_BY_SIDE


def shown(part: Any) -> list[str]:
    """Return the lines of a table in a terminal of 100 columns."""
    from rich.console import Console

    file = io.StringIO()
    Console(file=file, width=100, color_system=None).print(part)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_the_allocator_has_a_line_for_each_way_to_run_it() -> None:
    graph, run = cnncalc.load("lenet5").graph(), Run(mode="training", batch=64)
    runs = [reserved(Timeline(graph, run), 64, way, 8 * MIB) for way in (False, True)]
    lines = shown(allocator(runs))
    fixed, grown = (next(line for line in lines if word in line) for word in ("as usual", "expand"))
    for line, found in ((fixed, runs[0]), (grown, runs[1])):
        assert f"{found.reserved / MIB:.1f} MiB" in line
        assert f"{found.fragmentation:.1%}" in line
    assert "8.0 MiB for the workspace of cuBLAS" in " ".join(lines)
    data = json.loads(json.dumps(allocator_data(runs[1])))
    assert data["expandable_segments"] is True
    assert data["reserved_peak"] == runs[1].reserved


def test_an_order_shows_which_layers_run_elsewhere() -> None:
    graph = cnncalc.loads(SIDE_BY_SIDE).graph()
    found = best_order(graph)
    text = "\n".join(shown(memory_order.order(graph, found)))
    assert "42.4% less" in text
    assert "not tried" not in text
    rows = [line.split() for line in text.splitlines() if line.startswith((" wide", " a", " b"))]
    assert sorted(rows) == [["a", "2", "3"], ["wide_b", "3", "2"]]
    data = json.loads(json.dumps(memory_order.order_data(graph, found)))
    assert data["layers"] == ["wide_a", "a", "wide_b", "b", "concat1"]
    assert data["exact"] is True and data["as_written"] == []


def test_an_order_says_what_was_not_tried() -> None:
    graph = cnncalc.loads(SIDE_BY_SIDE).graph()
    text = "\n".join(shown(memory_order.order(graph, best_order(graph, width=1))))
    assert "none found that needs less" in text
    assert "4 layers in parallel branches in the order written" in text
    whole = "\n".join(shown(memory_order.order(graph, best_order(cnncalc.loads(BLOCK).graph()))))
    assert "no order needs less" in whole


def test_an_arena_says_whether_it_fits() -> None:
    found = deployed(cnncalc.loads(BLOCK).graph())
    lines = shown(memory_arena.arena(found, "mine", sram=1024, flash=800))
    assert "SRAM" in lines[0] and "448 = 448 bytes of 1.0 KiB on mine ✓" in lines[0]
    assert "flash" in lines[1] and "✗ 4 bytes too much" in lines[1]
    rows = [line.split()[:4] for line in lines if line.startswith((" input", " conv1"))]
    assert rows == [["conv1", "4×8×8", "256", "0"], ["input", "3×8×8", "192", "256"]]
    data = json.loads(json.dumps(memory_arena.arena_data(found, "mine", sram=1024, flash=800)))
    assert data["fits"] is False
    assert data["sram"] == {"needed": 448, "available": 1024, "bound": 448}
    assert data["flash"] == {"needed": 804, "available": 800, "weights": 748, "others": 56}
    by_path = {tensor.pop("path"): tensor for tensor in data["tensors"]}
    assert list(by_path) == ["conv1", "linear1", "input", "maxpool1"]
    assert by_path["conv1"] == {"bytes": 256, "offset": 0, "first": "conv1", "last": "maxpool1"}
