"""Find the bundled files and the names of the networks in them."""

from __future__ import annotations

from pathlib import Path

from .diagnostic import Diagnostic, Mistake, misspelled


def folder() -> Path:
    """Return the folder of the bundled specs: in the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "specs"
    return inside if inside.is_dir() else package.parent / "specs"


def files() -> list[Path]:
    """Return the bundled files, sorted by name."""
    return sorted(folder().glob("*.yaml"))


def stems() -> list[str]:
    """Return the names of the bundled files, without `.yaml`."""
    return [path.stem for path in files()]


def is_bundled(name: str) -> bool:
    """Return whether a bundled file (without `.yaml`) or a variant has this name."""
    return any(name == path.stem or name in _variant_names(path) for path in files())


def bundled(name: str) -> tuple[Path, str | None]:
    """Return the file and the variant of a bundled network, named by file (no `.yaml`) or variant.

    Errors: a Mistake for an unknown name; it names the most similar one.
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
    fault = Diagnostic("CNN111", f"no file or bundled network is called `{name}`")
    raise Mistake(misspelled(fault, name, known, "`cnncalc zoo` lists what is bundled"))


def _variant_names(path: Path) -> list[str]:
    """Return the names under `variants:` without parsing YAML: our files indent them by two."""
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
    """Return a path for messages: relative if it is below the current folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
