"""Changes of a spec's form, which leave its networks and its comments as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...checking.repair.edited_text import Replacement
from ..view import View
from .action import Action, Kind, changed
from .same import keeps_networks, lost_comments


def change_of_form(
    view: View, title: str, kind: Kind, lines: Replacement, others: Sequence[Replacement] = ()
) -> Iterator[Action]:
    """Yield a change of lines, if every variant stays the same network and has no new error.

    Comments that would be lost are put above the new lines.
    """
    text = changed(view.text, (lines, *others))
    if not keeps_networks(view, text):
        return
    indent = " " * (len(lines.text) - len(lines.text.lstrip(" ")))
    above = "".join(f"{indent}{one}\n" for one in lost_comments(view.text, text))
    changes = (lines._replace(text=above + lines.text), *others)
    if not above or keeps_networks(view, changed(view.text, changes)):
        yield Action(title, kind, changes)
