"""The command import: writes a spec of someone's network, from its module or a file."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..diagnostic import Diagnostic, Mistake
from ..num import Shape
from . import option_values as values
from . import options as o
from .option_values import usage
from .output import finish, present, put

if TYPE_CHECKING:
    from ..convert.importing import ImportedSpec, Source
    from ..language.spec import Spec

Shapes = Shape | dict[str, Shape] | None


def import_(
    target: Annotated[
        str,
        typer.Argument(
            metavar="NETWORK",
            help="your network: a class, or a function that returns a module, such as"
            " package.module:Net or model.py:Net; or a file: net.onnx, net.pt2 of torch.export, or"
            " yolov8n.yaml, a model file of YOLOv5 or YOLOv8",
        ),
    ],
    input: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="SHAPE",
            help="the shape of the input, such as 3x224x224; of several, NAME=SHAPE for each by"
            " the name of forward's argument, images.left for an entry of a dict, maps.0 of a list",
        ),
    ] = None,
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
        typer.Option(
            "--strict", help="fail if a layer is only declared, or a decision depends on values"
        ),
    ] = False,
    check: Annotated[
        str | None,
        typer.Option(
            "--check",
            metavar="SPEC",
            help="write nothing: fail if this spec does not describe the network any more, and show"
            " what changed. Its inputs are used if --input is not given",
        ),
    ] = None,
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
    """
    shapes = values.input_shapes(input)
    kind = Path(target).suffix.lower()
    if check is not None and kind in (".yaml", ".yml", ".onnx"):
        raise usage("--check is for networks of torch")
    if kind in (".yaml", ".yml"):
        _write_yolo(target, shapes, format, output)
    elif kind == ".onnx":
        _write(_of_onnx(target, shapes, args), strict, format, output)
    elif check is None:
        _write(_of_module(target, shapes, args), strict, format, output)
    else:
        _compare(check, target, shapes, args, format, output)


def _write(found: ImportedSpec, strict: bool, format: o.Written, output: str | None) -> None:
    """Write the spec that was found, and what is only declared in it."""
    from ..render.formats.lines import Lines

    problems = found.problems
    if strict:
        unproven = {"CNN410", "CNN419"}
        problems = [d._replace(severity="error") if d.code in unproven else d for d in problems]
    if format is o.Written.json:
        present("import_", "json", output, found, problems)
    else:
        _keep_other(output, found.text)
        put(Lines.of(found.text.rstrip("\n")), output)
    finish(problems, {f"{found.name}.cnn.yaml": found.text})


def _keep_other(output: str | None, text: str) -> None:
    """Raise a Mistake if a file has another text than the one to write.

    Budgets, names and comments that somebody added would be lost.
    """
    file = Path(output) if output is not None else None
    if file is None or not file.is_file():
        return
    with contextlib.suppress(OSError):
        if file.read_bytes() == text.encode():
            return
    message = f"{file} already exists, and is another spec"
    help = f"--check {file} shows what changed; to replace it, remove it first"
    raise Mistake(Diagnostic("CNN002", message, help=help))


def _of_onnx(target: str, shapes: Shapes, args: list[str] | None) -> ImportedSpec:
    from ..convert.from_onnx.importing import import_onnx

    if args:
        raise usage("--args is for a class, and an ONNX file has none")
    return import_onnx(Path(target), shapes)


def _of_module(target: str, shapes: Shapes, args: list[str] | None) -> ImportedSpec:
    from ..convert.importing import imported

    return imported(_source(target, shapes, args))


def _source(target: str, shapes: Shapes, args: list[str] | None) -> Source:
    """Return the network, made and traced."""
    from ..convert.importing import source_of

    if shapes is None and not target.endswith(".pt2"):
        raise usage("import needs the shape of the input", "--input 3x224x224")
    listed = shapes if isinstance(shapes, dict) else [shapes] if shapes else []
    positional, named = values.arguments(args)
    return source_of(target, listed, positional, named)


def _write_yolo(file: str, shape: Shapes, format: o.Written, output: str | None) -> None:
    """Write the spec of a model file of YOLOv5 or YOLOv8. This needs no torch, and runs no code."""
    from ..analysis.analyze import analyze
    from ..convert.yolo import spec_of_yolo
    from ..language.load import from_text
    from ..render.formats.lines import Lines
    from ..text_file import read_text

    if isinstance(shape, dict):
        raise usage("a model file of YOLO has one input")
    if format is o.Written.json:
        raise usage("--format json is not for model files of YOLO")
    text = spec_of_yolo(read_text(file), file, shape or (3, 640, 640))
    analyze(from_text(text, file)).or_mistake()
    _keep_other(output, text)
    put(Lines.of(text.rstrip("\n")), output)


def _inputs_of(spec: Spec) -> Any:
    """Return the shapes of the inputs of a spec: those of several by their names."""
    from ..analysis.analyze import analyze

    shapes = {name: tuple(shape) for name, shape in analyze(spec).or_mistake().inputs.items()}
    return shapes if len(shapes) > 1 else next(iter(shapes.values()))


def _compare(
    check: str,
    target: str,
    shapes: Shapes,
    args: list[str] | None,
    format: o.Written,
    output: str | None,
) -> None:
    """Say whether a spec describes a network; if not, show how the network's own spec differs."""
    from ..convert.importing import checked, imported
    from ..language.load import from_text, load
    from ..render.formats.lines import Lines
    from .diff import show_changes

    committed = load(check)
    source = _source(target, shapes or _inputs_of(committed), args)
    problems = checked(committed, source)
    if not problems and format is o.Written.yaml:
        put(Lines.of(f"{committed.file} describes {source.name}"), output)
        return
    found = imported(source)
    new = from_text(found.text, f"{source.name}.cnn.yaml")
    written = "json" if format is o.Written.json else "table"
    show_changes(committed, new, (committed.file, source.name), written, output)
    finish(problems, {committed.file: committed.text})
