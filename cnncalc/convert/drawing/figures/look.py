"""How a figure looks: its colours and its font, and how people choose them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ....diagnostic import Diagnostic, Mistake, misspelled
from ....foreign import visible
from ....graph import Node
from ....svg import FONT

# What has a colour of its own, with the modules of `ops` that it stands for.
FAMILIES = {
    "conv": ("conv", "deform"),
    "up": ("transposed", "upsample", "unpool", "fold", "grid"),
    "pool": ("pool", "adaptive", "fractional", "blur", "reduce"),
    "linear": ("linear", "matmul", "embedding"),
    "norm": ("norm", "lrn", "activation", "smooth", "softmax", "maxout", "scale", "pointwise"),
    "join": ("join", "concat"),
    "sequence": ("recurrent", "attention"),
    "reshape": ("reshape", "shuffle", "split", "pad", "crop"),
    "other": ("opaque",),
}
_OF_MODULE = {module: name for name, modules in FAMILIES.items() for module in modules}

_LIGHT = {
    "conv": "#cfe0f3",
    "up": "#cdebd6",
    "pool": "#fadccb",
    "linear": "#e0d7f1",
    "norm": "#e9ecf0",
    "join": "#fbeeb8",
    "sequence": "#f8d3e0",
    "reshape": "#e4e6ea",
    "other": "#e4e6ea",
    "block": "#f3f6fa",
    "end": "#ffffff",
    "background": "#ffffff",
    "line": "#4b5563",
    "skip": "#b45309",
    "text": "#111827",
    "muted": "#5b6472",
}
_DARK = {
    "conv": "#1f3b5c",
    "up": "#1d4430",
    "pool": "#5a3320",
    "linear": "#3b2f5e",
    "norm": "#30363f",
    "join": "#4d420f",
    "sequence": "#55243a",
    "reshape": "#363c45",
    "other": "#363c45",
    "block": "#20262e",
    "end": "#15181c",
    "background": "#15181c",
    "line": "#a3adba",
    "skip": "#f0a35e",
    "text": "#f3f4f6",
    "muted": "#b3bcc8",
}
_GREY = {
    "conv": "#e2e2e2",
    "up": "#d2d2d2",
    "pool": "#c4c4c4",
    "linear": "#eeeeee",
    "norm": "#f4f4f4",
    "join": "#ffffff",
    "sequence": "#d9d9d9",
    "reshape": "#f4f4f4",
    "other": "#f4f4f4",
    "block": "#fafafa",
    "end": "#ffffff",
    "background": "#ffffff",
    "line": "#333333",
    "skip": "#333333",
    "text": "#000000",
    "muted": "#444444",
}
THEMES = {"light": _LIGHT, "dark": _DARK, "grey": _GREY}
NAMES = tuple(_LIGHT)

# The sixteen names of HTML, and a few more that people write.
_WORDS = {
    "black": "#000000",
    "silver": "#c0c0c0",
    "gray": "#808080",
    "grey": "#808080",
    "white": "#ffffff",
    "maroon": "#800000",
    "red": "#ff0000",
    "purple": "#800080",
    "fuchsia": "#ff00ff",
    "magenta": "#ff00ff",
    "green": "#008000",
    "lime": "#00ff00",
    "olive": "#808000",
    "yellow": "#ffff00",
    "navy": "#000080",
    "blue": "#0000ff",
    "teal": "#008080",
    "aqua": "#00ffff",
    "cyan": "#00ffff",
    "orange": "#ffa500",
    "pink": "#ffc0cb",
    "gold": "#ffd700",
    "brown": "#a52a2a",
    "steelblue": "#4682b4",
    "salmon": "#fa8072",
    "khaki": "#f0e68c",
    "lavender": "#e6e6fa",
    "lightgray": "#d3d3d3",
    "lightgrey": "#d3d3d3",
}
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})\Z", re.ASCII | re.I)
_FONT = re.compile(r"[\w ,.'-]{1,200}\Z")


@dataclass(frozen=True)
class Look:
    """Colours and font of a figure.

    Attributes:
        theme: the colours to begin with.
        changed: colours of one's own, by what they are for.
        font: the names of fonts, as in CSS.
    """

    theme: str = "light"
    changed: Mapping[str, str] = field(default_factory=dict)
    font: str = FONT

    def colour(self, name: str) -> str | None:
        """Return a colour as ``#rrggbb``; None if there is to be none."""
        found = self.changed.get(name) or THEMES[self.theme][name]
        return None if found == "none" else found

    def fill(self, name: str) -> str:
        """Return the colour of a box."""
        return self.colour(name) or "none"

    def edge(self, name: str) -> str:
        """Return the colour of a box's edge: that of its inside, but darker or lighter."""
        fill = self.colour(name)
        if fill is None or self.theme == "grey":
            return self.colour("line") or "none"
        return _mixed(fill, _strong(fill), 1)

    def side(self, name: str, darker: float) -> str:
        """Return the colour of a side of a volume that has less light."""
        fill = self.colour(name)
        return _mixed(fill, "#000000", darker) if fill else "none"

    def words_on(self, name: str) -> str:
        """Return the colour of text on a box: the usual one, unless it could not be read there."""
        usual = self.colour("text") or "#000000"
        fill = self.colour(name) or self.colour("background") or "#ffffff"
        others = sorted(("#000000", "#ffffff"), key=lambda words: -contrast(words, fill))
        return usual if contrast(usual, fill) >= 4.5 else others[0]

    def muted_on(self, name: str) -> str:
        """Return the colour of less important text on a box."""
        muted = self.colour("muted") or "#000000"
        fill = self.colour(name) or self.colour("background") or "#ffffff"
        return muted if contrast(muted, fill) >= 4.5 else self.words_on(name)


