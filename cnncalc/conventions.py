"""Counting conventions: what each tool, framework or paper calls the cost of a network.

Each is a set of rules over the one ledger. A rule is data, so that the formula that counts is the
one that is printed: a sum of products of

- the ledger's classes: mac, add, mul, div, cmp, exp;
- ``x`` and ``y``, the values of a layer's first input and of its output;
- ``places``, the positions of the output;
- ``weights``, the parameters it reads, ``filters``, those of the tensor that a MAC uses one value
  of, and ``params``, those that are its own;
- ``statistics``, its running means and variances;
- ``read``, what its kernel reads, with a padding that is done before it.

All are for one image. The rules were read off the tools, and `tests/test_conventions.py` compares
them with what the tools say.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import NamedTuple


class Term(NamedTuple):
    """What a layer counts: the first term that fits it.

    `operators` are keys, or * for any; `marks` are tags that the layer must have (`Op.marks`).
    `why` is the reason of a term that counts nothing.
    """

    formula: str
    operators: str
    marks: str = ""
    why: str = ""

    def fits(self, op: str, marks: frozenset[str]) -> bool:
        """Whether the term is for layers of an operator with these marks."""
        known = self.operators == "*" or op in self.operators.split()
        return known and marks.issuperset(self.marks.split())


class Note(NamedTuple):
    """What users of a convention should know if their network has one of the operators, or any."""

    text: str
    operators: str = ""


class Convention(NamedTuple):
    """One way to count: its name, who counts so, what it counts, and what users should know.

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
MEANS = "adaptiveavgpool globalavgpool"
POOLS = f"maxpool avgpool adaptivemaxpool globalmaxpool {MEANS}"
NORMS = "batchnorm groupnorm layernorm instancenorm"
MACS = (Term("mac", "*"),)
NO_MACS = "no multiply–accumulates"
OWN_MODULE = "its filters with a table of connections are no convolution of torch.nn"
STRIDES = (
    "A transposed convolution is charged at each position of its output: "
    "the product of its strides times what it does."
)

PARAMETRIZED = Term(
    "0",
    MULTIPLY,
    "parametrize",
    "torch gives a parametrized layer a type of its own, which it does not know",
)
THOP = (
    PARAMETRIZED,
    Term("0", "conv", "connections", OWN_MODULE),
    Term("mac", "conv linear"),
    Term("filters*places", "conv_transpose"),
    Term("4*x", "batchnorm layernorm instancenorm", "affine"),
    Term("2*x", "batchnorm layernorm instancenorm"),
    Term("y", "avgpool", "count_include_pad"),
    Term("2*y", "avgpool", "uneven"),
    Term("y", "avgpool subsample"),
    Term("x + y", MEANS),
    Term("x", "prelu"),
    Term("exp + cmp + div", "softmax"),  # as many additions as comparisons
    Term("0", "upsample", "like", "interpolation called as a function, which it does not see"),
    Term("y", "upsample", "nearest"),
    Term("5*y", "upsample", "linear"),
    Term("11*y", "upsample", "bilinear"),
    Term("259*y", "upsample", "bicubic"),
    Term("0", "upsample", why="a mode it does not know"),
    Term(
        "0",
        "relu relu6 leaky_relu maxpool adaptivemaxpool globalmaxpool dropout pixel_shuffle",
        why="free by its list",
    ),
)

