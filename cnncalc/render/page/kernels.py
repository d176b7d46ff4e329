"""What kind of kernel a layer runs, and how its window is written in a box of the graph."""

from __future__ import annotations

from ...num import Shape, product
from ...ops.base import Op
from ...wording import axes_text

# In the order of the legend.
KERNELS = (
    "convolution",
    "1×1 convolution",
    "depthwise convolution",
    "matrix product",
    "pooling",
    "normalisation",
    "of each value",
    "join",
    "moves values",
    "other",
)


def kernel_of(op: Op, xs: tuple[Shape, ...], y: Shape) -> str:
    """Return which of `KERNELS` a layer runs, by what its operator says of itself."""
    if op.multiplies:
        window = op.filters(*xs)[2:]
        if not window:
            return "matrix product"
        if op.channels(*xs) == "each":
            return "depthwise convolution"
        return "convolution" if product(window) > 1 else "1×1 convolution"
    if op.pool:
        return "pooling"
    if op.affine_weights:
        return "normalisation"
    if op.joins():
        return "join"
    if op.elementwise:
        return "of each value"
    return "other" if op.cost(*xs, y=y).flops else "moves values"


def window_text(op: Op, xs: tuple[Shape, ...]) -> str:
    """Write a window as in a drawing: ``3×3 /2``; "" for a layer that has none."""
    slides = op.slides(*xs)
    if not slides:
        filters = op.filters(*xs) if op.multiplies else ()
        return "×".join(map(str, filters[2:]))
    parts = ["×".join(str(slide.kernel) for slide in slides)]
    strides = tuple(slide.stride for slide in slides)
    spacings = tuple(slide.dilation for slide in slides)
    if max(strides) > 1:
        parts.append(f"/{axes_text(strides)}")
    if max(spacings) > 1:
        parts.append(f"dilation {axes_text(spacings)}")
    return " ".join(parts)
