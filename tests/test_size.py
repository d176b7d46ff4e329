"""One window by hand, against torch: which paddings pools refuse, and that the lines say so."""

from __future__ import annotations

import re

import pytest

from cnncalc.analysis.size import one_window

torch = pytest.importorskip("torch")


def pooled(n: int, k: int, s: int, p: int, d: int, ceil: bool) -> int | None:
    """The size after torch's pool, or None where it refuses."""
    try:
        pool = torch.nn.MaxPool1d(k, s, p, d, ceil_mode=ceil)
        return int(pool(torch.zeros(1, 1, n)).shape[-1])
    except RuntimeError:
        return None


@pytest.mark.parametrize("ceil", [False, True])
def test_padding_beyond_half_the_kernel_is_remarked_on_where_pools_refuse_it(ceil: bool) -> None:
    for k in range(1, 6):
        for p in range(6):
            for d in (1, 2):
                n, s = 12, 2
                lines = "\n".join(one_window(n, k, s, p, d, ceil))
                refused = pooled(n, k, s, p, d, ceil) is None
                assert refused == (f"padding {p} is more than half of kernel {k}" in lines)


def test_paddings_that_fit_say_what_pools_take() -> None:
    """Of every list of paddings the largest is one that pools take, unless the line says not."""
    for n in range(6, 14):
        for k in range(1, 6):
            for s in range(1, 5):
                for line in one_window(n, k, s):
                    if found := re.match(r"paddings that fit: ([\d, ]+)(\(pools)?", line):
                        largest = int(found[1].split(",")[-1])
                        assert (largest > k // 2) == bool(found[2]), (n, k, s, line)
                        assert found[2] or pooled(n, k, s, largest, 1, False) is not None