CONVENTIONS: dict[str, Convention] = {
    convention.name: convention
    for convention in (
        Convention(
            "macs",
            "cnncalc, unless asked otherwise",
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
                    "A multiply–accumulate is two, and every other operation one: biases, norms, "
                    "activations, pools, sums."
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
                    "What papers print as FLOPs or mult-adds is multiply–accumulates; some cut "
                    "the digits off instead of rounding."
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
                    "In 10⁹, to three decimals; of heads that only training uses (GoogLeNet, "
                    "Inception v3) torchvision counts nothing, having run in evaluation."
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
                    "padded by torch's word `same`, for an odd pixel, which it does not know",
                ),
                Term("mac", MULTIPLY),
                Term("2*x", "batchnorm", "track_running_stats affine"),
                Term("x", "batchnorm", "track_running_stats"),
                Term("5*x", NORMS, "affine"),
                Term("4*x", NORMS),
                Term("x", MEANS, "2d"),
                Term("4*y", "upsample", "bilinear"),
                Term("y", "upsample", "nearest 2d"),
                Term("x", "upsample", "area 2d"),
            ),
            (
                Note("A multiply–accumulate is one, a bias nothing."),
                Note(
                    "Batch norm costs 2 per value, though it can be folded into the convolution.",
                    "batchnorm",
                ),
                Note(
                    "Layer, group and instance norms cost 5 per value, by its own words a rough "
                    "estimate.",
                    "groupnorm layernorm instancenorm",
                ),
                Note(
                    "It knows adaptive means and interpolation in two dimensions only.",
                    f"{MEANS} upsample",
                ),
            ),
            "it has no rule for them",
        ),
        Convention(
            "torch",
            "torch.utils.flop_counter.FlopCounterMode",
            "FLOPs",
            (Term("2*mac", MULTIPLY),),
            (
                Note(
                    "Two for each multiply–accumulate of convolutions and matrix products, and "
                    "nothing else, not even a bias."
                ),
            ),
            "no convolution or matrix product",
        ),
        Convention(
            "torchinfo",
            "torchinfo.summary, Total mult-adds",
            "mult-adds",
            (
                Term(
                    "0",
                    "subsample",
                    why="their parameters stand beside a module inside them, which it passes over",
                ),
                Term(
                    "0",
                    MULTIPLY,
                    "parametrize",
                    "their weights are in a module inside them, which it passes over",
                ),
                Term("mac + add", "conv"),
                Term("weights*places", "conv_transpose"),
                Term("weights", "*"),
            ),
            (
                Note(
                    "A convolution costs its parameters, bias included, at every position; any "
                    "other layer its parameters once, and nothing if it has none."
                ),
                Note(
                    "So a 1×1 convolution written as a linear layer on channels last costs its "
                    "parameters once, however many positions there are.",
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
                Term("2*x", "batchnorm groupnorm instancenorm", "affine"),
                Term("x", "batchnorm groupnorm instancenorm layernorm"),
                Term("2*read", "avgpool", "uneven count_include_pad"),
                Term("4*read", "avgpool", "uneven"),
                Term("2*read", "maxpool", "uneven"),
                Term("2*x", f"relu prelu elu gelu subsample {POOLS}"),
                Term("x", "relu6 leaky_relu silu softmax"),
                Term("x + 2*y", "lppool"),
                Term("3*x + read", "lrn"),
                Term("y + x", "upsample", "like area"),
                Term("y", "upsample", "like"),
                Term("2*y + x", "upsample", "area"),
                Term("2*y", "upsample"),
            ),
            (
                Note(
                    "ReLU, GELU, ELU, PReLU, pools and upsampling count twice: by the hook on the "
                    "module, and by the patched function that the module calls.",
                    f"relu prelu elu gelu upsample {POOLS}",
                ),
                Note(
                    "It sees torch.add and torch.mul, but not `a + b` and `a * b`, which stand "
                    "here.",
                    "add sub mul layer_scale",
                ),
                Note(
                    "Layer norm is one per value: it looks for a scale under another name.",
                    "layernorm",
                ),
                Note(
                    "On the meta device it may count a linear layer twice; that is not reproduced.",
                    "linear",
                ),
            ),
            "it has no rule for them",
        ),
        Convention(
            "thop",
            "thop.profile",
            "MACs",
            THOP,
            (
                Note("A multiply–accumulate is one, a bias nothing."),
                Note(
                    "A norm costs 2 per value, and twice that if it has a scale: batch norm is "
                    "twice fvcore's.",
                    "batchnorm layernorm instancenorm",
                ),
                Note(STRIDES, "conv_transpose"),
            ),
            "their types are not in its list",
            (
                Term("0", MULTIPLY, "parametrize"),
                Term("0", "conv", "connections"),
                Term("0", "subsample"),
                Term("params", " ".join(term.operators for term in THOP)),
            ),
            "parameters of modules whose type is not in its list are missing",
        ),
        Convention(
            "keras",
            "Keras, Total params",
            "",
            (),
            (
                Note(
                    "Keras counts parameters, not operations. Its total includes the moving "
                    "statistics of batch norms: 4 values a channel, of which 2 are trained."
                ),
                Note(
                    "Keras's own networks may have other layers: its ResNets have biases, its "
                    "Inception v3 no scales.",
                    "batchnorm",
                ),
            ),
            params=(Term("params + statistics", "batchnorm"), Term("params", "*")),
            about_params="with the moving statistics of batch norms",
        ),
    )
}


@lru_cache
def parsed(formula: str) -> tuple[tuple[str, ...], ...]:
    """``2*mac + add`` as its products."""
    return tuple(tuple(part.strip().split("*")) for part in formula.split("+"))


def worth(formula: str, facts: dict[str, int]) -> int:
    """The value of a formula."""
    products = [[_number(name, facts) for name in names] for names in parsed(formula)]
    return sum(map(prod, products))


def _number(name: str, facts: dict[str, int]) -> int:
    return int(name) if name.isdecimal() else facts[name]
