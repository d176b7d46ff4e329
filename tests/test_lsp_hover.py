"""Every layer, word and parameter of a spec has something to say under the cursor."""

from __future__ import annotations

from pathlib import Path

import pytest

from .command import ROOT
from .settings import sampled

pytest.importorskip("pygls")
from lsprotocol import types as lsp

from cnncalc.lsp.document import Document
from cnncalc.lsp.hover import hover

SPECS = sorted((ROOT / "specs").glob("*.yaml"))


def text_at(document: Document, offset: int) -> str:
    assert document.view is not None
    found = hover(document.view, offset, document.figures)
    if found is None:
        return ""
    assert isinstance(found.contents, lsp.MarkupContent)
    return found.contents.value


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_layer_explains_itself(path: Path) -> None:
    document = Document(path.as_uri(), str(path))
    document.text = path.read_text("utf-8")
    view = document.look()
    assert view.names is not None
    shown = {id(use.step) for use in view.shown if use.group[0] < use.group[1]}
    steps = [step for layers in view.names.lists for step in layers.steps]
    for step in sampled(steps, 8):
        text = text_at(document, view.places.start(step.place) + 1)
        assert text, (step.key, step.place.line)
        if step.op is not None:
            assert f"**`{step.op.key}`** " in text
        if id(step) in shown:
            assert step.name in text
    for mention in sampled(view.names.mentions, 12):
        assert text_at(document, mention.start), mention
