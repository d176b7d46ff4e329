"""The command verify: predicted figures beside measured ones, or a module beside its spec."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..diagnostic import Diagnostic, Mistake
from . import option_values as values
from . import options as o
from .option_values import usage
from .output import finish, present
from .progress import each
from .spec_report import one_variant

if TYPE_CHECKING:
    from ..torch_backend.verify.result import Verification

MANY = 20  # networks; of more, fewer receptive fields are measured
SHARE = 20  # the part of the work that goes into each of many networks
FOR_ALL = frozenset(("CNN401", "CNN402"))  # codes that concern every network alike


def verify(
    specs: Annotated[
        list[str] | None,
        typer.Argument(help="files, file#variant, or bundled names", metavar="SPEC"),
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="verify every bundled network")] = False,
    module: Annotated[
        str | None,
        typer.Option(
            "--module",
            metavar="MODULE:CLASS",
            help="compare SPEC with a network of your own: a class, or a function that makes it,"
            " such as package.module:Net",
        ),
    ] = None,
    args: Annotated[
        list[str] | None,
        typer.Option(
            "--args",
            metavar="NAME=VALUE",
            help="with --module: an argument for it, by name or as a VALUE alone; may be repeated",
        ),
    ] = None,
    loose: Annotated[
        bool,
        typer.Option("--loose", help="with --module: accept differences in activations and sums"),
    ] = False,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
    device: Annotated[
        str,
        typer.Option(
            "--device",
            metavar="DEVICE",
            help="where to run: cpu, cuda, cuda:1 or meta (shapes only)",
        ),
    ] = "cpu",
    format: o.MeasuredFormat = o.Screen.table,
    output: o.Output = None,
) -> None:
    """Compare every predicted figure with what torch, fvcore and autograd measure.

    With --module, compare a network of your own with its spec.

    Examples:
        LeNet-5, figure by figure:
        cnncalc verify lenet5
        The shapes of VGG-16, without memory for its values:
        cnncalc verify vgg16 --device meta
    """
    targets = _chosen(specs, all)
    given = {
        "set": values.settings(set),
        "input": values.input_shapes(input),
        "batch": values.positive(batch, "--batch"),
        "device": device,
    }
    if module is None:
        if args or loose:
            raise usage(f"{'--args' if args else '--loose'} goes with --module")
        _verify(targets, variant, given, format, output)
    else:
        if len(targets) != 1:
            example = "cnncalc verify SPEC --module package.module:Net"
            raise usage("--module is held to one SPEC", example)
        given |= {"args": args, "loose": loose}
        _hold(targets[0], module, variant, given, format, output)


def _chosen(specs: list[str] | None, all: bool) -> list[str]:
    """Return the specs named, or every bundled network."""
    if not all:
        if not specs:
            every = "cnncalc verify vgg16, or --all for every bundled network"
            raise usage("no SPEC is named", every)
        return specs
    if specs:
        raise usage("--all, and a SPEC beside it", "name specs, or --all")
    from ..language.load import bundled_specs

    names: list[str] = []
    for stem, spec in bundled_specs():
        names += (variant or stem for variant in spec.members)
    return names


def _verify(
    targets: list[str],
    variant: str | None,
    given: dict[str, Any],
    format: o.Screen,
    output: str | None,
) -> None:
    """Verify networks."""
    start = time.perf_counter()
    from ..torch_backend.verify.receptive_fields import WORK

    if len(targets) > MANY:
        given = {**given, "work": WORK // SHARE}
    found: list[tuple[str, Verification | None]] = []
    diagnostics: list[Diagnostic] = []
    sources: dict[str, str] = {}
    for target in each(targets, "verifying"):
        try:
            one = _verified(target, variant, given, sources)
        except Mistake as mistake:
            sources |= mistake.sources
            mistake.sources = sources
            if len(targets) == 1 or FOR_ALL & {d.code for d in mistake.diagnostics}:
                raise
            found.append((target, None))
            diagnostics += mistake.diagnostics
        else:
            found.append((target, one))
            diagnostics += one.diagnostics
    seconds = time.perf_counter() - start
    present("verify", format.value, output, found, diagnostics, seconds)
    finish(diagnostics, sources)


def _verified(
    target: str, variant: str | None, given: dict[str, Any], sources: dict[str, str]
) -> Verification:
    """Verify one network, and keep its text for the diagnostics."""
    from ..language.load import load
    from ..torch_backend.verify.verify import verify

    spec = load(target)
    sources[spec.file] = spec.text
    return verify(spec, one_variant(spec, variant), **given)


def _hold(
    target: str,
    module: str,
    variant: str | None,
    given: dict[str, Any],
    format: o.Screen,
    output: str | None,
) -> None:
    """Hold a network of the user's own to its spec."""
    from ..language.load import load
    from ..torch_backend.hold.hold import hold

    spec = load(target)
    positional, named = values.arguments(given.pop("args"))
    try:
        variant = one_variant(spec, variant)
        held = hold(spec, module, positional, named, variant=variant, **given)
    except Mistake as mistake:
        mistake.sources[spec.file] = spec.text
        raise
    present("hold", format.value, output, target, held)
    finish(held.diagnostics, {spec.file: spec.text})
