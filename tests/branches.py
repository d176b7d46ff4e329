"""Makes random networks of 1×1 convolutions, sums and concatenations with branches that cross."""

from __future__ import annotations

import random
from collections.abc import Iterator

import cnncalc
from cnncalc.graph import Graph


def branched(rng: random.Random, most: int) -> Graph:
    """Return a network of up to `most` layers on 4×4 pixels, with one or two inputs and outputs."""
    inputs = [f"x{n}" for n in range(rng.choice((1, 1, 1, 2)))]
    channels = {name: rng.randint(1, 8) for name in inputs}
    lines = ["input:", *(f"  {name}: [{channels[name]}, 4, 4]" for name in inputs), "layers:"]
    unread = dict.fromkeys(inputs)
    for n in range(rng.randint(2, most - 1)):
        known = list(channels)[-4:]
        source, name = rng.choice(known), f"n{n}"
        kind = rng.choice(("conv", "conv", "conv", "relu", "sigmoid", "maxpool", "concat", "add"))
        out = channels[source]
        body = {"maxpool": "{kernel: 3, stride: 1, padding: 1}"}.get(kind, "{}")
        read = [source]
        if kind == "conv":
            out = rng.choice((1, 2, 4, 8, 16))
            body = f"{{out: {out}, kernel: 1}}"
        elif kind in ("concat", "add"):
            alike = [m for m in channels if channels[m] == out]
            read = [source, rng.choice(alike if kind == "add" else known)]
            body = f"[{', '.join(read)}]"
            if kind == "concat":
                out = sum(channels[m] for m in read)
        lines.append(f"  - {kind}: {body}")
        if kind not in ("concat", "add"):
            lines.append(f"    from: {source}")
        lines.append(f"    name: {name}")
        channels[name], unread[name] = out, None
        for m in read:
            unread.pop(m, None)
    ends = list(unread)
    if len(ends) > 1 and rng.random() < 0.7:
        lines += [f"  - concat: [{', '.join(ends)}]", "    name: end"]
        ends = ["end"]
    lines.append(f"outputs: [{', '.join(ends)}]")
    report = cnncalc.analyze(cnncalc.loads("\n".join(lines)))
    assert report.ok, ("\n".join(lines), report.diagnostics)
    return report.graph


def orders(graph: Graph) -> Iterator[list[int]]:
    """Yield every order in which the layers may run, the inputs first."""
    inputs = [n for n, node in enumerate(graph.nodes) if node.op is None]
    yield from _continued(graph, inputs)


def _continued(graph: Graph, order: list[int]) -> Iterator[list[int]]:
    if len(order) == len(graph.nodes):
        yield order
    done = set(order)
    for n, node in enumerate(graph.nodes):
        if n not in done and done.issuperset(node.inputs):
            yield from _continued(graph, [*order, n])