def of_node(node: Node, module: str) -> str:
    """Return the name of the colour of a layer, by the module of its operator."""
    return "end" if node.op is None else _OF_MODULE.get(module, "other")


def look(theme: str = "light", colours: Any = (), font: str | None = None) -> Look:
    """Return how a figure looks.

    Accepts:
        theme: light, dark or grey.
        colours: texts such as ``conv=#4477aa``.
        font: names of fonts, as in CSS.

    Errors: a Mistake for an unknown theme or family, for what is no colour, and for a font whose
    name has signs that no font has.
    """
    if theme not in THEMES:
        fault = Diagnostic("CNN422", f"unknown theme `{visible(theme)}`")
        raise Mistake(misspelled(fault, theme, THEMES, f"the themes are {', '.join(THEMES)}"))
    changed = dict(map(_pair, colours))
    if font is not None and not _FONT.match(font):
        help = "name one or more, as in `Georgia, serif`"
        raise Mistake(Diagnostic("CNN422", f"`{visible(font)}` is no list of fonts", help=help))
    return Look(theme, changed, font or FONT)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        message = f"a colour is NAME=COLOUR, not `{visible(text)}`"
        raise Mistake(Diagnostic("CNN422", message, help="conv=#4477aa"))
    if name not in NAMES:
        fault = Diagnostic("CNN422", f"a figure has no colour for `{visible(name)}`")
        raise Mistake(misspelled(fault, name, NAMES, f"it has them for {', '.join(NAMES)}"))
    return name, hex_of(value)


def hex_of(word: str) -> str:
    """Return a colour as ``#rrggbb``.

    >>> hex_of("#47A"), hex_of("Orange")
    ('#4477aa', '#ffa500')
    """
    lower = word.lower()
    if lower == "none":
        return "none"
    if lower in _WORDS:
        return _WORDS[lower]
    if not _HEX.match(word):
        fault = Diagnostic("CNN422", f"`{visible(word)}` is no colour")
        help = "write #rrggbb or #rgb, such as #4477aa, or a word such as orange"
        raise Mistake(misspelled(fault, lower, _WORDS, help))
    return lower if len(lower) == 7 else "#" + "".join(digit * 2 for digit in lower[1:])


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21.

    Source: WCAG 2.2, contrast ratio.
    """
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    parts = [value / 255 for value in _channels(colour)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _mixed(one: str, other: str, part: float) -> str:
    pairs = zip(_channels(one), _channels(other))
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def _strong(fill: str) -> str:
    """Return the colour of an edge around a fill: of the same hue, far enough from it."""
    from colorsys import hls_to_rgb, rgb_to_hls

    hue, light, full = rgb_to_hls(*(value / 255 for value in _channels(fill)))
    light = light * 0.5 if light > 0.45 else 0.45 + light * 0.5
    full = min(full * 1.1, 0.6) if full > 0.05 else full
    return "#" + "".join(f"{round(value * 255):02x}" for value in hls_to_rgb(hue, light, full))
