"""Nodes of ONNX that join, multiply and reduce tensors, as the calls of torch that do the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from ...num import Shape
from ...trace import Ref, Weight
from ..axes import positive
from ..layers import Unknown
from .constants import Constant, stretched
from .shapes import axes_given
from .step import Given, Result, Step
from .views import permuted

_JOINS = {
    "Add": "add",
    "Sum": "add",
    "Sub": "sub",
    "Mul": "mul",
    "Div": "div",
    "Max": "maximum",
    "Min": "minimum",
}
_REDUCED = {
    "ReduceMean": "mean",
    "ReduceSum": "sum",
    "ReduceMax": "amax",
    "ReduceMin": "amin",
    "ReduceL2": "linalg_vector_norm",
}


def _joined(step: Step) -> Ref:
    """Join tensors two by two, or scale or shift one."""
    found, *others = step.given
    for other in others:
        found = _join(step, found, other)
    if not isinstance(found, Ref):
        raise Unknown("it computes from a constant")
    return found


def _join(step: Step, a: Given, b: Given) -> Ref:
    name = _JOINS[step.op]
    if isinstance(a, Constant) and isinstance(b, Ref) and name in ("sub", "div"):
        return _from_constant(step, a, b)
    if isinstance(b, Constant) and isinstance(a, Ref) and b.number is None:
        # Subtracting or dividing by trained values is a shift or a scale by others.
        name = {"sub": "add", "div": "mul"}.get(name, name)
    return _of_two(step, name, a, b)


def _of_two(step: Step, name: str, a: Given, b: Given) -> Ref:
    sizes = stretched(*(_sizes(step, each) for each in (a, b)))
    return step.add(name, sizes, self=_operand(a), other=_operand(b))


def _sizes(step: Step, given: Given) -> Shape:
    if given is None:
        raise Unknown("an input is missing")
    return given.sizes if isinstance(given, Constant) else step.sizes(given)


def _operand(given: Given) -> Ref | Weight | None:
    """Return a tensor, or what is trained; a single value is a number."""
    if not isinstance(given, Constant):
        return given
    return given.weight()._replace(trained=given.number is None)


def _from_constant(step: Step, a: Constant, b: Ref) -> Ref:
    """Compute a − b as −b + a, and a / b as 1/b · a."""
    name = {"Sub": ("Neg", "add"), "Div": ("Reciprocal", "mul")}[step.op]
    step.given = [b]
    turned = step.add_operator({}, name[0])
    if name[1] == "mul" and a.number == 1:
        return turned
    return _of_two(step, name[1], turned, a)


def _matmul(step: Step) -> Ref:
    """Multiply by a matrix that is trained, or multiply two tensors."""
    a, b = step.input(0), step.input(1)
    if isinstance(a, Ref) and isinstance(b, Constant) and len(b.sizes) == 2:
        return _linear(step, a, b, None, transposed=False)
    if not isinstance(a, Ref) or not isinstance(b, Ref):
        raise Unknown("it multiplies a constant by a tensor")
    p, q = step.sizes(a), step.sizes(b)
    if min(len(p), len(q)) < 2 or p[-1] != q[-2]:
        raise Unknown("its tensors do not fit")
    sizes = (*stretched(p[:-2], q[:-2]), p[-2], q[-1])
    return step.add("matmul", sizes, self=a, other=b)


def _gemm(step: Step) -> Ref:
    weight, bias = step.constant(1), step.constant(2)
    plain = step.attribute("alpha", 1.0) == 1 and not step.attribute("transA", 0)
    scaled = bias is not None and step.attribute("beta", 1.0) != 1
    if weight is None or len(weight.sizes) != 2 or not plain or scaled:
        raise Unknown("it is not a linear layer")
    return _linear(step, step.data(), weight, bias, bool(step.attribute("transB", 0)))


def _linear(step: Step, ref: Ref, matrix: Constant, bias: Constant | None, transposed: bool) -> Ref:
    out, features = matrix.sizes if transposed else matrix.sizes[::-1]
    old = step.sizes(ref)
    if old[-1] != features:
        raise Unknown("its weight does not fit its input")
    weight = matrix.moved((out, features), None).weight()
    arguments: dict[str, Any] = {"input": ref, "weight": weight, "bias": None}
    if bias is not None:
        if [size for size in bias.sizes if size != 1] not in ([out], [] if out == 1 else [out]):
            raise Unknown("its bias does not fit its output")
        arguments["bias"] = bias.moved((out,), None).weight()
    return step.add("linear", (*old[:-1], out), **arguments)


def _reduced(step: Step) -> Ref:
    ref = step.data()
    old = step.sizes(ref)
    dims = axes_given(step.integers("axes", 1), len(old), step.attributes)
    keeps = bool(step.attribute("keepdims", 1))
    if not dims:
        return ref
    sizes = [1 if axis in dims else size for axis, size in enumerate(old)]
    if not keeps:
        sizes = [size for axis, size in enumerate(old) if axis not in dims]
    arguments: dict[str, Any] = {"self": ref, "dim": [*dims], "keepdim": keeps}
    return step.add(_REDUCED[step.op], tuple(sizes), **arguments)


def _softmax(step: Step) -> Ref:
    """Before version 13, all axes from the given one on are one."""
    ref, older = step.data(), step.opset < 13
    sizes = step.sizes(ref)
    axis = positive(step.attribute("axis", 1 if older else -1), len(sizes))
    if not 0 <= axis < len(sizes):
        raise Unknown("it is over an axis that is not there")
    if older:
        large = [n for n in range(axis, len(sizes)) if sizes[n] != 1] or [axis]
        if len(large) > 1:
            raise Unknown("it is over several axes")
        axis = large[0]
    name = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[step.op]
    return step.add(name, sizes, self=ref, dim=axis)


def _layer_norm(step: Step) -> Ref:
    """Normalise the last axes. A chain of nodes may have other ones, which are moved there."""
    ref = step.data()
    dims = len(step.sizes(ref))
    axes = step.attribute("axes", range(positive(step.attribute("axis", -1), dims), dims))
    normed = sorted({positive(axis, dims) for axis in axes})
    order = [axis for axis in range(dims) if axis not in normed] + normed
    if sorted(order) != [*range(dims)] or 0 in normed:
        raise Unknown("it normalises axes that are not there, or the batch")
    turned = ref if order == [*range(dims)] else permuted(step, ref, order)
    sizes = step.sizes(turned)
    shape = sizes[dims - len(normed) :]
    arguments: dict[str, Any] = {"weight": None, "bias": None}
    for name, given in (("weight", step.constant(1)), ("bias", step.constant(2))):
        if given is None:
            continue
        if prod(given.sizes) != prod(shape):
            raise Unknown("its parameters do not fit what it normalises")
        arguments[name] = given.moved(shape, None).weight()
    arguments |= {"normalized_shape": [*shape], "eps": step.attribute("epsilon", 1e-5)}
    found = step.add("layer_norm", sizes, input=turned, **arguments)
    return found if turned is ref else permuted(step, found, [order.index(n) for n in range(dims)])


def _hard_sigmoid(step: Step) -> Ref:
    """Another slope than torch's is a scale, a shift and a clamp."""
    slope, start = step.attribute("alpha", 0.2), step.attribute("beta", 0.5)
    try:
        return step.add_operator()
    except Unknown:
        ref = step.data()
        sizes = step.sizes(ref)
        scaled = step.add("mul", sizes, self=ref, other=slope)
        shifted = step.add("add", sizes, self=scaled, other=start)
        step.given = [shifted]
        return step.add_operator({"min": 0.0, "max": 1.0}, "Clip")


ARITHMETIC: Mapping[str, Callable[[Step], Result]] = {
    **dict.fromkeys(_JOINS, _joined),
    **dict.fromkeys(_REDUCED, _reduced),
    "MatMul": _matmul,
    "Gemm": _gemm,
    "HardSigmoid": _hard_sigmoid,
    "LayerNormalization": _layer_norm,
    "LogSoftmax": _softmax,
    "Softmax": _softmax,
}
