"""Conditions that several operators state about their fields and inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic
from ..num import Num, Shape
from ..wording import plural


class Need(NamedTuple):
    """A condition: `margin` ≥ 0, or = 0 if `equal`. `fault` returns the error if it fails."""

    margin: Num
    fault: Callable[[], Diagnostic]
    equal: bool = False


def axes_need(value: Any, n: int, field: str) -> Iterator[Need]:
    """Yield the condition that a list in a field has one entry per spatial axis."""
    if isinstance(value, tuple):
        yield Need(
            len(value) - n,
            lambda: Diagnostic(
                "CNN201",
                f"`{field}` has {plural(len(value), 'value')}, but this input is {n}-D",
                help="give one value per spatial axis, or one for all axes",
            ),
            True,
        )


def divides(n: Num, divisor: int, fault: Callable[[], Diagnostic]) -> Need:
    """Return the condition that `divisor` divides n."""
    return Need(n - n // divisor * divisor, fault, True)


def grouped(groups: int, n: Num, what: str = "", *divided: Num) -> Need:
    """Return the condition that `groups` divides n channels.

    The message suggests numbers of groups that divide all of `divided` (default: n).
    """

    def fault() -> Diagnostic:
        counts = divided or (n,)
        largest = min(*map(int, counts), 4096)
        fitting = [g for g in range(1, largest + 1) if not any(m % g for m in counts)]
        shown = [str(g) for g in fitting]
        if len(fitting) > 12:
            shown[6:-3] = ["…"]
        near = sorted(fitting, key=lambda g: abs(g - groups))[:2]
        return Diagnostic(
            "CNN205",
            f"{plural(n, f'{what}channel')} cannot be divided into {groups} equal groups",
            help=f"numbers of groups that fit: {', '.join(shown)}",
            settings=tuple(("groups", g) for g in near),
        )

    return divides(n, groups, fault)


def one_of(op: Any, fields: tuple[str, ...]) -> Need:
    """Return the condition that exactly one of the fields is given."""
    given = [f for f in fields if getattr(op, f) is not None]
    known = ", ".join(f"`{field}`" for field in fields)
    text = f"`{op.key}` needs exactly one of {known}, but {len(given)} are given"
    return Need(len(given) - 1, lambda: Diagnostic("CNN102", text), True)


def like_fits(x: Shape, other: Shape) -> Need:
    """Return the condition that the layer named by `like` has as many axes."""
    return Need(
        len(other) - len(x),
        lambda: Diagnostic(
            "CNN201",
            f"`like` names a {len(other) - 1}-D layer, but the input is {len(x) - 1}-D",
        ),
        True,
    )
