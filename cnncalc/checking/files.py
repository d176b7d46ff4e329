"""Which files are checked: those that are named, and the specs in folders that are."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from ..diagnostic import Diagnostic, Mistake
from ..language.load import bundled, is_file, read, shorten

OWN_NAME = (".cnn.yaml", ".cnn.yml")
YAML = (".yaml", ".yml")
_KEY = re.compile(
    r"^(?:\{\s*)?['\"]?cnncalc['\"]?\s*:", re.M
)  # `cnncalc: 1` at the top level, even of a file that does not parse
PASSED_OVER = {"node_modules", "__pycache__", "site-packages"}


def found(
    paths: list[str], exclude: tuple[str, ...] = (), root: str = ".", only_specs: bool = False
) -> Iterator[tuple[str, str | None]]:
    """(path, variant) of every spec below the paths, each once, in order: `path#variant` and bundled names too.

    A file that is named counts as a spec whatever it holds, unless `only_specs`. Patterns to exclude are of paths from the root.
    Errors: CNN002 for a path that does not exist, CNN111 for a name that is not bundled either.
    """
    seen: set[tuple[str, str | None]] = set()
    left_out = lambda path: excluded(relative(path, root), exclude)  # noqa: E731
    for path in paths:
        for one in _below(path, left_out):
            passed_over = (
                only_specs
                and one[0] == path != "-"
                and (left_out(path) or not (path.endswith(OWN_NAME) or is_spec(path)))
            )
            same = (os.path.realpath(one[0]) if one[0] != "-" else "-", one[1])
            if same not in seen and not passed_over:
                seen.add(same)
                yield one


def _below(path: str, left_out: Callable[[str], bool]) -> Iterator[tuple[str, str | None]]:
    """The specs that one argument names."""
    if not path:
        raise Mistake(Diagnostic("CNN111", "PATH is empty", help="name a file or a folder"))
    if path == "-" or is_file(Path(path)):
        yield path, None
    elif Path(path).is_dir():
        yield from ((name, None) for name in specs_in(path, left_out))
    else:
        name, _, variant = path.partition("#")
        if is_file(Path(name)):
            yield name, variant or None
        elif Path(name).suffix in YAML or "/" in name:
            raise Mistake(Diagnostic("CNN002", f"{path} does not exist"))
        else:
            file, member = bundled(name)
            yield shorten(file), variant or member


def specs_in(folder: str, left_out: Callable[[str], bool]) -> Iterator[str]:
    """The specs of a folder and those below it: `*.cnn.yaml`, and YAML with a top-level key `cnncalc`."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in PASSED_OVER
            and not left_out(os.path.join(place, name))
        )
        for name in sorted(names):
            path = os.path.normpath(os.path.join(place, name))
            if (
                name.endswith(YAML)
                and os.path.isfile(path)
                and not left_out(path)
                and (name.endswith(OWN_NAME) or is_spec(path))
            ):
                yield path


def relative(file: str, folder: str) -> str:
    """A path as seen from a folder, with `/`."""
    return file if file == "<stdin>" else Path(os.path.relpath(file, folder)).as_posix()


def excluded(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a path, or a folder it is in, matches a pattern such as `drafts` or `*/old/*`."""
    return any(
        fnmatch(path, pattern)
        or fnmatch(path, pattern.rstrip("/") + "/*")
        or fnmatch(Path(path).name, pattern)
        for pattern in patterns
    )


def is_spec(path: str) -> bool:
    """Whether a file calls itself a spec; one that is not text is none."""
    try:
        return _KEY.search(read(Path(path))) is not None
    except Mistake:
        return False
