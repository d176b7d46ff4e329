"""`size` agrees with torch about windows, and says which paddings pools refuse."""

from __future__ import annotations

import random
import re

import pytest

from cnncalc.analysis.size import chain, one_window, sizes
from cnncalc.analysis.windows import Window

from .command import run

torch = pytest.importorskip("torch")
nn = torch.nn
RANDOM = random.Random(7)


def pooled(n: int, k: int, s: int, p: int, d: int, ceil: bool) -> int | None:
    """Return the size after torch's pool, or None if it refuses."""
    try:
        pool = torch.nn.MaxPool1d(k, s, p, d, ceil_mode=ceil)
        return int(pool(torch.zeros(1, 1, n)).shape[-1])
    except RuntimeError:
        return None


@pytest.mark.parametrize("ceil", [False, True])
def test_padding_beyond_half_the_kernel_is_reported_if_pools_refuse_it(ceil: bool) -> None:
    for k in range(1, 6):
        for p in range(6):
            for d in (1, 2):
                n, s = 12, 2
                lines = "\n".join(one_window(n, Window(k, s, p, d, ceil)))
                refused = pooled(n, k, s, p, d, ceil) is None
                assert refused == (f"padding {p} is more than half of kernel {k}" in lines)


def test_lists_of_paddings_say_what_pools_take() -> None:
    """The largest padding of every list is one that pools take, unless the line says otherwise."""
    for n in range(6, 14):
        for k in range(1, 6):
            for s in range(1, 5):
                for line in one_window(n, Window(k, s)):
                    if found := re.match(r"paddings that fit: ([\d, ]+)(\(pools)?", line):
                        largest = int(found[1].split(",")[-1])
                        assert (largest > k // 2) == bool(found[2]), (n, k, s, line)
                        assert found[2] or pooled(n, k, s, largest, 1, False) is not None


def test_an_uneven_padding_is_told_in_words() -> None:
    assert "paddings that fit: none that is equal on both sides, but 0 before and 3 after" in (
        one_window(224, Window(11, 4))
    )


def random_window() -> Window:
    """Return a window: plain, with a word or two numbers for its padding, or transposed."""
    k, s, d = RANDOM.randint(1, 5), RANDOM.randint(1, 4), RANDOM.randint(1, 3)
    paddings = (RANDOM.randint(0, 4), (RANDOM.randint(0, 3), RANDOM.randint(0, 3)))
    padding = RANDOM.choice((*paddings, "valid", "same", "full"))
    if RANDOM.random() < 0.3:
        extra = RANDOM.randrange(max(s, d))
        return Window(k, s, paddings[0], d, transposed=True, extra=extra)
    return Window(k, s, padding, d)


def layers(window: Window) -> torch.nn.Module | None:
    """Return the same window as a convolution of torch, with one channel and weights of 1.

    None for `same` with a stride above 1, which torch has not.
    """
    k, s, d = window.kernel, window.stride, window.dilation
    if window.transposed:
        made = nn.ConvTranspose1d(1, 1, k, s, window.padding, window.extra, 1, False, d)
    elif window.padding == "same":
        if s > 1:
            return None
        made = nn.Conv1d(1, 1, k, s, "same", d, bias=False)
    else:
        words = {"valid": (0, 0), "full": (d * (k - 1),) * 2}
        padding = words.get(window.padding, window.padding)
        around = padding if isinstance(padding, tuple) else (padding, padding)
        made = nn.Sequential(nn.ConstantPad1d(around, 0), nn.Conv1d(1, 1, k, s, 0, d, bias=False))
    for weight in made.parameters():
        nn.init.ones_(weight)
    return made


def widest(x: torch.Tensor, y: torch.Tensor) -> int:
    """Return how many positions of x lie between the first and the last that one of y reads."""
    found = 0
    for at in range(y.shape[-1]):
        (gradient,) = torch.autograd.grad(y[0, 0, at], x, retain_graph=True)
        reached = gradient.flatten().nonzero()
        if len(reached):
            found = max(found, int(reached[-1] - reached[0]) + 1)
    return found


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_sizes_and_fields_of_chains_are_those_of_torch() -> None:
    """The size after each window is torch's, and the field is what the gradient reaches."""
    tried = wide = 0
    for _ in range(300):
        n = RANDOM.randint(4, 30)
        windows = [random_window() for _ in range(RANDOM.randint(1, 3))]
        made = list(map(layers, windows))
        found = sizes(n, windows)
        if None in made or len(found) <= len(windows):
            continue
        x = torch.zeros(1, 1, n, requires_grad=True)
        y = x
        for layer, size in zip(made, found[1:]):
            y = layer(y)
            assert y.shape[-1] == size, (n, windows)
        tried += 1
        line = next(line for line in reversed(chain(n, windows)) if line.startswith("  field"))
        told = int(re.search(r"(?:= |field )(\d+)(?:,| at most)", line)[1])  # type: ignore[index]
        seen = widest(x, y)
        assert seen <= told, (n, windows, line)
        wide += seen == told
    assert tried > 150 and wide > tried // 3  # the others reach into the padding


def test_words_give_the_sizes_of_torch() -> None:
    for n in range(3, 12):
        for k in range(1, 4):
            for d in range(1, 3):
                x = torch.zeros(1, 1, n)
                same = nn.functional.conv1d(x, torch.ones(1, 1, k), padding="same", dilation=d)
                assert Window(k, 1, "same", d).out(n) == same.shape[-1]
                whole = nn.functional.conv1d(
                    x, torch.ones(1, 1, k), padding=d * (k - 1), dilation=d
                )
                assert Window(k, 1, "full", d).out(n) == whole.shape[-1]


def test_a_chain_ends_where_a_window_does_not_fit() -> None:
    done = run("size", "9", "-k", "3", "-s", "2", "then", "-k", "5", "then", "-k", "3")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[-2:] == [
        "  does not fit: the window covers 5, but the padded input has only 4",
        "together: 9 → 4",
    ]
    assert not any(line.startswith("window 3") for line in lines)


def test_axes_are_told_once_if_they_are_alike() -> None:
    alike = run("size", "14x14", "-k", "3")
    assert alike.stdout == run("size", "14", "-k", "3").stdout
    apart = run("size", "14x20", "-k", "3x5", "-p", "same").stdout.splitlines()
    assert [line for line in apart if not line.startswith(" ")] == ["height:", "width:"]
    assert "  ⌈20/1⌉ = 20, padded by 2 on each side" in apart


@pytest.mark.parametrize(
    ("n", "options", "covered"),
    [
        (7, "-k 3 -s 2 -p 1", [[0, 1, 2], [2, 3, 4], [4, 5, 6], [6, 7, 8]]),
        (6, "-k 2 -d 3", [[0, 3], [1, 4], [2, 5]]),
        (3, "-k 2 -s 2 -t", [[0, 1], [2, 3], [4, 5]]),
        (5, "-k 2 -s 2 --ceil", [[0, 1], [2, 3], [4, 5]]),
    ],
)
def test_a_drawing_shows_what_each_window_covers(
    n: int, options: str, covered: list[list[int]]
) -> None:
    drawn = run("size", str(n), *options.split(), "--draw").stdout.partition("\n\n")[2]
    strip, *lines = drawn.splitlines()
    start = re.search("[□·]", strip).start()  # type: ignore[union-attr]
    found = [[at - start for at, mark in enumerate(line) if mark == "■"] for line in lines]
    assert found == covered
    assert strip.count("□") == (6 if "-t" in options else n)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("7 -k 3x3", "-k has 2 values, but N has 1"),
        ("7 -k three", "-k takes a number such as 3, or 3x5 for two axes, not `three`"),
        ("7x7x7x7 -k 3", "N has at most 3 sizes, not 4"),
        ("7 -k 3 --output-padding 1", "--output-padding is for transposed windows"),
        ("7 -k 3 -t --ceil", "--ceil is not for transposed windows"),
        ("7 -k 3 -t -p same", "-p with a word or with two numbers is not for transposed windows"),
        ("7 -k 3 -s 2 -t --output-padding 2", "must be smaller than the stride or the dilation, 2"),
        ("7 -k 3 -p same --ceil", "--ceil has no effect with `-p same`"),
        ("7 -k 3 -p 1,2,3", "-p takes one number or two for each axis, not `1,2,3`"),
        ("7 -k 3 then 4 -k 3", "Got unexpected extra argument(s) (4)"),
        ("7 -k 3 then -s 2", "Missing option '-k'"),
        ("7 -k 0", "-k takes a number from 1"),
    ],
)
def test_options_without_a_meaning_are_refused(arguments: str, said: str) -> None:
    done = run("size", *arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
