"""The contract of an operator: one class knows its schema, rules, cost and torch module.

Shapes are tuples ``(C, *spatial)`` without the batch; `xs` are the shapes of the inputs, `y` is
that of the output. `needs`, `shape`, `weights`, `buffers` and `cost` run on Num (ints, arrays,
symbols); everything else runs on ints.

Words of other frameworks stand in the tables `aliases`, `meanings`, `field_aliases`, `field_notes`
and `value_aliases`, in the plain form of `ops/words.py`; `signatures` has the arguments of torch's
classes by position, the classes without their number of axes. A word belongs there if the operator
computes the same; what has no operator here is in `language/foreign_words.py`.

To add an operator, write a subclass of `Op`, import it in `ops/__init__.py` and list it in `OPS`
there. `key` is its word in a spec, and the first paragraph of its docstring its line in the docs;
the docstring also says what its fields are, its source and an example (`ops/docstring.py`).
Its fields have the types of `ops/field_types.py`, or of pydantic's own making. `cost`, `keeps` and
`torch` must be stated, or inherited from a base that states them for a family: `Activation` and
`InPlace` for functions of each value, `Sliding` and `Pool` for windows, `Weighted` for filters,
`Norm`, `Elementwise`, `Rearrangement`. `shape`, `window`, `storage` and the others have defaults
that hold for a function of each value. A torch module that torch.nn lacks is one more class in
`ops/torch_modules.py`. Nothing else needs to change.

The tests take a new operator from `OPS`: shapes, parameters, aliasing and bytes kept are compared
with torch's on random configurations. MACs have an oracle; for the other classes of `cost` (`exp`
is any transcendental, a logarithm too) only you can vouch. `CNNCALC_UPDATE=1 pytest
tests/test_documents.py` writes the table of operators.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as validated

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, in_format_of, iterated
from ..num import Num, Shape, product
from ..window import IDENTITY, Map, Unknown
from .torch_call import TorchCall

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

Storage = Literal["new", "view", "inplace"]
# What moves along an axis of an input: the axis of the output and its map; None: every position
# reads the whole axis; or why that is not followed.
Reach = tuple[int, Map] | Unknown | None
WHOLE: Reach = None
Windows = tuple[tuple[Reach, ...] | None, ...]  # per input; None: its values are not read
_Op = TypeVar("_Op", bound="Op")


class Need(NamedTuple):
    """A condition: `margin` ≥ 0, or = 0 if `equal`. `fault` says what is wrong if it fails."""

    margin: Num
    fault: Callable[[], Diagnostic]
    equal: bool = False


class Backward(NamedTuple):
    """How the network runs before backward: in which mode, and which inputs need gradients.

    No entries in `gradients` mean that all inputs need one.
    """

    training: bool = True
    gradients: tuple[bool, ...] = ()

    def needs(self, n: int) -> bool:
        """Whether input n needs a gradient."""
        return not self.gradients or self.gradients[n]


class Kept(NamedTuple):
    """What backward holds beside parameters and buffers.

    Units: `inputs` by number, the `output`, further `values` of the dtype and further `bytes`, all
    for each image; `once` is further values whatever the batch.
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    values: Num = 0
    bytes: Num = 0
    once: Num = 0


NOTHING = Kept()


class Taken(NamedTuple):
    """Channels of one input, each read by a channel of the output.

    Otherwise each of the `shared_by` channels of the output reads all of them, or where they are
    taken `by_position`, another one at another position.
    """

    input: int
    channels: Sequence[int]
    shared_by: int = 0
    by_position: bool = False


# By the channels of the output: each the same channel of every input, all of them, such of which
# each holds other positions, or the ones that are listed.
ChannelReads = Literal["each", "all", "scattered"] | Sequence[Taken]


class Slide(NamedTuple):
    """How a window slides along one axis: taps, step, padding before and after, distance of taps.

    `ceil`: a last window that is not full counts too.
    """

    kernel: int
    stride: int
    low: int
    high: int
    dilation: int
    ceil: bool = False

    @property
    def span(self) -> int:
        """Positions from the first tap to the last."""
        return self.dilation * (self.kernel - 1) + 1


NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})


def _any_body(body: Any) -> bool:
    return True


