"""The contract of an operator: one class knows its schema, needs, shape, weights, cost, reach and torch module.

Shapes are tuples ``(C, *spatial)`` without the batch; `xs` are the shapes of the inputs, `y` of the output.
`needs`, `shape`, `weights` and `cost` run on Num; `window`, `storage`, `keeps` and `module` on ints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as validated

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..num import Num, Shape, product
from ..window import IDENTITY, Map

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from torch import nn

Storage = Literal["new", "view", "inplace"]
Reach = tuple[int, Map] | None  # an axis of the input and the map on it; None: the whole input
WHOLE: Reach = None


class Need(NamedTuple):
    """A condition: `margin` ≥ 0, or = 0 where `equal`. `fault` says what is wrong where it fails."""

    margin: Num
    fault: Callable[[], Diagnostic]
    equal: bool = False


class Backward(NamedTuple):
    """How the network runs before backward: in training mode or not, and which inputs need gradients (all, if empty)."""

    training: bool = True
    gradients: tuple[bool, ...] = ()

    def needs(self, n: int) -> bool:
        """Whether input n needs a gradient."""
        return not self.gradients or self.gradients[n]


class Kept(NamedTuple):
    """What backward holds: inputs by number, the output, further values of the dtype, further bytes. Per image."""

    inputs: tuple[int, ...] = ()
    output: bool = False
    values: Num = 0
    bytes: Num = 0


NOTHING = Kept()


class Op:
    """An operator. Its fields are its schema; strings of the spec were evaluated before they arrive here.

    A subclass is written as a dataclass and becomes one, checked by pydantic, when it is first used: building
    all of them at import would cost more than an analysis.
    """

    CONFIG: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    key: ClassVar[str]  # the word in a spec
    main: ClassVar[str | None] = None  # the field that a bare value sets
    inputs: ClassVar[tuple[int, int | None]] = (1, 1)  # fewest and most inputs
    ranks: ClassVar[tuple[int, ...]] = (
        1,
        2,
        3,
        4,
    )  # accepted ranks of the input, channels included
    multiplies: ClassVar[bool] = False  # its outputs are `conv_activations`
    elementwise: ClassVar[bool] = False  # the output keeps the input's order of axes in memory
    needs_dense: ClassVar[bool] = False  # a view only of what is one dense run, else a copy
    keeps_output: ClassVar[bool] = (
        False  # backward holds the output, which must then not be written over
    )
    keeps_written: ClassVar[bool] = False  # the same, but only where it runs in place
    affine_weights: ClassVar[bool] = False  # weights are per-channel scales and shifts
    layers_named: ClassVar[
        tuple[str, ...]
    ] = ()  # fields that name a layer, which becomes a further input

    def __new__(cls, **body: Any) -> Op:
        made(cls)
        return object.__new__(cls)

    @classmethod
    def joins(cls) -> bool:
        """Whether it takes any number of branches."""
        return cls.inputs[1] is None

    @classmethod
    def fields(cls) -> dict[str, FieldInfo]:
        """The fields, with their types, defaults and descriptions."""
        return made(cls).__pydantic_fields__  # type: ignore[attr-defined]

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema of the body."""
        from pydantic import TypeAdapter

        return TypeAdapter(made(cls)).json_schema()

    def needs(self, *xs: Shape) -> Iterator[Need]:
        """Conditions on the input shapes; a failed one is an error."""
        return iter(())

    def shape(self, *xs: Shape) -> Shape:
        """Shape of the output."""
        return tuple(xs[0])

    def weights(self, *xs: Shape) -> dict[str, Shape]:
        """Names and shapes of the parameters, as in `state_dict`."""
        return {}

    def buffers(self, *xs: Shape) -> dict[str, Shape]:
        """Names and shapes of the tensors that are saved but not trained."""
        return {}

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        """Operations for one image at inference."""
        raise NotImplementedError

    def reads(self, *xs: Shape) -> Num:
        """Values that the torch module's kernel reads of its first input, what is padded for it included."""
        return values(xs[0])

    def marks(self, *xs: Shape) -> frozenset[str]:
        """What the rules of counting conventions tell layers of one operator apart by: fields that are set, words in them, the axes as ``2d``."""
        own = vars(self).items()
        words = {
            value for name, value in own if isinstance(value, str) and name not in self.layers_named
        }
        return frozenset({f"{len(xs[0]) - 1}d", *words, *(name for name, value in own if value)})

    def window(self, *xs: Shape) -> tuple[tuple[Reach, ...] | None, ...]:
        """Per input, what each spatial axis of the output reads of it; None: the input's values are not read."""
        return tuple(tuple((axis, IDENTITY) for axis in range(len(x) - 1)) for x in xs)

    def units(self, *xs: Shape) -> frozenset[int]:
        """Axes of the output that an operator made 1, this one or one before it, and that may broadcast in a join."""
        return units_of(xs[0])

    def storage(self, *xs: Shape) -> Storage:
        """Where the output lives at inference: memory of its own, its input's, or written over its input."""
        return "new"

    def skips(self, *xs: Shape) -> bool:
        """Whether a view leaves out or reorders values, so that it is no longer one dense run of memory."""
        return False

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        """What backward holds; parameters and buffers apart."""
        raise NotImplementedError

    def module(self, *xs: Shape) -> nn.Module:
        """The torch module, called with the inputs in order."""
        raise NotImplementedError

    def arithmetic(self, *xs: Shape) -> str | None:
        """The size rule with numbers put in, for `explain`."""
        return None


