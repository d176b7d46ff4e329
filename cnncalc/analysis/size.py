"""Explains windows along one axis: whether they fit, what is dropped, and what would fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isqrt

from ..window import Field, Unknown
from .field_arithmetic import along
from .field_following import START
from .windows import Window


def sizes(n: int, windows: Sequence[Window]) -> list[int]:
    """Return the sizes of the input and after each window, as far as they are positive."""
    found = [n]
    for window in windows:
        n = window.out(n)
        if n < 1:
            break
        found.append(n)
    return found


def one_window(n: int, window: Window) -> list[str]:
    """Return lines of text about a window on an axis of n positions.

    They say the size, whether the window fits exactly, what rounding down drops, what would fit,
    and whether only convolutions take this padding.
    """
    if window.transposed:
        return list(_transposed(n, window))
    lines = _window(n, window)
    most = max(window.around(n))
    if most <= window.kernel // 2 or window.padding in ("same", "full"):
        return lines
    return [*lines, _too_much_for_pools(window.kernel, most, window.ceil)]


def chain(n: int, windows: Sequence[Window]) -> list[str]:
    """Return lines of text about windows after each other, and about what they see together.

    The chain ends early if a window does not fit.
    """
    lines: list[str] = []
    field: Field | None = START
    for number, window in enumerate(windows, 1):
        lines.append(f"window {number}: {window.line(n)}")
        out = window.out(n)
        if out < 1:
            return [*lines, f"  {_window_is_too_large(n, window)}"]
        lines += [f"  {line}" for line in _rounded(n, window)]
        field, line = _seen(field, window, n)
        lines.append(f"  {line}")
        n = out
    return lines


def together(n: int, windows: Sequence[Window]) -> str:
    """Return a line with the sizes before and after each window."""
    return " → ".join(map(str, sizes(n, windows)))


def _seen(field: Field | None, window: Window, n: int) -> tuple[Field | None, str]:
    """Return the field after a window, and a line about it."""
    reads = window.reads(n)
    after = None if field is None or isinstance(reads, Unknown) else field.through(reads)
    if field is None or after is None or isinstance(reads, Unknown):
        return None, "field not followed: too many positions see different things"
    if len(field.spans) > 1 or len(reads.taps) > 1 or not all(after.spans):
        return after, f"field {after.size} at most, jump {after.stride}"
    how = along(reads, field, after)
    return after, f"field {how.size}, jump {how.jump}"


def _transposed(n: int, window: Window) -> Iterator[str]:
    """Yield lines about a window that enlarges."""
    out, s = window.out(n), window.stride
    yield window.line(n)
    if out < 1:
        yield _window_is_too_large(n, window)
        return
    if s > 1 and out - window.extra > 0:
        first = out - window.extra
        yield (
            f"a window with the same settings turns any size from {first} to {first + s - 1} into"
            f" {n}, so --output-padding from 0 to {s - 1} chooses between them"
        )
    else:
        yield f"a window with the same settings turns {out} into {n} again"


def _window_is_too_large(n: int, window: Window) -> str:
    if window.transposed:
        return "does not fit: the padding removes the whole output"
    padded = n + sum(window.around(n))
    return f"does not fit: the window covers {window.span}, but the padded input has only {padded}"


def _rounded(n: int, window: Window) -> Iterator[str]:
    """Yield what a window that does not fit exactly drops."""
    low, high = window.around(n)
    rest = (n + low + high - window.span) % window.stride
    if rest and not window.ceil and not window.transposed:
        yield _dropped(rest, high)


def _too_much_for_pools(k: int, p: int, ceil: bool) -> str:
    most = f"padding {p} is more than half of kernel {k}: torch's pools take at most {k // 2}"
    return f"{most}, and only pools have ceil_mode" if ceil else f"{most}, convolutions take any"


def _window(n: int, window: Window) -> list[str]:
    """Return the lines about sizes."""
    k, s, d = window.kernel, window.stride, window.dilation
    low, high = window.around(n)
    span = window.span
    room = n + low + high - span
    line, out = window.line(n), window.out(n)
    if room < 0:
        input_size, kernel = max(span - low - high, 1), (n + low + high - 1) // d + 1
        padding = -(-(span - n) // 2)
        return [
            line,
            _window_is_too_large(n, window),
            f"fits with an input of at least {input_size}, a padding of at least {padding}"
            f"{_limit_of_pools(k, padding)}, or a kernel of at most {kernel}",
        ]
    if room % s == 0:
        windows = f"{out} windows, the last of which" if out > 1 else "1 window, which"
        return [line, f"fits: {windows} ends exactly at the edge"]
    lines = [line, f"does not fit: {room}/{s} is not a whole number"]
    if not window.ceil:
        lines += [*_rounded(n, window), f"ceil_mode gives {window._replace(ceil=True).out(n)}"]
    return [*lines, *_what_fits(n, window)]


def _dropped(rest: int, p: int) -> str:
    """Return what rounding down drops at the end: positions of the input, the padding, or both."""
    real = max(rest - p, 0)
    where = " of the padding, and none of the input"
    if real:
        where = f": {real} of the input and {rest - real} of the padding" if p else " of the input"
    positions = f"{rest} positions" if rest > 1 else "position"
    return f"rounding down drops the last {positions}{where}"


def _limit_of_pools(k: int, padding: int) -> str:
    """Return a remark about a padding that torch's pools refuse."""
    return f" (pools take at most {k // 2})" if padding > k // 2 else ""


def _what_fits(n: int, window: Window) -> Iterator[str]:
    """Yield inputs, paddings and strides with which the window ends exactly at the edge."""
    k, s, span = window.kernel, window.stride, window.span
    low, high = window.around(n)
    room = n + low + high - span
    rest = room % s
    below, above = n - rest, n + s - rest
    fitting = [str(m) for m in (below, above, above + s) if m + low + high >= span and m > 0]
    yield f"inputs that fit: {', '.join(fitting)}, … in steps of {s}"
    paddings = _fitting_paddings(n - span, s)
    paddings = [q for q in paddings if q < span] or paddings[:1]
    if paddings:
        limit = _limit_of_pools(k, max(paddings))
        yield f"paddings that fit: {', '.join(map(str, paddings))}{limit}"
    else:
        more = high + s - rest
        uneven, limit = f"{low} before and {more} after", _limit_of_pools(k, more)
        yield f"paddings that fit: none that is equal on both sides, but {uneven}{limit}"
    yield f"strides that fit: {', '.join(map(str, _divisors(room)[:8]))}"


def _fitting_paddings(room: int, s: int) -> list[int]:
    """Return the four smallest q ≥ 0 for which room + 2q is a multiple of s and not negative."""
    if s % 2 == 0 and room % 2:
        return []
    step = s // 2 if s % 2 == 0 else s
    first = (-room // 2) % step if s % 2 == 0 else (-room * ((s + 1) // 2)) % s
    smallest = max(-(room // 2), 0)
    first += max(0, -(-(smallest - first) // step)) * step
    return [first + step * turn for turn in range(4)]


def _divisors(n: int) -> list[int]:
    """Return all divisors, in order."""
    small = [d for d in range(1, isqrt(n) + 1) if n % d == 0]
    return small + [n // d for d in reversed(small) if d * d != n]
