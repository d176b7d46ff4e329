"""Recognizes Python code where a spec is expected."""

from __future__ import annotations

import re

from ..diagnostic import Diagnostic, Position

_BEGINNING = 4000  # characters that are searched
_CODE = re.compile(
    r"^(?:import [\w.]+(?: as \w+)?|from [\w.]+ import .*|(?:class|def) \w+(?:\(.*)?:?"
    r"|\w+ = (?:\w+\.)+\w+\(.*)\s*$",
    re.MULTILINE,
)


def python_code(text: str, file: str) -> Diagnostic | None:
    """Return an error if a text is Python code, such as the definition of a module of torch."""
    found = _CODE.search(text[:_BEGINNING])
    if found is None:
        return None
    line = text.count("\n", 0, found.start()) + 1
    return Diagnostic(
        "CNN006",
        "this is Python, not a spec",
        Position(file, line, 1, len(found[0].rstrip())),
        help="write the network as a spec: `cnncalc init net` writes an example, and"
        " `cnncalc verify net.cnn.yaml --module model.py:Net` compares a module with it",
    )
