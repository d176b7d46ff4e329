"""Recurrent layers of ONNX: their tensors have the steps first, and the batch after them.

Here the batch is first always. So a tensor whose batch is elsewhere is only noted, until its axes
are in an order in which the batch is first again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...num import Shape
from ...trace import Ref, Weight
from ..axes import positive
from ..layers import Unknown
from .constants import Constant
from .folding import sizes_of
from .shapes import order_given, reshaped, squeezed
from .step import Step
from .views import permuted

LAYERS = {"LSTM": "lstm", "GRU": "gru"}
_GATES = {"LSTM": 4, "GRU": 3}
_PLAIN = "nlh"  # the batch, the steps, the features
_STEPS_FIRST = "lnh"
_LAST_STEPS_FIRST = "hnl"  # of sequences whose steps are their last axis
_LAST_AXIS = ("Softmax", "LogSoftmax", "LayerNormalization")
_JOINS = ("Add", "Sub", "Mul", "Div")
_LINEAR = ("MatMul", "Gemm")
_ELEMENTWISE = ("Relu", "Tanh", "Sigmoid", "LeakyRelu", "Dropout", "Identity", "Cast")


class Steps(NamedTuple):
    """A tensor of N sequences of L steps with features, with its axes in another order.

    `axes` has a letter for each axis: n, l and h, and d if the directions are an axis of their own.
    """

    ref: Ref
    axes: str
    directions: int = 1


def with_steps_first(step: Step) -> Steps | None:
    """Return what a Transpose gives that puts the steps before the batch; None for another one."""
    ref = step.data()
    order = order_given(step.attribute("perm"), len(step.sizes(ref)))
    if len(order) != 3 or order[0] == 0:
        return None
    return Steps(ref, "".join(_PLAIN[axis] for axis in order))


def of_steps(step: Step, n: int, steps: Steps, rule: Callable[[Step], Any]) -> Any:
    """Return what a node makes of such a tensor, which is its input n.

    `rule` computes what the node makes of a tensor with the batch first.

    Errors: Unknown.
    """
    sizes = _sizes(step, steps)
    if step.op == "Shape":
        return sizes_of(sizes, step.attributes)
    if step.op in LAYERS:
        if steps.axes == _LAST_STEPS_FIRST:
            return recurrent(step, permuted(step, steps.ref, (0, 2, 1)))
        if steps.axes != _STEPS_FIRST:
            raise Unknown("its steps are not the first axis")
        return recurrent(step, steps.ref)
    if step.op == "Transpose":
        order = order_given(step.attribute("perm"), len(sizes))
        return _settled(step, steps._replace(axes="".join(steps.axes[axis] for axis in order)))
    if step.op == "Squeeze":
        axes = step.integers("axes", 1)
        squeezed(sizes, axes)
        gone = {positive(axis, len(sizes)) for axis in axes or ()}
        if {steps.axes[axis] for axis in gone} != {"d"}:
            raise Unknown("it drops the batch, or the steps")
        return _settled(step, steps._replace(axes=steps.axes.replace("d", "")))
    if step.op == "Reshape":
        new = reshaped(sizes, step.integers("shape", 1) or (), bool(step.attribute("allowzero")))
        return _settled(step, _merged(steps, sizes, new))
    if step.op == "Gather" and steps.axes == _STEPS_FIRST:
        return _one_step(step, steps, sizes)
    return _along_features(step, n, steps, rule)


def _sizes(step: Step, steps: Steps) -> Shape:
    batch, count, features = step.sizes(steps.ref)
    d = steps.directions if "d" in steps.axes else 1
    letters = {"n": batch, "l": count, "h": features // d, "d": d}
    return tuple(letters[axis] for axis in steps.axes)


def _settled(step: Step, steps: Steps) -> Ref | Steps:
    """Return an ordinary tensor if the batch is first again."""
    if steps.axes[0] != "n" or len(steps.axes) != 3:
        return steps
    if steps.axes == _PLAIN:
        return steps.ref
    return permuted(step, steps.ref, [_PLAIN.index(axis) for axis in steps.axes])


def _merged(steps: Steps, old: Shape, new: Shape) -> Steps:
    """Return the tensor with the directions among the features."""
    if old == new:
        return steps
    if steps.axes.endswith("dh") and new == (*old[:-2], old[-2] * old[-1]):
        return steps._replace(axes=f"{steps.axes[:-2]}h")
    raise Unknown("it moves images of the batch")


def _one_step(step: Step, steps: Steps, sizes: Shape) -> Ref:
    places = step.constant(1)
    axis = positive(step.attribute("axis", 0), 3)
    if places is None or places.sizes != () or axis != 0:
        raise Unknown("it takes more than one step")
    at = positive(places.integers()[0], sizes[0])
    if not 0 <= at < sizes[0]:
        raise Unknown("it takes a step that is not there")
    return step.add("select", sizes[1:], self=steps.ref, dim=1, index=at)


def _along_features(step: Step, n: int, steps: Steps, rule: Callable[[Step], Any]) -> Steps:
    """Compute along the features, which are the last axis in any order."""
    others = [given for m, given in enumerate(step.given) if m != n]
    vectors = all(isinstance(c, Constant) and len(c.sizes) <= 1 for c in others)
    matrix = step.op in _LINEAR and n == 0
    last = step.op in _LAST_AXIS and positive(step.attribute("axis", -1), 3) == 2
    fits = matrix or last or vectors and step.op in (*_JOINS, *_ELEMENTWISE)
    if steps.axes != _STEPS_FIRST or not fits:
        raise Unknown("the batch is not the first axis of what it computes with")
    found = rule(step)
    if not isinstance(found, Ref):
        raise Unknown("it gives several tensors")
    return steps._replace(ref=found)


def recurrent(step: Step, ref: Ref) -> Steps:
    """Add a recurrent layer that begins with zeros.

    Accepts: a tensor with the batch, the steps and the features, in this order.
    """
    attributes, gates = step.attributes, _GATES[step.op]
    weight, state, bias = (step.constant(n) for n in (1, 2, 3))
    if weight is None or state is None or len(weight.sizes) != 3 or len(state.sizes) != 3:
        raise Unknown("it has other weights")
    ends, hidden = weight.sizes[0], state.sizes[2]
    usual = attributes.get("direction", "forward") == ("bidirectional" if ends == 2 else "forward")
    odd = any(attributes.get(name) for name in ("activations", "clip", "input_forget"))
    later_reset = step.op == "GRU" and not attributes.get("linear_before_reset")
    if not usual or odd and not _usual_activations(step) or later_reset:
        raise Unknown("it computes something else than torch's layer")
    if step.input(4) is not None or step.input(7) is not None:
        raise Unknown("it has lengths of its own, or peepholes")
    for n in (5, 6):
        _check_zeros(step.constant(n))
    batch, count, features = step.sizes(ref)
    rows = gates * hidden
    wanted = (ends, rows, features), (ends, rows, hidden)
    if (weight.sizes, state.sizes) != wanted or bias and bias.sizes != (ends, 2 * rows):
        raise Unknown("its weights do not fit its input")
    params = [
        own
        for end in range(ends)
        for own in (
            _of_direction(weight, end, (rows, features)),
            _of_direction(state, end, (rows, hidden)),
            *([_of_direction(bias, end, (rows,), part) for part in "ih"] if bias else ()),
        )
    ]
    found = step.add_parts(
        LAYERS[step.op],
        [(batch, count, ends * hidden)],
        input=ref,
        hx=[],
        params=params,
        has_biases=bias is not None,
        num_layers=1,
        dropout=0.0,
        bidirectional=ends == 2,
        batch_first=True,
    )
    axes = "nldh" if attributes.get("layout") else "ldnh"
    return Steps(found[0], axes, ends)


def _usual_activations(step: Step) -> bool:
    """Return whether the activations that are named are the default ones."""
    each = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh")}[step.op]
    named: Sequence[str] = step.attribute("activations", ())
    plain = not step.attribute("clip") and not step.attribute("input_forget")
    return plain and all(word == each[n % len(each)] for n, word in enumerate(named))


def _of_direction(given: Constant, end: int, sizes: Shape, part: str = "") -> Weight:
    names = tuple(f"{name} {end}{part}" for name in given.names)
    return Weight(names, sizes, trained=True, is_parameter=True)


def _check_zeros(given: Constant | None) -> None:
    """Errors: Unknown if a layer begins with other states than zeros."""
    if given is not None and (given.names and given.values is None or any(given.values or ())):
        raise Unknown("it begins with states of its own")
