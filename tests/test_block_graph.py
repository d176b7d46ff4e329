"""`analyze --view graph`: the rails say which value each line reads, and no line is too wide."""

from __future__ import annotations

from functools import cache

import pytest
from rich.cells import cell_len

import cnncalc
from cnncalc.analysis.structure import cells, chosen_depth, height, result_of, tree, unfolded
from cnncalc.graph import Graph
from cnncalc.render.block_graph import _rows, block_graph

from .command import run
from .samples import BUNDLED, SIAMESE
from .settings import FULL

WIDTHS = (60, 80, 120, 200)
SAMPLED = (
    "lenet5", "resnet50", "unet", "googlenet_aux", "densenet121", "yolov8n", "hrnet_w18_small",
    "retinanet_resnet50_fpn", "unet_plus_plus", "pnasnet", "dla34", "wavenet",
)  # fmt: skip
NETWORKS = [b.name for b in BUNDLED if FULL or b.name in SAMPLED]
MARKS = "○●■⊕"


@cache
def report_of(name: str) -> cnncalc.Report:
    return cnncalc.analyze(name)


def read(rails: list[str]) -> list[tuple[int, set[int]]]:
    """Follow the rails: return each line with a mark, by its number, and the lines that it reads.

    The lines are read as a person does, from the signs alone.
    """
    held: dict[int, int] = {}  # the line whose value is on each rail
    found = []
    merged: set[int] = set()
    for line in rails:
        mark = next((sign for sign in MARKS if sign in line), None)
        if mark is not None:
            lane = line.index(mark) // 2
            number = len(found)
            reads = set(merged) | ({held[lane]} if lane in held else set())
            found.append((number, reads if mark != "○" else set()))
            held[lane] = number
            merged = set()
            continue
        start = line.index("├") // 2
        for place in range(start + 1, (len(line) + 1) // 2):
            sign = line[2 * place] if 2 * place < len(line) else " "
            if sign in "╮┬":
                held[place] = held[start]
            elif sign in "╯┴┤╪":
                merged.add(held[place])
                if sign in "╯┴":
                    del held[place]
    return found


def shown(graph: Graph, depth: int):  # type: ignore[no-untyped-def]
    whole = tree(graph)
    return cells(graph, unfolded(graph, whole, depth))


@pytest.mark.parametrize("name", NETWORKS)
def test_rails_are_the_edges(name: str) -> None:
    report = report_of(name)
    for depth in (1, 2, height(tree(report.graph))):
        parts = shown(report.graph, depth)
        if len(parts) > 300:
            continue
        rows = list(_rows(report, parts))
        found = read([row.rails for row in rows])
        inputs = sorted({n for cell in parts for n in cell.sources if n < 0}, reverse=True)
        places = {source: n for n, source in enumerate(inputs)}
        wanted = [(n, set()) for n in range(len(inputs))]
        for number, cell in enumerate(parts):
            places[number] = len(inputs) + number
            wanted.append((places[number], {places[n] for n in cell.sources}))
        assert found == wanted, depth


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_is_in_one_box(name: str) -> None:
    graph = report_of(name).graph
    first = len(graph.inputs)
    for depth in (1, 2, 3, height(tree(graph))):
        parts = shown(graph, depth)
        inside = sorted(n for cell in parts for n in cell.every)
        assert inside == list(range(first, len(graph.nodes)))
        assert all(cell.count * (len(cell.nodes) > 0) >= 1 for cell in parts)
        last = [result_of(graph, cell) for cell in parts]
        assert all(graph.nodes[n] in last for n in graph.outputs if depth == 1)


def test_equal_blocks_in_a_row_are_one() -> None:
    for name, counts in (("resnet50", [3, 4, 6, 3]), ("resnet152", [3, 8, 36, 3])):
        graph = report_of(name).graph
        found = shown(graph, chosen_depth(graph, tree(graph), 24))
        assert [cell.count for cell in found if cell.is_block] == counts
    graph = cnncalc.analyze("densenet121").graph
    found = shown(graph, 2)
    assert [cell.count for cell in found if cell.is_block] == [6, 12, 24, 16]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_too_wide(width: int) -> None:
    for name in NETWORKS:
        report = report_of(name)
        for line in block_graph(report, None, width).written().split("\n"):
            assert cell_len(line) <= width, line


def test_the_command_draws_blocks(tmp_path: object) -> None:
    for width in WIDTHS:
        found = run("analyze", "resnet50", "--view", "graph", COLUMNS=str(width))
        assert found.returncode == 0 and not found.stderr
        assert all(cell_len(line) <= width for line in found.stdout.splitlines())
        for words in ("bottleneck ×3", "bottleneck ×6", "├─╯", "as in stage1.bottleneck1.1"):
            assert words in found.stdout
    found = run("analyze", "unet", "--view", "graph", "--depth", "all")
    assert "crop" in found.stdout and "as in" not in found.stdout


@pytest.mark.parametrize(
    "arguments", (("--format", "json"), ("--columns", "path"), ("--format", "csv"))
)
def test_a_drawing_is_no_table(arguments: tuple[str, ...]) -> None:
    found = run("analyze", "lenet5", "--view", "graph", *arguments)
    assert found.returncode == 2 and found.stderr.count("error[") == 1
    assert "--view graph is a drawing" in found.stderr


def test_odd_networks_are_drawn() -> None:
    """One with two inputs, one layer, an error, and names that would break a line."""
    text = block_graph(cnncalc.analyze(cnncalc.loads(SIAMESE)), None, 80).written()
    assert text.count("○") >= 2
    wide = cnncalc.loads('name: "a\\nb\\e[31m"\ninput: [3, 8, 8]\nlayers: [relu]')
    lines = block_graph(cnncalc.analyze(wide), None, 60).written().split("\n")
    assert len(lines) == 3 and "\x1b" not in "".join(lines)
    broken = cnncalc.loads("input: [3, 8, 8]\nlayers: [relu, {conv: {out: 4, kernel: 9}}]")
    assert "relu1" in block_graph(cnncalc.analyze(broken), None, 60).written()
