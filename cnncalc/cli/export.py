"""The command export: writes a network for other tools."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..diagnostic import Diagnostic, Mistake, misspelled
from ..foreign import visible
from ..text_file import write_bytes, write_text
from . import export_figure as f
from . import option_values as values
from . import options as o
from .option_values import depth_of, usage
from .output import finish_with_errors, say_exactly
from .spec_report import one_variant

TARGETS = ("torch", "keras", "onnx", "mermaid", "dot", "svg", "pdf")
FIGURES = ("svg", "pdf")
OPTIONS = {  # the targets that an option is for
    "depth": ("mermaid", "dot", *FIGURES),
    "style": FIGURES,
    "theme": FIGURES,
    "colour": FIGURES,
    "font": ("svg",),
    "show": FIGURES,
    "beside": FIGURES,
    "opset": ("onnx",),
    "any_batch": ("onnx",),
    "weights": ("onnx",),
}
OPSET = 18  # the same as in `convert/to_onnx.py`, which is only loaded to write such a file


def export(
    spec: o.Spec,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="TARGET",
            help=f"what to write: {', '.join(TARGETS)}",
            autocompletion=lambda: list(TARGETS),
        ),
    ],
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    depth: Annotated[
        str | None,
        typer.Option(
            "--depth",
            metavar="N",
            help="mermaid, dot, svg, pdf: draw each block at this depth as one box; 1 is the"
            " outermost, and `all` draws every layer (default: 1; of a figure, what fits)",
        ),
    ] = None,
    style: f.Style = None,
    show: f.Show = None,
    beside: f.Beside = None,
    theme: f.Theme = None,
    colour: f.Colour = None,
    font: f.Font = None,
    opset: Annotated[
        int | None,
        typer.Option(
            "--opset", metavar="N", help=f"onnx: the version of the operators (default: {OPSET})"
        ),
    ] = None,
    any_batch: Annotated[
        bool, typer.Option("--any-batch", help="onnx: take any number of images, not one alone")
    ] = False,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="FILE",
            help="onnx: a file of torch with the network's `state_dict` (default: random weights)",
        ),
    ] = None,
    allow_code: o.AllowCode = False,
    output: o.Output = None,
) -> None:
    """Write a network for other tools: source of torch or Keras, an ONNX file, a drawing, a figure.

    `svg` and `pdf` are figures for papers and slides. The source of torch defines a class for each
    block, and takes the weights of the network that `cnncalc.build` makes. That of Keras has a
    function for each block. Neither needs cnncalc.

    Examples:
        Write ResNet-50 as a module of torch:
        cnncalc export resnet50 --to torch -o resnet50.py
        Draw AlexNet as boxes in perspective:
        cnncalc export alexnet --to svg --style textbook -o alexnet.svg
    """
    from ..language.load import load

    _check_target(to)
    _check_options(
        to,
        depth=depth,
        opset=opset,
        any_batch=any_batch,
        weights=weights,
        style=style,
        theme=theme,
        colour=colour,
        font=font,
        show=show,
        beside=beside,
    )
    if to in FIGURES:
        wanted = f.Wanted(style, theme, tuple(colour or ()), font, show, depth, beside)
        f.put_figure(to, wanted, spec, variant, set, input, output)
        return
    loaded = load(spec)
    chosen = one_variant(loaded, variant)
    given, shapes = values.settings(set), values.input_shapes(input)
    graph = loaded.graph(chosen, given, shapes)
    finish_with_errors((*loaded.diagnostics, *graph.diagnostics), {loaded.file: loaded.text})
    if to == "onnx":
        from ..convert.to_onnx import onnx_bytes

        if output is None:
            raise usage("an ONNX file is not text", "name the file: -o net.onnx")
        data = onnx_bytes(
            loaded,
            chosen,
            set=given,
            input=shapes,
            opset=values.positive(opset or OPSET, "--opset"),
            any_batch=any_batch,
            weights=weights,
            allow_code=allow_code,
        )
        write_bytes(output, data)
    elif to == "torch":
        from ..convert.to_torch.source import torch_source

        _put(torch_source(loaded, chosen, set=given, input=shapes), output)
    elif to == "keras":
        from ..convert.to_keras.source import keras_source

        _put(keras_source(loaded, chosen, set=given, input=shapes), output)
    else:
        from ..convert.drawing import drawn

        title = loaded.title(chosen or loaded.variant)
        _put(drawn(to, graph, title, depth_of(depth or "1")), output)


def _put(text: str, output: str | None) -> None:
    """Write a text exactly: what is made for a tool is not changed for a screen."""
    if output is None:
        say_exactly(text)
    else:
        write_text(output, text)


def _check_target(to: str) -> None:
    if to not in TARGETS:
        fault = Diagnostic("CNN111", f"export does not write `{visible(to)}`")
        raise Mistake(misspelled(fault, to, TARGETS, f"it writes {', '.join(TARGETS)}"))


def _check_options(to: str, **given: Any) -> None:
    """Refuse options that the target does not have."""
    for name, value in given.items():
        if value and to not in OPTIONS[name]:
            option = f"--{name.replace('_', '-')}"
            takes = " or ".join(f"`--to {target}`" for target in OPTIONS[name])
            raise usage(f"{option} is for {takes}, not for `--to {to}`", f"drop {option}")
