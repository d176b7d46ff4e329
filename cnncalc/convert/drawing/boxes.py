"""A network as boxes and arrows: its layers, or its blocks from a depth on."""

from __future__ import annotations

from typing import NamedTuple

from ...graph import Graph, Node
from ...wording import plural, shape_text


class Box(NamedTuple):
    """A layer, a block, an input or the output. `about` says what is in it."""

    name: str
    about: str
    is_end: bool = False  # an input or an output


class Arrow(NamedTuple):
    """A tensor that one box reads from another, by their numbers, with its shape."""

    source: int
    target: int
    shape: str


class Drawing(NamedTuple):
    """The boxes in the order in which they run, and the arrows between them."""

    title: str
    boxes: list[Box]
    arrows: list[Arrow]


def drawing(graph: Graph, title: str, depth: int) -> Drawing:
    """Return the boxes of a network. Paths of more than `depth` parts share a box."""
    numbers: dict[str, int] = {}
    inside: list[list[Node]] = []
    arrows: dict[Arrow, None] = {}
    box_of: list[int] = []
    for node in graph.nodes:
        name = ".".join(node.path.split(".")[:depth])
        box = numbers.setdefault(name, len(numbers))
        if box == len(inside):
            inside.append([])
        inside[box].append(node)
        box_of.append(box)
        for n in node.inputs:
            if box_of[n] != box:
                arrows[Arrow(box_of[n], box, shape_text(graph.nodes[n].shape))] = None
    boxes = [_box(name, nodes) for name, nodes in zip(numbers, inside)]
    for n in dict.fromkeys(graph.outputs):
        arrows[Arrow(box_of[n], len(boxes), shape_text(graph.nodes[n].shape))] = None
        boxes.append(Box("output", "", is_end=True))
    return Drawing(title, boxes, list(arrows))


def _box(name: str, nodes: list[Node]) -> Box:
    first = nodes[0]
    if first.op is None:
        return Box(name, "", is_end=True)
    if len(nodes) > 1 or first.path != name:
        return Box(name, plural(len(nodes), "layer"))
    return Box(name, _words(first.op.key, name))


def _words(key: str, name: str) -> str:
    """Return the operator, unless the name says it: `conv1` is a `conv`."""
    last = name.rpartition(".")[2]
    return "" if last.rstrip("0123456789_") == key.rstrip("0123456789") else key
