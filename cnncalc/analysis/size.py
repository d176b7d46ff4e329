"""One window by hand: does it fit, what is dropped, what would fit."""

from __future__ import annotations

from math import isqrt

from ..num import slide
from ..ops.sliding import window_line


def one_window(n: int, k: int, s: int = 1, p: int = 0, d: int = 1, ceil: bool = False) -> list[str]:
    """Lines on (n + 2p − k)/s + 1: its value, whether it fits, what the floor drops, what would fit."""
    span = d * (k - 1) + 1
    lines = [window_line(n, k, s, p, p, d, ceil)]
    room = n + 2 * p - span
    if room < 0:
        lines.append(f"does not fit: the window covers {span}, the padded input has {n + 2 * p}")
        return [
            *lines,
            f"fits from input {span - 2 * p} on, with padding from {-(-(span - n) // 2)} on, or with a kernel of at most {(n + 2 * p - 1) // d + 1}",
        ]
    out, rest = slide(n, k, s, p, p, d, ceil), room % s
    if rest == 0:
        lines.append(
            f"fits: {out} window{'s' if out > 1 else ''}, the last ending exactly at the edge"
        )
        return lines
    lines.append(f"does not fit: {room}/{s} is no whole number")
    if not ceil:
        real = max(rest - p, 0)
        what = (
            f"{real} of the input, {rest - real} of padding"
            if real and p
            else "of the input"
            if real
            else "of padding, nothing of the input"
        )
        lines.append(
            f"the floor drops the last {f'{rest} positions' if rest > 1 else 'position'}, {what}"
        )
        lines.append(f"ceil_mode gives {slide(n, k, s, p, p, d, True)}")
    below, above = n - rest, n + s - rest
    sizes = [str(m) for m in (below, above, above + s) if m + 2 * p >= span and m > 0]
    lines.append(f"inputs that fit: {', '.join(sizes)}, … every {s}")
    pads = fitting_paddings(n - span, s)
    pads = [q for q in pads if q < span] or pads[:1]
    lines.append(
        f"paddings that fit: {', '.join(map(str, pads))}"
        if pads
        else "paddings: "
        + f"none that is equal on both sides fits; this does: [[{p}, {p + s - rest}]]"
    )
    lines.append(f"strides that fit: {', '.join(map(str, divisors(room)[:8]))}")
    return lines


def fitting_paddings(room: int, s: int) -> list[int]:
    """The least four paddings q with room + 2q a multiple of s, and not negative."""
    if s % 2 == 0 and room % 2:
        return []
    step = s // 2 if s % 2 == 0 else s
    first = (-room // 2) % step if s % 2 == 0 else (-room * ((s + 1) // 2)) % s
    least = max(-(room // 2), 0)
    first += max(0, -(-(least - first) // step)) * step
    return [first + step * turn for turn in range(4)]


def divisors(n: int) -> list[int]:
    """All divisors, in order."""
    small = [d for d in range(1, isqrt(n) + 1) if n % d == 0]
    return small + [n // d for d in reversed(small) if d * d != n]
