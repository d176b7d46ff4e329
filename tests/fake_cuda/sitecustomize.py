"""Python runs this at its start where the folder is on PYTHONPATH.

With FAKE_CUDA set, torch sees a graphics card.
"""

import os

if os.environ.get("FAKE_CUDA"):
    import fake_cuda

    fake_cuda.install()
