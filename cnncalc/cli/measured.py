"""The commands that run torch: verify and profile."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any, Optional

import typer

from ..diagnostic import Diagnostic, Mistake
from . import options as o
from .output import finish, put, show

Specs = Annotated[Optional[list[str]], typer.Argument(help="files, file#variant, or bundled names", metavar="[SPEC]…")]  # noqa: UP045 (typer reads it at run time)
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1 or meta (shapes alone)")]
Module = Annotated[Optional[str], typer.Option("--module", metavar="package.module:Net", help="hold your own network, a class or a function that makes it, to SPEC")]  # noqa: UP045
Args = Annotated[Optional[list[str]], typer.Option("--args", metavar="[NAME=]VALUE", help="an argument for it; may be repeated")]  # noqa: UP045


def verify(
    specs: Specs = None,
    all: Annotated[bool, typer.Option("--all", help="every bundled network")] = False,
    module: Module = None,
    args: Args = None,
    loose: Annotated[bool, typer.Option("--loose", help="with --module: let activations and sums differ")] = False,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
    device: Device = "cpu",
    format: Annotated[o.Screen, typer.Option("--format", help="how to print it")] = o.Screen.table,
    output: o.Output = None,
) -> None:
    """Every predicted figure beside what torch, fvcore and autograd measure; or your own network beside its spec."""
    from ..spec.load import load

    start = time.perf_counter()
    targets = chosen(specs, all)
    given = {"set": o.settings(set), "input": o.input_shapes(input), "batch": o.positive(batch, "--batch"), "device": device}
    if module is not None:
        if len(targets) != 1:
            raise Mistake(Diagnostic("CNN111", "--module is held to one SPEC", help="cnncalc verify SPEC --module package.module:Net"))
        return held_to(targets[0], module, args, loose, variant, given, format, output)
    if args or loose:
        raise Mistake(Diagnostic("CNN111", f"{'--args' if args else '--loose'} goes with --module"))
    from ..report import verify as rendering
    from ..torch_backend.verify import verify as verification

    found: list[tuple[str, Any]] = []
    diagnostics: list[Diagnostic] = []
    sources: dict[str, str] = {}
    for target in progress(targets, "verifying"):
        try:
            spec = load(target)
            sources[spec.file] = spec.text
            one = verification(spec, o.one_variant(spec, variant), **given)
            found.append((target, one))
            diagnostics += one.diagnostics
        except Mistake as mistake:
            if len(targets) == 1:
                mistake.sources |= sources
                raise
            found.append((target, None))
            diagnostics += mistake.diagnostics
            sources |= mistake.sources
    if format is o.Screen.json:
        put(rendering.json(found, diagnostics, time.perf_counter() - start), output)
    else:
        from ..report.table import console

        width = console().width if output is None else 160
        show(rendering.render(found[0][1], width) if len(found) == 1 else rendering.overview(found, width, time.perf_counter() - start), output)
    finish(diagnostics, sources)


def chosen(specs: list[str] | None, all: bool) -> list[str]:
    """The specs named, or every bundled network."""
    if all:
        from ..analysis.zoo import members
        from ..analysis.zoo import specs as bundled

        if specs:
            raise Mistake(Diagnostic("CNN111", "--all, and a SPEC beside it", help="name specs, or --all"))
        return [variant or stem for stem, spec in bundled() for variant in members(spec)]
    if not specs:
        raise Mistake(Diagnostic("CNN111", "no SPEC is named", help="cnncalc verify vgg16, or --all for every bundled network"))
    return specs


def progress(items: list[Any], verb: str) -> Iterator[Any]:
    """The items, with a bar on a terminal where there are several."""
    if len(items) < 2 or not sys.stderr.isatty():
        yield from items
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ..report.table import console

    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(verb, total=len(items))
        for item in items:
            bar.update(task, description=f"{verb} {item}")
            yield item
            bar.advance(task)


def held_to(target: str, module: str, args: list[str] | None, loose: bool, variant: str | None, given: dict[str, Any], format: o.Screen, output: str | None) -> None:
    """A network of the user's own beside its spec."""
    from ..report import contract as rendering
    from ..spec.load import load
    from ..torch_backend.contract import hold

    spec = load(target)
    positional, named = o.arguments(args)
    try:
        held = hold(spec, module, positional, named, variant=o.one_variant(spec, variant), loose=loose, **given)
    except Mistake as mistake:
        mistake.sources[spec.file] = spec.text
        raise
    if format is o.Screen.json:
        put(rendering.json(target, held), output)
    else:
        from ..report.table import console

        show(rendering.render(held, console().width if output is None else 160), output)
    finish(held.diagnostics, {spec.file: spec.text})
