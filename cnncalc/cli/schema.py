"""The command schema: prints the JSON Schema of the language."""

from __future__ import annotations

from . import options as o
from .output import put


def schema(output: o.Output = None) -> None:
    """Print the JSON Schema of the language, which lets editors complete and explain specs.

    Examples:
        Print it:
        cnncalc schema
        Write it to the file that `init` puts beside a spec:
        cnncalc schema -o cnncalc.schema.json
    """
    from ..analysis.schema import spec_schema
    from ..render.formats.json import Json

    put(Json(spec_schema()), output)
