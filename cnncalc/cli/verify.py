"""The command verify: compares predictions with measurements, or a module with its spec."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..diagnostic import Diagnostic, Mistake
from . import memory_options as m
from . import option_values as values
from . import options as o
from .option_values import usage
from .output import finish, present
from .progress import each, ticking
from .spec_report import one_variant

if TYPE_CHECKING:
    from ..language.spec import Spec
    from ..torch_backend.verify.result import Verification

STEPS = 4  # that a verification announces
FOR_ALL = frozenset(("CNN401", "CNN402"))  # codes that concern all networks at once


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
            help="compare SPEC with your own network: a class, or a function that returns a module,"
            " such as package.module:Net or model.py:Net",
        ),
    ] = None,
    args: Annotated[
        list[str] | None,
        typer.Option(
            "--args",
            metavar="NAME=VALUE",
            help="with --module: an argument for the class, by name or as a bare VALUE; may be"
            " repeated",
        ),
    ] = None,
    loose: Annotated[
        bool,
        typer.Option("--loose", help="with --module: accept differences in activations and sums"),
    ] = False,
    memory: Annotated[
        bool,
        typer.Option(
            "--memory",
            help="verify what backward keeps and the peaks of memory, at inference and in training",
        ),
    ] = False,
    optimizer: Annotated[
        o.Optimizer | None,
        o.choice("--optimizer", o.Optimizer, "with --memory: the optimizer (default: none)"),
    ] = None,
    freeze: m.VerifiedFreeze = None,
    train_only: m.VerifiedTrainOnly = None,
    checkpoint: m.VerifiedCheckpoint = None,
    thorough: Annotated[
        bool,
        typer.Option(
            "--thorough", help="measure the receptive fields of more layers, which takes longer"
        ),
    ] = False,
    amp: Annotated[
        o.Amp | None,
        o.choice("--amp", o.Amp, "with --memory: automatic mixed precision with this type"),
    ] = None,
    allow_code: o.AllowCode = False,
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

    With --module, compare your own network with its spec.

    Examples:
        Verify LeNet-5, figure by figure:
        cnncalc verify lenet5
        Verify the memory of a training step of ResNet-18:
        cnncalc verify resnet18 --memory --batch 2
    """
    targets = _chosen(specs, all)
    given = {
        "set": values.settings(set),
        "input": values.input_shapes(input),
        "batch": values.positive(batch, "--batch"),
        "device": device,
    }
    of_memory = {
        "--optimizer": optimizer,
        "--amp": amp,
        "--freeze": freeze,
        "--train-only": train_only,
        "--checkpoint": checkpoint,
    }
    for option, value in of_memory.items():
        if value is not None and not memory:
            raise usage(f"{option} needs --memory")
    again = values.paths(checkpoint, "--checkpoint")
    if m.AUTO in again:
        chosen = "`cnncalc memory SPEC --checkpoint auto --fit SIZE` chooses layers"
        raise usage("--checkpoint takes paths here", chosen)
    if thorough and (memory or module is not None):
        raise usage("--thorough does not go with --memory or --module")
    if allow_code and (memory or module is not None):
        raise usage("--allow-code does not go with --memory or --module")
    if module is None:
        if args or loose:
            raise usage(f"{'--args' if args else '--loose'} needs --module")
        if memory:
            given["frozen"] = values.paths(freeze, "--freeze")
            given["trained_only"] = values.paths(train_only, "--train-only")
            given["checkpoints"] = again
        else:
            given |= {"thorough": thorough, "allow_code": allow_code}
        how = {"optimizer": (optimizer or o.Optimizer.none).value, "amp": amp and amp.value}
        _verify(targets, variant, given, how if memory else None, format, output)
    else:
        if memory:
            raise usage("--memory and --module cannot be combined")
        if len(targets) != 1:
            example = "cnncalc verify SPEC --module package.module:Net"
            raise usage("--module needs exactly one SPEC", example)
        given |= {"args": args, "loose": loose}
        _hold(targets[0], module, variant, given, format, output)


def _chosen(specs: list[str] | None, all: bool) -> list[str]:
    """Return the specs that are given, or every bundled network."""
    if not all:
        if not specs:
            every = "cnncalc verify vgg16, or --all for every bundled network"
            raise usage("no SPEC is given", every)
        return specs
    if specs:
        raise usage("--all and a SPEC cannot be combined", "give specs, or --all")
    from ..language.load import bundled_specs

    names: list[str] = []
    for stem, spec in bundled_specs():
        names += (variant or stem for variant in spec.members)
    return names


def _verify(
    targets: list[str],
    variant: str | None,
    given: dict[str, Any],
    memory: dict[str, Any] | None,
    format: o.Screen,
    output: str | None,
) -> None:
    """Verify networks; their memory if `memory` says how they are trained."""
    from ..language.load import load

    start = time.perf_counter()
    found: list[tuple[str, Verification | None]] = []
    diagnostics: list[Diagnostic] = []
    sources: dict[str, str] = {}
    alone = len(targets) == 1
    with ticking(1 + STEPS, "loading torch", shown=alone) as tick:
        one_by = None
        for target in each(targets, "verifying"):
            try:
                spec = load(target)
                sources[spec.file] = spec.text
                member = one_variant(spec, variant)
                one_by = one_by or _verifier(given, memory, tick)  # imports torch
                one = one_by(spec, member)
            except Mistake as mistake:
                sources |= mistake.sources
                mistake.sources = sources
                if alone or FOR_ALL & {d.code for d in mistake.diagnostics}:
                    raise
                found.append((target, None))
                diagnostics += mistake.diagnostics
            else:
                found.append((target, one))
                diagnostics += one.diagnostics
    seconds = time.perf_counter() - start
    command = "verify" if memory is None else "verify_memory"
    present(command, format.value, output, found, diagnostics, seconds)
    finish(diagnostics, sources)


def _verifier(
    given: dict[str, Any],
    memory: dict[str, Any] | None,
    tick: Callable[[str], None],
) -> Callable[[Spec, str | None], Verification]:
    """Return the function that verifies a variant of a spec; it announces its steps to `tick`."""
    from ..analysis.memory.run import Run
    from ..torch_backend.verify.memory import verify_memory
    from ..torch_backend.verify.receptive_fields import QUICK, WORK
    from ..torch_backend.verify.verify import verify

    if memory is not None:
        return partial(verify_memory, run=Run(**memory), **given)
    thorough = given.pop("thorough")
    return partial(verify, work=WORK if thorough else QUICK, tick=tick, **given)


def _hold(
    target: str,
    module: str,
    variant: str | None,
    given: dict[str, Any],
    format: o.Screen,
    output: str | None,
) -> None:
    """Compare the user's own network with its spec."""
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
