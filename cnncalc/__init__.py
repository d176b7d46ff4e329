"""Compute sizes, parameters, memory, cost and receptive fields of CNNs from a short spec.

>>> import cnncalc
>>> report = cnncalc.analyze("vgg16")
>>> report.totals.params
138357544
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .analysis.analyze import analyze
    from .analysis.latency.latency import latency
    from .analysis.result import Report
    from .analysis.sweep.sweep import sweep
    from .checking.run import check_specs as check
    from .diagnostic import Diagnostic, Mistake
    from .language.load import from_text as loads
    from .language.load import load
    from .language.spec import Spec
    from .render.shown import Figure, figure, show
    from .torch_backend.build import build
    from .torch_backend.weights import load_state_dict

_HOMES = {
    "load": "language.load:load",
    "loads": "language.load:from_text",
    "analyze": "analysis.analyze:analyze",
    "check": "checking.run:check_specs",
    "latency": "analysis.latency.latency:latency",
    "sweep": "analysis.sweep.sweep:sweep",
    "show": "render.shown:show",
    "figure": "render.shown:figure",
    "Figure": "render.shown:Figure",
    "build": "torch_backend.build:build",
    "load_state_dict": "torch_backend.weights:load_state_dict",
    "Spec": "language.spec:Spec",
    "Report": "analysis.result:Report",
    "Diagnostic": "diagnostic:Diagnostic",
    "Mistake": "diagnostic:Mistake",
    # What `print(report)` and notebooks show, and `to_dicts` returns.
    "report_text": "render.report:text",
    "report_html": "render.report:html",
    "report_records": "analysis.records:records",
}
__all__ = [
    "Diagnostic",
    "Figure",
    "Mistake",
    "Report",
    "Spec",
    "analyze",
    "build",
    "check",
    "figure",
    "latency",
    "load",
    "load_state_dict",
    "loads",
    "show",
    "sweep",
]


def __dir__() -> list[str]:
    """Return the public names too, which are loaded when they are first used."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that `import cnncalc` alone is fast."""
    if name not in _HOMES:
        raise AttributeError(f"module 'cnncalc' has no attribute {name!r}")
    from importlib import import_module

    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(f".{module}", __name__), attribute)
