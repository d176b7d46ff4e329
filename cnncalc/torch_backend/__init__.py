"""The torch network of a spec, and what torch says of it.

This folder alone imports torch at its top. Without torch, importing anything from it is a Mistake
that says how to install it.
"""

import os

from ..diagnostic import Diagnostic, Mistake
from ..extras import install_command

# Without this torch's profiler writes to stderr; it is read when torch is imported.
os.environ.setdefault("KINETO_LOG_LEVEL", "99")

try:
    import torch  # noqa: F401
except (ImportError, OSError) as error:  # OSError: a library of torch's does not load
    reason = f"torch does not load: {error}"
    if isinstance(error, ModuleNotFoundError):
        reason = "torch is not installed"
    raise Mistake(Diagnostic("CNN401", reason, help=install_command("torch"))) from None
