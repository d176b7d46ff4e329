"""Reads the data of a page, in which repeated stretches of columns are written once."""

from __future__ import annotations

from itertools import accumulate
from typing import Any


def unpacked(column: list[Any]) -> list[Any]:
    """Return the values of a column; ``[back, count]`` repeats what is there already."""
    values: list[Any] = []
    for entry in column:
        if not isinstance(entry, list):
            values.append(entry)
            continue
        back, count = entry
        start = len(values) - back
        for n in range(start, start + count):
            values.append(values[n])
    return values


def layers_of(network: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the layers of a network, inputs included, with what the tables say of each."""
    tables = network["tables"]
    columns = {
        name: unpacked(column) for name, column in network["layers"].items() if name != "arithmetic"
    }
    texts = {name: iter(unpacked(c)) for name, c in network["layers"]["arithmetic"].items()}
    layers: list[dict[str, Any]] = []
    for n, values in enumerate(zip(*columns.values())):
        layer = dict(zip(columns, values))
        before = layers[-1]["path"].split(".") if layers else []
        layer["path"] = ".".join([*before[: layer["kept"]], layer["rest"]])
        layer["inputs"] = [layers[n - back]["path"] for back in tables["reads"][layer["reads"]]]
        layer["op"] = tables["ops"][layer["op"]]
        layer["shape"] = tables["shapes"][layer["shape"]]
        labels = tables["explained"][layer["explained"]]
        layer["arithmetic"] = [(label, next(texts[label])) for label in labels]
        layers.append(layer)
    for layer in layers:
        layer["arithmetic"] = [
            (label, _text(network, layers, number)) for label, number in layer["arithmetic"]
        ]
    return layers


def _text(network: dict[str, Any], layers: list[dict[str, Any]], number: int) -> str:
    """Return a text of the arithmetic: its sentence with large numbers and paths put in."""
    known = network["tables"]["arithmetic"]
    text = known["texts"][number]
    if isinstance(text, str):
        return text
    sentence, *values = text
    found = ""
    for sign in known["sentences"][sentence]:
        if sign == "#":
            found += f"{values.pop(0):,}"
        elif sign == "@":
            found += layers[values.pop(0)]["path"]
        else:
            found += sign
    return found


def tensors_of(run: dict[str, Any]) -> list[tuple[int, int | None, int, str]]:
    """Return the tensors of a run: the events that make and free each, its bytes and its part."""
    made, freed, sizes, parts, *_ = map(unpacked, run["tensors"])
    found = []
    for first, later, size, part in zip(accumulate(made), freed, sizes, parts):
        end = None if later is None else first + later
        found.append((first, end, size, run["parts"][part]))
    return found


def steps_of(run: dict[str, Any]) -> list[tuple[str, int]]:
    """Return the phase of each step, and how many events have happened at its busiest moment."""
    phases, _, after = run["steps"]
    return list(zip(unpacked(phases), accumulate(unpacked(after))))
