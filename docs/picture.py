"""Draws the pictures of the documents: `python docs/picture.py` writes `docs/pictures/`.

They are figures of bundled networks, as `cnncalc export --to svg` draws them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cnncalc

FOLDER = Path(__file__).with_name("pictures")
_CLEAR = {"background": "none"}
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "alexnet": ("alexnet", {"style": "textbook"}),
    "alexnet-dark": ("alexnet", {"style": "textbook", "theme": "dark", "colours": _CLEAR}),
    "lenet5": ("lenet5", {"style": "textbook"}),
    "vgg16": ("vgg16", {"style": "layers", "theme": "grey"}),
    "resnet50": ("resnet50", {"figures": ["params", "macs"]}),
    "googlenet": ("googlenet", {}),
    "unet": ("unet", {}),
    "unet-dark": ("unet", {"theme": "dark"}),
}


def drawn(name: str) -> str:
    """Return a picture as SVG."""
    network, options = PICTURES[name]
    return cnncalc.figure(network, **options).svg


if __name__ == "__main__":
    for name in PICTURES:
        (FOLDER / f"{name}.svg").write_text(drawn(name), "utf-8")
