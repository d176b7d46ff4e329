"""The question of a sweep, as Python asks it: what varies, what is counted, what is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...diagnostic import Diagnostic, Mistake
from ...language.load import from_text, load
from ...language.spec import Spec
from ...ops.autocast import Amp
from ..analyze import refuse_settings
from ..figures import TOTALS
from ..latency.predict import Asked as TimeOf
from ..latency.predict import Mode
from ..latency.timing import Timing, refuse_no_device, timing_on
from ..undeclared import may_be_unknown
from . import needs_numpy  # noqa: F401  # before what follows imports numpy
from .asked import asked
from .grid import check_names, make_grid
from .job import Job, Source
from .job import refuse_settings as refuse_varied
from .names import names_to_vary
from .run import Sweep, run
from .values import listed_values, read_over, read_values

Over = Mapping[str, Any] | Iterable[str]


def sweep(
    spec: Spec | str | Path,
    over: Over,
    *,
    show: Sequence[str] = (),
    where: str | Sequence[str] = (),
    sort: str | None = None,
    reverse: bool = False,
    top: int | None = None,
    pareto: Sequence[str] = (),
    zip: Sequence[Sequence[str]] = (),
    random: int | None = None,
    seed: int = 0,
    variant: str | None = None,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    batch: int = 1,
    dtype: str = "float32",
    workers: int = 1,
    dask: str | None = None,
    device: str | Timing | None = None,
    amp: Amp | None = None,
    channels_last: bool = False,
    compile: bool = False,
    mode: Mode = "inference",
    optimizer: str = "sgd",
) -> Sweep:
    """Count figures of every combination of values of a spec's parameters, sizes and settings.

    Accepts:
        spec: what `load` returned, or what it takes.
        over: values by name: of parameters, of axes of the input (``C``, ``H``, ``W``, ``D``,
            ``L``), of ``batch``, ``dtype``, ``variant`` and ``spec``. A range is a text such as
            ``"0.25:2:0.05"``. The last name varies fastest.
        show: figures to return; by default params and macs, and what else is named here.
        where: conditions, such as ``"params < 5M and H >= W"``.
        sort: a figure or name by which the variants are ordered.
        reverse: whether the largest come first.
        top: how many of them are kept.
        pareto: figures; only variants that no other one beats in all of them are kept. Small is
            good, unless ``:max`` stands after the name.
        zip: names whose values are taken in step.
        random: how many variants to draw at random from all combinations.
        seed: where the drawing begins.
        variant: a variant of the spec.
        set: values that replace parameters of the spec.
        input: a shape for the first input, or shapes by name.
        batch: the number of images.
        dtype: the type of the values.
        workers: how many processes count.
        dask: the address of a Dask scheduler whose workers count.
        device: the device for the figure ``latency``, which is in nanoseconds for the batch: a
            name such as ``"rtx4090"``, peaks such as ``"fp16=60,bw=500"``, or the file of a device.
        amp: float16 or bfloat16, the type of automatic mixed precision on that device.
        channels_last: whether channels are the last axis in memory there.
        compile: whether networks are compiled there.
        mode: what networks do there: inference or training.
        optimizer: the optimizer of training, for its memory and time.

    Returns:
        A Sweep. It yields a dict for each variant that is kept. A figure of which layers do not
        declare a part is an `AtLeast`, which meets no condition.

    Errors:
        A Mistake (CNN111) for what cannot be asked. Variants that are no networks are counted in
        `reasons`.

    Example:
        >>> import cnncalc
        >>> found = cnncalc.sweep("mobilenet_v1", {"width": "0.5:1:0.25", "H,W": [128, 224]})
        >>> found.total, [row["macs"] for row in found]
        (6, [49160192, 149497088, 106770432, 325400448, 186400768, 568740352])
    """
    job = make_job(
        spec,
        over,
        show=show,
        where=(where,) if isinstance(where, str) else where,
        sort=sort,
        reverse=reverse,
        top=top,
        pareto=pareto,
        zip=zip,
        random=random,
        seed=seed,
        variant=variant,
        set=set,
        input=input,
        batch=batch,
        dtype=dtype,
        optimizer=optimizer,
        timing=timing_on(
            device,
            TimeOf(
                dtype=dtype,
                amp=amp,
                channels_last=channels_last,
                compile=compile,
                mode=mode,
                optimizer=optimizer,
            ),
        ),
    )
    return run(job, workers=workers, dask=dask)


def make_job(
    spec: Spec | str | Path,
    over: Over,
    *,
    show: Sequence[str],
    where: Sequence[str],
    sort: str | None,
    reverse: bool,
    top: int | None,
    pareto: Sequence[str],
    zip: Sequence[Sequence[str]],
    random: int | None,
    seed: int,
    variant: str | None,
    set: Mapping[str, Any] | None,
    input: Any,
    batch: int,
    dtype: str,
    optimizer: str = "sgd",
    timing: Timing | None = None,
) -> Job:
    """Return the sweep as a job; see `sweep`.

    Errors: a Mistake (CNN111).
    """
    refuse_settings(batch, dtype)
    first = spec if isinstance(spec, Spec) else load(spec)
    if not first.ok:
        mistake = Mistake(*(d for d in first.diagnostics if d.severity == "error"))
        mistake.sources[first.file] = first.text
        raise mistake
    listed = _listed(over)
    grid = make_grid(listed, zip, random, seed)
    check_names(grid, names_to_vary(first), first.file)
    sources = [Source(first.file, first.text, variant or first.variant)]
    if "spec" in grid.names and "spec" not in first.parameter_names:
        files = grid.columns()["spec"].values if random is None else []
        specs = [load(str(file)) for file in dict.fromkeys(files)]
        sources = [
            Source(str(file), one.text, one.variant)
            for file, one in zip_(dict.fromkeys(files), specs)
        ]
    given = input
    if given is not None and not isinstance(given, Mapping):
        given = {next(iter(first.input_ranks)): given}
    if top is not None and top < 1:
        raise Mistake(Diagnostic("CNN111", f"--top takes a number from 1, not {top}"))
    wanted = asked(grid.names, show, where, sort, reverse, top, pareto)
    read = [from_text(one.text, one.file, one.variant) for one in sources[1:]]
    unknown = may_be_unknown([first, *read], TOTALS)
    job = Job(
        sources=tuple(sources),
        fixed=dict(set or {}),
        input=given or {},
        batch=batch,
        dtype=dtype,
        grid=grid,
        asked=replace(wanted, partly_unknown=unknown),
        optimizer=optimizer,
        timing=timing,
    )
    if job.asked.times:
        refuse_no_device(timing)
        if "dtype" in grid.names and "dtype" not in first.parameter_names:
            message = "`latency` is for one type of number: --over dtype cannot vary it"
            raise Mistake(Diagnostic("CNN111", message))
    refuse_varied(job)
    return job


def _listed(over: Over) -> list[tuple[tuple[str, ...], Sequence[Any]]]:
    """Return names and values; texts are read as `--over` has them."""
    if not isinstance(over, Mapping):
        return list(map(read_over, over))
    found = []
    for name, values in over.items():
        names = tuple(part.strip() for part in name.split(","))
        if isinstance(values, str):
            read = read_values(values, f"{name}={values}")
        elif isinstance(values, range) and values.step > 0 and len(values):
            read = values
        else:
            read = listed_values(values, name)
        if not len(read):
            raise Mistake(Diagnostic("CNN111", f"--over {name} has no values"))
        found.append((names, read))
    return found


zip_ = zip
