"""Says which figures are declared, for commands whose results have no line of their own for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..diagnostic import Diagnostic
from .output import complain

if TYPE_CHECKING:
    from ..language.spec import Spec


def note_declared(
    spec: Spec,
    variant: str | None = None,
    set: Mapping[str, Any] | None = None,
    unknown: bool = True,
) -> None:
    """Note that figures include what `opaque` layers declare; with `unknown`, what they do not."""
    if "opaque" not in spec.text:
        return
    graph = spec.graph(variant, set)
    if not graph.nodes:  # its input leaves sizes open
        graph = spec.symbolic_graph(variant, set)
    from ..analysis.undeclared import declares, undeclared

    found = [node for node in graph.nodes if node.op is not None and node.op.declared]
    lacking = undeclared(graph)
    if lacking and unknown:
        message = f"not declared, so figures with them are unknown: {lacking}"
        complain([Diagnostic("CNN211", message, severity="note")], {spec.file: spec.text})
    found = [node for node in found if declares(node)]
    if found:
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        message = f"figures include what `{found[0].path}`{more} declares; that is not computed"
        note = Diagnostic("CNN211", message, found[0].position, severity="note")
        complain([note], {spec.file: spec.text})
