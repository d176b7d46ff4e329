"""Recurrent layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, ordered
from ..num import Num, Shape, product, total
from .attention import OptionalPositive, up_to_each
from .autocast import TO_HALF, Device
from .base import Op
from .field_types import Flag, Positive, Probability
from .kept import Backward, Extra, Kept
from .needs import Need
from .reads import WHOLE, ChannelReads, Windows
from .shapes import NO_AXES, values
from .torch_call import TorchCall
from .weighted import FEW

HIDDEN_ALIASES = {
    "hidden_size": "out",
    "hidden": "out",
    "units": "out",
    "num_layers": "layers",
    "use_bias": "bias",
}
_BATCH_FIRST = "remove it: a sequence is positions × features, as torch's with `batch_first`"


_WORKSPACE = "backward also keeps a workspace"


class _Direction(NamedTuple):
    """One direction of one of the layers: the end of its parameters' names, and what it reads."""

    name: str
    features: Num


class Recurrent(Op):
    """A layer that reads a sequence step by step, with `out` values of state.

    Shapes: (L, E) -> (L, D), where D is `out`, or twice that with `bidirectional`
    Fields:
        out: number of values of the state
        layers: number of layers, each of which reads the output of the one before
        bidirectional: whether each layer reads the sequence backward, too
        bias: whether two trained biases are added in each step
        dropout: probability that a value between two layers becomes 0 in training
    """

    gates: ClassVar[int] = 1
    torch_name: ClassVar[str]
    kept_states: ClassVar[int] = 7  # values that backward needs of each step, per value of state
    kept_first: ClassVar[int] = 0  # the same, once
    kept_if_frozen: ClassVar[int] = 6  # of each step, if the parameters are not trained
    field_aliases = HIDDEN_ALIASES
    field_notes = {"batch_first": _BATCH_FIRST, "return_sequences": "`slice` takes the last step"}
    main = "out"
    ranks = (2,)
    multiplies = True
    reorders = True
    cast = TO_HALF
    out: Positive
    layers: Annotated[int, Field(ge=1, le=1000, description="an integer from 1 to 1000")] = 1
    bidirectional: Flag = False
    bias: Flag = True
    dropout: Probability = 0.0

    def step_cost(self) -> Cost:
        """Return the operations of a step beside products and biases, per value of the state."""
        raise NotImplementedError

    @property
    def state(self) -> int:
        """Return the values that a step passes on."""
        return self.out

    @property
    def width(self) -> int:
        """Return the features of the output."""
        return self.state * (2 if self.bidirectional else 1)

    def directions(self, x: Shape) -> Iterator[_Direction]:
        """Yield all directions of all layers, in the order of torch's parameters."""
        ends = ("", "_reverse") if self.bidirectional else ("",)
        for layer in range(self.layers):
            for end in ends:
                yield _Direction(f"l{layer}{end}", self.width if layer else x[-1])

    def shape(self, x: Shape) -> Shape:
        return (x[0], self.width)

    def units(self, *xs: Shape) -> frozenset[int]:
        return NO_AXES

    def weights(self, x: Shape) -> dict[str, Shape]:
        rows = self.gates * self.out
        found: dict[str, Shape] = {}
        for name, features in self.directions(x):
            found[f"weight_ih_{name}"] = (rows, features)
            found[f"weight_hh_{name}"] = (rows, self.state)
            if self.bias:
                found[f"bias_ih_{name}"] = found[f"bias_hh_{name}"] = (rows,)
            if self.state != self.out:
                found[f"weight_hr_{name}"] = (self.state, self.out)
        return found

    def products(self, x: Shape) -> tuple[Shape, ...]:
        return tuple((x[0], *shape) for shape in self.weights(x).values() if len(shape) == 2)

    def fused(self, x: Shape) -> Num:
        return self.cost(x, y=self.shape(x)).mac

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        steps = x[0] * self.layers * (2 if self.bidirectional else 1)
        biases = 2 * self.gates * self.out if self.bias else 0
        macs = total([product(sizes) for sizes in self.products(x)])
        others = self.step_cost().times(self.out * steps)
        return others.plus(Cost(mac=macs, add=biases * steps))

    def window(self, x: Shape) -> Windows:
        return ((WHOLE,),)

    def channels(self, x: Shape) -> ChannelReads:
        """The first axis, which is that of the steps, is read up to each step, or as a whole."""
        return "all" if self.bidirectional else up_to_each(x[0])

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        """Return the inputs of the layers, and the states and gates of each step.

        NOTE: this is what torch's own kernels keep. oneDNN, which runs an LSTM on the CPU, and
        cuDNN keep a workspace of their own instead.
        """
        steps, ends = x[0], 2 if self.bidirectional else 1
        if not back.trained:
            frozen = self.layers * ends * steps * self.kept_if_frozen * self.out
            return Kept(extras=(Extra(frozen), *self._dropped(steps, back)))
        of_step = self.kept_states * self.out + (self.state if self.state != self.out else 0)
        states = self.layers * ends * (steps * of_step + self.kept_first * self.out)
        read = ends * values(x) + (self.layers - 1) * steps * self.width
        extras = (Extra(read), Extra(states), *self._dropped(steps, back))
        return Kept(extras=extras, parameters=tuple(self.weights(x)))

    def _dropped(self, steps: Num, back: Backward) -> tuple[Extra, ...]:
        """Return the noise between layers, or a single 0 if everything is dropped."""
        gaps = self.layers - 1
        if not back.training or self.dropout == 0 or gaps == 0:
            return ()
        if self.dropout == 1:
            return (Extra(gaps, once=True),)
        return (Extra(gaps * steps * self.width, "noise"),)

    def is_followed(self, *xs: Shape, given: tuple[int, ...], mixed: bool, training: bool) -> bool:
        """NOTE: the steps take many operations, or a kernel with a workspace of its own."""
        return False

    def kept_nearly(self, *xs: Shape, mixed: bool, batch: int, device: Device) -> str | None:
        if device != "cpu":
            return f"{_WORKSPACE} of cuDNN"
        if mixed:
            return "autocast casts the operations of each step by themselves"
        if self.bidirectional and 1 in (batch, xs[0][0]):
            return "a single image or step is read without a copy"
        return None

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        """The steps come first in memory, then the batch."""
        return ordered(y, (1, 0, 2))

    def arithmetic(self, x: Shape) -> str:
        return f"{x[0]} steps of {x[1]} → {self.width} values"

    def torch(self, x: Shape) -> TorchCall:
        arguments: dict[str, Any] = {"input_size": x[-1], "hidden_size": self.out}
        arguments |= {"num_layers": self.layers, "bias": self.bias, "batch_first": True}
        arguments |= {"dropout": self.dropout, "bidirectional": self.bidirectional}
        call = TorchCall(self.torch_name, {**arguments, **self.more()})
        return call._replace(after=TorchCall("FirstOf", {}))

    def more(self) -> dict[str, Any]:
        """Return further arguments of torch's class."""
        return {}

    def narrowed(self) -> Op:
        return self.changed(out=min(self.out, FEW))

    def linearized(self, x: Shape) -> TorchCall:
        """Return a mean of the steps that are read: its gates saturate."""
        causal = not self.bidirectional
        return TorchCall("Mixture", {"features": self.width, "causal": causal})


