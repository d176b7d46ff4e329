"""Finds the files to check: those that are named, and the specs in folders that are named."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from ..diagnostic import Diagnostic, Mistake
from ..language.load import OWN_NAMES, is_file
from ..language.yaml_tree import MAX_BYTES
from ..text_file import read_start, reason
from ..zoo import bundled, shorten

_YAML = (".yaml", ".yml")
# `cnncalc: 1` at the top level, even of a file that cannot be parsed
_KEY = re.compile(r"^(?:\{\s*)?['\"]?cnncalc['\"]?\s*:", re.M)
_SKIPPED_FOLDERS = {"node_modules", "__pycache__", "site-packages"}

Target = tuple[str, str | None]  # a path, and a variant if only that one is checked


def find_specs(
    paths: list[str], exclude: tuple[str, ...] = (), root: str = ".", only_specs: bool = False
) -> Iterator[Target]:
    """Yield every spec at or below the paths, each once, in order.

    Paths may also be `path#variant` or bundled names. A named file counts as a spec whatever it
    holds, unless `only_specs`. The patterns to exclude match paths relative to the root.

    Errors: CNN002 for a path that does not exist, CNN111 for an unknown bundled name.
    """
    seen: set[Target] = set()

    def is_excluded(path: str) -> bool:
        return excluded(relative_path(path, root), exclude)

    for path in paths:
        for file, variant in _below(path, is_excluded):
            same = (file if file == "-" else os.path.realpath(file), variant)
            if same in seen:
                continue
            is_named_file = file == path != "-"
            if only_specs and is_named_file and (is_excluded(path) or not _is_spec(path)):
                continue
            seen.add(same)
            yield file, variant


def some_specs(paths: list[str], exclude: tuple[str, ...] = (), root: str = ".") -> list[Target]:
    """Return every spec at or below the paths.

    Errors: CNN002 if there are none, and those of `find_specs`.
    """
    found = list(find_specs(paths, exclude, root))
    if not found:
        raise Mistake(
            Diagnostic(
                "CNN002",
                f"no specs in {', '.join(paths)}",
                help="a spec is a *.cnn.yaml file, or YAML with a top-level key `cnncalc`",
            )
        )
    return found


def _below(path: str, is_excluded: Callable[[str], bool]) -> Iterator[Target]:
    """Yield the specs that one argument names."""
    if not path:
        raise Mistake(Diagnostic("CNN111", "PATH is empty", help="name a file or a folder"))
    if path == "-" or is_file(Path(path)):
        yield path, None
    elif os.path.isdir(path):
        for file in _specs_in(path, is_excluded):
            yield file, None
    else:
        name, _, variant = path.partition("#")
        if is_file(Path(name)):
            yield name, variant or None
        elif Path(name).suffix in _YAML or "/" in name:
            raise Mistake(_not_there(path))
        else:
            bundled_file, member = bundled(name)
            yield shorten(bundled_file), variant or member


def _not_there(path: str) -> Diagnostic:
    """Say why there is nothing to read at a path."""
    try:
        os.stat(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        return Diagnostic("CNN002", f"cannot read {path}: {reason(error)}")
    return Diagnostic("CNN002", f"{path} does not exist")


def _specs_in(folder: str, is_excluded: Callable[[str], bool]) -> Iterator[str]:
    """Yield the specs in a folder and its subfolders, and the subfolders that cannot be read."""
    closed: list[str] = []

    def unreadable(error: OSError) -> None:
        closed.append(os.path.normpath(error.filename))

    for place, folders, names in os.walk(folder, onerror=unreadable):
        yield from closed
        closed.clear()
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _SKIPPED_FOLDERS
            and not is_excluded(os.path.join(place, name))
        )
        for name in sorted(names):
            path = os.path.normpath(os.path.join(place, name))
            if not name.endswith(_YAML) or not os.path.isfile(path) or is_excluded(path):
                continue
            if _is_spec(path):
                yield path
    yield from closed


def _is_spec(path: str) -> bool:
    """Return whether a file is a spec.

    A file that cannot be read counts as one, so that the check reports it.
    """
    if path.endswith(OWN_NAMES):
        return True
    try:
        start = read_start(path, MAX_BYTES)
    except OSError:
        return True
    return is_spec(path, start.decode("utf-8-sig", "replace"))


def is_spec(path: str, text: str) -> bool:
    """Return whether a text is a spec: by its name, `*.cnn.yaml`, or its top-level key `cnncalc`.

    >>> is_spec("net.cnn.yaml", ""), is_spec("a.yaml", "cnncalc: 1"), is_spec("a.yaml", "jobs:")
    (True, True, False)
    """
    return path.endswith(OWN_NAMES) or _KEY.search(text) is not None


def relative_path(file: str, folder: str) -> str:
    """Return a path relative to a folder, with `/`."""
    return file if file == "<stdin>" else Path(os.path.relpath(file, folder)).as_posix()


def excluded(path: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a path, or a folder around it, matches a pattern: `drafts`, `*/old/*`."""
    return any(
        fnmatch(path, pattern)
        or fnmatch(path, pattern.rstrip("/") + "/*")
        or fnmatch(Path(path).name, pattern)
        for pattern in patterns
    )
