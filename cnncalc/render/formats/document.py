"""What a renderer returns: a document, which writes itself in its format.

The documents of this package are the only place where a text becomes a part of an output. Each
shows text that others wrote, such as names in a spec, as its format needs: a renderer gives the
text as it is.
"""

from __future__ import annotations

from typing import Protocol


class Document(Protocol):
    """Something to write to a screen or a file."""

    def written(self, colour: bool = False) -> str:
        """Return the text of the document, without the end of its last line."""
