"""Makes random specs of blocks, with repeats, conditions, joins, and words about training."""

from __future__ import annotations

import random

import cnncalc

from .graphs import branch

_BLOCKS = """
blocks:
  plain:
    params: {{out: , kernel: 3, stride: 1, act: true}}
    layers:
      - conv: {{out: out, kernel: kernel, stride: stride, padding: kernel // 2, bias: false}}
      - batchnorm
      - {{relu: , when: act}}
  residual:
    params: {{out: , stride: 1, wide: {wide}}}
    layers:
      - add:
          body:
            - {{plain: {{out: wide * out, kernel: 1}}, when: wide > 1}}
            - plain: {{out: out, stride: stride}}
            {freeze}
          shortcut:
            - {{plain: {{out: out, kernel: 1, stride: stride, act: false}}, when: {when}}}
      - {act}
  inverted:
    params: {{out: , t: 2, stride: 1}}
    layers:
      - {{plain: {{out: t * c, kernel: 1}}, when: t > 1}}
      - {{conv: {{out: t * c, kernel: 3, stride: stride, padding: 1, groups: t * c}}}}
      - {{plain: {{out: out, act: false}}, name: narrow}}
      - {{add: [input, narrow], when: stride == 1 and c == out}}
  mixed:
    params: {{a: , b: 4}}
    layers:
      - concat:
          one:
            - plain: a
          two:
            - plain: {{out: b, kernel: 1}}
            - plain: a
          rest: {rest}
"""
_WORDS = ("", "", "", "", ", freeze: true", ", checkpoint: true")


def _call(rng: random.Random) -> str:
    out = rng.choice((4, 4, 8, 12))
    stride = rng.choice((1, 1, 1, 2))
    return rng.choice(
        (
            f"plain: {{out: {out}, kernel: {rng.choice((1, 3, 5))}}}",
            f"residual: {{out: {out}, stride: {stride}}}",
            f"inverted: {{out: {out}, t: {rng.choice((1, 2, 3))}, stride: {stride}}}",
            f"mixed: {{a: {out}, b: {rng.choice((2, 4))}}}",
        )
    )


def _layers(rng: random.Random) -> list[str]:
    lines: list[str] = []
    names: list[str] = []
    for n in range(rng.randint(3, 9)):
        call, words = _call(rng), rng.choice(_WORDS)
        if rng.random() < 0.4:
            words += f", repeat: {rng.randint(2, 4)}"
        elif rng.random() < 0.3:
            words += f", name: layer_{n}"
            names.append(f"layer_{n}")
        lines.append(f"- {{{call}{words}}}")
        if rng.random() < 0.25:
            lines += [f"- {layer[2:]}" for layer in branch(rng, 2)]
        if rng.random() < 0.15:
            lines += [
                f"- {{relu: , name: here_{n}}}",
                f"- {{plain: 6, name: there_{n}}}",
                f"- {{plain: 6, share: there_{n}, from: here_{n}, name: twin_{n}}}",
                f"- sub: [there_{n}, twin_{n}]",
            ]
    if names and rng.random() < 0.5:
        lines += [f"- {{globalavgpool: , from: {names[0]}, name: pooled}}"]
    return lines


def block_spec(rng: random.Random) -> str:
    """Return a random network of blocks, perhaps with two inputs or outputs."""
    blocks = _BLOCKS.format(
        wide=rng.choice((1, 2)),
        freeze=rng.choice(("", "- {batchnorm: , freeze: true}")),
        when=rng.choice(("stride > 1 or c != out", "true")),
        act=rng.choice(("relu", "silu", "{relu: , when: stride > 1}")),
        rest=rng.choice(("[]", "[globalavgpool, upsample: {like: input}]", "[plain: 1]")),
    )
    layers = _layers(rng)
    head = "input: [3, 32, 32]"
    if rng.random() < 0.3:
        head = "input: {left: [3, 32, 32], right: [3, 32, 32]}"
        layers = [
            *layers,
            "- {globalavgpool: , name: first}",
            "- {plain: 4, from: right}",
            "- {globalavgpool: , name: second}",
        ]
        if rng.random() < 0.7:
            layers.append("- concat: [first, second]")
    text = "\n".join([head, blocks, "layers:", *("  " + line for line in layers)])
    if "name: pooled" in text:
        layers = [*layers, "- {identity: , name: last}"]
        text = "\n".join([head, blocks, "layers:", *("  " + line for line in layers)])
        text += "\noutputs: [last, pooled]"
    return text


def block_networks(seed: int, count: int) -> list[cnncalc.Spec]:
    """Return random specs of blocks without errors."""
    rng = random.Random(seed)
    found: list[cnncalc.Spec] = []
    refused = 0
    while len(found) < count:
        spec = cnncalc.loads(block_spec(rng))
        errors = [d for d in spec.graph().diagnostics if d.severity == "error"]
        if spec.ok and not errors:
            found.append(spec)
        else:
            refused += 1
            assert refused < 20 * count, (spec.diagnostics, errors)
    return found
