"""The report that a command line asks for."""

from __future__ import annotations

from typing import Any

from . import options as o


def report_of(
    spec: str,
    variant: str | None,
    set: list[str] | None,
    input: list[str] | None,
    batch: int = 1,
    dtype: str = "float32",
    convention: str = "macs",
) -> tuple[Any, dict[str, str]]:
    """The report a command line asks for, and the texts its diagnostics speak of."""
    from ..analysis.analyze import analyze as analysis
    from ..language.load import load

    given, shapes = o.settings(set), o.input_shapes(input)
    loaded = load(spec)
    report = analysis(
        loaded,
        o.one_variant(loaded, variant),
        set=given,
        input=shapes,
        batch=o.positive(batch, "--batch"),
        dtype=dtype,
        convention=convention,
    )
    return report, {loaded.file: loaded.text}
