"""The totals of the network that is shown, for the status bar of an editor."""

from __future__ import annotations

from typing import Any

from .document import Document

STATUS = "cnncalc/status"  # a notification of our own, which other editors pass over


def status(document: Document, is_checked: bool) -> dict[str, Any]:
    """Return the totals of a document, or none if it is not a spec or not complete.

    It `is_checked` once repairs and the other variants are examined too.
    """
    view = document.view
    report = view.report if view is not None and view.has_figures else None
    totals = None
    if report is not None and report.complete:
        totals = {"params": report.totals.params, "macs": report.totals.macs}
    spec = view.spec if view is not None else None
    return {
        "uri": document.uri,
        "version": document.version,
        "isChecked": is_checked,
        "isSpec": view is not None,
        "name": spec.title(view.variant) if spec is not None and view is not None else None,
        "variant": view.variant if view is not None else None,
        "variants": [*spec.variants] if spec is not None else [],
        "totals": totals,
        "errors": sum(found.diagnostic.severity == "error" for found in document.findings),
    }
