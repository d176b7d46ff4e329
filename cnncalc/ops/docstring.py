"""What the docstrings of the operators say, as data.

The first paragraph is the summary of the operator: one sentence that starts with a verb. Further
paragraphs are details. Then come these sections:

- `Shapes:` those of the input and the output, without the batch
- `Rule:` the formula of the sizes, or of a value y of the output
- `Parameters:` their number, where the operator has any
- `Cost:` the operations for one image at inference
- `Fields:` a line for each field of the class
- `Source:` a paper, or the function of torch where torch.nn has no such class
- `Example:` a layer and the shape of its input

A class inherits the lines of `Fields:`, and the sections `Shapes:`, `Rule:`, `Parameters:` and
`Cost:` that it does not have, from its bases.
"""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import NamedTuple

from .base import Op

_SECTION = re.compile(r"^(Shapes|Rule|Parameters|Cost|Fields|Source|Example):", re.M)
_FIELD = re.compile(r"^    (\w+): ", re.M)
_EXAMPLE = re.compile(r"`(.+)` on ([\d×]+)\Z")
_SYMBOLS = {  # of formulas, by a pattern that finds them
    r"\bC\b": "C: number of channels of the input",
    "C₁": "C₁, C₂: number of channels of each branch",
    r"\bF\b": "F: number of values of the vector",
    r"\bH\b": "H and W: height and width of the input",
    r"\bn\b": "n: size of a spatial axis of the input, such as height or width",
    r"\bn'": "n': size of the same axis in the output",
    r"ˣ|\bx[ᵢ₁]?(?!\w)": "x: a value of the input",
    r"\byⱼ?(?!\w)": "y: a value of the output",
    "∏": "∏: product over the spatial axes",
    "Σ": "Σ: sum",
    "⌊": "⌊…⌋: rounded down",
    "⌈": "⌈…⌉: rounded up",
}
_TORCH = re.compile(r"torch\.((?:\w+\.)*\w+?)((?:\dd)?(?:/\dd)*)(?!\w)")


class Example(NamedTuple):
    """A layer as it is written in a spec, and the shape of its input."""

    layer: str
    input: tuple[int, ...]


class Docstring(NamedTuple):
    """The parts of an operator's docstring; what it says of its fields by their names."""

    summary: str
    details: tuple[str, ...]
    shapes: str | None
    rule: str | None
    parameters: str | None
    cost: str | None
    fields: dict[str, str]
    source: str | None
    example: Example | None

    @property
    def symbols(self) -> tuple[str, ...]:
        """Return what the symbols in its formulas mean."""
        formulas = " ".join(filter(None, (self.shapes, self.rule, self.parameters, self.cost)))
        return tuple(text for sign, text in _SYMBOLS.items() if re.search(sign, formulas))

    @property
    def torch_names(self) -> tuple[str, ...]:
        """Return the names of the operator in torch, such as ``torch.nn.ReLU``."""
        names: list[str] = []
        for text in (self.summary, self.source or ""):
            for name, axes in _TORCH.findall(text):
                names += (f"torch.{name}{one}" for one in axes.split("/"))
        return tuple(dict.fromkeys(names))


def docstring(op: type[Op]) -> Docstring:
    """Return what an operator's docstring says.

    >>> from cnncalc.ops import BY_KEY
    >>> found = docstring(BY_KEY["avgpool"])
    >>> found.fields["kernel"], found.torch_names[1], found.example
    ('size of the window', 'torch.nn.AvgPool2d', Example(layer='avgpool: 2', input=(64, 56, 56)))
    >>> found.shapes, found.cost
    ("(C, *n) -> (C, *n')", '∏kernel − 1 additions and 1 division per output value')
    """
    paragraphs, sections = _parts(op)
    fields: dict[str, str] = {}
    inherited: dict[str, str] = {}
    for cls in reversed(op.__mro__):
        found = _parts(cls)[1]
        fields |= _fields(found.get("Fields", ""))
        inherited |= {name: _on_one_line(text) for name, text in found.items()}
    example = _EXAMPLE.match(_on_one_line(sections.get("Example", "")))
    return Docstring(
        summary=paragraphs[0],
        details=tuple(paragraphs[1:]),
        shapes=inherited.get("Shapes"),
        rule=inherited.get("Rule"),
        parameters=inherited.get("Parameters"),
        cost=inherited.get("Cost"),
        fields=fields,
        source=_on_one_line(sections.get("Source", "")) or None,
        example=example and Example(example[1], tuple(map(int, example[2].split("×")))),
    )


def _parts(cls: type) -> tuple[list[str], dict[str, str]]:
    """Split the docstring of a class, and not of its bases, into paragraphs and sections."""
    head, *rest = _SECTION.split(cleandoc(vars(cls).get("__doc__") or ""))
    paragraphs = [_on_one_line(paragraph) for paragraph in head.strip().split("\n\n")]
    return paragraphs, dict(zip(rest[::2], rest[1::2]))


def _fields(section: str) -> dict[str, str]:
    _, *rest = _FIELD.split(section)
    return {name: _on_one_line(text) for name, text in zip(rest[::2], rest[1::2])}


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
