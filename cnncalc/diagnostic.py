"""Diagnostics: what a user's mistake is made of, and the catalogue of their codes.

0xx YAML and files, 1xx the language and names, 2xx shapes, 3xx budgets, expectations and published
figures, 4xx torch: building, verifying, profiling, 9xx our own faults.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]


class Position(NamedTuple):
    """A place in a file: 1-based line and column, and how many characters it spans."""

    file: str
    line: int
    column: int
    length: int = 1


class Diagnostic(NamedTuple):
    """One finding: a code of the catalogue, what is wrong, where, and what to do about it."""

    code: str
    message: str
    position: Position | None = None
    help: str | None = None
    equation: str | None = None
    context: tuple[str, ...] = ()
    severity: Severity = "error"

    def at(self, position: Position | None, *context: str) -> Diagnostic:
        """The same finding at a place, in the blocks named by `context`."""
        return self._replace(position=self.position or position, context=self.context or context)

    def __str__(self) -> str:
        where = f"{self.position.file}:{self.position.line}:{self.position.column}: " if self.position else ""
        return f"{where}{self.severity}[{self.code}]: {self.message}"


class Mistake(Exception):
    """Carries a user's mistake from where it is found to the door, where it becomes data again."""

    def __init__(self, *diagnostics: Diagnostic):
        super().__init__(*diagnostics)
        self.diagnostics = diagnostics
        self.sources: dict[str, str] = {}  # texts of the files they speak of, where known

    def __str__(self) -> str:
        return "\n".join(f"{d}; {d.help}" if d.help else str(d) for d in self.diagnostics)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """``did you mean …?`` for a misspelled word, or None."""
    from difflib import get_close_matches  # only on the way to an error

    if len(word) > 60:
        return None
    known = list(known)
    found = get_close_matches(word, known, 1, 0.6) or [k for k in known if k.lower() == word.lower()]
    if not found and len(word) > 2:
        found = [k for k in known if k.startswith(word.lower()) or word.lower().startswith(k)]
    return f"did you mean `{found[0]}`?" if found else None


CATALOGUE = {
    "CNN001": "the file is not valid YAML",
    "CNN002": "the file cannot be read: missing, a directory, or not UTF-8",
    "CNN003": "a key stands twice in one mapping",
    "CNN004": "a limit of the language is passed: size, depth, nodes, digits, layers",
    "CNN005": "YAML that specs do not use: tags, merge keys, several documents",
    "CNN006": "the file is empty or is not a mapping",
    "CNN007": "an expression with commas or brackets must be quoted inside {…} or […]",
    "CNN101": "unknown key",
    "CNN102": "a required key or parameter is missing",
    "CNN103": "a value is not what its key takes",
    "CNN104": "unknown operator or block",
    "CNN105": "unknown layer name",
    "CNN106": "unknown name in an expression",
    "CNN107": "an expression is not valid, or goes past its limits",
    "CNN108": "a name is illegal or taken",
    "CNN109": "a block contains itself",
    "CNN110": "a block or parameter is never used",
    "CNN111": "unknown variant, bundled network or option value",
    "CNN112": "layers that share weights differ",
    "CNN201": "the input has the wrong number of axes for this operator",
    "CNN204": "a window does not fit in its input",
    "CNN205": "channels do not divide",
    "CNN206": "the branches of a join differ in shape",
    "CNN207": "a padding or size is outside what the operator allows",
    "CNN208": "the values do not fill the shape asked for",
    "CNN209": "receptive fields of different strides meet",
    "CNN301": "a layer's shape is not the expected one",
    "CNN302": "a budget is exceeded, or a least figure missed",
    "CNN303": "a published figure differs and carries no erratum",
    "CNN304": "an erratum stands beside a figure that agrees",
    "CNN305": "expected shapes are not checked under another input or other parameters",
    "CNN401": "torch or fvcore is not installed",
    "CNN402": "the device or type of number is not to be had here",
    "CNN403": "a module of your own cannot be loaded",
    "CNN404": "a network cannot be run",
    "CNN405": "a module differs from its spec",
    "CNN406": "a measured figure is not the predicted one",
    "CNN407": "the device's memory is too small",
    "CNN901": "an internal fault of cnncalc",
}
