"""One window by hand: does it fit, what is dropped, what would fit."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

from ..num import slide
from ..ops.sliding import window_line


def one_window(n: int, k: int, s: int = 1, p: int = 0, d: int = 1, ceil: bool = False) -> list[str]:
    """Works out (n + 2p − k)/s + 1 in lines of text.

    They say the size, whether the window fits, what the floor drops, and what would fit; and
    whether the padding is one that only convolutions take.
    """
    lines = _window(n, k, s, p, d, ceil)
    return lines if p <= k // 2 else [*lines, _too_much_for_pools(k, p, ceil)]


def _too_much_for_pools(k: int, p: int, ceil: bool) -> str:
    most = f"padding {p} is more than half of kernel {k}: torch's pools take at most {k // 2}"
    return f"{most}, and only pools have ceil_mode" if ceil else f"{most}, convolutions any"


def _window(n: int, k: int, s: int, p: int, d: int, ceil: bool) -> list[str]:
    """The lines on sizes."""
    span = d * (k - 1) + 1
    room = n + 2 * p - span
    line = window_line(n, k, s, p, p, d, ceil)
    if room < 0:
        input_size, padding, kernel = span - 2 * p, -(-(span - n) // 2), (n + 2 * p - 1) // d + 1
        return [
            line,
            f"does not fit: the window covers {span}, the padded input has {n + 2 * p}",
            f"fits from input {input_size} on, with padding from {padding} on"
            f"{_limit_of_pools(k, padding)}, or with a kernel of at most {kernel}",
        ]
    if room % s == 0:
        out = slide(n, k, s, p, p, d, ceil)
        windows = "windows" if out > 1 else "window"
        return [line, f"fits: {out} {windows}, the last ending exactly at the edge"]
    lines = [line, f"does not fit: {room}/{s} is no whole number"]
    if not ceil:
        lines.append(_dropped(room % s, p))
        lines.append(f"ceil_mode gives {slide(n, k, s, p, p, d, True)}")
    return [*lines, *_what_fits(n, k, s, p, span)]


def _dropped(rest: int, p: int) -> str:
    """What the floor leaves out at the end: positions of the input, of the padding, or of both."""
    real = max(rest - p, 0)
    what = "of padding, nothing of the input"
    if real:
        what = f"{real} of the input, {rest - real} of padding" if p else "of the input"
    positions = f"{rest} positions" if rest > 1 else "position"
    return f"the floor drops the last {positions}, {what}"


def _limit_of_pools(k: int, padding: int) -> str:
    """A remark on a padding that torch's pools refuse."""
    return f" (pools take at most {k // 2})" if padding > k // 2 else ""


def _what_fits(n: int, k: int, s: int, p: int, span: int) -> Iterator[str]:
    """Inputs, paddings and strides with which the window ends exactly at the edge."""
    room = n + 2 * p - span
    rest = room % s
    below, above = n - rest, n + s - rest
    sizes = [str(m) for m in (below, above, above + s) if m + 2 * p >= span and m > 0]
    yield f"inputs that fit: {', '.join(sizes)}, … every {s}"
    paddings = _fitting_paddings(n - span, s)
    paddings = [q for q in paddings if q < span] or paddings[:1]
    if paddings:
        limit = _limit_of_pools(k, max(paddings))
        yield f"paddings that fit: {', '.join(map(str, paddings))}{limit}"
    else:
        uneven, limit = f"[[{p}, {p + s - rest}]]", _limit_of_pools(k, p + s - rest)
        yield f"paddings: none that is equal on both sides fits; this does: {uneven}{limit}"
    yield f"strides that fit: {', '.join(map(str, _divisors(room)[:8]))}"


def _fitting_paddings(room: int, s: int) -> list[int]:
    """The smallest four paddings q ≥ 0 for which room + 2q is a multiple of s and not negative."""
    if s % 2 == 0 and room % 2:
        return []
    step = s // 2 if s % 2 == 0 else s
    first = (-room // 2) % step if s % 2 == 0 else (-room * ((s + 1) // 2)) % s
    smallest = max(-(room // 2), 0)
    first += max(0, -(-(smallest - first) // step)) * step
    return [first + step * turn for turn in range(4)]


def _divisors(n: int) -> list[int]:
    """All divisors, in order."""
    small = [d for d in range(1, isqrt(n) + 1) if n % d == 0]
    return small + [n // d for d in reversed(small) if d * d != n]
