"""Writes a drawing as a Mermaid flowchart, which GitHub and GitLab show in Markdown."""

from __future__ import annotations

import json
import re

from ...foreign import visible
from .boxes import Box, Drawing


def mermaid(drawing: Drawing) -> str:
    """Return the flowchart.

    Texts are in quotes. What Mermaid or HTML reads as markup is written as a number of Unicode,
    `#35;` for example, which Mermaid shows as its character.
    """
    lines = ["---", f"title: {json.dumps(visible(drawing.title), ensure_ascii=False)}", "---"]
    lines.append("flowchart TB")
    lines += [f"  n{n}{_shaped(box)}" for n, box in enumerate(drawing.boxes)]
    for source, target, shape in drawing.arrows:
        lines.append(f'  n{source} -->|"{escaped(shape)}"| n{target}')
    return "\n".join(lines)


def _shaped(box: Box) -> str:
    text = "<br>".join(escaped(part) for part in (box.name, box.about) if part)
    return f'(["{text}"])' if box.is_end else f'["{text}"]'


def escaped(text: str) -> str:
    """Return a text as Mermaid shows it.

    >>> escaped('a "b" #1')
    'a #34;b#34; #35;1'
    """
    return re.sub(r"[^\w\s.,:×→()+-]", lambda match: f"#{ord(match[0])};", visible(text))