class Lstm(Recurrent):
    """Reads a sequence with a long short-term memory, as torch.nn.LSTM.

    Its input is a sequence of L positions with E features each, as torch's with `batch_first`:
    `permute: [1, 0]` turns channels × positions into one. The state begins with zeros. The output
    has that of every step; `slice` takes the last one.

    Shapes: (L, E) -> (L, D), where D is `out`, or `projection`, or twice that with `bidirectional`
    Rule: i, f, o = σ(W·x + U·h), g = tanh(W·x + U·h), c' = f·c + i·g, h' = o·tanh(c'), with weights
        W and U of their own for i, f, g and o; with `projection` P·h' in place of h'
    Parameters: per layer and direction 4·out·(E + out) weights, and 8·out biases with `bias`; E of
        a further layer is D; with `projection` p, 4·out·(E + p) + p·out weights
    Cost: as many multiply–accumulates per step as there are weights; per value of the state and
        step, 8 additions, 3 multiplications, 3 divisions and 5 exponentials or tanh, and 8
        additions more with `bias`
    Fields:
        projection: number of values to which the state is reduced after each step

    Source: Hochreiter and Schmidhuber 1997, Long short-term memory, doi:10.1162/neco.1997.9.8.1735
    Example: `lstm: {out: 256, bidirectional: true}` on 26×512
    """

    key = "lstm"
    aliases = ("longshorttermmemory",)
    field_aliases = {**HIDDEN_ALIASES, "proj_size": "projection"}
    aten = ("lstm", "rnn_layer")
    gates, torch_name = 4, "LSTM"
    projection: OptionalPositive = None

    @property
    def state(self) -> int:
        return self.projection or self.out

    def needs(self, x: Shape) -> Iterator[Need]:
        if self.projection is not None:
            yield Need(self.out - self.projection - 1, self._too_large)

    def _too_large(self) -> Diagnostic:
        return Diagnostic(
            "CNN207",
            f"`projection: {self.projection}` is not smaller than `out: {self.out}`",
            help="it reduces the state; use a smaller one, or none",
        )

    def step_cost(self) -> Cost:
        return Cost(add=8, mul=3, div=3, exp=5)

    def kept_nearly(self, *xs: Shape, mixed: bool, batch: int, device: Device) -> str | None:
        if device == "cpu" and self.projection is None:
            return f"{_WORKSPACE} of oneDNN"
        return super().kept_nearly(*xs, mixed=mixed, batch=batch, device=device)

    def more(self) -> dict[str, Any]:
        return {"proj_size": self.projection or 0}


