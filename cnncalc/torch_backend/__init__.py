"""The torch network of a spec, and what torch says of it. The only folder that imports torch at its top.

Without torch, importing anything from here is a Mistake that says how to install it.
"""

import os

from ..diagnostic import Diagnostic, Mistake

os.environ.setdefault(
    "KINETO_LOG_LEVEL", "99"
)  # torch's profiler talks to stderr otherwise; read when torch is imported

try:
    import torch  # noqa: F401
except (ImportError, OSError) as error:  # OSError: a library of torch's does not load
    reason = (
        "torch is not installed"
        if isinstance(error, ModuleNotFoundError)
        else f"torch does not load: {error}"
    )
    raise Mistake(Diagnostic("CNN401", reason, help="pip install 'cnncalc[torch]'")) from None
