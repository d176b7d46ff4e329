"""Set-up of the tests."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes with a thread for each core wait for each other most of the time
    os.environ["OMP_NUM_THREADS"] = "1"
