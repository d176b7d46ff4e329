"""Random networks, as specs: chains, branches of equal and unequal geometry, down and up again."""

from __future__ import annotations

import random


def layer(rng: random.Random, n: int, keep: bool = False) -> str:
    """One layer over n spatial axes; with `keep`, one that leaves the sizes as they are."""
    k = rng.choice((1, 2, 3, 3, 4, 5))
    d = rng.choice((1, 1, 1, 2))
    out = rng.choice((1, 2, 3))
    if keep:
        odd = rng.choice((1, 3, 3, 5))
        return rng.choice(
            (
                f"conv: {{out: {out}, kernel: {k}, padding: same, dilation: {d}}}",
                f"conv: {{out: {out}, kernel: {odd}, padding: {odd // 2}}}",
                f"maxpool: {{kernel: {odd}, stride: 1, padding: {odd // 2}}}",
                f"avgpool: {{kernel: {odd}, stride: 1, padding: {odd // 2}}}",
                "relu",
                "batchnorm",
                "identity",
                "dropout: 0.1",
            )
        )
    s = rng.choice((1, 1, 2, 2, 3))
    p = rng.randint(0, k // 2)
    uneven = "[" + ", ".join(f"[{rng.randint(0, 2)}, {rng.randint(0, 2)}]" for _ in range(n)) + "]"
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[n]
    choices = [
        f"conv: {{out: {out}, kernel: {k}, stride: {s}, padding: {p}, dilation: {d}}}",
        f"conv: {{out: {out}, kernel: {k}, stride: {s}, padding: {uneven}}}",
        f"conv: {{out: {out}, kernel: {k}, stride: {s}, padding: same}}",
        f"maxpool: {{kernel: {k}, stride: {s}, padding: {p}, ceil_mode: {rng.choice(('true', 'false'))}}}",
        f"avgpool: {{kernel: {k}, stride: {s}, padding: {p}, ceil_mode: {rng.choice(('true', 'false'))}}}",
        f"conv_transpose: {{out: {out}, kernel: {k}, stride: {s}, padding: {rng.randint(0, max(0, (k - 1) // 2))}, dilation: {d}, output_padding: {rng.randint(0, s - 1)}}}",
        f"upsample: {{scale: {rng.choice((2, 3, '3 / 2'))}, mode: nearest}}",
        f"upsample: {{scale: {rng.choice((2, 3))}, mode: {linear}, align_corners: {rng.choice(('true', 'false'))}}}",
        f"adaptiveavgpool: {rng.randint(3, 9)}",
        f"pad: {uneven}",
        f"crop: {{amount: {rng.randint(0, 2)}}}",
        f"slice: {{axis: {n}, start: {rng.randint(0, 2)}, step: {rng.choice((1, 2))}}}",
    ]
    return rng.choice(choices)


def branch(rng: random.Random, n: int) -> list[str]:
    return [f"- {layer(rng, n, keep=True)}" for _ in range(rng.randint(0, 2))]


def join(rng: random.Random, n: int) -> list[str]:
    """A concatenation of two branches, or a sum of two that end in as many channels."""
    key = rng.choice(("concat", "add", "concat"))
    lines = [f"- {key}:"]
    for name in ("a", "b"):
        layers = branch(rng, n) + (
            [f"- conv: {{out: 2, kernel: {rng.choice((1, 3))}, padding: same}}"]
            if key == "add"
            else []
        )
        lines.append(f"    {name}:" + ("" if layers else " []"))
        lines += ["      " + line for line in layers]
    return lines


def lines(rng: random.Random, n: int) -> list[str]:
    """A chain, perhaps with joins, perhaps going down and up to the size of an earlier layer."""
    result: list[str] = []
    for _ in range(rng.randint(2, 6)):
        result += (
            join(rng, n) if rng.random() < 0.3 else [f"- {layer(rng, n, keep=rng.random() < 0.3)}"]
        )
    if n == 2 and rng.random() < 0.2:
        result += ["- permute: [0, 2, 1]"]
    if rng.random() < 0.2:
        result += ["- mul:", "    x: []", "    gate: [globalavgpool, sigmoid]"]
    if rng.random() < 0.3:  # the same weights, and layers without any, at two sizes
        result += [
            "- conv: {out: 2, kernel: 1}",
            "- chain:",
            "    - conv: {out: 2, kernel: 3, padding: same}",
            "    - relu",
            "    - crop: {amount: 1}",
            "  name: first",
            "- maxpool: 2",
            "- chain:",
            "    - conv: {out: 2, kernel: 3, padding: same}",
            "    - relu",
            "    - crop: {amount: 1}",
            "  share: first",
        ]
    if rng.random() < 0.3:
        result += [
            "- identity:",
            "  name: here",
            "- maxpool: 2",
            f"- {layer(rng, n, keep=True)}",
            f"- conv_transpose: {{out: 2, kernel: {rng.choice((2, 4))}, stride: 2}}",
            "  name: there",
            "- crop: {like: there}",
            "  from: here",
            "  name: skip",
            "- concat: [skip, there]",
        ]
    return result


def spec(rng: random.Random) -> str:
    """A random network on one or two spatial axes."""
    n = rng.choice((1, 1, 2))
    sizes = [rng.randint(60, 90) if n == 1 else rng.randint(36, 48) for _ in range(n)]
    return "\n".join(
        [
            f"input: [{rng.choice((1, 2))}, {', '.join(map(str, sizes))}]",
            "layers:",
            *("  " + line for line in lines(rng, n)),
        ]
    )
