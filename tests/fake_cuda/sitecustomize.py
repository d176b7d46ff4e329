"""Runs when Python starts, if this folder is on PYTHONPATH.

If FAKE_CUDA is set, torch sees a graphics card.
"""

import os

if os.environ.get("FAKE_CUDA"):
    import fake_cuda

    fake_cuda.install()
