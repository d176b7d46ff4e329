"""Counting conventions: what each tool, framework or paper calls the cost of a network.

Each convention is a list of rules that all use the same ledger. A rule is data, so the formula
that is printed is the one that counts: sums and differences of products of these numbers, all for
one image:

- the ledger's classes: mac, add, mul, div, cmp, exp;
- ``products``: MACs outside of a kernel that computes a whole attention or recurrent layer;
- ``x`` and ``y``: values in a layer's first input and in its output;
- ``places``: positions of the output;
- ``rows``: size of the first axis of the input, such as the steps of a sequence;
- ``weights``: parameters that the layer uses, and ``params``: parameters that it owns;
- ``filters``: values of the tensor of which each MAC uses one;
- ``statistics``: running means and variances of the layer;
- ``read``: values that its kernel reads, including padding that is added before the kernel runs;
- ``magnified``: values of the first input times the whole part of the scale of each axis.

The rules describe what the tools do. `tests/test_conventions.py` compares them with the tools.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import NamedTuple


class Term(NamedTuple):
    """A rule for some layers; the first term that fits a layer counts it.

    `operators` are keys of operators, or * for any; `marks` are tags that the layer must have
    (`Op.marks`). `why` says why a term counts nothing.
    """

    formula: str
    operators: str
    marks: str = ""
    why: str = ""

    def fits(self, op: str, marks: frozenset[str]) -> bool:
        """Return whether the term applies to a layer of this operator with these marks."""
        known = self.operators == "*" or op in self.operators.split()
        return known and marks.issuperset(self.marks.split())


class Note(NamedTuple):
    """A note for users of a convention: for any network, or for those with one of the operators."""

    text: str
    operators: str = ""


class Convention(NamedTuple):
    """One way to count: its name, who uses it, its unit, its rules, and notes for users.

    `silent` says why layers without a term count nothing.
    """

    name: str
    who: str
    unit: str
    terms: tuple[Term, ...]
    notes: tuple[Note, ...]
    silent: str = ""
    params: tuple[Term, ...] = (Term("params", "*"),)
    about_params: str = ""


MULTIPLY = "conv conv_transpose linear"
PRODUCTS = f"{MULTIPLY} matmul"
RECURRENT = "lstm gru rnn"
FUSED = f"attention {RECURRENT}"
PROJECTION = "It counts an LSTM with `projection` otherwise than cnncalc says."
MEANS = "adaptiveavgpool globalavgpool"
POOLS = f"maxpool avgpool adaptivemaxpool globalmaxpool {MEANS}"
NORMS = "batchnorm groupnorm layernorm instancenorm"
MACS = (Term("mac", "*"),)
NO_MACS = "they do no multiply–accumulates"
OWN_MODULE = "a convolution with a table of connections is not a module of torch.nn"
STRIDES = (
    "A transposed convolution is counted at every position of its output, "
    "which multiplies its real cost by the product of its strides."
)

PARAMETRIZED = Term(
    "0",
    MULTIPLY,
    "parametrize",
    "torch gives a parametrized layer a type of its own, which the tool does not know",
)
THOP = (
    PARAMETRIZED,
    Term("0", "conv", "connections", OWN_MODULE),
    Term("mac", "conv linear"),
    Term("mac + add", RECURRENT),
    Term("filters*places", "conv_transpose"),
    Term("4*x", "batchnorm layernorm instancenorm", "affine"),
    Term("2*x", "batchnorm layernorm instancenorm"),
    Term("y", "avgpool", "count_include_pad"),
    Term("2*y", "avgpool", "uneven"),
    Term("y", "avgpool subsample"),
    Term("x + y", MEANS),
    Term("x", "prelu"),
    Term("exp + cmp + div", "softmax"),  # as many additions as comparisons
    Term("0", "upsample", "like", "the tool does not see functions, only modules"),
    Term("y", "upsample", "nearest"),
    Term("5*y", "upsample", "linear"),
    Term("11*y", "upsample", "bilinear"),
    Term("259*y", "upsample", "bicubic"),
    Term("0", "upsample", why="the tool does not know this mode"),
    Term(
        "0",
        "relu relu6 leaky_relu maxpool adaptivemaxpool globalmaxpool dropout pixel_shuffle",
        why="its list says that they cost nothing",
    ),
)

CONVENTIONS: dict[str, Convention] = {
    convention.name: convention
    for convention in (
        Convention(
            "macs",
            "cnncalc, by default",
            "MACs",
            MACS,
            (Note("Multiply–accumulates of convolutions and linear layers."),),
            NO_MACS,
        ),
        Convention(
            "flops",
            "cnncalc, every operation",
            "FLOPs",
            (Term("2*mac + add + mul + div + cmp + exp", "*"),),
            (
                Note(
                    "A multiply–accumulate counts as two, and any other operation as one: biases, "
                    "norms, activations, pools, sums."
                ),
            ),
            "they only move values",
        ),
        Convention(
            "paper",
            "most papers",
            "MACs",
            MACS,
            (
                Note(
                    "What papers call FLOPs or mult-adds are multiply–accumulates. Some papers "
                    "cut off digits instead of rounding."
                ),
            ),
            NO_MACS,
        ),
        Convention(
            "torchvision",
            "GFLOPS in torchvision's tables",
            "MACs",
            MACS,
            (
                Note(
                    "Printed in units of 10⁹, to three decimals. torchvision counts in evaluation "
                    "mode, so heads that only training uses (GoogLeNet, Inception v3) cost nothing."
                ),
            ),
            NO_MACS,
        ),
        Convention(
            "fvcore",
            "fvcore.nn.FlopCountAnalysis",
            "flops",
            (
                Term(
                    "0",
                    "conv",
                    "same_word",
                    "torch pads them by the word `same`, which fvcore does not understand",
                ),
                Term("mac", f"{PRODUCTS} blurpool"),
                Term("products", FUSED),
                Term("2*x", "batchnorm", "track_running_stats affine"),
                Term("x", "batchnorm", "track_running_stats"),
                Term("5*x", NORMS, "affine"),
                Term("4*x", NORMS),
                Term("x", MEANS, "2d"),
                Term("4*y", "grid_sample"),
                Term("4*y", "upsample", "bilinear"),
                Term("y", "upsample", "nearest 2d"),
                Term("x", "upsample", "area 2d"),
            ),
            (
                Note("A multiply–accumulate counts as one, a bias as nothing."),
                Note(
                    "Batch norm costs 2 per value, though it can be folded into the convolution.",
                    "batchnorm",
                ),
                Note(
                    "Layer, group and instance norms cost 5 per value, which fvcore itself calls "
                    "a rough estimate.",
                    "groupnorm layernorm instancenorm",
                ),
                Note(
                    "fvcore counts adaptive averages and interpolation in two dimensions only.",
                    f"{MEANS} upsample",
                ),
            ),
            "it has no rule for them",
        ),
        Convention(
            "torch",
            "torch.utils.flop_counter.FlopCounterMode",
            "FLOPs",
            (Term("2*mac", f"{PRODUCTS} {FUSED} blurpool"),),
            (
                Note(
                    "A multiply–accumulate of a convolution or matrix product counts as two. "
                    "Nothing else counts, not even a bias."
                ),
                Note(
                    "It has no rule for the kernels of whole layers that the CPU has: it counts "
                    "attention on a card only.",
                    FUSED,
                ),
            ),
            "they are not convolutions or matrix products",
        ),
        Convention(
            "torchinfo",
            "torchinfo.summary, Total mult-adds",
            "mult-adds",
            (
                Term(
                    "0",
                    "subsample attention",
                    why="it skips parameters of a module that contains another module",
                ),
                Term(
                    "0",
                    MULTIPLY,
                    "parametrize",
                    "it skips their weights, which are in a module inside them",
                ),
                Term("mac + add", "conv"),
                Term("weights*places", "conv_transpose"),
                Term("weights*rows", RECURRENT),
                Term("weights", "*"),
            ),
            (
                Note(
                    "A convolution costs its parameters, including the bias, at every position. "
                    "Any other layer costs its parameters once, or nothing if it has none."
                ),
                Note(
                    "So a 1×1 convolution that is written as a linear layer on the last axis "
                    "costs its parameters once, however many positions there are.",
                    "layernorm",
                ),
                Note(STRIDES, "conv_transpose"),
            ),
            "they have no parameters",
        ),
        Convention(
            "ptflops",
            "ptflops.get_model_complexity_info, backend pytorch",
            "MACs",
            (
                PARAMETRIZED,
                Term("0", "conv", "connections", OWN_MODULE),
                Term("mac + add", MULTIPLY),
                Term("mac", "matmul"),
                Term("mac + add + exp - div", "lstm"),
                Term("mac + add", RECURRENT),
                Term("2*x", "batchnorm groupnorm instancenorm", "affine"),
                Term("x", "batchnorm groupnorm instancenorm layernorm"),
                Term("2*read", "avgpool", "uneven count_include_pad"),
                Term("4*read", "avgpool", "uneven"),
                Term("x", "maxpool", "undone"),
                Term("2*read", "maxpool", "uneven"),
                Term("2*x", f"relu prelu elu gelu subsample {POOLS}"),
                Term("x", "relu6 leaky_relu silu softmax"),
                Term("x + 2*y", "lppool"),
                Term("3*x + read", "lrn"),
                Term("y + x", "upsample", "like area"),
                Term("y", "upsample", "like"),
                Term("2*y + x", "upsample", "area"),
                Term("y + magnified", "upsample", "scale"),
                Term("2*y", "upsample"),
            ),
            (
                Note(
                    "ReLU, GELU, ELU, PReLU, pools and upsampling are counted twice: by the hook "
                    "on the module, and by the patched function that the module calls.",
                    f"relu prelu elu gelu upsample {POOLS}",
                ),
                Note(
                    "ptflops counts torch.add and torch.mul, but not `a + b` and `a * b`, which "
                    "cnncalc uses.",
                    "add sub mul layer_scale",
                ),
                Note(
                    "Layer norm costs 1 per value: ptflops looks for its scale under another name.",
                    "layernorm",
                ),
                Note(PROJECTION, "lstm"),
                Note(
                    "On the meta device ptflops may count a linear layer twice. cnncalc does not.",
                    "linear",
                ),
            ),
            "it has no rule for them",
            (Term("trained", "*"),),
        ),
        Convention(
            "thop",
            "thop.profile",
            "MACs",
            THOP,
            (
                Note("A multiply–accumulate counts as one, a bias as nothing."),
                Note(
                    "A norm costs 2 per value, or 4 if it has a scale, so batch norm costs twice "
                    "what fvcore counts.",
                    "batchnorm layernorm instancenorm",
                ),
                Note(STRIDES, "conv_transpose"),
                Note(PROJECTION, "lstm"),
            ),
            "their types are not in its list",
            (
                Term("0", MULTIPLY, "parametrize"),
                Term("0", "conv", "connections"),
                Term("0", "subsample"),
                Term("params", " ".join(term.operators for term in THOP)),
            ),
            "it leaves out modules whose type is not in its list",
        ),
        Convention(
            "keras",
            "Keras, Total params",
            "",
            (),
            (
                Note(
                    "Keras counts parameters, not operations. Its total includes the moving "
                    "statistics of batch norms, which have 4 values per channel, 2 of them trained."
                ),
                Note(
                    "Keras's own version of a network may differ: its ResNets have biases, and "
                    "its Inception v3 has batch norms without scales.",
                    "batchnorm",
                ),
            ),
            params=(Term("params + statistics", "batchnorm"), Term("params", "*")),
            about_params="it includes the moving statistics of batch norms",
        ),
    )
}


@lru_cache
def parsed(formula: str) -> tuple[tuple[str, ...], ...]:
    """Return ``2*mac - add`` as a sum of products: (("2", "mac"), ("-1", "add"))."""
    parts = formula.replace(" - ", " + -1*").split("+")
    return tuple(tuple(part.strip().split("*")) for part in parts)


def worth(formula: str, facts: dict[str, int]) -> int:
    """Return the value of a formula for these numbers."""
    products = [[_number(name, facts) for name in names] for names in parsed(formula)]
    return sum(map(prod, products))


def _number(name: str, facts: dict[str, int]) -> int:
    return int(name) if name.removeprefix("-").isdecimal() else facts[name]