class Gru(Recurrent):
    """Reads a sequence with gated recurrent units, as torch.nn.GRU.

    Its input is a sequence of L positions with E features each, as torch's with `batch_first`:
    `permute: [1, 0]` turns channels × positions into one. The state begins with zeros. The output
    has that of every step; `slice` takes the last one.

    Rule: r, z = σ(W·x + U·h), g = tanh(W·x + r·(U·h)), h' = (1 − z)·g + z·h, with weights W and U
        of their own for r, z and g
    Parameters: per layer and direction 3·out·(E + out) weights, and 6·out biases with `bias`; E of
        a further layer is D
    Cost: as many multiply–accumulates per step as there are weights; per value of the state and
        step, 7 additions, 3 multiplications, 2 divisions and 3 exponentials or tanh, and 6
        additions more with `bias`
    Source: Cho et al. 2014, Learning phrase representations using RNN encoder–decoder,
        arXiv:1406.1078
    Example: `gru: 256` on 26×512
    """

    key = "gru"
    aliases = ("gatedrecurrentunit",)
    gates, torch_name = 3, "GRU"

    def step_cost(self) -> Cost:
        return Cost(add=7, mul=3, div=2, exp=3)


class Rnn(Recurrent):
    """Reads a sequence with plain recurrence, as torch.nn.RNN.

    Its input is a sequence of L positions with E features each, as torch's with `batch_first`:
    `permute: [1, 0]` turns channels × positions into one. The state begins with zeros. The output
    has that of every step; `slice` takes the last one.

    Rule: h' = tanh(W·x + U·h), or max(W·x + U·h, 0) with `activation: relu`
    Parameters: per layer and direction out·(E + out) weights, and 2·out biases with `bias`; E of a
        further layer is D
    Cost: as many multiply–accumulates per step as there are weights; per value of the state and
        step, 1 addition and 1 tanh, or 1 comparison in place of the tanh, and 2 additions more with
        `bias`
    Fields:
        activation: tanh, or relu

    Source: Elman 1990, Finding structure in time, doi:10.1207/s15516709cog1402_1
    Example: `rnn: 256` on 26×512
    """

    key = "rnn"
    aliases = ("simplernn", "elmanrnn")
    field_aliases = {**HIDDEN_ALIASES, "nonlinearity": "activation"}
    gates, torch_name = 1, "RNN"
    kept_states, kept_first, kept_if_frozen = 1, 1, 1
    activation: Annotated[Literal["tanh", "relu"], Field(description="tanh or relu")] = "tanh"

    def step_cost(self) -> Cost:
        return Cost(add=1, cmp=1) if self.activation == "relu" else Cost(add=1, exp=1)

    def more(self) -> dict[str, Any]:
        return {"nonlinearity": self.activation}
