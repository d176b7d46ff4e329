"""The index of bundled files: where they are, and the names of the networks in them."""

from __future__ import annotations

from pathlib import Path

from .diagnostic import Diagnostic, Mistake, misspelled


def folder() -> Path:
    """Where the bundled specs are: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "specs"
    return inside if inside.is_dir() else package.parent / "specs"


def files() -> list[Path]:
    """The bundled files, in order of name."""
    return sorted(folder().glob("*.yaml"))


def stems() -> list[str]:
    """The names of the bundled files, without `.yaml`."""
    return [path.stem for path in files()]


def bundled(name: str) -> tuple[Path, str | None]:
    """Find a bundled network by a file's stem or a variant's name: its file, and its variant.

    Errors: a Mistake with the nearest name for one that is not bundled.
    """
    for path in files():
        if path.stem == name:
            return path, None
    known: list[str] = []
    for path in files():
        variants = _variant_names(path)
        if name in variants:
            return path, name
        known += [path.stem, *variants]
    fault = Diagnostic("CNN111", f"no file and no bundled network is called `{name}`")
    raise Mistake(misspelled(fault, name, known, "`cnncalc zoo` lists what is bundled"))


def _variant_names(path: Path) -> list[str]:
    """The names under `variants:`, without parsing YAML: our files indent these keys by two."""
    lines = path.read_text("utf-8").splitlines()
    if "variants:" not in lines:
        return []
    names: list[str] = []
    for line in lines[lines.index("variants:") + 1 :]:
        if line and not line[0].isspace() and not line.startswith("#"):
            break
        if line.startswith("  ") and line[2:3] not in (" ", "#", ""):
            names.append(line.strip().partition(":")[0])
    return names


def shorten(path: Path) -> str:
    """The path of a bundled file for messages: relative where it is below the current folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
