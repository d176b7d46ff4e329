"""The classes of commands: what their help shows, and how their arguments are read."""

from __future__ import annotations

import typer
from typer.core import TyperCommand

THEN = "then"
_NONE = "1"  # stands for the argument, which is not given again


class Command(TyperCommand):
    """A command whose help ends with examples."""

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:
        from .help import usage_of

        return usage_of(self, ctx)

    def get_help(self, ctx: typer.Context) -> str:
        from .help import command_page

        return command_page(self, ctx)


class Chained(Command):
    """A command whose options may be given again, each time after the word `then`.

    `ctx.obj` is a list of the options in each repetition.
    """

    def collect_usage_pieces(self, ctx: typer.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), f"[{THEN} OPTIONS]", "…"]

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        if THEN not in args:
            return super().parse_args(ctx, args)
        start = args.index(THEN)
        first, after = args[:start], args[start + 1 :]
        rest = super().parse_args(ctx, first)
        later = self.make_context(ctx.info_name, [_NONE, *after], parent=ctx.parent)
        ctx.obj = [later.params, *(later.obj or ())]
        return rest
