"""Makes random specs: chains, branches of equal and unequal geometry, U-shaped networks."""

from __future__ import annotations

import random
from collections import Counter

import cnncalc


def layer(rng: random.Random, n: int, keep: bool = False) -> str:
    """Return a layer over n spatial axes; with `keep`, one that leaves the sizes as they are."""
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
    window = f"kernel: {k}, stride: {s}"
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[n]
    choices = [
        f"conv: {{out: {out}, {window}, padding: {p}, dilation: {d}}}",
        f"conv: {{out: {out}, {window}, padding: {uneven}}}",
        f"conv: {{out: {out}, {window}, padding: same}}",
        f"maxpool: {{{window}, padding: {p}, ceil_mode: {_switch(rng)}}}",
        f"avgpool: {{{window}, padding: {p}, ceil_mode: {_switch(rng)}}}",
    ]
    crop, extra = rng.randint(0, max(0, (k - 1) // 2)), rng.randint(0, s - 1)
    choices += [
        f"conv_transpose: {{out: {out}, {window}, padding: {crop}, dilation: {d},"
        f" output_padding: {extra}}}",
        f"upsample: {{scale: {rng.choice((2, 3, '3 / 2'))}, mode: nearest}}",
        f"upsample: {{scale: {rng.choice((2, 3))}, mode: {linear}, align_corners: {_switch(rng)}}}",
        f"adaptiveavgpool: {rng.randint(3, 9)}",
        f"pad: {uneven}",
        f"crop: {{amount: {rng.randint(0, 2)}}}",
        f"slice: {{axis: {n}, start: {rng.randint(0, 2)}, step: {rng.choice((1, 2))}}}",
    ]
    return rng.choice(choices)


def _switch(rng: random.Random) -> str:
    return rng.choice(("true", "false"))


def branch(rng: random.Random, n: int) -> list[str]:
    """Return up to two layers that leave the sizes as they are."""
    return [f"- {layer(rng, n, keep=True)}" for _ in range(rng.randint(0, 2))]


def join(rng: random.Random, n: int) -> list[str]:
    """Return a concatenation of two branches, or a sum of two that end in as many channels."""
    key = rng.choice(("concat", "add", "concat"))
    lines = [f"- {key}:"]
    for name in ("a", "b"):
        layers = branch(rng, n)
        if key == "add":
            layers.append(f"- conv: {{out: 2, kernel: {rng.choice((1, 3))}, padding: same}}")
        lines.append(f"    {name}:" + ("" if layers else " []"))
        lines += ["      " + line for line in layers]
    return lines


def lines(rng: random.Random, n: int) -> list[str]:
    """Return a chain, perhaps with joins, perhaps down and up to the size of an earlier layer."""
    result: list[str] = []
    for _ in range(rng.randint(2, 6)):
        if rng.random() < 0.3:
            result += join(rng, n)
        else:
            result.append(f"- {layer(rng, n, keep=rng.random() < 0.3)}")
    if n == 2 and rng.random() < 0.2:
        result += ["- permute: [0, 2, 1]"]
    if rng.random() < 0.2:
        result += ["- mul:", "    x: []", "    gate: [globalavgpool, sigmoid]"]
    if rng.random() < 0.3:  # shared weights, and layers without weights, at two sizes
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
    """Return a random network on one or two spatial axes."""
    n = rng.choice((1, 1, 2))
    least, most = (60, 90) if n == 1 else (36, 48)
    sizes = ", ".join(str(rng.randint(least, most)) for _ in range(n))
    head = [f"input: [{rng.choice((1, 2))}, {sizes}]", "layers:"]
    return "\n".join([*head, *("  " + line for line in lines(rng, n))])


def networks(seed: int, count: int) -> list[tuple[str, cnncalc.Report]]:
    """Return random specs without errors, and their reports."""
    rng = random.Random(seed)
    found: list[tuple[str, cnncalc.Report]] = []
    refused: Counter[str] = Counter()
    while len(found) < count:
        text = spec(rng)
        report = cnncalc.analyze(cnncalc.loads(text))
        if report.ok:
            found.append((text, report))
        else:
            refused.update(d.code for d in report.diagnostics if d.severity == "error")
            assert sum(refused.values()) < 20 * count, refused
    return found
