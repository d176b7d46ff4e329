"""Loads a Spec from a path, a bundled name or a text."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from ..diagnostic import Diagnostic, Mistake, Position, misspelled, nearest
from ..text_file import read_start, reason
from ..zoo import bundled, files, shorten, stems
from .model import Document
from .spec import Spec
from .validation import shown, validate
from .yaml_tree import MAX_BYTES, Marks, parse, too_large

OWN_NAMES = (".cnn.yaml", ".cnn.yml")  # how the names of files end that are specs
_TEXT = re.compile(r"\n|:\s|^\s*\{")  # only a spec in a text has them, and no path or name
_NEEDED = {"input", "layers", "params", "variants", "blocks"}  # what the layers depend on


def load(target: str | Path) -> Spec:
    """Read a spec from a file, a bundled network or standard input.

    Accepts:
        target: a path, ``path#variant``, the name of a bundled network such as ``vgg16``, or
            ``-`` for standard input.

    Returns:
        A Spec. Its `variant` is the one that the target names, if it names one.

    Errors:
        A Mistake with CNN002 for a file that cannot be read, CNN111 for an unknown name, and
        CNN0xx or CNN1xx for a text that is not a spec.

    Example:
        >>> import cnncalc
        >>> spec = cnncalc.load("resnet50")
        >>> spec.file, spec.variant, spec.variants[:3]
        ('specs/resnet.yaml', 'resnet50', ('resnet18', 'resnet34', 'resnet50'))
    """
    name, variant = str(target), ""
    if not is_file(Path(name)):
        name, _, variant = name.partition("#")
    if not name:
        help = "name a file or a bundled network"
        raise Mistake(Diagnostic("CNN111", "SPEC is empty", help=help))
    if name == "-":
        return from_text(from_input(), "<stdin>", variant or None)
    path = Path(name)
    if is_file(path) or os.path.isdir(path) or path.suffix in (".yaml", ".yml") or "/" in name:
        return from_text(read(path), name, variant or None)
    path, member = bundled(name)
    return bundled_spec(path, variant or member)


def spec_of(target: Any) -> Spec:
    """Return a spec as it is; read one from a text, and from what `load` accepts.

    A text has several lines or a key; anything else is a path or a name.

    Errors: a Mistake as of `load` and `from_text`; with CNN111 for anything else.
    """
    if isinstance(target, Spec):
        return target
    if isinstance(target, str) and _TEXT.search(target):
        return from_text(target)
    if isinstance(target, (str, os.PathLike)):
        return load(str(target))
    message = f"a network is a spec, a path, a name or a text, not {shown(target)}"
    raise Mistake(Diagnostic("CNN111", message))


def bundled_specs() -> list[tuple[str, Spec]]:
    """Read every bundled file; return the stem and the spec of each."""
    return [(path.stem, bundled_spec(path)) for path in files()]


def bundled_spec(path: Path, variant: str | None = None) -> Spec:
    """Read a bundled file."""
    return from_text(read(path), shorten(path), variant)


def from_text(text: str, file: str = "<text>", variant: str | None = None) -> Spec:
    """Read a spec from a text.

    Accepts:
        text: the YAML of a spec.
        file: what messages call the text.
        variant: the variant that is meant where no other is given.

    Returns:
        A Spec. Its `diagnostics` hold mistakes that the rest of the spec does not depend on.

    Errors:
        A Mistake with CNN0xx or CNN1xx for a text that is not a spec.

    Example:
        >>> import cnncalc
        >>> spec = cnncalc.loads("input: [3, 8, 8]\\nlayers: [maxpool: 2]")
        >>> cnncalc.analyze(spec).outputs
        {'maxpool1': (3, 4, 4)}
    """
    if not isinstance(text, str):
        message = f"a spec is a text, not {type(text).__name__}; `load` reads a file"
        raise Mistake(Diagnostic("CNN111", message))
    try:
        twice: list[Diagnostic] = []
        data, marks = parse(text, file, twice)
        try:
            document, found = _document(data, marks, file)
        except Mistake as mistake:
            mistake.diagnostics = (*twice, *mistake.diagnostics)
            raise
        return Spec(file, text, document, marks, variant, [*twice, *found])
    except Mistake as mistake:
        from .python_code import python_code  # only on the way to an error

        code = python_code(text, file)
        fault = Mistake(code) if code else mistake
        fault.sources[file] = text
        raise fault from None


def _document(data: Any, marks: Marks, file: str) -> tuple[Document, list[Diagnostic]]:
    """Check a document. Report and leave out wrong parts that the layers do not depend on."""
    if not isinstance(data, dict):
        message = "a spec is a mapping with `input` and `layers`"
        place = marks.position(file)
        raise Mistake(
            Diagnostic(
                "CNN006", message, place, help="start with `input: [3, 224, 224]` and `layers:`"
            )
        )
    try:
        return validate(Document, data, marks, file, "a spec"), []
    except Mistake as mistake:
        misspelled_parts = mistake.parts - Document.model_fields.keys()
        meant = {nearest(part, _NEEDED)[0] for part in misspelled_parts}
        if (mistake.parts | meant) & _NEEDED:
            raise
        rest = {key: value for key, value in data.items() if key not in mistake.parts}
        return validate(Document, rest, marks, file, "a spec"), list(mistake.diagnostics)


def is_file(path: Path) -> bool:
    """Return whether a path exists and is not a directory."""
    return os.path.exists(path) and not os.path.isdir(path)


def from_input() -> str:
    """Read the text on standard input."""
    if sys.stdin is None:
        raise Mistake(Diagnostic("CNN002", "standard input is closed"))
    try:
        return read_bytes("<stdin>", sys.stdin.buffer.read(MAX_BYTES + 1))
    except OSError as error:  # such as for a directory
        raise Mistake(Diagnostic("CNN002", f"cannot read <stdin>: {reason(error)}")) from None


def read(path: Path) -> str:
    """Read the text of a file.

    Errors: a Mistake with CNN002 if that fails.
    """
    try:
        return read_bytes(str(path), read_start(path, MAX_BYTES))
    except IsADirectoryError:
        fault = Diagnostic("CNN002", f"{path} is a directory", help="name a file in it")
        raise Mistake(fault) from None
    except FileNotFoundError as error:
        fault = Diagnostic("CNN002", f"cannot read {path}: {reason(error)}")
        bundled = [] if path.name.endswith(OWN_NAMES) else stems()
        raise Mistake(misspelled(fault, path.stem, bundled)) from None
    except OSError as error:
        raise Mistake(Diagnostic("CNN002", f"cannot read {path}: {reason(error)}")) from None


def read_bytes(file: str, data: bytes) -> str:
    """Decode the content of a file; `data` has at most MAX_BYTES + 1 bytes of it.

    Errors: a Mistake with CNN002 at the first byte that is not UTF-8; CNN004 for too many bytes.
    """
    if len(data) > MAX_BYTES:
        raise Mistake(too_large(file))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        before = data[data.rfind(b"\n", 0, error.start) + 1 : error.start]
        place = Position(file, line, len(before.decode("utf-8", "replace")) + 1)
        message = f"byte {error.start} is not UTF-8"
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            message = "the file is UTF-16"
        raise Mistake(Diagnostic("CNN002", message, place, help="save the file as UTF-8")) from None
