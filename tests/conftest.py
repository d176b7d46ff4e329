"""Set-up of the tests."""

import os

os.environ["OMP_WAIT_POLICY"] = (
    "passive"  # threads that spin while they wait make a busy machine twenty times slower
)
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"
