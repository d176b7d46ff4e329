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
        typer.Argument(
            help="a code such as CNN204, or its beginning, such as CNN2, for a list", metavar="CODE"
        ),
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="explain every code")] = False,
    output: o.Output = None,
) -> None:
    """Explain a code that `check` reports, with an example and the fix.

    Without a code, or with the beginning of one, it lists the codes.

    Examples:
        What CNN204 means:
        cnncalc rule CNN204
        All codes about shapes:
        cnncalc rule CNN2
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
