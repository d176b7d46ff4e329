"""Knows devices and their memory, and reads a limit: a size such as 24 GiB, or a device's name.

`devices.json` has the memory of cards in MiB, as their drivers report it, and that of
microcontrollers in KiB, each with its source; and the peaks of cards and CPUs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic, Mistake, nearest
from ..figures import printed

MIB, KIB = 2**20, 2**10
_FILE = Path(__file__).with_name("devices.json")
_SIZE = re.compile(r"(.*\d)\s*([kmgt]?)(i?)(?:b|bytes?)", re.I)
_EXAMPLES = "24 GiB (2³⁰ bytes each) or 24 GB (10⁹)"


class Device(NamedTuple):
    """A device. `memory` is in bytes; None for a processor, and for a microcontroller.

    The latter has `sram` and `flash`.
    """

    name: str
    source: str
    checked: bool
    memory: int | None = None
    sram: int | None = None
    flash: int | None = None


class Speed(NamedTuple):
    """The peaks of a device: TFLOP/s by type of number, and GB/s.

    `checked` says whether they are from a data sheet.
    """

    name: str
    tflops: Mapping[str, float]
    gb_per_s: float
    source: str
    checked: bool
    is_cpu: bool = False


class Limit(NamedTuple):
    """Bytes that a run may take, as a user writes them, and the device that has them, if any."""

    size: int
    text: str
    device: str | None = None


class Context(NamedTuple):
    """Bytes that a process takes on a device beside its tensors, and between which they vary."""

    usual: int
    smallest: int
    largest: int


@cache
def _known() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(_FILE.read_text("utf-8"))
    return found


def devices() -> list[Device]:
    """Return all devices."""
    found = []
    for name, known in _known()["devices"].items():
        sizes = {
            "memory": _bytes(known.get("memory_mib"), MIB),
            "sram": _bytes(known.get("sram_kib"), KIB),
            "flash": _bytes(known.get("flash_kib"), KIB),
        }
        found.append(Device(name, known["source"], known["checked"], **sizes))
    return found


def known_speeds() -> list[Speed]:
    """Return the peaks of all devices that have any."""
    found = []
    for name, known in _known()["devices"].items():
        if "tflops" in known:
            found.append(
                Speed(
                    name=name,
                    tflops=known["tflops"],
                    gb_per_s=known["gb_per_s"],
                    source=known["source"],
                    checked=known["peaks_checked"],
                    is_cpu=known.get("cpu", False),
                )
            )
    return found


def _bytes(count: int | None, unit: int) -> int | None:
    return None if count is None else count * unit


def device(name: str, among: Iterable[Device]) -> Device:
    """Return a device by its name without case, spaces and hyphens.

    Errors: a Mistake (CNN111) for an unknown name; it names the most similar one.
    """
    by_plain = {plain_name(known.name): known for known in among}
    found = by_plain.get(plain_name(name))
    if found is not None:
        return found
    alike, _ = nearest(plain_name(name), by_plain)
    names = f"the devices are {', '.join(known.name for known in by_plain.values())}"
    help = f"did you mean `{by_plain[alike].name}`? " if alike else ""
    raise Mistake(Diagnostic("CNN111", f"unknown device `{name}`", help=f"{help}{names}"))


def plain_name(name: str) -> str:
    """Return a name without case, spaces and hyphens."""
    return re.sub(r"[\s_-]", "", name).lower()


def limit(text: str, option: str) -> Limit:
    """Read a size, or the name of a device with memory of its own.

    Errors: a Mistake (CNN111) if it is neither.
    """
    if not text.strip()[:1].isalpha():
        return Limit(size(text, option), text.strip())
    found = device(text, [known for known in devices() if known.memory is not None])
    return Limit(found.memory or 0, found.name, found.name)


def microcontroller(name: str) -> Device:
    """Return a microcontroller by its name.

    Errors: a Mistake (CNN111) for an unknown one.
    """
    return device(name, [known for known in devices() if known.sram is not None])


def size(text: str, option: str) -> int:
    """Read a size with its unit, such as ``24 GiB``, ``24GB`` or ``600 MiB``, in whole bytes.

    Errors: a Mistake (CNN111) if it is none.

    >>> size("24 GiB", "--fit"), size("1.5gb", "--fit")
    (25769803776, 1500000000)
    """
    parts = _SIZE.fullmatch(text.strip())
    found = None
    if parts:
        number, prefix, binary = parts[1], parts[2].upper(), parts[3].lower()
        found = printed(f"{number} {prefix}{binary if prefix else ''}B", bytes=True)
    if found is None:
        message = f"{option} takes a size with its unit, not `{text}`"
        raise Mistake(Diagnostic("CNN111", message, help=f"such as {_EXAMPLES}"))
    return int(found.value)


def context(device: str) -> Context:
    """Return what a process takes on `cuda` or `cpu` beside its tensors."""
    known = _known()["context_mib"][device]
    smallest, largest = known["range"]
    return Context(known["usual"] * MIB, smallest * MIB, largest * MIB)
