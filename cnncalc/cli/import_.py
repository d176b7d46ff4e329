"""The command import: writes a spec of someone's network, from its module or an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..num import Shape
from . import option_values as values
from . import options as o
from .option_values import usage
from .output import finish, present, put

if TYPE_CHECKING:
    from ..convert.importing import ImportedSpec


def import_(
    target: Annotated[
        str,
        typer.Argument(
            metavar="NETWORK",
            help="your network: a class, or a function that returns a module, such as"
            " package.module:Net or model.py:Net; or a file that ends in .onnx",
        ),
    ],
    input: o.Input = None,
    args: Annotated[
        list[str] | None,
        typer.Option(
            "--args",
            metavar="NAME=VALUE",
            help="an argument for the class, by name or as a bare VALUE; may be repeated",
        ),
    ] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="fail if a layer has no operator and is only declared"),
    ] = False,
    format: Annotated[
        o.Written, o.choice("--format", o.Written, "the spec alone, or in JSON with what was found")
    ] = o.Written.yaml,
    output: o.Output = None,
) -> None:
    """Write a spec of your own network of torch, and prove that it describes the network.

    Your code runs: the network is made, and traced without values. Of an ONNX file, nothing runs
    and no weights are read, and neither torch nor the package onnx is needed.

    Examples:
        Write a spec of the class Net in model.py:
        cnncalc import model.py:Net --input 3x224x224 -o net.cnn.yaml
        Pass arguments to the class:
        cnncalc import model.py:Net --args classes=100 --input 3x64x64
        Write a spec of an ONNX file; it needs --input where the file leaves sizes open:
        cnncalc import net.onnx -o net.cnn.yaml
    """
    from ..render.formats.lines import Lines

    shapes = values.input_shapes(input)
    if target.lower().endswith(".onnx"):
        found = _of_onnx(target, shapes, args)
    else:
        found = _of_module(target, shapes, args)
    problems = found.problems
    if strict:
        problems = [d._replace(severity="error") for d in problems]
    if format is o.Written.json:
        present("import_", "json", output, found, problems)
    else:
        put(Lines.of(found.text.rstrip("\n")), output)
    finish(problems, {f"{found.name}.cnn.yaml": found.text})


def _of_module(
    target: str, shapes: Shape | dict[str, Shape] | None, args: list[str] | None
) -> ImportedSpec:
    from ..convert.importing import import_network

    if shapes is None:
        raise usage("import needs the shape of the input", "--input 3x224x224")
    listed = list(shapes.values()) if isinstance(shapes, dict) else [shapes]
    positional, named = values.arguments(args)
    return import_network(target, listed, positional, named)


def _of_onnx(
    target: str, shapes: Shape | dict[str, Shape] | None, args: list[str] | None
) -> ImportedSpec:
    from ..convert.from_onnx.importing import import_onnx

    if args:
        raise usage("--args is for a class, and an ONNX file has none")
    return import_onnx(Path(target), shapes)
