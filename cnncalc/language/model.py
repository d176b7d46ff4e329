"""Defines the top level of a spec, around the layers, as pydantic models."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _text(value: Any) -> Any:
    """Turn a number into text."""
    if isinstance(value, (int, Fraction)) and not isinstance(value, bool):
        return str(value)
    return value


Text = Annotated[str, BeforeValidator(_text)]  # a number as well: `name: 2015`


class Part(BaseModel):
    """A mapping of the language; unknown keys are errors, and values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Published(Part):
    """A published figure; it agrees if the figure of cnncalc rounds to its digits."""

    what: Annotated[
        str,
        Field(description="params, weights, macs, flops, activations, shape, receptive_field, …"),
    ]
    value: Annotated[
        Any, Field(description="as printed: 138M, 2.7K, 60000, [96, 55, 55]; Ki and Mi are binary")
    ]
    at: Annotated[
        str | None, Field(description="a layer or block; the whole network if absent")
    ] = None
    source: Annotated[str | None, Field(description="where it was printed")] = None
    erratum: Annotated[str | None, Field(description="why the printed figure is wrong")] = None


class Variant(Part):
    """A network of the family, with other parameters, and figures of its own."""

    params: Annotated[
        dict[str, Any] | None, Field(description="values that replace the top-level ones")
    ] = None
    published: list[Published] | None = None
    budget: Annotated[dict[str, Any] | None, Field(description="limits of this variant")] = None
    expect: Annotated[
        dict[str, Any] | None,
        Field(description="shapes after layers, by name, instead of their own `expect`"),
    ] = None
    name: Text | None = None
    source: Text | None = None
    year: int | None = None


class Block(Part):
    """Layers under a name, with parameters; a parameter with an empty default is required."""

    layers: Annotated[list[Any], Field(description="the layers of the block")]
    params: Annotated[dict[str, Any] | None, Field(description="parameters and their defaults")] = (
        None
    )


class Document(Part):
    """A network, or a family of them."""

    input: Annotated[
        Any, Field(description="[channels, *spatial], or a mapping of names to such shapes")
    ]
    layers: Annotated[list[Any], Field(description="the layers, first to last")]
    cnncalc: Annotated[Literal[1], Field(description="version of the language")] = 1
    name: Text | None = None
    source: Annotated[Text | None, Field(description="paper, code or lecture")] = None
    year: int | None = None
    params: Annotated[
        dict[str, Any] | None,
        Field(description="values that expressions may use; --set overrides them"),
    ] = None
    variants: dict[str, Variant | None] | None = None
    blocks: dict[str, Block] | None = None
    outputs: Annotated[
        list[str] | None, Field(description="names of layers; the last layer if absent")
    ] = None
    budget: Annotated[
        dict[str, Any] | None, Field(description="limits: {params: {max: 26M}}, or < 26M")
    ] = None
    published: list[Published] | None = None
