"""The chains of ONNX nodes that exporters write for an operator that their version lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf, isclose, pi, prod, sqrt
from typing import Any, NamedTuple

from .chains import Chain, Chains, Match, Settings


def _hard_slope(chains: Chains, match: Match) -> Settings | None:
    slope = chains.node(match, "HardSigmoid").attributes.get("alpha", 0.2)
    return {} if isclose(slope, 1 / 6, rel_tol=1e-3) else None


def _sixth(chains: Chains, match: Match) -> Settings:
    return {"alpha": 1 / 6, "beta": 0.5}


def _tanh(chains: Chains, match: Match) -> Settings:
    return {"approximate": "tanh"}


def _axes(chains: Chains, match: Match) -> Settings | None:
    """Return the axes of means and what is added to the variance, of a norm in steps."""
    found = set()
    for n in match.nodes:
        node = chains.nodes[n]
        if node.op == "ReduceMean":
            given = chains.constant(node.inputs[1]) if len(node.inputs) > 1 else None
            axes = given.values if given is not None else node.attributes.get("axes")
            found.add(axes)
    eps, names = chains.constant(match.tensors["eps"]), match.tensors
    weights = [chains.constant(names[name]) for name in ("w", "b") if name in names]
    axes = found.pop() if len(found) == 1 else None
    if not axes or eps is None or not eps.number or any(w is None for w in weights):
        return None
    return {"axes": tuple(axes), "epsilon": eps.number}


def _groups(chains: Chains, match: Match) -> Settings | None:
    """Return the settings of a group norm that is an instance norm of reshaped groups."""
    ones, zeros = (chains.constant(match.tensors[name]) for name in ("ones", "zeros"))
    if ones is None or zeros is None or chains.constant(match.tensors["w"]) is None:
        return None
    if set(ones.values or ()) != {1.0} or set(zeros.values or ()) != {0.0}:
        return None
    norm = chains.node(match, "InstanceNormalization")
    return {"num_groups": len(ones.values or ()), "epsilon": norm.attributes.get("epsilon", 1e-5)}


def _vector_bias(chains: Chains, match: Match) -> Settings | None:
    """Return the settings of a linear layer: a matrix that is trained, and a bias."""
    weight, bias = (chains.constant(match.tensors[name]) for name in ("w", "b"))
    if weight is None or bias is None or len(weight.sizes) != 2:
        return None
    return {} if [n for n in bias.sizes if n != 1] == [weight.sizes[1]] else None


def _channel_bias(chains: Chains, match: Match) -> Settings | None:
    """Return the settings of a convolution whose bias is added apart."""
    weight, bias = (chains.constant(match.tensors[name]) for name in ("w", "b"))
    node = chains.node(match, "Conv")
    if weight is None or bias is None or len(node.inputs) > 2 or len(weight.sizes) < 3:
        return None
    wanted = (weight.sizes[0], *[1] * (len(weight.sizes) - 2))
    return node.attributes if bias.sizes in (wanted, (1, *wanted)) else None


def _shrinks(chains: Chains, match: Match) -> Settings | None:
    limit = chains.number(match, "t")
    return None if limit is None else {"lambd": limit, "bias": 0.0}


def _shrinks_softly(chains: Chains, match: Match) -> Settings | None:
    limit = chains.number(match, "t")
    return None if limit is None else {"lambd": limit, "bias": limit}


def _thresholds(chains: Chains, match: Match) -> Settings | None:
    limit = chains.number(match, "t")
    return None if limit is None else {"alpha": limit}


def _in_order(chains: Chains, match: Match) -> Settings | None:
    """Return the sizes that all values get, one after another: a view with strides."""
    flat, index = (chains.constant(match.tensors[name]) for name in ("flat", "index"))
    if flat is None or index is None or index.values is None or flat.values != (-1,):
        return None
    in_order = all(n == value for n, value in enumerate(index.values))
    return {"shape": index.sizes} if in_order and len(index.sizes) > 1 else None


def _places(chains: Chains, match: Match) -> Settings | None:
    """Say whether places of maxima are counted from the beginning of each map.

    ONNX counts them in the whole tensor; places of windows of one value are what is subtracted.
    """
    alone, pool = chains.node(match, "MaxPool"), chains.maker(match.tensors["places"])
    if pool is None or pool.op != "MaxPool" or pool.inputs[:1] != alone.inputs[:1]:
        return None
    is_places = pool.outputs[1:2] == (match.tensors["places"],)
    return {} if is_places and {*alone.attributes.get("kernel_shape", ())} == {1} else None


def _puts_back(chains: Chains, match: Match) -> Settings | None:
    """Say whether values are put into a map of zeros at places counted from its beginning."""
    names = match.tensors
    flat, size, offsets = (chains.constant(names[name]) for name in ("flat", "size", "offsets"))
    zeros = chains.node(match, "ConstantOfShape").attributes.get("value")
    if flat is None or flat.values != (-1,) or size is None or offsets is None:
        return None
    if zeros is not None and {*(zeros.values or (1,))} != {0}:
        return None
    whole = size.integers()
    maps = prod(whole[:2])
    begins = tuple(n * prod(whole[2:]) for n in range(maps))
    return {} if tuple(offsets.values or ()) == begins else None


def _padded(chains: Chains, match: Match) -> Settings | None:
    """Return the settings of a max pool whose padding of −∞ is a node of its own."""
    pads, pool = chains.constant(match.tensors["pads"]), chains.node(match, "MaxPool")
    own = pool.attributes
    axes = len(own.get("kernel_shape", ()))
    if chains.number(match, "value") != -inf or own.get("ceil_mode", 0) or any(own.get("pads", ())):
        return None
    given = pads.integers() if pads is not None and pads.values is not None else ()
    begins, ends = given[: axes + 2], given[axes + 2 :]
    if len(given) != 2 * axes + 4 or any((*begins[:2], *ends[:2])) or min(given) < 0:
        return None
    mode = chains.node(match, "Pad").attributes.get("mode", "constant")
    if mode != "constant" or own.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        return None
    return {**own, "auto_pad": "NOTSET", "pads": (*begins[2:], *ends[2:])}


class _Blocks(NamedTuple):
    """How blocks of positions become channels, or back: by axes between two reshapes."""

    mode: str
    order: tuple[int, ...]
    block: int  # the axis of the block's side
    result: Callable[[Sequence[int], int], tuple[int, ...]]  # the sizes after the batch

    def settings(self, chains: Chains, match: Match) -> Settings | None:
        """Return the side of the blocks, and the order of the channels."""
        first, last = (chains.constant(match.tensors[name]) for name in ("first", "last"))
        if first is None or last is None or first.values is None or len(first.values) != 6:
            return None
        sizes, side = first.integers(), first.integers()[self.block]
        if chains.node(match, "Transpose").attributes.get("perm") != self.order or side < 1:
            return None
        wanted = self.result(sizes, side)
        fits = len(last.values or ()) == 4 and all(
            given in (-1, 0, size) for given, size in zip(last.integers()[1:], wanted)
        )
        return {"blocksize": side, "mode": self.mode} if fits else None


_TO_DEPTH = (
    _Blocks("CRD", (0, 1, 3, 5, 2, 4), 3, lambda s, r: (s[1] * r * r, s[2], s[4])),
    _Blocks("DCR", (0, 3, 5, 1, 2, 4), 3, lambda s, r: (s[1] * r * r, s[2], s[4])),
)
_TO_SPACE = (
    _Blocks("CRD", (0, 1, 4, 2, 5, 3), 2, lambda s, r: (s[1], s[4] * r, s[5] * r)),
    _Blocks("DCR", (0, 3, 4, 1, 5, 2), 1, lambda s, r: (s[3], s[4] * r, s[5] * r)),
)
_MOVED = ("Reshape", ("Transpose", ("Reshape", "x", "first")), "last")
_CENTRED = ("Sub", "x", ("ReduceMean", "x"))
_ERF = [
    ("Add", ("Erf", ("Div", "x", sqrt(2))), 1.0),
    ("Add", ("Erf", ("Mul", "x", sqrt(0.5))), 1.0),
]
_CUBIC = ("Mul", ("Add", "x", ("Mul", ("Pow", "x", 3.0), 0.044715)), sqrt(2 / pi))
_TANH = ("Add", ("Tanh", _CUBIC), 1.0)
_SOFT = (
    "Where",
    ("Greater", ("Abs", "x"), "t"),
    ("Sub", "x", ("Mul", ("Sign", "x"), "t")),
    ("Mul", "x", 0.0),
)
_PUT_BACK = (
    "ScatterND",
    ("Reshape", ("ConstantOfShape", "size"), "flat"),
    ("Unsqueeze", ("Reshape", ("Add", "places", "offsets"), "flat")),
    ("Reshape", "x", "flat"),
)
_HARD = ("Clip", ("Add", "x", 3.0), 0.0, 6.0)


def _halves(factor: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return x · factor / 2 in all orders."""
    return [
        ("Mul", ("Mul", "x", factor), 0.5),
        ("Mul", ("Mul", "x", 0.5), factor),
        ("Mul", "x", ("Mul", factor, 0.5)),
    ]


