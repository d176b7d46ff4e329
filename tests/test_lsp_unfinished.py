"""A file that is opened unfinished has hints, but only of what its unfinished lines cannot change.

Whatever an unfinished line may become, the hints that are shown stay true: so they are those of the
text in which the line is as it was, or is another one.
"""

from __future__ import annotations

import pytest

from .command import ROOT
from .settings import sampled

pytest.importorskip("pygls")
from cnncalc.lsp.document import Document
from cnncalc.lsp.inlay_hints import inlay_hints
from cnncalc.lsp.settings import Settings

SPECS = sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))
BROKEN = ("- conv: {out: ", "- {", "- nothing_like_it", "key: [")


def hints_of(text: str) -> dict[tuple[int, int], str]:
    """Return the hints of a text that is opened, by their places."""
    document = Document("file:///net.cnn.yaml", "net.cnn.yaml")
    document.text = text
    document.look()
    view = document.sound
    if view is None:
        return {}
    hints = inlay_hints(view, Settings(macs=True))
    return {(hint.position.line, hint.position.character): str(hint.label) for hint in hints}


@pytest.mark.parametrize("name", SPECS)
def test_hints_are_true_whatever_the_line_becomes(name: str) -> None:
    text = (ROOT / "specs" / f"{name}.yaml").read_text("utf-8")
    lines = text.split("\n")
    whole = hints_of(text)
    start = next(n for n, line in enumerate(lines) if line.startswith(("layers:", "blocks:")))
    written = [n for n in range(start, len(lines)) if lines[n].strip()]
    for at in sampled(written, 5):
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        broken = BROKEN[at % len(BROKEN)]
        found = hints_of("\n".join([*lines[:at], indent + broken, *lines[at + 1 :]]))
        for place, hint in found.items():
            if place[0] != at:
                assert whole.get(place) == hint, (at + 1, broken, place[0] + 1)


def test_lines_that_change_no_shape_leave_every_hint() -> None:
    text = (ROOT / "specs" / "alexnet.yaml").read_text("utf-8")
    whole = hints_of(text)
    assert hints_of(text.replace("\nlayers:", "\nname: a: b\nlayers:", 1)).keys() == {
        (line + 1, column) for line, column in whole
    }


def test_what_comes_before_an_unfinished_line_keeps_its_hints() -> None:
    text = (ROOT / "specs" / "alexnet.yaml").read_text("utf-8")
    whole = hints_of(text)
    lines = text.split("\n")
    at = max(n for n, line in enumerate(lines) if "conv:" in line)
    found = hints_of("\n".join([*lines[:at], "  - conv: {", *lines[at + 1 :]]))
    assert found == {place: hint for place, hint in whole.items() if place[0] < at}
    assert len(found) > 5
