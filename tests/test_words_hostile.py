"""Layers in foreign words, in every way that YAML allows: each edit leaves a valid text.

CNNCALC_FULL=1 tries 4,000 of them.
"""

from __future__ import annotations

import random

import cnncalc
from cnncalc.checking.fix import apply_fixes
from cnncalc.diagnostic import Diagnostic, Mistake
from cnncalc.language.yaml_flow import quoted

from .settings import HOSTILE

WORDS = [
    "nn.ReLU",
    "Conv2d",
    "BatchNorm2d",
    "transpose",
    "Sequential",
    "ReflectionPad2d",
    "Upsample",
    "x",
    "nn.",
    "..",
    "(",
    "1",
    "Dense",
    "é",
    "nn.Softmax",
    "Linear",
    "LPPool2d",
    "Cropping2D",
    "UpsamplingBilinear2d",
    "max_pool",
]
ARGUMENTS = [
    *("", "1", "True", "**x", "*[1]", "9**9**9", "1e999", "-1e999", "1e-400", "[1,2,[3]]", "(1,2"),
    *("'a b'", "kernel_size=3", "out_channels=4, kernel_size=(3,3)", "inplace=True", "size=2"),
    *("scale_factor=2", "padding='same'", "None", "-1", "1,2,3,4,5,6,7,8,9", "p=0.5,p=0.5", "#"),
    *("{", "]", ": 3", "\\", '"', "x=y", "mode='reflect'", "1_000", "1j", "b'a'", "..."),
    *("'" + "a" * 300 + "'", "[" * 90 + "]" * 90),
]
BODIES = [
    *("", "1", "[1, 2]", "{kernel_size: 3}", "{}", "[]", "n // 2", "'a, b'", "|\n      x"),
    *("[1,\n   2]", "{a: 1,\n  b: 2}", "true", "1.5", "null", "\n    kernel: 3", "&a 3", "!!x 3"),
    "# c",
]


def layer(rng: random.Random) -> str:
    """Return a layer as nobody should write it."""
    key = rng.choice(WORDS)
    if rng.random() < 0.5:
        between = rng.choice(["", ", ", ","])
        key = f"{key}({rng.choice(ARGUMENTS)}{between}{rng.choice(ARGUMENTS)})"
    if rng.random() < 0.2:
        key += rng.choice("\t\n ,:#'\"{}[]&*!|>%@`")
    if rng.random() < 0.5:
        key = quoted(key)
    body = rng.choice(BODIES)
    forms = (f"{key}: {body}", key, f"{{{key}: {body}}}", f"{key}: {body}\n    name: z")
    return f"  - {rng.choice(forms)}\n"


def found(text: str) -> list[Diagnostic]:
    """Return what is wrong with a text, including its syntax."""
    try:
        return cnncalc.loads(text).diagnostics
    except Mistake as mistake:
        return list(mistake.diagnostics)


def test_every_edit_of_a_word_makes_its_finding_go_away() -> None:
    rng, edited = random.Random("hostile words"), 0
    for _ in range(HOSTILE):
        text = f"input: [4, 8, 8]\nparams: {{n: 4}}\nlayers:\n  - conv: {{out: n}}\n{layer(rng)}"
        for diagnostic in found(text):
            if diagnostic.fix is None or diagnostic.code != "CNN104":
                continue
            edited += 1
            after = {d.code for d in found(apply_fixes(text, [diagnostic.fix]))}
            assert not after & {"CNN001", "CNN104"}, text
    assert edited > HOSTILE // 20
