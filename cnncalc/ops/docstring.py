"""What the docstrings of the operators say, as data.

The first paragraph is the operator's summary, further ones are details. Then come the sections
`Fields:`, with a line for each field of the class, which its subclasses inherit, `Source:`, and
`Example:`, a layer and the shape of its input.
"""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import NamedTuple

from .base import Op

_SECTION = re.compile(r"^(Fields|Source|Example):", re.M)
_FIELD = re.compile(r"^    (\w+): ", re.M)
_EXAMPLE = re.compile(r"`(.+)` on ([\d×]+)\Z")
_TORCH = re.compile(r"torch\.((?:\w+\.)*\w+?)((?:\dd)?(?:/\dd)*)(?!\w)")


class Example(NamedTuple):
    """A layer as it is written in a spec, and the shape of its input."""

    layer: str
    input: tuple[int, ...]


class Docstring(NamedTuple):
    """The parts of an operator's docstring, and those of its fields by their names."""

    summary: str
    details: tuple[str, ...]
    fields: dict[str, str]
    source: str | None
    example: Example | None

    @property
    def torch_names(self) -> tuple[str, ...]:
        """What the operator is in torch, such as ``torch.nn.ReLU``."""
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
    """
    paragraphs, sections = _parts(op)
    fields: dict[str, str] = {}
    for cls in reversed(op.__mro__):
        fields |= _fields(_parts(cls)[1].get("Fields", ""))
    example = _EXAMPLE.match(_on_one_line(sections.get("Example", "")))
    return Docstring(
        summary=paragraphs[0],
        details=tuple(paragraphs[1:]),
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
