"""The statements of a `forward`, kept as data so that plain sequences can become nn.Sequential."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .layout import wrapped


class Call(NamedTuple):
    """A module is called, and its result gets a name."""

    target: str
    module: str
    inputs: tuple[str, ...]


class Set(NamedTuple):
    """The value of an expression gets a name."""

    target: str
    value: str


class Append(NamedTuple):
    """A list gets another value."""

    target: str
    value: str


class Loop(NamedTuple):
    """Statements for each module of a list."""

    item: str
    over: str
    body: list[Statement]


class If(NamedTuple):
    """Statements that only run if a condition holds."""

    test: str
    body: list[Statement]


Statement = Call | Set | Append | Loop | If


def is_sequence(statements: Sequence[Statement], container: str, x: str, kept: set[str]) -> bool:
    """Return whether statements call the modules of a container, one after the other, once each.

    `kept` are names that other statements read.
    """
    called: set[str] = set()
    for statement in statements:
        if not isinstance(statement, Call) or statement.inputs != (x,):
            return False
        if statement.module in called:
            return False
        called.add(statement.module)
        above, _, name = statement.module.rpartition(".")
        if above != container or not name.isidentifier() or statement.target in kept:
            return False
        x = statement.target
    return bool(statements)


def lines(statements: Sequence[Statement], depth: int) -> Iterator[str]:
    """Write statements as Python."""
    for statement in statements:
        if isinstance(statement, Call):
            call = f"{statement.module}({', '.join(statement.inputs)})"
            yield from wrapped(f"{statement.target} = {call}", depth)
        elif isinstance(statement, Set):
            yield from wrapped(f"{statement.target} = {statement.value}", depth)
        elif isinstance(statement, Append):
            yield from wrapped(f"{statement.target}.append({statement.value})", depth)
        elif isinstance(statement, Loop):
            yield from wrapped(f"for {statement.item} in {statement.over}:", depth)
            yield from lines(statement.body, depth + 1)
        else:
            yield from wrapped(f"if {statement.test}:", depth)
            yield from lines(statement.body, depth + 1)


def returned(statements: list[Statement], results: Sequence[str], depth: int) -> Iterator[str]:
    """Write statements, and the return of their results, without a name for the last one."""
    last = statements[-1] if statements else None
    is_last = last is not None and isinstance(last, (Call, Set))
    if is_last and len(results) == 1 and last.target == results[0]:  # type: ignore[union-attr]
        yield from lines(statements[:-1], depth)
        value = last.value if isinstance(last, Set) else f"{last.module}({', '.join(last.inputs)})"  # type: ignore[union-attr]
        yield from wrapped(f"return {value}", depth)
        return
    yield from lines(statements, depth)
    yield from wrapped(f"return {', '.join(results)}", depth)
