"""Where a node of ONNX comes from: the modules that exporters name in the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from .file import OnnxNode

_SCOPES = "pkg.torch.onnx.name_scopes"
_CLASSES = "pkg.torch.onnx.class_hierarchy"
_QUOTED = re.compile(r"'([^']*)'")
_MODULES_OF_TORCH = "torch.nn.modules."


class Place(NamedTuple):
    """The module around a node: its path, the name of its class, and whether it is one of torch."""

    path: str = ""
    module: str = ""
    only: bool = False


def places(nodes: Sequence[OnnxNode]) -> tuple[list[Place], dict[str, str]]:
    """Return the module around each node, and the classes of modules by their paths, if known.

    torch.export's paths and classes are metadata. Other exporters put the path into the node's
    name, before a slash.
    """
    kinds: dict[str, str] = {}
    stated = [_of_metadata(node, kinds) for node in nodes]
    scopes = iter(_scopes([node for node, place in zip(nodes, stated) if place is None]))
    found = [place or Place(".".join(next(scopes))) for place in stated]
    outer = _around([place.path for place in found])
    for n, place in enumerate(found):
        if stated[n] is None and place.path and place.path not in outer:
            found[n] = place._replace(only=True)
    return found, kinds


def _around(paths: Sequence[str]) -> set[str]:
    """Return the paths of modules that have others inside."""
    outer: set[str] = set()
    for path in set(paths):
        while path := path.rpartition(".")[0]:
            outer.add(path)
    return outer


def _of_metadata(node: OnnxNode, kinds: dict[str, str]) -> Place | None:
    """Return the place that torch's exporter states; `kinds` gets the classes of its modules."""
    paths = _QUOTED.findall(node.metadata.get(_SCOPES, ""))[:-1]
    classes = _QUOTED.findall(node.metadata.get(_CLASSES, ""))[:-1]
    if not paths or len(paths) != len(classes):
        return None
    cleaned = [".".join(map(clean, path.split("."))) if path else "" for path in paths]
    names = [name.rpartition(".")[2] for name in classes]
    kinds.update(zip(cleaned, names))
    return Place(cleaned[-1], names[-1], classes[-1].startswith(_MODULES_OF_TORCH))


def _scopes(nodes: Sequence[OnnxNode]) -> list[list[str]]:
    """Return the modules that the names of nodes begin with, without those around all of them.

    torch's tracer repeats the name of a container in its members: ``/layer1/layer1.0/conv``.
    """
    found = []
    for node in nodes:
        *parts, _ = [part for part in node.name.split("/") if part] or [""]
        scope, before = [], ""
        for part in parts:
            scope += part.removeprefix(f"{before}.").split(".")
            before = part
        found.append([clean(part) for part in scope if part])
    named = [scope for scope in found if scope]
    around = 0
    for level in zip(*named):
        if len(set(level)) > 1:
            break
        around += 1
    return [scope[around:] for scope in found]


def clean(name: str) -> str:
    """Return a name as a spec may have it.

    >>> clean("conv/3x3:0")
    'conv_3x3_0'
    """
    return re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "layer"
