"""The command formula: writes the figures of a network in symbols."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from . import option_values as values
from . import options as o
from .declared import note_declared
from .output import finish_with_errors, present
from .spec_report import one_variant


class Form(str, Enum):
    """Forms of formulas."""

    text, latex, python, json = "text", "latex", "python", "json"


def formula(
    spec: o.Spec,
    layer: Annotated[
        str | None,
        typer.Argument(
            help="path of a layer or block, as `analyze` shows it (default: the network)",
            metavar="LAYER",
        ),
    ] = None,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    symbols: Annotated[
        list[str] | None,
        typer.Option(
            "--in",
            metavar="NAMES",
            help="the symbols: sizes such as H,W, the batch N, or parameters such as width, which"
            " may have a step: width:0.05 (default: all sizes of the input)",
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at", metavar="NAME=NUMBER", help="also compute the values, as for H=224,W=224"
        ),
    ] = None,
    form: Annotated[Form, o.choice("--format", Form, "format of the output")] = Form.text,
    output: o.Output = None,
) -> None:
    """Write parameters, MACs, FLOPs, activations and output sizes as formulas.

    Where a rule depends on how large a symbol is, the formula holds for what the last lines say.

    Examples:
        VGG-16 in the height and width of its input, and the values at 224×224:
        cnncalc formula vgg16 --at H=224,W=224
        One block of ResNet-50, in LaTeX:
        cnncalc formula resnet50 stage4 --format latex
    """
    from ..analysis.formula import formula as solve
    from ..analysis.formula_values import values_at
    from ..language.load import load

    loaded = load(spec)
    found = solve(
        loaded,
        one_variant(loaded, variant),
        set=values.settings(set),
        input=values.input_shapes(input),
        symbols=values.names(symbols, "--in"),
        layer=layer,
    )
    given = values.exact_numbers(at, "--at")
    if found.formulas:
        computed = values_at(found.formulas, given) if given else None
        name = "table" if form is Form.text else form.value
        present("formula", name, output, found, given, computed)
        note_declared(loaded, found.variant, values.settings(set), unknown=False)
    elif form is Form.json:
        present("formula", form.value, output, found, given, None)
    finish_with_errors(found.diagnostics, {loaded.file: loaded.text})
