"""cnncalc: sizes, parameters, memory, cost and receptive fields of CNNs, from a short spec.

>>> import cnncalc
>>> report = cnncalc.analyze(cnncalc.load("vgg16"))
>>> report.totals.params
138357544
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .analysis.analyze import analyze
    from .analysis.result import Report
    from .checking.run import check_specs as check
    from .diagnostic import Diagnostic, Mistake
    from .language.load import from_text as loads
    from .language.load import load
    from .language.spec import Spec
    from .torch_backend.build import build
    from .torch_backend.weights import load_state_dict

_HOMES = {
    "load": "language.load:load",
    "loads": "language.load:from_text",
    "analyze": "analysis.analyze:analyze",
    "check": "checking.run:check_specs",
    "build": "torch_backend.build:build",
    "load_state_dict": "torch_backend.weights:load_state_dict",
    "Spec": "language.spec:Spec",
    "Report": "analysis.result:Report",
    "Diagnostic": "diagnostic:Diagnostic",
    "Mistake": "diagnostic:Mistake",
}
__all__ = [
    "Diagnostic",
    "Mistake",
    "Report",
    "Spec",
    "analyze",
    "build",
    "check",
    "load",
    "load_state_dict",
    "loads",
]


def __getattr__(name: str) -> Any:
    """Loads what is asked for, and nothing else: `import cnncalc` alone costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'cnncalc' has no attribute {name!r}")
    from importlib import import_module

    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(f".{module}", __name__), attribute)
