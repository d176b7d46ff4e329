"""Counting conventions: what each tool, framework or paper calls the cost of a network, as rules over the one ledger.

A rule is data, so that the formula that counts is the one that is printed: a sum of products of the ledger's classes (mac, add,
mul, div, cmp, exp) and of ``x`` and ``y``, the values of a layer's first input and of its output; ``places``, the positions of
the output; ``weights``, the parameters it reads, and ``filters``, those that are no biases; ``params``, those that are its own;
``statistics``, its running means and variances; ``padded``, its input with an uneven padding; ``edge``, what a local response norm
pads. All per image. The rules were read off the tools, and `tests/test_conventions.py` holds them to the tools' runs.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import NamedTuple


class Term(NamedTuple):
    """What a layer counts. The first term that names its operator, and whose marks it has, is taken."""

    formula: str
    operators: str  # keys, or * for any
    marks: str = ""  # what else must be so: a field that is set, a word in one, the number of axes as ``2d``

    def fits(self, op: str, marks: frozenset[str]) -> bool:
        return (self.operators == "*" or op in self.operators.split()) and marks.issuperset(self.marks.split())


class Convention(NamedTuple):
    """One way to count: its name, who counts so, what it counts, and what its users should know."""

    name: str
    who: str
    unit: str
    terms: tuple[Term, ...]
    notes: tuple[str, ...]
    silent: str = ""  # why layers that compute count nothing
    params: tuple[Term, ...] = (Term("params", "*"),)


MULTIPLY = "conv conv_transpose linear"
MEANS = "adaptiveavgpool globalavgpool"
POOLS = f"maxpool avgpool adaptivemaxpool globalmaxpool {MEANS}"
MACS = (Term("mac", "*"),)

THOP = (
    Term("0", "conv", "connections"), Term("mac", "conv linear"), Term("filters*places", "conv_transpose"),
    Term("4*x", "batchnorm layernorm instancenorm", "affine"), Term("2*x", "batchnorm layernorm instancenorm"),
    Term("y", "avgpool", "count_include_pad"), Term("2*y", "avgpool", "uneven"), Term("y", "avgpool subsample"), Term("x + y", MEANS), Term("x", "prelu"), Term("exp + cmp + div", "softmax"),
    Term("0", "upsample", "like"), Term("y", "upsample", "nearest"), Term("5*y", "upsample", "linear"),
    Term("11*y", "upsample", "bilinear"), Term("259*y", "upsample", "bicubic"), Term("0", "upsample"),
    Term("0", "relu relu6 leaky_relu maxpool adaptivemaxpool globalmaxpool dropout pixel_shuffle"),
)  # fmt: skip

CONVENTIONS: dict[str, Convention] = {convention.name: convention for convention in (
    Convention(
        "macs", "cnncalc, unless asked otherwise", "MACs", MACS,
        ("Multiply–accumulates of convolutions and linear layers.",), "no multiply–accumulates"),
    Convention(
        "flops", "cnncalc, every operation", "FLOPs", (Term("2*mac + add + mul + div + cmp + exp", "*"),),
        ("A multiply–accumulate is two, and every other operation one: biases, norms, activations, pools, sums.",), "they only move values"),
    Convention(
        "paper", "most papers", "MACs", MACS,
        ("What papers print as FLOPs or mult-adds is multiply–accumulates; some cut the digits off instead of rounding.",), "no multiply–accumulates"),
    Convention(
        "torchvision", "GFLOPS in torchvision's tables", "MACs", MACS,
        ("In 10⁹, to three decimals; in evaluation, so without heads that only training uses (GoogLeNet, Inception v3).",), "no multiply–accumulates"),
    Convention(
        "fvcore", "fvcore.nn.FlopCountAnalysis", "flops", (
            Term("0", "conv", "same_word"), Term("mac", MULTIPLY),
            Term("2*x", "batchnorm", "track_running_stats affine"), Term("x", "batchnorm", "track_running_stats"),
            Term("5*x", "batchnorm groupnorm layernorm instancenorm", "affine"), Term("4*x", "batchnorm groupnorm layernorm instancenorm"),
            Term("x", MEANS, "2d"), Term("4*y", "upsample", "bilinear"), Term("y", "upsample", "nearest 2d"), Term("x", "upsample", "area 2d"),
        ),
        ("A multiply–accumulate is one, a bias nothing. Batch norm costs 2 per value though it can be folded into the convolution.",
         "It knows adaptive means and interpolation in two dimensions only, and misses a convolution that is padded by the word `same`."),
        "it has no rule for them"),
    Convention(
        "torch", "torch.utils.flop_counter.FlopCounterMode", "FLOPs", (Term("2*mac", MULTIPLY),),
        ("Two for each multiply–accumulate of convolutions and matrix products, and nothing else, not even a bias.",), "no convolution or matrix product"),
    Convention(
        "torchinfo", "torchinfo.summary, Total mult-adds", "mult-adds", (
            Term("0", "subsample"), Term("mac + add", "conv"), Term("weights*places", "conv_transpose"), Term("weights", "*"),
        ),
        ("A convolution costs its parameters, bias included, at every position; any other layer its parameters once, and nothing if it has none.",
         "A transposed convolution is charged at each position of its output, about stride² times what it does."),
        "they have no parameters"),
    Convention(
        "ptflops", "ptflops.get_model_complexity_info, backend pytorch", "MACs", (
            Term("0", "conv", "connections"), Term("mac + add", MULTIPLY),
            Term("2*x", "batchnorm groupnorm instancenorm", "affine"), Term("x", "batchnorm groupnorm instancenorm layernorm"),
            Term("2*padded", "maxpool", "uneven"), Term("2*padded", "avgpool", "uneven count_include_pad"), Term("4*padded", "avgpool", "uneven"),
            Term("2*x", f"relu prelu elu gelu subsample {POOLS}"), Term("x", "relu6 leaky_relu silu softmax"),
            Term("x + 2*y", "lppool"), Term("4*x + edge", "lrn"),
            Term("y + x", "upsample", "like area"), Term("y", "upsample", "like"), Term("2*y + x", "upsample", "area"), Term("2*y", "upsample"),
        ),
        ("ReLU, GELU, ELU, PReLU, pools and upsampling count twice: by the hook on the module, and by the patched function that the module calls.",
         "It does not see sums written `a + b`. On the meta device it counts linear layers twice; that is not reproduced."),
        "it has no rule for them"),
    Convention(
        "thop", "thop.profile", "MACs", THOP,
        ("A multiply–accumulate is one, a bias nothing. A norm costs 2 per value, and twice that if it has a scale: batch norm is twice fvcore's.",
         "A transposed convolution is charged at each position of its output, about stride² times what it does; a module whose type is not in its list costs nothing, and its parameters are missing from the total."),
        "not in its list, or free there", (Term("0", "conv", "connections"), Term("0", "subsample"), Term("params", " ".join(term.operators for term in THOP)))),
    Convention(
        "keras", "Keras, Total params", "", (),
        ("Keras counts parameters, not operations. Its total includes the moving statistics of batch norms: 4 values a channel, of which 2 are trained.",),
        params=(Term("params + statistics", "batchnorm"), Term("params", "*"))),
)}  # fmt: skip


@lru_cache
def parsed(formula: str) -> tuple[tuple[str, ...], ...]:
    """``2*mac + add`` as its products."""
    return tuple(tuple(part.strip().split("*")) for part in formula.split("+"))


def worth(formula: str, facts: dict[str, int]) -> int:
    """The value of a formula."""
    return sum(prod(int(name) if name.isdecimal() else facts[name] for name in names) for names in parsed(formula))
