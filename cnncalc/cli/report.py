"""The command report: writes a page of a network, or a gallery of the bundled ones."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ..diagnostic import Diagnostic, Mistake
from . import option_values as values
from . import options as o
from .option_values import usage
from .output import USAGE, finish, is_terminal, put, say
from .spec_report import one_variant

if TYPE_CHECKING:
    from ..analysis.diff import Diff
    from ..analysis.latency.device_file import Device
    from ..language.spec import Spec
    from ..render.page.network import Subject


def report(
    specs: Annotated[
        list[str] | None,
        typer.Argument(
            help="a file, file#variant, a bundled name such as vgg16, or - for standard input;"
            " several are shown on one page",
            metavar="SPEC",
        ),
    ] = None,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
    dtype: Annotated[o.Dtype, o.choice("--dtype", o.Dtype, "type of the values")] = o.Dtype.float32,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="OLD",
            help="mark what changed since this one: a file, file#variant, a bundled name, or"
            " REVISION:FILE from git",
        ),
    ] = None,
    times: Annotated[
        str | None,
        typer.Option(
            "--times",
            metavar="FILE",
            help="show the times of layers that `cnncalc profile --format json` measured",
        ),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            "--device",
            metavar="DEVICE",
            help="a device of the roofline, as in `cnncalc latency`: rtx4090, or fp16=60,bw=500;"
            " may be repeated",
        ),
    ] = None,
    zoo: Annotated[
        bool,
        typer.Option("--zoo", help="write a page for every bundled network, and an index of them"),
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="write to a file; with --zoo, to a folder"
        ),
    ] = None,
) -> None:
    """Write a page of a network: its graph, table, arithmetic, memory and receptive fields.

    The page is one HTML file. It loads nothing, so it can be mailed, attached or kept.

    Examples:
        See where the parameters and operations of ResNet-50 are:
        cnncalc report resnet50 -o resnet50.html
        Show what VGG-19 adds to VGG-16:
        cnncalc report vgg19 --against vgg16 -o vgg.html
    """
    if zoo:
        others = [*(specs or ()), variant, set, input, against, times, device]
        _gallery(output, others, batch, dtype)
        return
    if not specs:
        raise usage("SPEC is missing", "name a spec, or write all bundled networks with --zoo")
    if output is None and is_terminal(sys.stdout):
        raise usage("a page is not for a terminal", "name the file: -o net.html")
    if len(specs) > 1 and (against or times):
        option = "--against" if against else "--times"
        raise usage(f"{option} is for one network", "name one SPEC")
    from .. import __version__
    from ..render.page.document import network_page

    count = values.positive(batch, "--batch")
    devices = _devices(device, dtype.value)
    options = _Options(variant, set, input, count, dtype.value, devices)
    subjects = [options.subject(spec, against, times) for spec in specs]
    put(network_page(subjects, __version__), output)
    found = [d for subject in subjects for d in subject.diagnostics]
    texts = {file: text for subject in subjects for file, text in subject.sources.items()}
    finish([d for d in found if d.severity == "error" or d.code == "CNN421"], texts)


class _Options:
    """How the networks of a page are analysed."""

    def __init__(
        self,
        variant: str | None,
        set: list[str] | None,
        input: list[str] | None,
        batch: int,
        dtype: str,
        devices: tuple[Device, ...] | None,
    ) -> None:
        self.variant = variant
        self.given = values.settings(set)
        self.shapes = values.input_shapes(input)
        self.batch = batch
        self.dtype = dtype
        self.devices = devices

    def subject(self, name: str, against: str | None, times: str | None) -> Subject:
        """Return a network with what a page shows beside it.

        One with errors is shown up to the first wrong layer. A text that is not a spec has no
        layers, and its diagnostics are shown.

        Errors: a Mistake for a spec that cannot be read, and for wrong options.
        """
        from ..language.load import load
        from ..render.page.network import Subject

        measured = None
        if times is not None:
            from ..render.page.times import read_times

            measured = read_times(times)
        try:
            spec = load(name)
            chosen = one_variant(spec, self.variant)
            found = self._analysed(spec, chosen)
        except Mistake as mistake:
            _refuse_usage(mistake.diagnostics, mistake.sources)
            return Subject(name, None, dict(mistake.sources), tuple(mistake.diagnostics))
        diff = None
        if against is not None and found.report is not None and found.report.ok:
            diff = self._difference(against, found)
        found = found._replace(name=name, diff=diff, times=measured)
        return found if times is None else _with_warning(found, times)

    def _analysed(self, spec: Spec, variant: str | None) -> Subject:
        from ..analysis.analyze import analyze
        from ..render.page.family import members
        from ..render.page.network import Subject

        report = analyze(
            spec, variant, set=self.given, input=self.shapes, batch=self.batch, dtype=self.dtype
        )
        _refuse_usage(report.diagnostics, {spec.file: spec.text})
        family = () if self.given or self.shapes else members(spec, report)
        return Subject(
            name=spec.file,
            report=report,
            sources={spec.file: spec.text},
            diagnostics=tuple(report.diagnostics),
            family=family,
            devices=self.devices,
        )

    def _difference(self, against: str, found: Subject) -> Diff:
        """Compare a network with an older one, under the same batch and dtype."""
        from ..analysis.analyze import analyze
        from ..analysis.diff import diff
        from .diff import loaded_side

        assert found.report is not None
        old = loaded_side(against)
        before = analyze(old, batch=self.batch, dtype=self.dtype)
        try:
            compared = diff(before.or_mistake(), found.report)
        except Mistake as mistake:
            mistake.sources[old.file] = old.text
            raise
        if before.name != found.report.name:
            return compared
        return compared._replace(labels=(against, found.name))


def _devices(names: list[str] | None, dtype: str) -> tuple[Device, ...] | None:
    """Return the devices of the roofline, by their names; None if none are named.

    Errors: a Mistake for an unknown device, and for one that has no peak for the type.
    """
    from ..analysis.latency.devices import device, peaks_of
    from ..analysis.latency.kernels import Way

    if not names:
        return None
    found = tuple(map(device, names))
    for one in found:
        peaks_of(one, Way(), dtype)
    return found


def _refuse_usage(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> None:
    """Raise a Mistake if the run cannot begin."""
    found = [d for d in diagnostics if d.severity == "error"]
    if any(d.code in USAGE for d in found):
        refused = Mistake(*found)
        refused.sources |= sources
        raise refused


def _with_warning(found: Subject, file: str) -> Subject:
    """Add a warning if measured layers are not in the network."""
    from ..render.page.times import unmatched

    if found.report is None or found.times is None:
        return found
    warning = unmatched(found.times, [row.path for row in found.report.rows], file)
    return found._replace(diagnostics=(*found.diagnostics, *([warning] if warning else ())))


def _gallery(folder: str | None, others: Sequence[object], batch: int, dtype: o.Dtype) -> None:
    """Write the gallery of the bundled networks.

    Errors: a Mistake for options about one network, and for a folder that cannot be written.
    """
    if any(others) or batch != 1 or dtype is not o.Dtype.float32:
        raise usage("--zoo shows the bundled networks as they are", "give it a folder alone")
    if folder is None:
        raise usage("a gallery is a folder of pages", "name the folder: -o gallery/")
    from .. import __version__
    from ..render.page.gallery import INDEX, write_gallery
    from ..zoo import files
    from .progress import ticking

    with ticking(len(files()), "reading specs") as tick:
        count = write_gallery(folder, __version__, tick)
    say(f"{count:,} pages in {folder}: open {INDEX}")
