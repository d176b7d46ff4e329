"""The registry has every operator that the modules of `cnncalc.ops` define, under its own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules

import pytest

import cnncalc.ops
from cnncalc.ops import BY_KEY, HOMES, OPS
from cnncalc.ops.base import Op
from cnncalc.ops.words import translations

from .command import run_code
from .test_imports import command, imported

MODULES = [
    module.name
    for module in iter_modules(cnncalc.ops.__path__)
    if module.name != "torch_modules"  # it defines no operators, and needs torch
]


def defined() -> Iterator[type[Op]]:
    """Yield the operators that all modules define; what has no word of its own is a base class."""
    for name in MODULES:
        module = import_module(f"cnncalc.ops.{name}")
        classes = [found for found in vars(module).values() if isinstance(found, type)]
        own = [found for found in classes if found.__module__ == module.__name__]
        yield from (op for op in own if issubclass(op, Op) and "key" in vars(op))


def home(op: type[Op]) -> str:
    """Return the entry of the registry for an operator."""
    return f"{op.__module__.removeprefix('cnncalc.ops.')}:{op.__name__}"


def faults(homes: Mapping[str, str]) -> set[str]:
    """Return the words under which a registry and the classes differ."""
    own = {op.key: home(op) for op in defined()}
    return {key for key in {*own, *homes} if own.get(key) != homes.get(key)}


def test_every_operator_is_registered_with_its_own_word() -> None:
    assert faults(HOMES) == set()
    assert [op.key for op in OPS] == list(HOMES) == list(BY_KEY)
    assert len({home(op) for op in defined()}) == len(list(defined())) == len(BY_KEY)


def test_that_test_can_fail() -> None:
    without = {key: home for key, home in HOMES.items() if key != "conv"}
    assert faults(without) == {"conv"}
    assert faults({**HOMES, "conv": "blur:Conv"}) == {"conv"}  # where it is only imported
    assert faults({**HOMES, "conv": HOMES["linear"]}) == {"conv"}
    assert faults({**without, "convolution": HOMES["conv"]}) == {"conv", "convolution"}


def test_every_word_of_an_operator_leads_to_it_alone() -> None:
    for op in defined():
        own = vars(op)
        for word in (op.key.replace("_", ""), *own.get("aliases", ()), *own.get("meanings", {})):
            assert translations()[word].op is op, word
            assert BY_KEY.get(word, op) is op, word


def test_looking_a_word_up_loads_nothing() -> None:
    looked_up = "from cnncalc.ops import BY_KEY\nassert 'conv' in BY_KEY and len(BY_KEY) > 90\n"
    names = "assert 'relu' in list(BY_KEY) and 'none' not in BY_KEY"
    assert loaded(looked_up + names) == set()
    assert loaded(looked_up + "BY_KEY['relu']") == {"activation"}
    assert loaded(looked_up + "BY_KEY.get('none')") == set()


@pytest.mark.parametrize(
    ("network", "arguments"),
    [
        ("vgg16", ("analyze", "vgg16")),
        ("resnet50", ("analyze", "resnet50")),  # with blocks and expressions
        ("vgg16", ("check", "specs/vgg16.yaml")),
        ("vgg16", ("explain", "vgg16", "conv1_1")),
        ("vgg16", ("expand", "vgg16")),
        ("vgg16", ("memory", "vgg16")),
        ("vgg16", ("diff", "vgg16", "vgg16")),
    ],
)
def test_a_command_loads_the_operators_of_its_network(
    network: str, arguments: tuple[str, ...]
) -> None:
    named = {BY_KEY[row.op] for row in cnncalc.analyze(network).rows}
    modules = {op.__module__.rpartition(".")[2] for op in named}
    assert loaded(command(*arguments)) == modules


def test_some_commands_load_all() -> None:
    assert loaded(command("schema")) == {home.partition(":")[0] for home in HOMES.values()}


def loaded(code: str) -> set[str]:
    """Return the modules of operators that a new Python process has loaded after running code."""
    modules = dict.fromkeys(home.partition(":")[0] for home in HOMES.values())
    found = imported(code, tuple(f"cnncalc.ops.{module}" for module in modules))
    return {name.rpartition(".")[2] for name in found}


def test_threads_that_ask_at_once_get_complete_operators() -> None:
    code = """
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from cnncalc.ops import OPS

sys.setswitchinterval(1e-6)
operators, start = [*OPS], Barrier(4)

def schemas(_):
    start.wait()
    return [operator.json_schema() for operator in operators]

with ThreadPoolExecutor(4) as threads:
    first, *others = threads.map(schemas, range(4))
assert others == [first] * 3
"""
    done = run_code(code)
    assert done.returncode == 0, done.stderr
