"""Makes the report of the SPEC that a command names, with its options."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from . import option_values as values
from .option_values import usage

if TYPE_CHECKING:
    from ..analysis.result import Report
    from ..language.spec import Spec


def spec_report(
    spec: str,
    variant: str | None,
    set: list[str] | None,
    input: list[str] | None,
    batch: int = 1,
    dtype: str = "float32",
    convention: str = "macs",
    freeze: Collection[str] = (),
    train_only: Collection[str] = (),
    fold_bn: bool = False,
) -> tuple[Report, dict[str, str]]:
    """Return the report, and the texts of the files that its diagnostics are about."""
    from ..analysis.analyze import analyze
    from ..language.load import load

    given, shapes = values.settings(set), values.input_shapes(input)
    loaded = load(spec)
    report = analyze(
        loaded,
        one_variant(loaded, variant),
        set=given,
        input=shapes,
        batch=values.positive(batch, "--batch"),
        dtype=dtype,
        convention=convention,
        freeze=freeze,
        train_only=train_only,
        fold_bn=fold_bn,
    )
    return report, {loaded.file: loaded.text}


def one_variant(spec: Spec, variant: str | None) -> str | None:
    """Return the variant that --variant names.

    Errors: a Mistake if SPEC names another one.
    """
    if variant is not None and spec.variant not in (None, variant):
        both = f"--variant is {variant}, but SPEC names the variant {spec.variant}"
        raise usage(both, "name only one of them")
    return variant
