"""Set-up of the tests."""

import os

import torch

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes with a thread for each core wait for each other most of the time
    torch.set_num_threads(1)
