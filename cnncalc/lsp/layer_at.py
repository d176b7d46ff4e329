"""Tells the path of the layer at the cursor, which a page beside the editor selects."""

from __future__ import annotations

from .view import View

LAYER_AT = "cnncalc/layerAt"  # a request of our own


def layer_at(view: View, offset: int) -> str | None:
    """Return the path of the innermost layer around an offset, in the use that is shown."""
    found = view.names.step_at(offset) if view.names is not None else None
    if found is None:
        return None
    use = next((use for use in view.shown if use.step is found[1]), None)
    if use is None:
        return None
    return f"{use.path}.0" if use.copies else use.path
