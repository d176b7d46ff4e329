"""Calibrates a device for the command latency, and writes the specs that this needs."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..diagnostic import Diagnostic, Mistake
from ..text_file import reason, write_text
from .option_values import usage
from .output import complain, present

SCRIPT = """#!/bin/sh
# Measures the specs of this folder on a device: sh measure.sh cuda --dtype float16
set -e
cd "$(dirname "$0")"
device=${1:-cpu}
[ $# -gt 0 ] && shift
for spec in *.yaml; do
  cnncalc profile "$spec" --device "$device" --batch %s --repeat 20 "$@" \\
    --format json -o "${spec%%.yaml}.json"
done
echo "now run: cnncalc latency --calibrate '$(pwd)/*.json' -o device.json"
"""


def write_suite(folder: str, batches: str = "1,8") -> None:
    """Write the specs of a calibration to a folder, with the script that measures them.

    Errors: a Mistake (CNN002) if that cannot be done.
    """
    from ..analysis.latency import SUITE

    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        for file in sorted(SUITE.glob("*.yaml")):
            shutil.copyfile(file, place / file.name)
    except OSError as error:
        message = f"cannot write to {folder}: {reason(error)}"
        raise Mistake(Diagnostic("CNN002", message)) from None
    write_text(str(place / "measure.sh"), SCRIPT % batches)
    count = len(list(SUITE.glob("*.yaml")))
    message = f"{folder} has {count} specs and measure.sh, which measures them"
    complain([Diagnostic("CNN111", message, severity="note")])


def calibrate_device(
    files: list[str], device: list[str] | None, check: bool, format: str, output: str | None
) -> None:
    """Fit a device to profiles; write its file, or show how far it is off.

    Errors: a Mistake for files that cannot be used, and too few of them.
    """
    from ..analysis.latency.calibrate import calibrate
    from ..analysis.latency.device_file import text_of

    if device and len(device) > 1:
        raise usage("--calibrate is for one device")
    if output is None and not check:
        raise usage("--calibrate writes the file of a device", "add -o device.json, or --check")
    listed = [path for text in files for path in _expanded(text)]
    found = calibrate(listed, device[0] if device else None)
    if output is not None:
        write_text(output, text_of(found.device) + "\n")
        note = f"{output} has the device `{found.device.name}`"
        complain([Diagnostic("CNN111", note, severity="note")])
    complain(found.diagnostics)
    if check:
        present("latency_calibrate", format, None, found)


def _expanded(text: str) -> list[str]:
    """Return the files that a pattern names; the shell may have left it to us.

    Errors: a Mistake (CNN111) if there are none.
    """
    if "*" not in text:
        return [text]
    root, pattern = (Path("/"), text[1:]) if text.startswith("/") else (Path(), text)
    found = sorted(map(str, root.glob(pattern)))
    if not found:
        raise usage(
            f"no file matches {text}", "`cnncalc latency --suite DIR` writes specs to measure"
        )
    return found
