"""Every layer, word and parameter of a spec has something to say under the cursor."""

from __future__ import annotations

from pathlib import Path

import pytest

from .command import ROOT

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
    for layers in view.names.lists:
        for step in layers.steps:
            text = text_at(document, view.places.start(step.place) + 1)
            what = f"operator `{step.op.key}`" if step.op is not None else ""
            assert text, (step.key, step.place.line)
            if step.op is not None and id(step) in shown:
                assert step.name in text, (what, text[:200])
    for mention in view.names.mentions:
        assert text_at(document, mention.start), mention
