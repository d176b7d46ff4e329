"""Tries repairs on the text; keeps those that remove the finding and break nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...analysis.analyze import analyze
from ...diagnostic import Diagnostic, Edit, Fix, Mistake
from ...graph import Graph
from ...language.load import from_text
from ...pausing import pause
from ...wording import shape_text
from .candidates import candidates
from .case import Candidate, Case, Rank, error_count, expanded_layers, reading_cost
from .edited_text import EditedText
from .entry import OFFERED
from .side_effects import side_effect

_TRIALS = 24  # most edits to try for a finding


class _Trial(NamedTuple):
    """The network after an edit, and whether the finding is gone and nothing else broke.

    `side_effect` says what else the edit changes in the design.
    """

    repairs: bool
    complete: bool  # its shapes are known up to its end
    reached: int  # number of layers whose shapes are known
    errors: int
    graph: Graph
    alters: bool = False  # the design is not kept
    side_effect: str | None = None

    @property
    def is_valid(self) -> bool:
        """Whether nothing is wrong, and the design is kept."""
        return self.complete and not self.errors and not self.alters


_UNREADABLE = _Trial(repairs=False, complete=False, reached=0, errors=0, graph=Graph())


class Repairs(NamedTuple):
    """Repairs of a finding, the most likely first, and the work to try them, in characters."""

    fixes: list[Fix]
    complete: list[Fix]  # those after which the whole network can be analysed
    work: int


def search_repairs(case: Case, work: int) -> Repairs:
    """Try the candidates for a finding; about as many characters are read as `work` says."""
    least = reading_cost(case.text, len(case.graph.nodes))
    if work < 2 * least:
        return Repairs([], [], 0)
    done = 0
    found: list[tuple[_Trial, Fix]] = []
    tried: set[tuple[Edit, ...]] = set()
    for candidate in candidates(case):
        if len(tried) >= _TRIALS or done + least > work:
            break
        if sum(trial.is_valid for trial, _ in found) >= OFFERED:
            break
        if candidate.edits is None or candidate.edits in tried:
            continue
        tried.add(candidate.edits)
        pause()
        trial = _attempt(case, candidate, candidate.edits)
        done += max(least, reading_cost(case.text, expanded_layers(trial.graph)))
        if trial.repairs:
            found.append((trial, _fix(case, candidate, candidate.edits, trial)))
            if candidate.plain and trial.is_valid:
                break
    kept = _best(found)
    complete = [fix for trial, fix in kept if trial.complete]
    return Repairs([fix for _, fix in kept], complete, done)


def _fix(case: Case, candidate: Candidate, edits: tuple[Edit, ...], trial: _Trial) -> Fix:
    """Return a candidate that repairs the finding, as a fix to offer."""
    title = candidate.title
    if candidate.shape:
        title += _resulting_shape(case, trial)
    if trial.side_effect is not None:
        title += f", but {trial.side_effect}"
    return Fix(title, edits, restates=candidate.restates, alters=trial.alters)


def _best(found: list[tuple[_Trial, Fix]]) -> list[tuple[_Trial, Fix]]:
    """Keep complete networks with the fewest errors, and others that reach nearly the furthest.

    A repair that alters the design comes last, and only if no other repair leads as far.
    """
    fewest = min((trial.errors for trial, _ in found if trial.complete), default=0)
    furthest = max((trial.reached for trial, _ in found if not trial.complete), default=0)
    kept = []
    for trial, fix in sorted(found, key=lambda one: one[0].alters):
        if trial.errors == fewest if trial.complete else trial.reached >= furthest - 1:
            kept.append((trial, fix))
    keeping = [(trial, fix) for trial, fix in kept if not trial.alters]
    is_one_complete = any(trial.complete for trial, _ in kept)
    if keeping and is_one_complete == any(trial.complete for trial, _ in keeping):
        return keeping
    return kept


def _attempt(case: Case, candidate: Candidate, edits: tuple[Edit, ...]) -> _Trial:
    """Return what an edit does to the network."""
    edited = case.text.apply(edits)
    try:
        spec = from_text(edited.text, case.spec.file)
    except Mistake:
        return _UNREADABLE
    expansion = spec.expansion(case.variant)
    graph = expansion.graph
    diagnostics = graph.diagnostics
    if graph.outputs:  # complete: budgets, and the names in `published`, count too
        diagnostics = analyze(spec, case.variant).diagnostics
    repairs = (
        bool(graph.nodes)
        and not _reported_again(case, graph, edited)
        and not _stops_earlier(case, graph, edited)
        and not _is_worse(case, graph, diagnostics)
        and error_count(spec.diagnostics) <= error_count(case.spec.diagnostics)
        and all(Rank.of(spec.graph(other)) <= rank for other, rank in case.beside)
    )
    effect: str | None = None  # changes of the input or an expectation are meant to have effects
    if repairs and not candidate.resizes and not candidate.restates:
        effect = side_effect(case, expansion, edited)
    return _Trial(
        repairs=repairs,
        complete=bool(graph.outputs),
        reached=len(graph.nodes),
        errors=error_count(diagnostics) + sum(d.code == "CNN302" for d in diagnostics),
        graph=graph,
        alters=candidate.drops or effect is not None,
        side_effect=effect,
    )


def _reported_again(case: Case, graph: Graph, edited: EditedText) -> bool:
    """Return whether the finding is still reported at its place."""
    finding = case.fault.diagnostic
    for d in graph.diagnostics:
        if d.code != finding.code or d.position is None:
            continue
        if edited.previous_position(d.position) == finding.position:
            return True
    return False


def _stops_earlier(case: Case, graph: Graph, edited: EditedText) -> bool:
    """Return whether the network breaks before the layer of the finding, as in the edited one."""
    if graph.outputs:
        return False
    sound = {(node.position, node.context) for node in case.graph.nodes if node.op}
    for d in graph.diagnostics:
        if d.severity == "error" and d.position is not None:
            before = edited.previous_position(d.position)
            if d.code != "CNN301" and any(
                (at and at[:3], context) == (before[:3], d.context) for at, context in sound
            ):
                return True
    return len(graph.nodes) < len(case.graph.nodes) - 1


def _is_worse(case: Case, graph: Graph, diagnostics: Iterable[Diagnostic]) -> bool:
    """Return whether a network that was complete breaks, or has no fewer errors than before."""
    if not case.graph.outputs:
        return False
    return not graph.outputs or error_count(diagnostics) >= error_count(case.graph.diagnostics)


def _resulting_shape(case: Case, trial: _Trial) -> str:
    """Return `` gives 8×16×16``, if the layer still exists."""
    path, graph = case.fault.path, trial.graph
    for node in graph.nodes:
        if node.path == path and node.op:
            return f" gives {shape_text(node.shape)}"
    if path in graph.groups:
        return f" gives {shape_text(graph.nodes[graph.groups[path][2]].shape)}"
    return ""


def still_reported(
    finding: Diagnostic, text: EditedText, fixes: Sequence[Sequence[Edit]], variant: str | None
) -> bool:
    """Return whether a finding is still there after fixes, or its layer is not reached."""
    assert finding.position is not None
    edited = text.apply(*fixes)
    try:
        report = analyze(from_text(edited.text, finding.position.file), variant)
    except Mistake:
        return True
    place = (finding.position.line, finding.position.column)
    for d in report.diagnostics:
        if d.code == finding.code and d.position:
            original = edited.original_position(d.position)
            if (original.line, original.column) == place:
                return True
    return not report.complete


def rank_after(
    text: EditedText, fixes: Sequence[Sequence[Edit]], file: str, variant: str | None
) -> Rank:
    """Return how wrong the network of a text is after fixes."""
    try:
        spec = from_text(text.apply(*fixes).text, file)
    except Mistake as mistake:
        return Rank(True, error_count(mistake.diagnostics))
    report = analyze(spec, variant)
    return Rank(not report.complete, error_count(report.diagnostics))
