"""Code actions: tried repairs, comments that ignore findings, and changes of the spec's form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lsprotocol import types as lsp

from ..checking.finding import Finding
from .actions.action import Action
from .actions.budget import set_budget
from .actions.expect import add_expect
from .actions.extract_block import extract_block
from .actions.ignore import ignore
from .actions.inline_block import inline_block
from .actions.repairs import repairs
from .actions.roll import roll, unroll
from .diagnostics import diagnostic
from .view import View

_MOST_LAYERS = 3000  # of a network whose form is changed: it is analysed again for each change


def code_actions(
    view: View,
    uri: str,
    where: lsp.Range,
    findings: Iterable[Finding],
    only: Sequence[str] | None = None,
) -> list[lsp.CodeAction]:
    """Return the changes offered for a range; `findings` are those of this text.

    `only` names the kinds that are wanted; without it, all are.
    """
    places = view.places
    first, last = places.offset(where.start), places.offset(where.end)
    lines = range(places.line_of(first), places.line_of(max(first, last)) + 1)
    here = [finding for finding in findings if _line(view, finding) in lines]
    found: list[Action] = []
    if _wanted("quickfix", only):
        found += [*repairs(places, here), *set_budget(view, first, last), *ignore(places, here)]
    if _wanted("refactor", only):
        found += _of_form(view, first, last)
    return [
        lsp.CodeAction(
            title=action.title[:1].upper() + action.title[1:],
            kind=action.kind,
            diagnostics=[diagnostic(places, uri, action.finding)] if action.finding else None,
            is_preferred=action.is_preferred or None,
            edit=lsp.WorkspaceEdit(
                changes={
                    uri: [
                        lsp.TextEdit(places.range(start, end), places.edited.with_line_ends(text))
                        for start, end, text in action.changes
                    ]
                }
            ),
        )
        for action in found
    ]


def _wanted(kind: str, only: Sequence[str] | None) -> bool:
    return only is None or any(word.startswith(kind) or kind.startswith(word) for word in only)


def _line(view: View, finding: Finding) -> int:
    position = finding.diagnostic.position
    return view.places.line_of(view.places.start(position)) if position is not None else 0


def _of_form(view: View, first: int, last: int) -> Iterator[Action]:
    """Yield the changes that leave the network as it is."""
    if not view.is_sound or view.names is None:
        return
    if len(view.expansion.graph.nodes) > _MOST_LAYERS:
        return
    found = view.names.step_at(first)
    if found is None:
        return
    layers, step = found
    yield from add_expect(view, step)
    yield from inline_block(view, layers, step)
    yield from roll(view, layers, step)
    yield from unroll(view, layers, step)
    yield from extract_block(view, first, last)
