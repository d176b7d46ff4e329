"""The commands that run torch: verify and profile."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Annotated, Any

import typer

from ..diagnostic import Diagnostic, Mistake
from . import options as o
from .output import deliver, finish

Specs = Annotated[
    list[str] | None,
    typer.Argument(help="files, file#variant, or bundled names", metavar="[SPEC]…"),
]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1 or meta (shapes alone)")]
Module = Annotated[
    str | None,
    typer.Option(
        "--module",
        metavar="package.module:Net",
        help="hold your own network, a class or a function that makes it, to SPEC",
    ),
]
Args = Annotated[
    list[str] | None,
    typer.Option("--args", metavar="[NAME=]VALUE", help="an argument for it; may be repeated"),
]


MANY = 20  # networks, of each of which fewer receptive fields are measured


def verify(
    specs: Specs = None,
    all: Annotated[bool, typer.Option("--all", help="every bundled network")] = False,
    module: Module = None,
    args: Args = None,
    loose: Annotated[
        bool, typer.Option("--loose", help="with --module: let activations and sums differ")
    ] = False,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
    device: Device = "cpu",
    format: Annotated[o.Screen, typer.Option("--format", help="how to print it")] = o.Screen.table,
    output: o.Output = None,
) -> None:
    """Every predicted figure beside what torch, fvcore and autograd measure; or your own network beside its spec."""
    targets = chosen(specs, all)
    given = {
        "set": o.settings(set),
        "input": o.input_shapes(input),
        "batch": o.positive(batch, "--batch"),
        "device": device,
    }
    if module is not None:
        if len(targets) != 1:
            raise Mistake(
                Diagnostic(
                    "CNN111",
                    "--module is held to one SPEC",
                    help="cnncalc verify SPEC --module package.module:Net",
                )
            )
        return held_to(targets[0], module, args, loose, variant, given, format, output)
    if args or loose:
        raise Mistake(Diagnostic("CNN111", f"{'--args' if args else '--loose'} goes with --module"))
    from ..render import verify as rendering

    start = time.perf_counter()
    found, diagnostics, sources = verified(targets, variant, given)
    seconds = time.perf_counter() - start
    deliver(
        format is o.Screen.json,
        lambda: rendering.json(found, diagnostics, seconds),
        lambda width: (
            rendering.render(found[0][1], width)
            if len(found) == 1
            else rendering.overview(found, width, seconds)
        ),
        output,
    )
    finish(diagnostics, sources)


def verified(
    targets: list[str], variant: str | None, given: dict[str, Any]
) -> tuple[list[tuple[str, Any]], list[Diagnostic], dict[str, str]]:
    """Each target with what was found, None where it cannot be verified; all that is to be said; the texts it speaks of."""
    from ..language.load import load
    from ..torch_backend.verify.receptive_fields import WORK
    from ..torch_backend.verify.verify import verify as verification

    if len(targets) > MANY:
        given = {**given, "work": WORK // 20}  # fields of fewer layers of each
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
            sources |= mistake.sources
            mistake.sources = sources
            if len(targets) == 1 or {d.code for d in mistake.diagnostics} & {
                "CNN401",
                "CNN402",
            }:  # as it is for all of them
                raise
            found.append((target, None))
            diagnostics += mistake.diagnostics
    return found, diagnostics, sources


def chosen(specs: list[str] | None, all: bool) -> list[str]:
    """The specs named, or every bundled network."""
    if all:
        from ..analysis.zoo import members
        from ..analysis.zoo import specs as bundled

        if specs:
            raise Mistake(
                Diagnostic("CNN111", "--all, and a SPEC beside it", help="name specs, or --all")
            )
        return [variant or stem for stem, spec in bundled() for variant in members(spec)]
    if not specs:
        raise Mistake(
            Diagnostic(
                "CNN111",
                "no SPEC is named",
                help="cnncalc verify vgg16, or --all for every bundled network",
            )
        )
    return specs


def progress(items: list[Any], verb: str) -> Iterator[Any]:
    """The items, with a bar on a terminal where there are several."""
    if len(items) < 2 or not sys.stderr.isatty():
        yield from items
        return
    with bar() as shown:
        task = shown.add_task(verb, total=len(items))
        for item in items:
            shown.update(task, description=f"{verb} {item}")
            yield item
            shown.advance(task)


class Mode(str, Enum):
    """What is timed."""

    inference, training = "inference", "training"


class Numbers(str, Enum):
    """Types of number that a GPU computes in."""

    float32, tf32, float16, bfloat16 = "float32", "tf32", "float16", "bfloat16"


def profile(
    spec: o.Spec,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda or cuda:1")] = "cpu",
    batch: Annotated[str, typer.Option("--batch", metavar="1,8,64", help="images at a time")] = "1",
    dtype: Annotated[
        Numbers, typer.Option("--dtype", help="type of the numbers")
    ] = Numbers.float32,
    autocast: Annotated[
        bool | None,
        typer.Option(
            "--autocast/--cast",
            help="let operators choose, or cast weights and input; autocast in training, cast at inference unless said",
        ),
    ] = None,
    mode: Annotated[
        Mode, typer.Option("--mode", help="a forward pass, or forward and backward")
    ] = Mode.inference,
    warmup: Annotated[int, typer.Option("--warmup", help="runs before those that count")] = 3,
    repeat: Annotated[int, typer.Option("--repeat", help="runs that count")] = 10,
    compile: Annotated[
        bool, typer.Option("--compile", help="with torch.compile; no times by layer")
    ] = False,
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="channels as the last axis in memory")
    ] = False,
    format: Annotated[o.Screen, typer.Option("--format", help="how to print it")] = o.Screen.table,
    output: o.Output = None,
) -> None:
    """Time and memory of the real network on a device, by layer and operator, beside what was predicted."""
    from ..language.load import load
    from ..render import profile as rendering

    batches = o.numbers(batch, "--batch")
    if not 0 <= warmup <= 10**6:
        raise Mistake(Diagnostic("CNN111", f"--warmup takes a number from 0 up, not {warmup}"))
    given, shapes = o.settings(set), o.input_shapes(input)
    loaded = load(spec)
    from ..torch_backend.profile.profile import Settings
    from ..torch_backend.profile.profile import profile as measure

    settings = Settings(
        device,
        dtype.value,
        autocast,
        mode.value,
        warmup,
        o.positive(repeat, "--repeat"),
        compile,
        channels_last,
    )  # type: ignore[arg-type]
    with ticking(settings.runs(len(batches))) as tick:
        try:
            found = measure(
                loaded,
                o.one_variant(loaded, variant),
                set=given,
                input=shapes,
                batches=batches,
                settings=settings,
                tick=tick,
            )
        except Mistake as mistake:
            mistake.sources[loaded.file] = loaded.text
            raise
    deliver(
        format is o.Screen.json,
        lambda: rendering.json(spec, found),
        lambda width: rendering.render(found, width),
        output,
    )
    finish(found.diagnostics)


@contextlib.contextmanager
def ticking(total: int) -> Iterator[Callable[[str], None]]:
    """A bar on a terminal; gives what moves it on."""
    if not sys.stderr.isatty():
        yield lambda what: None
        return
    with bar() as shown:
        task = shown.add_task("building", total=total)
        yield lambda what: shown.update(task, description=what, advance=1)


def bar() -> Any:
    """A progress bar on stderr that goes away when it is done."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ..render.table import console

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(stderr=True),
        transient=True,
    )


def held_to(
    target: str,
    module: str,
    args: list[str] | None,
    loose: bool,
    variant: str | None,
    given: dict[str, Any],
    format: o.Screen,
    output: str | None,
) -> None:
    """A network of the user's own beside its spec."""
    from ..language.load import load
    from ..render import hold as rendering
    from ..torch_backend.hold.hold import hold

    spec = load(target)
    positional, named = o.arguments(args)
    try:
        held = hold(
            spec,
            module,
            positional,
            named,
            variant=o.one_variant(spec, variant),
            loose=loose,
            **given,
        )
    except Mistake as mistake:
        mistake.sources[spec.file] = spec.text
        raise
    deliver(
        format is o.Screen.json,
        lambda: rendering.json(target, held),
        lambda width: rendering.render(held, width),
        output,
    )
    finish(held.diagnostics, {spec.file: spec.text})
