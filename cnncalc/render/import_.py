"""Writes a spec that was made of someone's network, with what was found, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..diagnostic import Diagnostic
from .formats.json import Json, diagnostic_data, document

if TYPE_CHECKING:
    from ..convert.importing import ImportedSpec


def json(found: ImportedSpec, problems: Sequence[Diagnostic]) -> Json:
    """Write the text of the spec, its size, and the parts that are only declared."""
    return document(
        {
            "name": found.name,
            "spec": found.text,
            "lines": found.lines,
            "layers": found.layers,
            "opaque": [
                {"path": part.path, "what": part.what, "module": part.module, "source": part.source}
                for part in found.declared
            ],
            "verified": found.verified,
            "diagnostics": [diagnostic_data(d) for d in problems],
        }
    )