class Meaning(NamedTuple):
    """What a layer of another framework is here, where its body is not written alike.

    `bare` is the field that a bare value sets there, if not the operator's main one; `settings`
    are fields that the word implies. `note` says what else differs in the bodies that `differs`
    picks out: these are for a person to write.
    """

    bare: str | None = None
    settings: Mapping[str, Any] = NO_SETTINGS
    note: str | None = None
    differs: Callable[[Any], bool] = _any_body


SAME_BODY = Meaning()


class Dispatched(NamedTuple):
    """A name under which torch's dispatcher shows an operator, with the arguments it then has."""

    name: str
    arguments: Mapping[str, Any] = NO_SETTINGS


class Op:
    """An operator. Its fields are its schema; expressions of the spec are evaluated before.

    A subclass is written as a dataclass and becomes one, checked by pydantic, when it is first
    used: building all of them at import would cost more than an analysis.
    """

    CONFIG: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    key: ClassVar[str]  # the word in a spec
    main: ClassVar[str | None] = None  # the field that a bare value sets
    aliases: ClassVar[tuple[str, ...]] = ()  # what it is called elsewhere, in plain forms
    meanings: ClassVar[Mapping[str, Meaning]] = MappingProxyType({})  # the same, with other bodies
    field_aliases: ClassVar[Mapping[str, str]] = MappingProxyType({})  # the same for its fields
    field_notes: ClassVar[Mapping[str, str]] = MappingProxyType({})  # fields without such a name
    value_aliases: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType({})  # and words
    signatures: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})  # of torch's classes
    inferred: ClassVar[str | None] = None  # what a bare value states elsewhere, inferred here
    aten: ClassVar[tuple[str | Dispatched, ...]] = ()  # what torch's dispatcher calls it
    inputs: ClassVar[tuple[int, int | None]] = (1, 1)  # fewest and most inputs
    ranks: ClassVar[tuple[int, ...]] = (1, 2, 3, 4)  # accepted ranks of the input, with channels
    layers_named: ClassVar[tuple[str, ...]] = ()  # fields that name a layer, a further input
    multiplies: ClassVar[bool] = False  # its outputs are `conv_activations`
    affine_weights: ClassVar[bool] = False  # its parameters are scales and shifts per channel
    pool: ClassVar[bool] = False  # it summarizes each window of a channel by one value
    idempotent: ClassVar[bool] = False  # a second one with the same settings changes nothing
    idle_at_one: ClassVar[bool] = False  # a window of one position changes nothing
    commutative: ClassVar[bool] = False  # the order of its inputs makes no difference
    centers_channels: ClassVar[bool] = False  # it subtracts the mean of each channel over a batch
    channelwise: ClassVar[bool] = False  # each channel reads the same channel of every input
    scatters: ClassVar[bool] = False  # it may move channels to positions, or positions to channels
    elementwise: ClassVar[bool] = False  # each value is computed from those at its place alone
    reorders: ClassVar[bool] = False  # of contiguous inputs, its output may not be contiguous
    keeps_output: ClassVar[bool] = False  # backward holds the output: do not write over it
    keeps_written: ClassVar[bool] = (
        False  # the same if it ran in place: torch then saves the result
    )
    rounds: ClassVar[bool] = False  # a weight of 0 comes out as about 1e-7 in float32

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
        found: dict[str, FieldInfo] = vars(made(cls))["__pydantic_fields__"]
        return found

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """JSON Schema of the body."""
        from pydantic import TypeAdapter

        return TypeAdapter(made(cls)).json_schema()

    def changed(self: _Op, **fields: Any) -> _Op:
        """The same operator with other values of some fields."""
        return replace(self, **fields)  # type: ignore[type-var]  # it became a dataclass in __new__

    @classmethod
    def reworded(cls, field: str, word: str, body: Mapping[str, Any]) -> Any:
        """What a word of another framework in a field is here; None for one without a meaning.

        `body` is the layer's, as written.
        """
        return cls.value_aliases.get(field, {}).get(word.lower())

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
        """Values that the torch module's kernel reads of its first input, with its padding."""
        return values(xs[0])

    def marks(self, *xs: Shape) -> frozenset[str]:
        """Tags by which counting conventions distinguish layers of the same operator.

        These are the fields that are set, words in them, and the number of axes as ``2d``.
        """
        own = vars(self).items()
        words = {
            value for name, value in own if isinstance(value, str) and name not in self.layers_named
        }
        return frozenset({f"{len(xs[0]) - 1}d", *words, *(name for name, value in own if value)})

    def window(self, *xs: Shape) -> Windows:
        """For each spatial axis of each input: which axis of the output reads it, and how."""
        return tuple(tuple((axis, IDENTITY) for axis in range(len(x) - 1)) for x in xs)

    def channels(self, *xs: Shape) -> ChannelReads:
        """Which channels of its inputs each channel of the output reads."""
        return "each" if self.channelwise else "all"

    def units(self, *xs: Shape) -> frozenset[int]:
        """Axes of the output that this or an earlier operator made 1: these broadcast in a join."""
        return units_of(xs[0])

    def storage(self, *xs: Shape) -> Storage:
        """Where the output is at inference: in new memory, in its input's, or over its input."""
        return "new"

    def storage_in_training(self, *xs: Shape) -> Storage:
        """Where the output is in training."""
        return self.storage(*xs)

    def viewed(self, *xs: Layout, y: Shape) -> Layout | None:
        """How a view lies in the memory of the first input; None where torch must copy it.

        `y` are the sizes of the output, batch first, as in the layouts.
        """
        return xs[0]

    def laid_out_in_training(self, *xs: Layout, y: Shape) -> Layout:
        """The same where gradients are computed."""
        return self.laid_out(*xs, y=y)

    def laid_out(self, *xs: Layout, y: Shape) -> Layout:
        """How the output lies in new memory.

        NOTE: on the CPU. Other devices may choose another order for a convolution.
        """
        return iterated(xs, y) if self.elementwise else in_format_of(xs[0], y)

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        """What backward holds; parameters and buffers apart."""
        raise NotImplementedError

    def torch(self, *xs: Shape) -> TorchCall:
        """The torch module as data, to be called with the inputs in order."""
        raise NotImplementedError

    def filters(self, *xs: Shape) -> Shape:
        """The tensor of which every multiply–accumulate uses one value; () for an operator without.

        So the ledger's MACs are its values times the places at which all of them are used.
        """
        return ()

    def slides(self, *xs: Shape) -> tuple[Slide, ...]:
        """How its window slides along each spatial axis; () where there is no such window."""
        return ()

    @property
    def channel_multiple(self) -> int:
        """What must divide its channels, for repairs."""
        return 1

    def resizes(self, x: Shape, sizes: Shape, wanted: Shape) -> Iterator[tuple[str, Any]]:
        """Settings to try where a branch that this layer is in ends at other sizes than wanted.

        `sizes` and `wanted` are spatial; `x` is the layer's own input.
        """
        return iter(())

    def linearized(self, *xs: Shape) -> TorchCall:
        """The same layer without a choice between values: `verify` measures receptive fields by it.

        Weights are set to positive values and padded positions to 0. An operator that takes a
        maximum or saturates states what reads the same positions without doing so.
        """
        return self.torch(*xs)

    def narrowed(self) -> Op:
        """The layer of a copy of the network with few channels and the same receptive fields."""
        return self

    def settings(self, *xs: Shape) -> dict[str, Any]:
        """The fields by which two layers are compared, with one value for each meaning."""
        return {name: getattr(self, name) for name in self.fields()}

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


