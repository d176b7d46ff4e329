"""Freezes parts of a network: training leaves their parameters as they are."""

from __future__ import annotations

from collections.abc import Iterable

from ..diagnostic import Diagnostic, Mistake, first_of, misspelled
from ..graph import Graph


def freeze_parts(
    graph: Graph, frozen: Iterable[str] = (), trained_only: Iterable[str] = ()
) -> None:
    """Freeze what `train_only` and then `freeze` name; either may name nothing.

    Errors: a Mistake (CNN111) with every path that is unknown or has no parameters.
    """
    paths = list(trained_only)
    if paths:
        train_only(graph, paths)
    freeze(graph, frozen)


def freeze(graph: Graph, paths: Iterable[str]) -> None:
    """Freeze the parameters of layers, blocks, branches and chains, beside what the spec freezes.

    Errors: a Mistake (CNN111) with every path that is unknown or has no parameters.
    """
    for numbers in numbers_at(graph, paths, "to freeze"):
        graph.freeze(numbers)


def train_only(graph: Graph, paths: Iterable[str]) -> None:
    """Train the parameters at these paths, whatever the spec freezes, and freeze all others.

    Errors: a Mistake (CNN111) with every path that is unknown or has no parameters.
    """
    trained = numbers_at(graph, paths, "to train")
    graph.freeze(range(len(graph.nodes)))
    for numbers in trained:
        graph.freeze(numbers, frozen=False)


def nothing_trained(graph: Graph) -> Diagnostic | None:
    """Return what is wrong with training this network, if all its parameters are frozen."""
    if any(map(graph.trains, graph.nodes)):
        return None
    if any(node.frozen for node in graph.nodes):
        help = "leave out `freeze` at the layers to train, or name them by `--train-only`"
        return Diagnostic(
            "CNN111", "all parameters are frozen: there is nothing to train", None, help
        )
    return Diagnostic("CNN111", "the network has no parameters: there is nothing to train")


def numbers_at(graph: Graph, paths: Iterable[str], purpose: str = "") -> list[list[int]]:
    """Return the nodes at each path; with a `purpose`, each path must have parameters.

    Errors: a Mistake (CNN111) with every path where that fails.
    """
    found: list[list[int]] = []
    faults: list[Diagnostic] = []
    for path in paths:
        numbers = graph.within(path)
        found.append(numbers)
        if not numbers and path not in graph.groups:
            faults.append(_unknown(graph, path))
        elif purpose and not any(graph.has_parameters(graph.nodes[n]) for n in numbers):
            faults.append(Diagnostic("CNN111", f"`{path}` has no parameters {purpose}"))
    if faults:
        raise Mistake(*first_of(faults))
    return found


def _unknown(graph: Graph, path: str) -> Diagnostic:
    """Return a finding for a path that nothing has, with the most similar one."""
    known = dict.fromkeys(graph.groups)
    for node in graph.nodes:
        parts = node.path.split(".") if node.op is not None else []
        known |= dict.fromkeys(".".join(parts[:n]) for n in range(1, len(parts) + 1))
    fault = Diagnostic("CNN111", f"no layer or block is called `{path}`")
    listing = "`cnncalc analyze SPEC --format csv --columns path` lists the layers"
    return misspelled(fault, path, known, listing)
