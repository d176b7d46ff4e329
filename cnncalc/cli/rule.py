"""The command rule: what a code means."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .option_values import usage
from .output import put


def rule(
    code: Annotated[
        str | None,
        typer.Argument(help="such as CNN204, or CNN2 for all that begin so", metavar="CODE"),
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="the page of all rules")] = False,
    output: o.Output = None,
) -> None:
    """What a code means, with an example and the fix; without one, or with its beginning, the list
    of them.
    """
    from .. import rules
    from ..render.formats.lines import Lines

    if all and code is not None:
        raise usage("a code, and --all beside it", "cnncalc rule CNN204")
    if all:
        put(Lines.of(rules.page().rstrip()), output)
        return
    prefix = (code or "").upper()
    known = [rule for name, rule in rules.rules().items() if name.startswith(prefix)]
    if code is None or len(known) > 1:
        put(Lines(*(f"{rule.code} {rule.severity:<7} {rule.title}" for rule in known)), output)
    else:
        put(Lines.of(rules.rule(code).text), output)
