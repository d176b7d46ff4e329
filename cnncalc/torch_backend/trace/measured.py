"""Measures calls of a traced network: they run once more, on tensors without values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.fx import Node
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.flop_counter import FlopCounterMode

from ...trace import Measured


def measured(nodes: Sequence[Node], calls: range) -> Measured:
    """Return the MACs of these calls for one image, and the bytes that backward keeps of each.

    What they read and what they return last is not counted among these bytes, nor are parameters.
    """
    known: dict[Node, Any] = {}
    kept: dict[int, int] = {}  # bytes by storage
    batch = 1

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        return tensor

    counter = FlopCounterMode(display=False)
    with saved_tensors_hooks(pack, lambda tensor: tensor), counter:
        outside = []
        for n in calls:
            node = nodes[n]
            for argument in node.all_input_nodes:
                if argument not in known:
                    fixed = argument.op == "placeholder" and argument.name[:2] in ("b_", "c_")
                    known[argument] = _on_meta(argument.meta.get("val"), not fixed)
                    outside += [t for t in tree_leaves(known[argument]) if isinstance(t, Tensor)]
            args, kwargs = tree_map(
                lambda value: known[value] if isinstance(value, Node) else value,
                (node.args, dict(node.kwargs)),
            )
            known[node] = node.target(*args, **kwargs)  # type: ignore[operator]
            batch = _batch_of(node, batch)
    last = [t for t in tree_leaves(known[nodes[calls[-1]]]) if isinstance(t, Tensor)]
    given = {t.untyped_storage()._cdata for t in (*outside, *last)}
    saved = sum(size for storage, size in kept.items() if storage not in given)
    return Measured(counter.get_total_flops() // 2 // batch, saved // batch)


def _on_meta(value: Any, gradients: bool) -> Any:
    """Return tensors of the same sizes and types without values; buffers need no gradients."""

    def empty(leaf: Any) -> Any:
        if not isinstance(leaf, Tensor):
            return leaf
        made = torch.empty(tuple(leaf.shape), dtype=leaf.dtype, device="meta")
        return made.requires_grad_() * 1 if gradients and leaf.is_floating_point() else made

    return tree_map(empty, value)


def _batch_of(node: Node, known: int) -> int:
    value = node.meta.get("val")
    return int(value.shape[0]) if isinstance(value, Tensor) and value.dim() else known
