"""Makes random networks whose receptive fields are hard to follow.

Reshapes, slices of concatenations, channels that are shuffled or convolved in groups, aligned
corners, pyramids at odd sizes, and gates.
"""

from __future__ import annotations

import random

import cnncalc

from .graphs import layer


def _window(rng: random.Random) -> str:
    k = rng.choice((1, 3, 3, 5))
    return f"kernel: {k}, padding: {k // 2}"


def _keep(rng: random.Random, out: int) -> str:
    return f"conv: {{out: {out}, {_window(rng)}}}"


def _down(rng: random.Random) -> str:
    return rng.choice(("maxpool: 2", "maxpool: {kernel: 3, stride: 2}", "avgpool: 3"))


def _slice_of_concat(rng: random.Random, n: int) -> list[str]:
    between = rng.choice(
        (
            [],
            ["relu", "batchnorm"],
            ["channel_shuffle: 2"],
            ["conv: {out: 8, kernel: 3, padding: 1, groups: 8}"],
            ["conv: {out: 4, kernel: 1, groups: 2}"],
            ["maxpool: 2"],
            ["maxout: 2"],
            ["groupnorm: 2"],
            ["lrn: 3"],
        )
    )
    start, stop, step = rng.choice(((0, 2, 1), (1, 4, 1), (0, 4, 2), (2, 3, 1)))
    return [
        "concat:",
        f"    a: [{{{_keep(rng, 4)}}}]",
        f"    b: [{{{_keep(rng, 2)}}}, {{{_keep(rng, 2)}}}]",
        "    c: [{conv: {out: 2, kernel: 1}}]",
        *between,
        f"slice: {{start: {start}, stop: {stop}, step: {step}}}",
    ]


def _regrouped(rng: random.Random, n: int) -> list[str]:
    if n == 1:
        return [
            _keep(rng, 4),
            rng.choice(("reshape: [2, 2, -1]", "reshape: [1, 4, -1]", "reshape: [4, 1, -1]")),
            "conv: {out: 2, kernel: [1, 3]}",
        ]
    after = "conv: {out: 2, kernel: 3, padding: 1}"
    return rng.choice(
        (
            [_keep(rng, 4), "reshape: [4, -1]", after],
            [_keep(rng, 4), "pixel_shuffle: 2", after],
            [_keep(rng, 2), "permute: [0, 2, 1]", after],
            [_keep(rng, 2), "permute: [1, 0, 2]", after],
            [_keep(rng, 2), "permute: [1, 2, 0]", "permute: [2, 0, 1]", after],
            [_keep(rng, 2), "permute: [1, 2, 0]", "permute: [1, 0, 2]", after],
            [_keep(rng, 2), "flatten", "reshape: [2, 2, -1]", after],
        )
    )


def _aligned(rng: random.Random, n: int) -> list[str]:
    mode = ("linear", "bilinear")[n - 1]
    name = f"n{rng.randrange(10**6)}"
    return [
        f"identity: {{}} | {name}",
        _down(rng),
        _keep(rng, 2),
        f"upsample: {{like: {name}, mode: {mode}, align_corners: true}} | {name}up",
        f"concat: [{name}, {name}up]",
        _keep(rng, 2),
    ]


def _pyramid(rng: random.Random, n: int) -> list[str]:
    name = f"n{rng.randrange(10**6)}"
    return [
        f"{_keep(rng, 2)} | {name}a",
        f"{_down(rng)} | {name}b",
        f"conv: {{out: 2, kernel: 3, stride: 2, padding: 1}} | {name}c",
        f"upsample: {{like: {name}b}} | {name}d",
        f"add: [{name}b, {name}d]",
        f"upsample: {{like: {name}a}} | {name}e",
        f"add: [{name}a, {name}e]",
        _keep(rng, 2),
    ]


def _gate(rng: random.Random, n: int) -> list[str]:
    return [
        "mul:",
        f"    x: [{{{_keep(rng, 2)}}}]",
        "    gate: [globalavgpool, {conv: {out: 2, kernel: 1}}, sigmoid]",
        _keep(rng, 2),
    ]


def _spatial_gate(rng: random.Random, n: int) -> list[str]:
    declared = rng.choice(
        (
            "{conv: {out: 1, kernel: 1}}",
            "{reduce: {what: max, over: channels}}",
            "{linear: {out: 1, over: channels}}",
        )
    )
    return [
        "mul:",
        f"    x: [{{{_keep(rng, 2)}}}]",
        f"    gate: [{{{_keep(rng, 3)}}}, {declared}, sigmoid]",
        _keep(rng, 2),
    ]


