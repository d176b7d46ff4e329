"""Builds the torch network of a spec, and measures and verifies it.

Only this folder imports torch as soon as it is imported. Without torch, importing anything from it
raises a Mistake that says how to install torch.
"""

import os

from ..diagnostic import Diagnostic, Mistake
from ..extras import install_command

# Keeps torch's profiler from writing to stderr. torch reads it when it is imported.
os.environ.setdefault("KINETO_LOG_LEVEL", "99")

try:
    import torch  # noqa: F401
except (ImportError, OSError) as error:  # OSError: one of torch's libraries cannot be loaded
    reason = f"torch cannot be loaded: {error}"
    if isinstance(error, ModuleNotFoundError):
        reason = "torch is not installed"
    raise Mistake(Diagnostic("CNN401", reason, help=install_command("torch"))) from None
