"""Fetches the page's libraries with npm: `python -m cnncalc.render.page.vendored.refresh`.

To take a new version, change it here and run this; then run `pytest tests/test_page.py`.
"""

from __future__ import annotations

import re
import subprocess
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = Path(__file__).parent
PACKAGES = {  # each package with the files that are taken from it, and what they are called here
    "@dagrejs/dagre@3.1.3": {"dist/dagre.min.js": "dagre.min.js", "LICENSE": "dagre.LICENSE"},
    "uplot@1.6.32": {
        "dist/uPlot.iife.min.js": "uPlot.iife.min.js",
        "dist/uPlot.min.css": "uPlot.min.css",
        "LICENSE": "uPlot.LICENSE",
    },
}
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")  # in strings of scripts only
_SOURCE_MAP = re.compile(rb"^//# sourceMappingURL=.*\n?", re.M)  # browsers would look for a file


def refresh(folder: Path = FOLDER) -> None:
    """Write the files of each package into a folder."""
    for package, files in PACKAGES.items():
        with TemporaryDirectory() as place:
            done = subprocess.run(
                ["npm", "pack", "--silent", package],
                cwd=place,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            with tarfile.open(Path(place) / done.stdout.strip()) as archive:
                for inside, name in files.items():
                    member = archive.extractfile(f"package/{inside}")
                    assert member is not None
                    (folder / name).write_bytes(_tidied(member.read()))


def _tidied(data: bytes) -> bytes:
    """Return a file without what a browser would look for, and without control characters."""
    return _CONTROL.sub(lambda match: rb"\x%02x" % match[0][0], _SOURCE_MAP.sub(b"", data))


if __name__ == "__main__":
    refresh()