def per_axis(value: Any, n: int) -> tuple[Any, ...]:
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


def along(axis: int, read: Map | Unknown) -> Reach:
    """An axis of the output and its map, if there is one."""
    return read if isinstance(read, Unknown) else (axis, read)


def by_groups(groups: int, n: int, out: int) -> ChannelReads:
    """Channels in equal groups: each of the output reads those of the input in its group."""
    if groups == 1:
        return "all"
    if groups == n == out:
        return "each"
    read = n // groups
    return [Taken(0, range(g * read, (g + 1) * read), out // groups) for g in range(groups)]


def divides(n: Num, divisor: int, fault: Callable[[], Diagnostic]) -> Need:
    """`divisor` must divide n."""
    return Need(n - n // divisor * divisor, fault, True)


def grouped(groups: int, n: Num, what: str = "", *divided: Num) -> Need:
    """`groups` must divide n channels.

    `divided` lists the channel counts used to suggest valid group counts (default: n).
    """

    def fault() -> Diagnostic:
        counts = divided or (n,)
        largest = min(*map(int, counts), 4096)
        fitting = [g for g in range(1, largest + 1) if not any(m % g for m in counts)]
        shown = [str(g) for g in fitting]
        if len(fitting) > 12:
            shown[6:-3] = ["…"]
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
