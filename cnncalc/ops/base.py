"""The contract of an operator: one class knows its schema, rules, cost and torch module.

Shapes are tuples ``(C, *spatial)`` without the batch; `xs` are the shapes of the inputs, `y` is
that of the output. `needs`, `shape`, `weights`, `buffers` and `cost` run on Num (ints, arrays,
symbols); everything else runs on ints.

The words of other frameworks are in the tables `aliases`, `meanings`, `field_aliases`,
`field_notes` and `value_aliases`, in the plain form of `ops/words.py`. `signatures` lists the
arguments of torch's classes by position; the classes are named without their number of axes. A word
belongs in these tables if the operator computes the same. Words that no operator here matches are
in `language/foreign_words.py`.

`onnx`, `onnx_fields`, `onnx_weights` and `of_onnx` say which nodes of ONNX are the operator.

What the methods return is defined by idea: conditions in `needs.py`, what is read of inputs in
`reads.py`, what is in memory in `kept.py`, and words of other frameworks in `meanings.py`.

To add an operator, write a subclass of `Op` and list it in `HOMES` in `ops/__init__.py`. `key` is
its word in a spec. Its docstring is its entry in the docs and in `cnncalc ops`;
`ops/docstring.py` says which sections it has. The types of its fields are those of
`ops/field_types.py`, or any that pydantic knows. `cost`, `keeps` and `torch` must be written, or
inherited from a base class that has them for a family: `Activation` and `InPlace` for functions of
each value, `Sliding` and `Pool` for windows, `Weighted` for filters, `Norm`, `Elementwise`,
`Rearrangement`. `shape`, `window`, `storage` and the others have defaults that are right for a
function of each value which autocast leaves alone; if it does not, set `cast`, or define
`autocast`. If torch.nn has no such module, add a class to `ops/torch_modules`. Nothing else
needs to change.

The tests take a new operator from `OPS`: its shapes, parameters, aliasing and bytes kept are
compared with torch's on random configurations. MACs are compared with an independent count. The
other classes of `cost` are not, so check them by hand (`exp` is any transcendental function, a
logarithm too). `CNNCALC_UPDATE=1 pytest tests/test_documents.py` writes the page of operators.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from threading import RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as validated

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, in_format_of, iterated
from ..num import Num, Shape
from .autocast import AS_IS, Autocast, Cast, Device
from .kept import Backward, Gradient, Kept, Moment, Storage
from .meanings import Dispatched, Meaning, UserCode
from .needs import Need
from .reads import ChannelReads, Slide, Windows, in_place
from .shapes import alike, units_of, values
from .torch_call import TorchCall

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from .called import Called
    from .onnx_call import OnnxCall

# Multiplies by a fixed number, or adds one too; None: does something else.
Folds = Literal["scale", "scale and shift"] | None
# The buffer in which a norm counts batches: a 64-bit integer whatever the dtype; inference does not
# read it, and old checkpoints lack it.
COUNTER = "num_batches_tracked"
_Op = TypeVar("_Op", bound="Op")


class Op:
    """An operator. Its fields are its schema; expressions in the spec are evaluated first.

    A subclass is written like a dataclass and becomes one, checked by pydantic, when it is first
    used: to build all of them at import would take longer than an analysis.
    """

    CONFIG: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)
    key: ClassVar[str]  # the word in a spec
    main: ClassVar[str | None] = None  # the field that a bare value sets
    aliases: ClassVar[tuple[str, ...]] = ()  # its names elsewhere, in plain forms
    meanings: ClassVar[Mapping[str, Meaning]] = MappingProxyType({})  # names with other bodies
    field_aliases: ClassVar[Mapping[str, str]] = MappingProxyType({})  # the same for its fields
    field_notes: ClassVar[Mapping[str, str]] = MappingProxyType({})  # advice for other fields
    value_aliases: ClassVar[Mapping[str, Mapping[str, str]]] = MappingProxyType({})  # for words
    signatures: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})  # of torch's classes
    inferred: ClassVar[str | None] = None  # set by a bare value elsewhere, inferred here
    aten: ClassVar[tuple[str | Dispatched, ...]] = ()  # its names in torch's dispatcher
    traced: ClassVar[tuple[str, ...]] = ()  # further names of calls that may be this operator
    onnx: ClassVar[tuple[str, ...]] = ()  # its names in ONNX
    onnx_fields: ClassVar[Mapping[str, str]] = MappingProxyType({})  # by names of attributes there
    onnx_weights: ClassVar[tuple[str, ...]] = ()  # its tensors, as inputs there after the first
    inputs: ClassVar[tuple[int, int | None]] = (1, 1)  # fewest and most inputs
    ranks: ClassVar[tuple[int, ...]] = (1, 2, 3, 4)  # accepted ranks of the input, with channels
    layers_named: ClassVar[tuple[str, ...]] = ()  # fields that name a layer as a further input
    # It reads where a pool found its maxima; the layer that it names has them, and that layer's
    # own input is a further one, whose size is read.
    reads_places: ClassVar[bool] = False
    reads_named: ClassVar[bool] = False  # it reads the values of these layers, not only their sizes
    # The field that says how many different integers it reads, from 0 on; None: it reads numbers.
    choices: ClassVar[str | None] = None
    # The operation of a package beside torch that its module calls: `package::name`.
    operation: ClassVar[str | None] = None
    settled: ClassVar[tuple[str, ...]] = ()  # fields whose numbers are no sizes: never arrays
    multiplies: ClassVar[bool] = False  # it has MACs; its outputs are `conv_activations`
    affine_weights: ClassVar[bool] = False  # its parameters are scales and shifts per channel
    pool: ClassVar[bool] = False  # it summarizes each window of a channel by one value
    idempotent: ClassVar[bool] = False  # a second one with the same settings changes nothing
    idle_at_one: ClassVar[bool] = False  # a window of one position changes nothing
    commutative: ClassVar[bool] = False  # the order of its inputs makes no difference
    centers_channels: ClassVar[bool] = False  # it subtracts the mean of each channel over a batch
    channelwise: ClassVar[bool] = False  # each channel reads the same channel of every input
    elementwise: ClassVar[bool] = False  # a value depends only on those at its place
    keeps_output: ClassVar[bool] = False  # backward needs the output: do not write over it
    keeps_written: ClassVar[bool] = False  # the same if it ran in place: torch saves the result
    declared: ClassVar[bool] = False  # its figures are what a person declares, not computed
    copies_inside: ClassVar[bool] = False  # what `copied` says is a part of its own kernel
    rounds: ClassVar[bool] = False  # in float32, a weight of 0 may become about 1e-7
    cast: ClassVar[Cast] = AS_IS  # what autocast does to it on every device

    def __new__(cls, **body: Any) -> Op:
        made(cls)
        return object.__new__(cls)

    @classmethod
    def joins(cls) -> bool:
        """Return whether it takes branches: any number, or two, which no field names."""
        return cls.inputs[1] is None or cls.inputs[0] > 1 and not cls.layers_named

    @classmethod
    def reads_first_only(cls) -> bool:
        """Return whether it reads the values of its first input, and of others only the sizes."""
        return bool(cls.layers_named) and not cls.reads_named

    @classmethod
    def fields(cls) -> dict[str, FieldInfo]:
        """Return the fields, with their types, defaults and descriptions."""
        found: dict[str, FieldInfo] = vars(made(cls))["__pydantic_fields__"]
        return found

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Return the JSON Schema of the body."""
        from pydantic import TypeAdapter

        return TypeAdapter(made(cls)).json_schema()

    def changed(self: _Op, **fields: Any) -> _Op:
        """Return the operator with other values of some fields."""
        return replace(self, **fields)  # type: ignore[type-var]  # it became a dataclass in __new__

    @classmethod
    def reworded(cls, field: str, word: str, body: Mapping[str, Any]) -> Any:
        """Return what a word of another framework in a field means here; None if nothing does.

        `body` is the layer's, as written.
        """
        return cls.value_aliases.get(field, {}).get(word.lower())

    @classmethod
    def of_call(cls, call: Called) -> Mapping[str, Any] | None:
        """Return the fields with which this operator is a call of torch; None if it is not.

        By default, each argument sets the field of its name, or of its name in `field_aliases`. An
        argument without a field must have torch's default.
        """
        fields, body = cls.fields(), {}
        for name, value in call.settings.items():
            field = cls.field_aliases.get(name, name)
            if field in fields:
                body[field] = value
            elif name not in call.defaults:
                return None
        return body

    @classmethod
    def of_onnx(cls, call: OnnxCall) -> Mapping[str, Any] | None:
        """Return the fields with which this operator is a node of ONNX; None if it is not.

        By default, each attribute sets the field of its name, or of its name in `onnx_fields`. An
        attribute without a field must be 0 or empty.
        """
        fields, body = cls.fields(), {}
        for name, value in call.attributes.items():
            field = cls.onnx_fields.get(name, name)
            if field in fields:
                is_flag = isinstance(fields[field].default, bool)
                one = alike(value) if isinstance(value, tuple) and value else value
                body[field] = bool(one) if is_flag else one
            elif value:
                return None
        return body

    @property
    def scatters(self) -> bool:
        """Whether it may turn channels into positions or back."""
        return False

    @property
    def reorders(self) -> bool:
        """Whether contiguous inputs may give an output that is not."""
        return False

    def attached(self: _Op, named: Op | None, x: Shape) -> _Op:
        """Return the operator with what it needs of a layer that it names: `reads_places`.

        Accepts:
            named: the operator of that layer; None for an input of the network.
            x: the shape that this operator reads.
        """
        return self

    def needs(self, *xs: Shape) -> Iterator[Need]:
        """Yield the conditions on the input shapes; a failed one is an error."""
        return iter(())

    def remarks(self, *xs: Shape) -> Iterator[Diagnostic]:
        """Yield notes on how a layer is read that could be meant otherwise."""
        return iter(())

    def shape(self, *xs: Shape) -> Shape:
        """Return the shape of the output."""
        return tuple(xs[0])

    def weights(self, *xs: Shape) -> dict[str, Shape]:
        """Return the names and shapes of the parameters, as in `state_dict`."""
        return {}

    def buffers(self, *xs: Shape) -> dict[str, Shape]:
        """Return the names and shapes of the tensors that are saved but not trained."""
        return {}

    def cost(self, *xs: Shape, y: Shape) -> Cost:
        """Return the operations for one image at inference."""
        raise NotImplementedError

    def reads(self, *xs: Shape) -> Num:
        """Count the values of the first input that torch's kernel reads, with padding."""
        return values(xs[0])

    def marks(self, *xs: Shape) -> frozenset[str]:
        """Return tags by which counting conventions tell layers of the same operator apart.

        These are the fields that are set, the words in them, and the number of axes as ``2d``.
        """
        own = vars(self).items()
        words = {
            value for name, value in own if isinstance(value, str) and name not in self.layers_named
        }
        return frozenset({f"{len(xs[0]) - 1}d", *words, *(name for name, value in own if value)})

    def window(self, *xs: Shape) -> Windows:
        """Return for each spatial axis of each input which axis of the output reads it, and how."""
        return tuple([in_place(len(x) - 1) for x in xs])

    def channels(self, *xs: Shape) -> ChannelReads:
        """Return which channels of its inputs each channel of the output reads."""
        return "each" if self.channelwise else "all"

    def units(self, *xs: Shape) -> frozenset[int]:
        """Return the axes that this or an earlier operator reduced to 1: a join broadcasts them."""
        return units_of(xs[0])

    def side_by_side(self, *xs: Shape) -> int | None:
        """Return the axis of the output along which its inputs lie after one another.

        Positions of one input there see nothing of the others. None if there is no such axis, or if
        it is the channels.
        """
        return None

    def storage(self, *xs: Shape) -> Storage:
        """Return where the output is at inference: in new memory, a view, or over its input."""
        return "new"

    def storage_in_training(self, *xs: Shape) -> Storage:
        """Return where the output is in training."""
        return self.storage(*xs)

    def viewed(self, *xs: Layout, y: Shape) -> Layout | None:
        """Return the layout of a view of the first input; None where torch must copy it.

        `y` holds the sizes of the output, batch first, as in the layouts.
        """
        return xs[0]

    def laid_out_in_training(self, *xs: Layout, y: Shape) -> Layout:
        """Return the layout of an output in new memory where gradients are computed."""
        return self.laid_out(*xs, y=y)

    def laid_out(self, *xs: Layout, y: Shape) -> Layout:
        """Return the layout of an output in new memory.

        NOTE: this holds for the CPU. Other devices may choose another order for a convolution.
        """
        return iterated(xs, y) if self.elementwise else in_format_of(xs[0], y)

    def copied(self, *xs: Layout) -> tuple[int, ...]:
        """Return the inputs that torch copies to read them, as their layouts do not fit.

        Backward keeps the copies instead of the inputs. With `copies_inside`, one call of torch
        makes them and computes the layer, so that a copy that is not kept is gone again.
        """
        return ()

    def keeps(self, *xs: Shape, y: Shape, back: Backward = Backward()) -> Kept:
        """Return what is kept for backward, without parameters and buffers."""
        raise NotImplementedError

    def autocast(self, *xs: Shape, by: Autocast) -> Cast:
        """Return what automatic mixed precision does to the layer."""
        return self.cast

    def is_followed(self, *xs: Shape, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        """Whether the peaks in the layer are known to the byte.

        `given` are the bytes of a number of each input, and `mixed` says that autocast is on.
        """
        return True

    def kept_nearly(self, *xs: Shape, mixed: bool, batch: int, device: Device) -> str | None:
        """Return why what backward keeps is not known to the byte; None if it is."""
        return None

    def busiest(self, *xs: Shape, y: Shape, back: Backward | None) -> tuple[Moment, ...]:
        """The moments at which forward may hold most beside its inputs.

        The last one, the output and what backward keeps (`back` is None: nothing), goes without
        saying.
        """
        return ()

    def gradients(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Gradient, ...]:
        """Where backward puts the gradient of each input; None for one that gets none."""
        view = self.storage_in_training(*xs) == "view"
        return ("view" if view else "new", *[None] * (len(xs) - 1))

    def busiest_backward(self, *xs: Shape, y: Shape, back: Backward) -> tuple[Moment, ...]:
        """The moments at which backward may hold most beside what the layer kept.

        The output's gradient is apart too. The last moment, with the gradients of the inputs and
        parameters, goes without saying; it is a late one if any is.
        """
        return ()

    def torch(self, *xs: Shape) -> TorchCall:
        """Return the torch module as data; it is called with the inputs in order."""
        raise NotImplementedError

    def filters(self, *xs: Shape) -> Shape:
        """Return the shape of the weight of which each multiply–accumulate uses one value, or ().

        So the MACs are its number of values times the places at which all of them are used.
        """
        return ()

    def products(self, *xs: Shape) -> tuple[Shape, ...]:
        """Return the factors of the multiply–accumulates of each product of matrices in it.

        Their sum are the MACs; () if `filters` says how they are counted.
        """
        return ()

    def fused(self, *xs: Shape) -> Num:
        """Count the multiply–accumulates in a kernel that computes more than one product.

        Tools that know kernels by name may not see these.
        """
        return 0

    def slides(self, *xs: Shape) -> tuple[Slide, ...]:
        """Return how its window slides along each spatial axis; () if it has no such window."""
        return ()

    @property
    def undeclared(self) -> frozenset[str]:
        """Return what of params, macs and saved is unknown: a declared layer may leave it open."""
        return frozenset()

    @property
    def code(self) -> UserCode | None:
        """Return the class of the user that makes its module; None if torch's or ours does."""
        return None

    @property
    def folds(self) -> Folds:
        """What it does to each channel at inference, if filters before it can take that in."""
        return None

    @property
    def channel_multiple(self) -> int:
        """Return what must divide its channels; repairs use it."""
        return 1

    def resizes(self, x: Shape, sizes: Shape, wanted: Shape) -> Iterator[tuple[str, Any]]:
        """Yield settings to try if the branch of this layer ends with other sizes than wanted.

        `sizes` and `wanted` are spatial sizes; `x` is the layer's own input.
        """
        return iter(())

    def linearized(self, *xs: Shape) -> TorchCall:
        """Return the layer with which `verify` measures receptive fields.

        It must not choose between values. Weights are set to positive values and padded positions
        to 0. An operator that takes a maximum or saturates returns a layer that reads the same
        positions and does neither.
        """
        return self.torch(*xs)

    def narrowed(self) -> Op:
        """Return the layer with few channels and the same receptive fields, for a smaller copy."""
        return self

    def settings(self, *xs: Shape) -> dict[str, Any]:
        """Return the fields by which two layers are compared, with one value for each meaning."""
        return {name: getattr(self, name) for name in self.fields()}

    def arithmetic(self, *xs: Shape) -> str | None:
        """Return the size rule with its numbers, for `explain`."""
        return None


_MADE: set[type[Op]] = set()  # operators that are complete
_MAKING = RLock()


def made(cls: type[Op]) -> type[Op]:
    """Turn the class into a dataclass, its bases first, and return it.

    Threads may ask at the same time: each gets it when it is complete.
    """
    if cls not in _MADE:
        with _MAKING:
            if cls not in _MADE:
                _make(cls)
                _MADE.add(cls)
    return cls


def _make(cls: type[Op]) -> None:
    for base in reversed(cls.__mro__[1:-1]):
        if "key" in base.__dict__:
            made(base)
        elif "__dataclass_fields__" not in base.__dict__:
            dataclass(frozen=True, kw_only=True)(base)
            _forget_class_variables(base)
    validated(frozen=True, kw_only=True, config=cls.CONFIG)(cls)


def _forget_class_variables(base: type) -> None:
    """Leave only the fields of a dataclass.

    It also lists its class variables, and pydantic would read the type of each for every operator.
    """
    own = {field.name: field for field in fields(base)}
    base.__dataclass_fields__ = own  # type: ignore[attr-defined]
