"""Mutates specs as data: changes one field, key, name or layer, or puts layers into a block.

A mutation may leave the network valid, break it, or make the text something other than a spec.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import yaml

from cnncalc.language.yaml_tree import parse

from .samples import plain

WORDS = {"same": "valid", "valid": "same"}
NETWORK = ("layers", "blocks", "params", "input", "variants")
Path = tuple[Any, ...]


def read(text: str) -> Any:
    """Return a spec as data."""
    data, _ = parse(text, "spec")
    return data


def written(data: Any) -> str:
    """Return data as a spec."""
    return str(yaml.safe_dump(plain(data), sort_keys=False))


def fields(data: Any, path: Path = ()) -> list[Path]:
    """Return the paths of all numbers, switches, paddings and expressions below a place."""
    if isinstance(data, (dict, list)):
        found: list[Path] = []
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            found += fields(value, (*path, key))
        return found
    if isinstance(data, str):
        name = path[-1] in ("name", "from", "share", "source")
        number = any(c.isdigit() for c in data) and not name
        return [path] if data in WORDS or number else []
    return [path] if isinstance(data, (bool, int, Fraction)) else []


def changed(value: Any, rng: random.Random) -> Any:
    """Return another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, Fraction):
        return float(value) / 2
    if isinstance(value, str):
        at = rng.choice([n for n, c in enumerate(value) if c.isdigit()] or [0])
        if value in WORDS:
            return WORDS[value]
        digit = (int(value[at]) + rng.randint(1, 3)) % 10
        return value[:at] + str(digit) + value[at + 1 :]
    return rng.choice([value + 1, max(value - 1, 0), value * 2, value + 2])


def field_changed(data: Any, rng: random.Random) -> str:
    """Change one field of the network. Return what was done."""
    path = rng.choice([p for p in fields(data) if p[0] in NETWORK])
    place = at(data, path[:-1])
    old, place[path[-1]] = place[path[-1]], changed(place[path[-1]], rng)
    return f"{'.'.join(map(str, path))}: {old} → {place[path[-1]]}"


def key_misspelled(data: Any, rng: random.Random) -> str:
    """Drop, double or swap a letter in a key or a word of the layers."""
    path = rng.choice(list(_words(data.get("layers"), ("layers",))))
    place = at(data, path[:-1])
    key = path[-1]
    if isinstance(place, list):
        place[key] = _misspelled(place[key], rng)
        return f"{'.'.join(map(str, path))} → {place[key]}"
    new = _misspelled(key, rng)
    pairs = [(new if name == key else name, value) for name, value in place.items()]
    place.clear()
    place.update(pairs)
    return f"{'.'.join(map(str, path))} → {new}"


def name_changed(data: Any, rng: random.Random) -> str:
    """Let a layer read another earlier layer; if there are no such names, change a field."""
    names = [item["name"] for item in _dicts(data) if isinstance(item.get("name"), str)]
    places = [(item, "from") for item in _dicts(data) if "from" in item]
    for item in _dicts(data):
        for key in ("concat", "add", "sub", "mul"):
            if isinstance(item.get(key), list):
                places += [(item[key], n) for n in range(len(item[key]))]
    if not names or not places:
        return field_changed(data, rng)
    place, key = rng.choice(places)
    old, place[key] = place[key], rng.choice(names)
    return f"name {old} → {place[key]}"


def layer_changed(data: Any, rng: random.Random) -> str:
    """Drop a layer, double it, or swap it with the next one."""
    lists = [
        value
        for item in (data, *_dicts(data))
        for key, value in item.items()
        if isinstance(value, list) and value and key not in ("input", "outputs")
    ]
    layers = rng.choice(lists)
    n = rng.randrange(len(layers))
    how = rng.choice(("dropped", "doubled", "swapped"))
    what = f"{how}: {layers[n]}"
    if how == "dropped":
        del layers[n]
    elif how == "doubled":
        layers.insert(n, copy.deepcopy(layers[n]))
    else:
        layers[n : n + 2] = reversed(layers[n : n + 2])
    return what


MUTATIONS = (field_changed, field_changed, key_misspelled, name_changed, layer_changed)


def in_block(data: Any, rng: random.Random) -> None:
    """Move a run of layers into a block that is used in their place, perhaps repeated."""
    layers = data["layers"]
    start = rng.randrange(len(layers))
    end = rng.randint(start + 1, min(len(layers), start + 3))
    data.setdefault("blocks", {})["part"] = {"layers": layers[start:end]}
    use: Any = "part"
    if rng.random() < 0.5:
        use = {"part": None, "repeat": rng.choice((1, 2, 3))}
    layers[start:end] = [use]
    if rng.random() < 0.3:
        layers.insert(rng.randint(0, len(layers)), "part")


def at(data: Any, path: Path) -> Any:
    """Return the value at a path."""
    for step in path:
        data = data[step]
    return data


def strip_expectations(data: Any) -> None:
    """Remove every `expect`, however deep."""
    if isinstance(data, dict):
        data.pop("expect", None)
        data = list(data.values())
    if isinstance(data, list):
        for value in data:
            strip_expectations(value)


def _dicts(data: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping below a place."""
    if isinstance(data, dict):
        yield data
        data = list(data.values())
    if isinstance(data, list):
        for value in data:
            yield from _dicts(value)


def _words(data: Any, path: Path) -> Iterator[Path]:
    """Return the paths of the keys and bare words of layers."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield (*path, key)
            yield from _words(value, (*path, key))
    elif isinstance(data, list):
        for n, value in enumerate(data):
            if isinstance(value, str):
                yield (*path, n)
            yield from _words(value, (*path, n))


def _misspelled(word: str, rng: random.Random) -> str:
    n = rng.randrange(len(word))
    return rng.choice(
        (
            word[:n] + word[n + 1 :] or "x",
            word[:n] + word[n] + word[n:],
            word[:n] + word[n + 1 : n + 2] + word[n] + word[n + 2 :],
        )
    )