def made(cls: type[Op]) -> type[Op]:
    """The class as a dataclass, its bases before it."""
    if "__pydantic_fields__" not in cls.__dict__:
        for base in reversed(cls.__mro__[1:-1]):
            if "key" in base.__dict__:
                made(base)
            elif "__dataclass_fields__" not in base.__dict__:
                dataclass(frozen=True, kw_only=True)(base)
        validated(frozen=True, kw_only=True, config=cls.CONFIG)(cls)
    return cls


def units_of(x: Shape) -> frozenset[int]:
    """Axes of a shape that an operator made 1."""
    return getattr(x, "units", NO_AXES)


NO_AXES: frozenset[int] = frozenset()


def per_axis(value: Any, n: int) -> tuple:
    """One value for every axis, or the list as it is."""
    return value if isinstance(value, tuple) else (value,) * n


def axes_need(value: Any, n: int, field: str) -> Iterator[Need]:
    """A list in a field must have one entry per spatial axis."""
    if isinstance(value, tuple):
        yield Need(
            len(value) - n,
            lambda: Diagnostic(
                "CNN201",
                f"`{field}` lists {len(value)} axes, the input has {n}",
                help="one value per spatial axis, or one for all",
            ),
            True,
        )


def divides(n: Num, divisor: int, fault: Callable[[], Diagnostic]) -> Need:
    """`divisor` must divide n."""
    return Need(n - n // divisor * divisor, fault, True)


def grouped(groups: int, n: Num, what: str = "", *divided: Num) -> Need:
    """`groups` must divide n channels; what is `divided` by them (n, if nothing else is said) tells which numbers would do."""

    def fault() -> Diagnostic:
        fitting = [
            g
            for g in range(1, min(*map(int, divided or (n, n)), 4096) + 1)
            if not any(m % g for m in divided or (n,))
        ]
        shown = [str(g) for g in (fitting if len(fitting) <= 12 else fitting[:6])] + (
            ["…", *map(str, fitting[-3:])] if len(fitting) > 12 else []
        )
        near = sorted(fitting, key=lambda g: abs(g - groups))[:2]
        return Diagnostic(
            "CNN205",
            f"{groups} groups do not divide {n} {what}channels",
            help=f"groups that fit: {', '.join(shown)}",
            settings=tuple(("groups", g) for g in near),
        )

    return divides(n, groups, fault)


def values(x: Shape) -> Num:
    """Elements of a tensor of this shape."""
    return product(x)


def named(x: Shape) -> str:
    """``3×224×224``."""
    return "×".join(str(n) for n in x)


def article(number: str) -> str:
    """``a`` or ``an``, as a number is read aloud."""
    first = number.partition("×")[0]
    return "an" if first[0] == "8" or first in ("11", "18") else "a"


def torch_nd(name: str, x: Shape) -> Any:
    """`nn.Conv2d` for ("Conv", a rank-3 shape), and so on."""
    from torch import nn

    return getattr(nn, f"{name}{len(x) - 1}d")
