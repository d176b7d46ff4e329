"""The document, which is what a renderer returns: it writes itself in its format.

Only the documents of this package turn texts into output. Each escapes text that others wrote, such
as names in a spec, in the way that its format needs. So renderers pass texts on unchanged.
"""

from __future__ import annotations

from typing import Protocol


class Document(Protocol):
    """Something to write to a screen or a file."""

    def written(self, colour: bool = False) -> str:
        """Return the text of the document, without the end of its last line."""
