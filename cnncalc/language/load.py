"""From a path, a bundled name or text to a Spec."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ..diagnostic import Diagnostic, Mistake, Position, misspelled
from .model import Document
from .spec import Spec
from .validation import validate
from .yaml_tree import MAX_BYTES, Marks, parse


def load(target: str | Path) -> Spec:
    """The spec that SPEC names, with its variant if it names one: a path, `path#variant`, a bundled name, or `-` for standard input.

    Errors: a Mistake with CNN002 where there is no such file, CNN0xx and CNN1xx where it is no spec.
    """
    name, _, variant = (
        str(target).partition("#") if not is_file(Path(str(target))) else (str(target), "", "")
    )
    if not name:
        raise Mistake(
            Diagnostic("CNN111", "SPEC is empty", help="name a file or a bundled network")
        )
    if name == "-":
        return from_text(from_input(), "<stdin>", variant or None)
    path = Path(name)
    if is_file(path) or path.is_dir() or path.suffix in (".yaml", ".yml") or "/" in name:
        return from_text(read(path), name, variant or None)
    path, bundled_variant = bundled(name)
    return from_text(read(path), shorten(path), variant or bundled_variant)


def from_input() -> str:
    """The text on standard input."""
    if sys.stdin is None:
        raise Mistake(Diagnostic("CNN002", "standard input is closed"))
    return read_bytes("<stdin>", sys.stdin.buffer.read(MAX_BYTES + 1))


def is_file(path: Path) -> bool:
    """Whether there is something to read; a name too long for the system is none."""
    try:
        return path.exists() and not path.is_dir()
    except OSError:
        return False


def read(path: Path) -> str:
    """The text of a file."""
    try:
        with path.open("rb") as file:
            return read_bytes(str(path), file.read(MAX_BYTES + 1))
    except IsADirectoryError:
        raise Mistake(
            Diagnostic("CNN002", f"{path} is a directory", help="name a file in it")
        ) from None
    except OSError as error:
        raise Mistake(
            misspelled(
                Diagnostic("CNN002", f"cannot read {path}: {error.strerror or error}"),
                path.stem,
                stems(),
            )
        ) from None


def read_bytes(file: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = (
            len(
                data[data.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8", "replace")
            )
            + 1
        )
        kind = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "not UTF-8"
        raise Mistake(
            Diagnostic(
                "CNN002",
                f"the file is {kind}" if kind == "UTF-16" else f"byte {error.start} is not UTF-8",
                Position(file, line, column),
                help="save the file as UTF-8",
            )
        ) from None


def from_text(text: str, file: str = "<text>", variant: str | None = None) -> Spec:
    """The spec written in a text."""
    try:
        twice: list[Diagnostic] = []
        data, marks = parse(text, file, twice)
        try:
            document, found = document_of(data, marks, file)
        except Mistake as mistake:
            mistake.diagnostics = (*twice, *mistake.diagnostics)
            raise
        return Spec(file, text, document, marks, variant, [*twice, *found])
    except Mistake as mistake:
        mistake.sources[file] = text
        raise


def document_of(data: Any, marks: Marks, file: str) -> tuple[Document, list[Diagnostic]]:
    """The checked document, and what is wrong with parts of it that the layers do not depend on, which are left out."""
    if not isinstance(data, dict):
        raise Mistake(
            Diagnostic(
                "CNN006",
                "a spec is a mapping with `input` and `layers`",
                marks.position(file),
                help="input: [3, 224, 224]",
            )
        )
    try:
        return validate(Document, data, marks, file, "a spec"), []
    except Mistake as mistake:
        if mistake.parts & NEEDED:
            raise
        return validate(
            Document,
            {key: value for key, value in data.items() if key not in mistake.parts},
            marks,
            file,
            "a spec",
        ), list(mistake.diagnostics)


NEEDED = {"input", "layers", "params", "variants", "blocks"}  # what the layers depend on


def folder() -> Path:
    """Where the bundled specs are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "specs"
    return inside if inside.is_dir() else package.parent / "specs"


def files() -> list[Path]:
    """The bundled files, in order of name."""
    return sorted(folder().glob("*.yaml"))


def stems() -> list[str]:
    return [path.stem for path in files()]


def bundled(name: str) -> tuple[Path, str | None]:
    """The file of a bundled network, and its variant: a file's stem, or the name of a variant in one of them."""
    known = []
    for path in files():
        if path.stem == name:
            return path, None
    for path in files():
        variants = variant_names(path)
        if name in variants:
            return path, name
        known += [path.stem, *variants]
    raise Mistake(
        misspelled(
            Diagnostic("CNN111", f"no file and no bundled network is called `{name}`"),
            name,
            known,
            "`cnncalc zoo` lists what is bundled",
        )
    )


def variant_names(path: Path) -> list[str]:
    """Names under `variants:`, read without parsing the file: keys indented by two in a file of ours."""
    lines = path.read_text("utf-8").splitlines()
    if "variants:" not in lines:
        return []
    names = []
    for line in lines[lines.index("variants:") + 1 :]:
        if line and not line[0].isspace() and not line.startswith("#"):
            break
        if line.startswith("  ") and line[2:3] not in (" ", "#", ""):
            names.append(line.strip().partition(":")[0])
    return names


def shorten(path: Path) -> str:
    """A bundled file as messages show it: below the current folder if it is there."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
