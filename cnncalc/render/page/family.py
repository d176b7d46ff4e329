"""The networks of one file side by side: what each costs."""

from __future__ import annotations

from typing import NamedTuple

from ...analysis.result import Report
from ...analysis.rows import own_values
from ...at_least import AtLeast
from ...cost import Cost
from ...graph import Graph
from ...language.spec import Spec

MOST = 60  # members that are computed


class Member(NamedTuple):
    """A network of a family.

    Attributes:
        name: how SPEC names it; the title of the base.
        title: what it is called.
        params: its parameters.
        macs: its multiply–accumulates for one image.
        own: whether it is the network of the page.
        page: the file of its page, in a gallery.
    """

    name: str
    title: str
    params: int
    macs: int
    own: bool = False
    page: str | None = None


def members(spec: Spec, report: Report) -> tuple[Member, ...]:
    """Return the networks of a spec that has several.

    Those with errors are left out, and those of which a part is unknown.
    """
    if len(spec.members) < 2:
        return ()
    found = []
    for variant in spec.members[:MOST]:
        own = variant == report.variant
        if own and report.complete:
            totals = report.totals
            params, macs = totals.params, totals.macs // report.batch
        else:
            graph = spec.graph(variant) if variant else spec.graph()
            if not graph.outputs:
                continue
            params, macs = _sums(graph)
        if isinstance(params, AtLeast) or isinstance(macs, AtLeast):
            continue
        title = spec.title(variant)
        found.append(Member(name=variant or title, title=title, params=params, macs=macs, own=own))
    return tuple(found)


def _sums(graph: Graph) -> tuple[int, int]:
    """Return the parameters and multiply–accumulates of a network."""
    params, cost = 0, Cost()
    for node in graph.nodes:
        if node.op is None:
            continue
        xs = graph.shapes_into(node)
        if node.shares is None:
            weights, biases, affine, _ = own_values(node.op, xs)
            params += weights + biases + affine
        cost = cost.plus(node.op.cost(*xs, y=node.shape))
    return params, cost.mac
