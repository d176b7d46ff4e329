"""What becomes of each call of torch: by the reader of its name, or by an operator's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...trace import Call
from . import (
    attention,
    blur,
    einsum,
    joins,
    operators,
    parts,
    placed,
    reductions,
    scaling,
    views,
)
from .draft import Draft
from .reader import Reader

READERS: Mapping[str, Reader] = {
    **views.READERS,
    **parts.READERS,
    **joins.READERS,
    **scaling.READERS,
    **reductions.READERS,
    **operators.READERS,
    **attention.READERS,
    **blur.READERS,
    **einsum.READERS,
    **placed.READERS,
}
_DECLARED = {
    "index": "declared as `opaque`: it may take any positions",
}
# What becomes of calls that are not an operator by their name alone.
READ_AS: Mapping[str, str] = {
    **{name: reader.makes for name, reader in READERS.items() if reader.makes},
    **_DECLARED,
    "getitem": "no layer: it takes one of several results",
}


def read(draft: Draft, call: Call) -> Any:
    """Return what a call computes. A view adds no layer.

    Errors: Unknown if no operator computes it.
    """
    reader = READERS.get(call.name.strip("_"))
    return reader.read(draft, call) if reader else operators.called(draft, call)
