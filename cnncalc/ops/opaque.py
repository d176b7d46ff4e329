"""Declared: layers that cnncalc does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ..at_least import AtLeast
from ..cost import Cost
from ..diagnostic import Diagnostic
from ..layout import Layout, contiguous
from ..num import Num, Shape
from ..window import Unknown
from .base import Op
from .field_types import ARGUMENTS, VERBATIM, NullableSize
from .kept import Backward, Extra, Kept
from .meanings import UserCode
from .needs import Need
from .reads import WHOLE, Windows
from .torch_call import TorchCall

FIGURES = ("params", "macs", "saved")  # that may be declared
_MOST = 10**18
_TARGET = re.compile(r"[\w./-]+:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\Z")
_UNDECLARED = Unknown("`opaque` does not declare what it sees")

Declared = Annotated[
    Annotated[int, Field(ge=0, le=_MOST)] | Literal["?"],
    Field(description='an integer ≥ 0, or "?", in quotes'),
]
OutputShape = Annotated[
    tuple[NullableSize, ...] | None,
    Field(
        min_length=1,
        max_length=4,
        description="a shape, [channels, *sizes], in which null is the size of the input",
    ),
]


def _is_unknown(figure: Num) -> bool:
    return isinstance(figure, str)


def _count(figure: Num) -> Num:
    """Return a figure as a number, of which nothing is known if it is not declared."""
    return AtLeast(0) if _is_unknown(figure) else figure


def _named(value: Any) -> Any:
    return tuple(value.items()) if isinstance(value, Mapping) else value


class Opaque(Op):
    """Stands for a layer that cnncalc does not know, whose figures are declared and not computed.

    A declared figure is shown as declared, also in every sum that contains it. One that is not
    declared is unknown: it is `?`, and sums that contain it are at least the rest of them. FLOPs
    are those of the declared MACs alone, and buffers are not counted. Backward is taken to keep the
    input and the output, so that no other layer writes over them; `saved` declares the bytes beside
    these.

    With `module`, `cnncalc.build`, `verify` and `profile` make the layer from a class of yours,
    but only with `--allow-code`; `verify` holds the declared figures to it. Every other command
    leaves the class alone.

    Shapes: (C, *n) -> out
    Rule: as declared
    Parameters: as declared in `params`
    Cost: the multiply–accumulates that `macs` declares, and nothing else
    Fields:
        out: shape of the output; by default, that of the input
        params: number of trained parameters; by default `?`, unknown
        macs: multiply–accumulates for one image; by default unknown
        saved: bytes that backward keeps for one image, beside the input and the output; by default
            unknown
        field: what each position of the output sees of each axis: `all` of it, or `?`, unknown
        module: class that makes the layer, as package.module:Class or file.py:Class
        args: arguments of the class, by name

    Source: the class of the layer, as in https://docs.pytorch.org/docs/stable/nn.html
    Example: `opaque: {out: [64, null, null], params: 4160, macs: 3211264, saved: 0}` on 64×28×28
    """

    key = "opaque"
    declared = True
    keeps_output = True
    field_aliases = {
        "shape": "out",
        "output_shape": "out",
        "parameters": "params",
        "bytes": "saved",
        "class": "module",
        "kwargs": "args",
        "receptive_field": "field",
    }
    value_aliases = {
        "field": {"unknown": '"?"', "whole": "all"},
        **{name: {"unknown": '"?"'} for name in FIGURES},
    }
    out: OutputShape = None
    params: Declared = "?"
    macs: Declared = "?"
    saved: Declared = "?"
    field: Annotated[Literal["?", "all"], Field(description='all or "?", in quotes')] = "?"
    module: Annotated[
        str | None, VERBATIM, Field(description="package.module:Class or file.py:Class")
    ] = None
    args: Annotated[
        tuple[tuple[str, Any], ...],
        ARGUMENTS,
        BeforeValidator(_named, json_schema_input_type=dict[str, Any]),
        Field(description="a mapping of names to values"),
    ] = ()

    def needs(self, x: Shape) -> Iterator[Need]:
        out = self.out or ()
        open_axes = [axis for axis, n in enumerate(out) if n is None]
        yield Need(
            len(x) - 1 - max(open_axes, default=0),
            lambda: Diagnostic(
                "CNN201",
                f"entry {max(open_axes) + 1} of `out` is that of the input, which has {len(x)}",
                help="write a number in place of null",
            ),
        )
        yield Need(
            0 if self.module is None or _TARGET.match(self.module) else -1,
            lambda: Diagnostic(
                "CNN103",
                f"`module` takes package.module:Class or file.py:Class, not `{self.module}`",
                help="for AlexNet in models.py, write `module: models.py:AlexNet`",
            ),
        )
        yield Need(
            -1 if self.args and self.module is None else 0,
            lambda: Diagnostic(
                "CNN103",
                "`args` are arguments of a class, but there is no `module`",
                help="write `module: package.module:Class`",
            ),
        )

    def shape(self, x: Shape) -> Shape:
        if self.out is None:
            return tuple(x)
        return tuple(x[axis] if n is None else n for axis, n in enumerate(self.out))

    def units(self, *xs: Shape) -> frozenset[int]:
        return frozenset(axis for axis, n in enumerate(self.out or ()) if n == 1)

    @property
    def undeclared(self) -> frozenset[str]:
        return frozenset(name for name in FIGURES if _is_unknown(getattr(self, name)))

    def weights(self, x: Shape) -> dict[str, Shape]:
        none = isinstance(self.params, int) and self.params == 0
        return {} if none else {"declared": (_count(self.params),)}

    def cost(self, x: Shape, *, y: Shape) -> Cost:
        return Cost(mac=_count(self.macs))

    def window(self, x: Shape) -> Windows:
        reach = WHOLE if self.field == "all" else _UNDECLARED
        return ((reach,) * (len(x) - 1),)

    def keeps(self, x: Shape, *, y: Shape, back: Backward = Backward()) -> Kept:
        none = isinstance(self.saved, int) and self.saved == 0
        extras = () if none else (Extra(_count(self.saved), "declared"),)
        return Kept(inputs=(0,), output=True, extras=extras)

    def laid_out(self, x: Layout, *, y: Shape) -> Layout:
        return contiguous(y)

    @property
    def code(self) -> UserCode | None:
        return UserCode(self.module, dict(self.args)) if self.module else None

    def torch(self, x: Shape) -> TorchCall:
        return TorchCall(self.module or "", dict(self.args))

    def linearized(self, x: Shape) -> TorchCall:
        """Return a layer that reads everything: no class of a user runs for receptive fields."""
        return TorchCall("Everything", {"sizes": self.shape(x)})

    def arithmetic(self, x: Shape) -> str:
        return "as declared"
