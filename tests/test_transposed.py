"""Transposed convolutions with `same`, uneven padding or another layer's size, and pads like it."""

from __future__ import annotations

import random

import pytest
import torch
from torch.nn import functional as F

import cnncalc
from cnncalc.diagnostic import Mistake
from cnncalc.torch_backend.verify.memory import verify_memory
from cnncalc.torch_backend.verify.verify import verify

from .settings import CASES

CONVOLUTIONS = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
CASE = """
input: [3, 14, 14]
layers:
  - conv_transpose: {out: 8, kernel: 5, stride: 2, padding: same}
    expect: [8, 28, 28]
"""
NET = """
input: [3, 15, 14]
layers:
  - {conv: {out: 4, kernel: 3, padding: 1}, name: wide}
  - relu
  - conv: {out: 6, kernel: 3, stride: 2, padding: 1}
  - {conv_transpose: {out: 4, kernel: 3, stride: 2, padding: 1, like: wide}, name: up}
  - add: [up, wide]
  - maxpool: 2
  - {conv_transpose: {out: 4, kernel: 5, stride: 2, padding: same}, name: same}
  - {conv_transpose: {out: 3, kernel: 3, stride: 2, padding: [[2, 0], [0, 1]]}, name: uneven}
  - {pad: {like: uneven}, from: up, name: padded}
  - {pad: {like: uneven, mode: replicate}, from: up}
outputs: [uneven, padded, pad2]
"""


def test_the_case_has_the_figures_of_keras() -> None:
    """TensorFlow's output is n·stride; of 31 positions it removes 1 before and 2 after."""
    report = cnncalc.analyze(cnncalc.loads(CASE)).or_mistake()
    assert report.outputs == {"conv_transpose1": (8, 28, 28)}
    assert (report.totals.params, report.totals.macs) == (608, 117_600)
    network = cnncalc.build(cnncalc.loads(CASE))
    conv, x = network.get_submodule("conv_transpose1"), torch.randn(2, 3, 14, 14)
    whole = F.conv_transpose2d(x, conv.weight, conv.bias, 2)
    assert whole.shape[2:] == (31, 31)
    torch.testing.assert_close(network(x), whole[:, :, 1:29, 1:29])


def test_what_is_removed_is_what_is_written() -> None:
    """Against the whole output, from which the test itself removes what is too much."""
    rng = random.Random("transposed")
    for _ in range(max(CASES // 2, 60)):
        axes = rng.choice((1, 2, 3))
        k, s, d = rng.randint(1, 5), rng.randint(1, 4), rng.randint(1, 2)
        sizes = [rng.randint(1, 6) for _ in range(axes)]
        same, around = rng.random() < 0.5, [[0, 0]] * axes
        reach = d * (k - 1) + 1
        if not same:
            most = max((min(sizes) - 1) * s + reach - 1, 0)
            around = [[rng.randint(0, most), 0] for _ in range(axes)]
            around = [rng.sample(one, 2) for one in around]
        body = f"{{out: 2, kernel: {k}, stride: {s}, dilation: {d}, padding: "
        body += "same}" if same else f"{around}}}"
        text = f"input: [3, {', '.join(map(str, sizes))}]\nlayers:\n  - conv_transpose: {body}"
        network = cnncalc.build(cnncalc.loads(text))
        conv, x = network.get_submodule("conv_transpose1"), torch.randn(1, 3, *sizes)
        whole = CONVOLUTIONS[axes - 1](x, conv.weight, conv.bias, s, 0, 0, 1, d)
        for axis, n in enumerate(sizes):
            low, high = around[axis]
            if same:  # n·s of (n − 1)·s + reach positions; zeros, and the bias, where they lack
                spare = max(reach - s, 0)
                low, high = spare // 2, spare - spare // 2
                missing = max(s - reach, 0)
                shape = list(whole.shape)
                shape[axis + 2] = missing
                more = conv.bias.reshape(1, -1, *(1,) * axes).expand(shape)
                whole = torch.cat([whole, more], axis + 2)
                assert whole.shape[axis + 2] - low - high == n * s
            whole = whole.narrow(axis + 2, low, whole.shape[axis + 2] - low - high)
        torch.testing.assert_close(network(x), whole, msg=text)


@pytest.mark.parametrize("batch", (1, 2))
def test_every_figure_is_verified(batch: int) -> None:
    found = verify(cnncalc.loads(NET), batch=batch)
    assert found.ok, [str(d) for d in found.diagnostics]
    found = verify_memory(cnncalc.loads(NET), batch=batch)
    assert found.ok, [str(d) for d in found.diagnostics]


def test_the_size_of_another_layer_is_found_at_each_call() -> None:
    network = cnncalc.build(cnncalc.loads(NET)).eval()
    for height, width in ((15, 14), (16, 17), (9, 12)):
        report = cnncalc.analyze(cnncalc.loads(NET), input=(3, height, width)).or_mistake()
        shapes = [tuple(y.shape[1:]) for y in network(torch.randn(1, 3, height, width))]
        assert shapes == list(report.outputs.values())


@pytest.mark.parametrize(
    ("old", "new", "code", "text"),
    (
        ("padding: same}, name: same", "padding: same, output_padding: 1}", "CNN102", "both say"),
        ("stride: 2, padding: 1, like", "stride: 2, padding: [[0, 1], 0], like", "CNN207", "same"),
        ("kernel: 3, stride: 2, padding: 1, like", "kernel: 3, like", "CNN207", "cannot be made"),
        ("like: uneven}", "like: uneven, amount: 1}", "CNN102", "exactly one"),
        ("{like: uneven}, from: up", "{like: input}", "CNN207", "cannot pad 27 to 15"),
    ),
)
def test_mistakes_are_explained(old: str, new: str, code: str, text: str) -> None:
    assert old in NET
    with pytest.raises(Mistake) as raised:
        cnncalc.analyze(cnncalc.loads(NET.replace(old, new))).or_mistake()
    found = raised.value.diagnostics[0]
    assert found.code == code and text in found.message, found