def _side_by_side(rng: random.Random, n: int) -> list[str]:
    axis = rng.randint(1, n)
    same = rng.random() < 0.5
    branch = _keep(rng, 2)
    others = [branch if same else _keep(rng, 2), "conv: {out: 2, kernel: 1}"]
    key = "concat" if rng.random() < 0.7 or n == 3 else "stack"
    lines = [
        f"{key}:",
        f"    axis: {axis}",
        f"    a: [{{{branch}}}]",
        f"    b: [{{{others[0]}}}]",
    ]
    if rng.random() < 0.4:
        lines.append(f"    c: [{{{others[1]}}}]")
    if key == "concat":
        after = rng.choice(
            (
                [_keep(rng, 2)],
                [_down(rng)],
                [f"split: {{into: {len(lines) - 2}, part: 1, axis: {axis}}}"],
                [f"reduce: {{what: mean, over: [{axis}]}}", "relu"],
                ["linear: {out: 3, over: last}"],
                ["flatten: 1", "conv: {out: 2, kernel: 3, padding: 1}"],
            )
        )
        return [*lines, *after]
    if n == 1 or rng.random() < 0.5:
        return [*lines, f"reduce: {{what: sum, over: [{axis}], keep: false}}", _keep(rng, 2)]
    return [
        *lines,
        f"slice: {{axis: {axis}, stop: 1}}",
        f"flatten: {{first: {axis - 1}, last: {axis}}}",
    ]


def _reduced(rng: random.Random, n: int) -> list[str]:
    after = "conv: {out: 2, kernel: 3, padding: 1}"
    what = rng.choice(("mean", "sum", "max", "var", "norm"))
    if n == 1:
        return rng.choice(
            (
                [_keep(rng, 4), f"reduce: {{what: {what}, over: channels}}", after],
                [_keep(rng, 4), "linear: {out: 3, over: channels}", after],
                [_keep(rng, 4), "layernorm: channels", "linear: {out: 9, over: last}", after],
                [_keep(rng, 4), "stack: {a: [], b: [tanh]}", "conv: {out: 2, kernel: 3}"],
            )
        )
    return rng.choice(
        (
            [_keep(rng, 4), f"reduce: {{what: {what}, over: channels}}", after],
            [_keep(rng, 4), f"reduce: {{what: {what}, over: [1], keep: false}}", after],
            [_keep(rng, 4), f"reduce: {{what: {what}, over: [2], keep: false}}", after],
            [_keep(rng, 4), f"reduce: {{what: {what}, over: channels, keep: false}}", after],
            [_keep(rng, 4), f"reduce: {{what: {what}, over: [0, 2]}}", after],
            [_keep(rng, 4), "flatten: 1", after],
            [_keep(rng, 4), "flatten: {first: 0, last: 1}", after],
            [_keep(rng, 4), "softmax: 1", after],
            [_keep(rng, 4), "linear: {out: 9, over: last}", after],
            [_keep(rng, 4), "linear: {out: 3, over: channels}", "layernorm: channels", after],
        )
    )


def _columns(rng: random.Random, n: int) -> list[str]:
    """Return windows as columns, which are often folded again after a layer that mixes them."""
    if n == 1:
        return _reduced(rng, n)
    name = f"n{rng.randrange(10**6)}"
    k, s, p = rng.choice(((1, 1, 0), (2, 2, 0), (3, 1, 1), (3, 2, 1), (3, 2, 0), (2, 1, 0)))
    window = f"kernel: {k}, stride: {s}, padding: {p}"
    mixed = rng.choice(
        (
            [f"conv: {{out: {2 * k * k}, kernel: 1}}"],
            [f"linear: {{out: {2 * k * k}, over: channels}}", "relu"],
        )
    )
    apart = rng.choice(
        (
            ["conv: {out: 2, kernel: 3, padding: 1}"],
            [*mixed, "conv: {out: 2, kernel: 1}"],
            [*mixed, "maxpool: 2"],
        )
    )
    start = [f"identity: {{}} | {name}", f"unfold: {{{window}}}"]
    if rng.random() < 0.3:
        return [*start, *apart]
    return [*start, *mixed, f"fold: {{like: {name}, {window}}}", _keep(rng, 2)]


_PARTS = (
    *(_slice_of_concat, _slice_of_concat, _regrouped, _aligned, _pyramid, _gate),
    *(_spatial_gate, _side_by_side, _reduced, _columns),
)


def field_spec(rng: random.Random) -> str:
    """Return a random network on one or two spatial axes."""
    n = rng.choice((1, 1, 2))
    low, high = (60, 90) if n == 1 else (28, 40)
    sizes = ", ".join(str(rng.randint(low, high)) for _ in range(n))
    lines = [f"input: [2, {sizes}]", "layers:"]
    for _ in range(rng.randint(1, 3)):
        parts = [layer(rng, n)] if rng.random() < 0.4 else []
        parts += ["conv: {out: 2, kernel: 1}", *rng.choice(_PARTS)(rng, n)]
        for part in parts:
            text, _, name = part.partition(" | ")
            lines.append(f"  {'' if part.startswith(' ') else '- '}{text}")
            if name:
                lines.append(f"    name: {name}")
    return "\n".join(lines) + "\n"


def field_networks(seed: int, count: int) -> list[tuple[str, cnncalc.Report]]:
    """Return random specs without errors, and their reports."""
    rng = random.Random(seed)
    found: list[tuple[str, cnncalc.Report]] = []
    refused = 0
    while len(found) < count:
        text = field_spec(rng)
        report = cnncalc.analyze(cnncalc.loads(text))
        if report.ok:
            found.append((text, report))
        else:
            refused += 1
            assert refused < 20 * count, report.diagnostics
    return found
