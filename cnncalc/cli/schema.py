"""The command schema: the JSON Schema of the language."""

from __future__ import annotations

from . import options as o
from .output import put


def schema(output: o.Output = None) -> None:
    """Print the JSON Schema of the language, with which editors complete and explain specs.

    Examples:
        On the screen:
        cnncalc schema
        Into the file that `init` writes beside a spec:
        cnncalc schema -o cnncalc.schema.json
    """
    from ..analysis.figures import known_figures
    from ..language.schema import json_schema
    from ..render.formats.json import Json

    put(Json(json_schema(known_figures())), output)