def _squares() -> Iterator[tuple[Any, ...]]:
    """Yield values minus their mean, divided by their deviation."""
    for square in (("Pow", _CENTRED, 2.0), ("Mul", _CENTRED, _CENTRED)):
        yield ("Div", _CENTRED, ("Sqrt", ("Add", ("ReduceMean", square), "eps")))


_NORMED_GROUPS = ("Reshape", ("InstanceNormalization", ("Reshape", "x"), "ones", "zeros"))

CHAINS: tuple[Chain, ...] = (
    Chain(("Mul", "x", ("Sigmoid", "x")), "Swish"),
    Chain(("Mul", "x", ("HardSigmoid", "x")), "HardSwish", settings=_hard_slope),
    Chain(("Div", ("Mul", "x", _HARD), 6.0), "HardSwish"),
    Chain(("Mul", ("Mul", "x", _HARD), 1 / 6), "HardSwish"),
    Chain(("Mul", "x", ("Div", _HARD, 6.0)), "HardSwish"),
    Chain(("Mul", "x", ("Mul", _HARD, 1 / 6)), "HardSwish"),
    Chain(("Div", _HARD, 6.0), "HardSigmoid", settings=_sixth),
    Chain(("Mul", _HARD, 1 / 6), "HardSigmoid", settings=_sixth),
    Chain(("Mul", "x", ("Tanh", ("Softplus", "x"))), "Mish"),
    Chain(("Where", ("Greater", "x", 20.0), "x", ("Softplus", "x")), "Softplus"),
    Chain(("Log", ("Add", ("Exp", "x"), 1.0)), "Softplus"),
    Chain(("Where", ("LessOrEqual", "x", "t"), 0.0, "x"), "ThresholdedRelu", settings=_thresholds),
    Chain(("Where", ("LessOrEqual", ("Abs", "x"), "t"), 0.0, "x"), "Shrink", settings=_shrinks),
    Chain(_SOFT, "Shrink", settings=_shrinks_softly),
    Chain(("Gather", ("Reshape", "x", "flat"), "index"), "Reshape", settings=_in_order),
    Chain(("Sub", "places", ("Slice", ("MaxPool", "x"))), "Identity", ("places",), _places),
    Chain(("Reshape", _PUT_BACK, "size"), "MaxUnpool", ("x", "places", "size"), _puts_back),
    Chain(("MaxPool", ("Pad", "x", "pads", "value")), "MaxPool", settings=_padded),
    *(Chain(_MOVED, "SpaceToDepth", settings=blocks.settings) for blocks in _TO_DEPTH),
    *(Chain(_MOVED, "DepthToSpace", settings=blocks.settings) for blocks in _TO_SPACE),
    *(Chain(half, "Gelu") for erf in _ERF for half in _halves(erf)),
    *(Chain(half, "Gelu", settings=_tanh) for half in _halves(_TANH)),
    *(
        Chain(("Add", ("Mul", normed, "w"), "b"), "LayerNormalization", ("x", "w", "b"), _axes)
        for normed in _squares()
    ),
    *(Chain(normed, "LayerNormalization", settings=_axes) for normed in _squares()),
    Chain(
        ("Add", ("Mul", _NORMED_GROUPS, "w"), "b"),
        "GroupNormalization",
        ("x", "w", "b"),
        _groups,
    ),
    Chain(("Add", ("MatMul", "x", "w"), "b"), "Gemm", ("x", "w", "b"), _vector_bias),
    Chain(("Add", ("Conv", "x", "w"), "b"), "Conv", ("x", "w", "b"), _channel_bias),
)
