"""Makes the CPU pass for a CUDA device, so that code for graphics cards runs without one.

Its clock is the CPU's, and its memory is what live tensors hold. Environment variables set it up:
FAKE_COUNT is the number of cards, FAKE_CAPABILITY their compute capability, FAKE_ROOM the number of
images that a convolution has room for, FAKE_REFUSES a type of number that it cannot compute in, and
FAKE_LOG a file to which it writes a line for each request.
"""

from __future__ import annotations

import gc
import os
import sys
import time
import warnings
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

CPU = torch.device("cpu")
NAME = "NVIDIA FAKE 80GB"
MEMORY = 80 << 30
WORKSPACE = 8 << 20  # what a library keeps after its first run
LAYERS = (torch.conv1d, torch.conv2d, torch.conv3d, torch.nn.functional.linear)


def note(what: str) -> None:
    """Write a line to the log."""
    if os.environ.get("FAKE_LOG"):
        with open(os.environ["FAKE_LOG"], "a", encoding="utf-8") as log:
            log.write(what + "\n")


class Stream:
    """The only stream of a device."""


class Event:
    """A point in time."""

    def __init__(
        self,
        enable_timing: bool = False,
        blocking: bool = False,
        interprocess: bool = False,
        external: bool = False,
    ):
        assert enable_timing, "events without timing cannot be subtracted"
        self.at: float | None = None
        note("event")

    def record(self, stream: Stream | None = None) -> None:
        assert stream is None or isinstance(stream, Stream), stream
        self.at = time.perf_counter()

    def synchronize(self) -> None:
        pass

    def query(self) -> bool:
        return True

    def elapsed_time(self, other: Event) -> float:
        assert self.at is not None and other.at is not None, "both events must have been recorded"
        return (other.at - self.at) * 1000


class Properties:
    """What torch reports about a device."""

    name, major, minor, total_memory, multi_processor_count, warp_size = NAME, 9, 0, MEMORY, 132, 32
    L2_cache_size, regs_per_multiprocessor, max_threads_per_multi_processor = 50 << 20, 65536, 2048
    shared_memory_per_block, shared_memory_per_multiprocessor = 49152, 233472
    gcnArchName, is_integrated = "", 0
    max_threads_per_block, shared_memory_per_block_optin, uuid = 1024, 232448, None


def index(device: Any) -> int:
    """Return the number of a device, which must be a card."""
    if device is None or isinstance(device, int):
        return device or 0
    device = torch.device(device)
    assert device.type == "cuda", f"expected a CUDA device, not {device}"
    return device.index or 0


def live_bytes() -> int:
    """Return the bytes of all live tensors, each storage once."""
    held = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for thing in gc.get_objects():
            if type(thing) not in (torch.Tensor, torch.nn.Parameter, torch.UntypedStorage):
                continue
            if thing.device.type == "cpu":
                storage = thing
                if not isinstance(thing, torch.UntypedStorage):
                    storage = thing.untyped_storage()
                held[storage._cdata] = storage.nbytes()
    return sum(held.values())


def memory_stats(device: Any = None) -> dict[str, int]:
    """Return the allocator's statistics. The peak is a sixth more than what is held now."""
    index(device)
    now = live_bytes() + WORKSPACE
    return {
        f"{kind}_bytes.all.{when}": int(now * times * more)
        for kind, times in (("requested", 1.0), ("allocated", 1.0), ("reserved", 1.25))
        for when, more in (("current", 1), ("peak", 7 / 6))
    }


def capability(device: Any = None) -> tuple[int, ...]:
    """Return the compute capability."""
    return tuple(map(int, os.environ.get("FAKE_CAPABILITY", "9.0").split(".")))


def noted(what: str) -> Any:
    """Return a function that only notes its calls."""
    return lambda *given: note(what)


class Fake(TorchFunctionMode):
    """Makes every call that names a card on the CPU instead."""

    @property
    def room(self) -> int:
        """Return the largest batch that fits; 0 if all do."""
        return int(os.environ.get("FAKE_ROOM", "0"))

    @property
    def refuses(self) -> torch.dtype | None:
        """Return the type that the card does not support."""
        return getattr(torch, os.environ.get("FAKE_REFUSES", ""), None)

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if function is torch.device:
            return function(*args, **kwargs)
        args = tuple(map(self.elsewhere, args))
        kwargs = {key: self.elsewhere(value) for key, value in kwargs.items()}
        if function in LAYERS and isinstance(args[0], torch.Tensor):
            if self.room and args[0].shape[0] > self.room:
                note("out of memory")
                raise torch.OutOfMemoryError(
                    "CUDA out of memory. Tried to allocate 2.00 GiB."
                    f" {NAME} has a total capacity of 79.11 GiB."
                )
            if self.refuses and args[0].dtype is self.refuses and args[0].device.type == "cpu":
                raise RuntimeError(f"{self.refuses} is not supported by this card")
        return function(*args, **kwargs)

    def elsewhere(self, value: Any) -> Any:
        """Return the CPU in place of a card."""
        named = value
        if isinstance(value, str) and value.startswith("cuda"):
            named = torch.device(value)
        if not isinstance(named, torch.device) or named.type != "cuda":
            return value
        if index(named) >= torch.cuda.device_count():
            raise torch.AcceleratorError("CUDA error: invalid device ordinal")
        return CPU


def install() -> None:
    """Give `torch.cuda` a device from now on."""
    cuda: Any = torch.cuda
    cuda.is_available = lambda: True
    cuda.device_count = lambda: int(os.environ.get("FAKE_COUNT", "1"))
    cuda.current_device = lambda: 0
    cuda.Event = Event
    cuda.current_stream = lambda device=None: (index(device), Stream())[1]
    cuda.synchronize = lambda device=None: (index(device), note("synchronize"))[1]
    cuda.get_device_name = lambda device=None: (index(device), NAME)[1]
    cuda.get_device_capability = capability
    cuda.get_device_properties = lambda device=None: Properties()
    cuda.memory_stats = memory_stats
    cuda.mem_get_info = lambda device=None: (1 << 30, MEMORY)
    cuda.is_bf16_supported = lambda including_emulation=True: True
    for what in ("_sleep", "empty_cache", "reset_peak_memory_stats"):
        setattr(cuda, what, noted(what))
    sys.modules["torch.backends.cudnn"].m.version = lambda: 91900  # type: ignore[attr-defined]
    torch.version.cuda = torch.version.cuda or "13.0"
    Fake().__enter__()
