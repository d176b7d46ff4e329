r"""Make text that others wrote, such as a name in a spec or of a file, visible on one line.

A character that would move the cursor, hide or reorder its neighbours, or end the line becomes an
escape: ``\n``, ``\x1b``, ``\u202e``. Letters of every script, emoji and their joiners stay. The
escapes are those of Python and YAML. Escaping twice changes nothing.

Source: Unicode's property Default_Ignorable_Code_Point; RFC 5892, appendix A, for joiners; UTS 51
for emoji.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

_HIDDEN = (
    r"\x00-\x09\x0b-\x1f\x7f-\x9f"  # control characters, except the end of a line
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufeff\uffa0"  # no glyph
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, ends of lines, direction
    r"\ufdd0-\ufdef\ufff0-\ufffb\ufffe\uffff"  # not characters, and marks of annotations
    r"\ufe00-\ufe0f"  # they select a variant of the character before
    r"\U00013430-\U0001343f"  # the layout of hieroglyphs
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # formats, tags
    r"\ud800-\udfff"  # half a surrogate pair, or a byte that is not UTF-8
)
_MARKS = r"\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_PICTURE = r"\xa9\xae\u203c\u2049\u2100-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_HAN = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
_ARABIC = r"\u0620-\u064a\u066e-\u06d3"
_VIRAMA = r"\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
_KEPT = "|".join(
    (
        rf"(?<=[{_PICTURE}])\ufe0f(?:\u200d(?=[{_PICTURE}]))?",  # ⚠️, and ❤️‍🔥 with its joiner
        rf"(?<=[{_PICTURE}])\u200d(?=[{_PICTURE}])",  # 👩‍💻, also with a skin colour: 👩🏽‍💻
        r"(?<=[0-9#*])\ufe0f(?=\u20e3)",  # 1️⃣
        r"(?<=\U0001f3f4)[\U000e0030-\U000e007a]{3,6}\U000e007f",  # flags of regions: 🏴󠁧󠁢󠁥󠁮󠁧󠁿
        rf"(?<=[{_HAN}])[\ufe00-\ufe0f\U000e0100-\U000e01ef]",  # a variant of a character: 葛󠄀
        rf"(?<=[{_ARABIC}])\u200c(?=[{_ARABIC}])",  # می‌خواهم
        rf"(?<=[{_VIRAMA}])[\u200c\u200d](?=[\u0900-\u0dff])",  # क्‍ष
    )
)
_SHOWN = "|".join(
    (
        rf"[\n{_HIDDEN}]",
        rf"(?:^|(?<=[\s`'\"(\[{{<])|(?<=[{_MARKS}]{{4}}))[{_MARKS}]",  # without a letter, or piled
        r"#(?=#\w*\[)",  # to some CI servers, ##[error] is a command anywhere in a line
    )
)
# A line without any of these is shown as it is.
SUSPECT = re.compile(f"[{_HIDDEN}{_MARKS}]|##")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def visible(text: str) -> str:
    r"""Return a text on one line, with escapes for characters that cannot be seen.

    >>> print(visible("conv\n\x1b[31m"), visible("é 你 ×"))
    conv\n\x1b[31m é 你 ×
    """
    if text.isascii() and text.isprintable() and "##" not in text:
        return text
    return replaced(text, escape) if "\n" in text or SUSPECT.search(text) else text


def replaced(text: str, replacement: Callable[[str], str]) -> str:
    """Replace each character of a text that `visible` would escape."""
    return _foreign().sub(lambda match: match[1] or replacement(match[0]), text)


@cache
def _foreign() -> re.Pattern[str]:
    """Return the pattern that finds such characters, built on demand: few texts have any."""
    return re.compile(f"({_KEPT})|{_SHOWN}")


def without_command(line: str) -> str:
    r"""Return a line that GitHub's runner does not read as a command, which begins with `::`.

    >>> print(without_command("::error::x"), without_command("a::b"))
    \x3a:error::x a::b
    """
    before, colons, after = line.partition("::")
    return f"{before}\\x3a:{after}" if colons and not before.strip() else line


def escape(character: str) -> str:
    r"""Return the escape of a character, such as `\n`, `\x1b` or `\u202e`; of a byte, `\xff`."""
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python represents a byte that is not UTF-8
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
