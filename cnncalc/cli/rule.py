"""The command rule: explains a code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from . import options as o
from .option_values import usage
from .output import is_terminal, put, text_width


def rule(
    code: Annotated[
        str | None,
        typer.Argument(
            help="a code such as CNN204, or a beginning such as CNN2, which lists its codes",
            metavar="CODE",
        ),
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="explain every code")] = False,
    output: o.Output = None,
) -> None:
    """Explain a code that `check` reports, with an example and the fix.

    Without a code, it lists all codes; with the beginning of a code, those that begin with it.

    Examples:
        Explain CNN204:
        cnncalc rule CNN204
        List all codes about shapes:
        cnncalc rule CNN2
    """
    from .. import rules
    from ..render.rule import listed, page

    if all and code is not None:
        raise usage("a code and --all cannot be combined", "cnncalc rule CNN204")
    width = text_width() if output is None and is_terminal(sys.stdout) else None
    if all:
        put(page(rules.page().rstrip(), width), output)
        return
    prefix = (code or "").upper()
    known = [rule for name, rule in rules.rules().items() if name.startswith(prefix)]
    if code is None or len(known) > 1:
        put(listed(known, width), output)
    else:
        put(page(rules.rule(code).text, width), output)
