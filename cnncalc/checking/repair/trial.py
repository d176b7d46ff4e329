"""The search of repairs: edits tried on the text, kept only if the finding goes away and nothing else breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...analysis.analyze import analyze
from ...diagnostic import Diagnostic, Edit, Fix, Mistake
from ...graph import Graph
from ...language.load import from_text
from ...ops.base import named
from .candidates import candidates
from .case import Case
from .edited_text import Text

TRIALS = 24  # most edits tried for a finding
OFFERED = 3


class Trial(NamedTuple):
    """What becomes of a text with an edit: whether the finding is gone and nothing else is wrong, and how far the layers reach."""

    mends: bool
    complete: bool
    reached: int
    errors: int
    graph: Graph

    @property
    def right(self) -> bool:
        """Whether nothing is wrong any more."""
        return self.complete and not self.errors


def cost(text: Text, layers: int) -> int:
    """What it takes to examine a text, in characters; a layer takes as long as sixty."""
    return 1000 + len(text.text) + 60 * layers


def repairs(case: Case, work: int) -> tuple[list[Fix], list[Fix], int]:
    """Edits that mend the finding, the nearest first; and those among them after which the network is whole, whatever else was wrong.

    `work` bounds the characters that are read for it; the last figure is how many edits were tried.
    """
    most = min(TRIALS, work // cost(case.text, len(case.graph.nodes)))
    if most < 2:
        return [], [], 0
    found: list[tuple[Trial, Fix]] = []
    tried: set[tuple[Edit, ...]] = set()
    for candidate in candidates(case, most):
        if len(tried) >= most or sum(trial.right for trial, _ in found) >= OFFERED:
            break
        if candidate.edits is None or candidate.edits in tried:
            continue
        tried.add(candidate.edits)
        trial = attempt(case, candidate.edits)
        if trial.mends:
            found.append(
                (
                    trial,
                    Fix(
                        candidate.title + (outcome(case, trial) if candidate.shape else ""),
                        candidate.edits,
                        restates=candidate.restates,
                    ),
                )
            )
            if candidate.plain and trial.right:
                break
    fewest = min((trial.errors for trial, _ in found if trial.complete), default=0)
    furthest = max((trial.reached for trial, _ in found if not trial.complete), default=0)
    kept = [
        (trial, fix)
        for trial, fix in found
        if (trial.errors == fewest if trial.complete else trial.reached >= furthest - 1)
    ]
    return [fix for _, fix in kept], [fix for trial, fix in kept if trial.complete], len(tried)


def attempt(case: Case, edits: tuple[Edit, ...]) -> Trial:
    """The network of the edited text."""
    edited = case.text.apply(edits)
    try:
        spec = from_text(edited.text, case.spec.file)
    except Mistake:
        return Trial(False, False, 0, 0, Graph())
    graph = spec.graph(case.variant)
    told = (
        analyze(spec, case.variant).diagnostics if graph.outputs else graph.diagnostics
    )  # whole: names in `published`, budgets
    mine = case.fault.diagnostic
    again = any(
        d.code == mine.code and d.position and edited.place_before(d.position) == mine.position
        for d in graph.diagnostics
    )
    earlier = len(graph.nodes) < len(case.graph.nodes) - 1 and not graph.outputs
    worse = bool(case.graph.outputs) and (
        not graph.outputs or errors(told) >= errors(case.graph.diagnostics)
    )
    mends = not (
        again
        or earlier
        or worse
        or not graph.nodes
        or errors(spec.diagnostics) > errors(case.spec.diagnostics)
    )
    mends = mends and not any(faulty(spec.graph(other)) > known for other, known in case.beside)
    return Trial(
        mends,
        bool(graph.outputs),
        len(graph.nodes),
        errors(told) + sum(d.code == "CNN302" for d in told),
        graph,
    )


def faulty(graph: Graph) -> tuple[bool, int]:
    """How wrong a network is: whether it cannot be followed to its end, and its errors."""
    return not graph.outputs, errors(graph.diagnostics)


def errors(diagnostics: list[Diagnostic]) -> int:
    """How many are errors."""
    return sum(d.severity == "error" for d in diagnostics)


def outcome(case: Case, trial: Trial) -> str:
    """`` gives 8×16×16``, where the layer still exists."""
    path, graph = case.fault.path, trial.graph
    now = next((node.shape for node in graph.nodes if node.path == path and node.op), None)
    if now is None and path in graph.groups:
        now = graph.nodes[graph.groups[path][2]].shape
    return f" gives {named(now)}" if now is not None else ""


def persists(
    finding: Diagnostic, text: Text, fixes: Sequence[Sequence[Edit]], variant: str | None
) -> bool:
    """Whether a finding is still there after edits for all the others."""
    assert finding.position is not None
    edited = text.apply(*fixes)
    try:
        spec = from_text(edited.text, finding.position.file)
        report = analyze(spec, variant)
    except Mistake:
        return True
    there = any(
        d.code == finding.code
        and d.position
        and edited.original(d.position)[1:3] == finding.position[1:3]
        for d in report.diagnostics
    )
    return there or not report.complete  # what is not reached is not gone


def remaining(
    text: Text, fixes: Sequence[Sequence[Edit]], file: str, variant: str | None
) -> tuple[bool, int]:
    """Whether a text with fixes is no whole network, and how many errors it has: less is better."""
    try:
        spec = from_text(text.apply(*fixes).text, file)
    except Mistake as mistake:
        return True, errors(list(mistake.diagnostics))
    report = analyze(spec, variant)
    return not report.complete, errors(report.diagnostics)
