"""Code actions keep their promises: the same networks, no new error, no lost comment."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from cnncalc.checking.config import Config
from cnncalc.checking.run import Job, check_text
from cnncalc.language.load import from_text

from .command import ROOT
from .settings import FULL, sampled

pytest.importorskip("pygls")
from lsprotocol import types as lsp

from cnncalc.language.yaml_tokens import comments, tokens
from cnncalc.lsp.code_actions import code_actions
from cnncalc.lsp.definition import definition
from cnncalc.lsp.document import Document
from cnncalc.lsp.places import Places
from cnncalc.lsp.rename import rename

SPECS = sorted((ROOT / "specs").glob("*.yaml"))
URI = "file:///net.cnn.yaml"
START = "cnncalc: 1\ninput: [3, 16, 16]\nlayers:\n"


def opened(text: str) -> Document:
    """Return a document that was looked at and checked."""
    document = Document(URI, "net.cnn.yaml")
    document.text = text
    document.look()
    document.check()
    return document


def applied(text: str, edits: list[lsp.TextEdit]) -> str:
    """Return a text after edits."""
    places = Places(text)
    for edit in sorted(edits, key=lambda edit: places.offset(edit.range.start), reverse=True):
        start, end = places.offset(edit.range.start), places.offset(edit.range.end)
        text = text[:start] + edit.new_text + text[end:]
    return text


def actions(document: Document, offset: int) -> dict[str, str]:
    """Return the text after each action at an offset, by its title."""
    assert document.view is not None
    place = document.view.places.position(offset)
    found = code_actions(document.view, URI, lsp.Range(place, place), document.findings)
    after: dict[str, str] = {}
    for action in found:
        assert action.edit is not None and action.edit.changes is not None
        edits = [edit for edit in action.edit.changes[URI] if isinstance(edit, lsp.TextEdit)]
        after[action.title] = applied(document.text, edits)
    return after


def at(text: str) -> dict[str, str]:
    """Return the text after each action, by its title; `@` marks the cursor."""
    return actions(opened(text.replace("@", "", 1)), text.index("@"))


def errors(text: str) -> Counter[str]:
    found = check_text(text, "net.cnn.yaml", None, Job(Config())).findings
    return Counter(one.diagnostic.code for one in found if one.diagnostic.severity == "error")


def layers(text: str) -> list[object]:
    spec = from_text(text, "net.cnn.yaml")
    graphs = [spec.graph(name) for name in spec.members]
    return [
        ([(node.op, node.inputs, node.shape) for node in graph.nodes], graph.checkpoints)
        for graph in graphs
    ]


@pytest.mark.parametrize("path", sampled(SPECS, 20), ids=lambda path: path.stem)
def test_actions_on_bundled_specs_keep_their_promises(path: Path) -> None:
    text = path.read_text("utf-8")
    document, before, dice = opened(text), errors(text), random.Random(path.stem)
    assert document.view is not None and document.view.names is not None
    steps = [step for one in document.view.names.lists for step in one.steps]
    for step in dice.sample(steps, min(len(steps), 2 if FULL else 1)):
        for title, new in actions(document, document.view.places.start(step.place)).items():
            assert not errors(new) - before, title
            lost = Counter(comments(text, tokens(text))) - Counter(comments(new, tokens(new)))
            assert not lost, title
            if title.startswith(("Write", "Extract")):
                assert layers(new) == layers(text), title


def test_what_others_name_is_not_moved_away() -> None:
    named = "published: [{what: activations, at: maxpool2, value: 48, source: us}]\n"
    text = f"{START}  - conv: {{out: 4, kernel: 1}}\n  - @maxpool: 2\n  - maxpool: 2\n"
    assert "Write 2 equal copies as a repeat" in at(text)
    found = at(text + named)
    assert "Write 2 equal copies as a repeat" not in found
    assert "Extract into block `block1`" not in found


def test_what_is_computed_again_stays_so() -> None:
    text = START + (
        "  - conv: {out: 8, kernel: 3}\n  - @chain:\n      - conv: {out: 8, kernel: 3}\n"
        "      - relu\n    checkpoint: c > 4\n  - relu\n"
    )
    for new in at(text).values():
        assert layers(new) == layers(text.replace("@", ""))


def test_expectations_hold_in_every_use_and_variant() -> None:
    text = (
        "cnncalc: 1\ninput: [3, 16, 16]\nblocks:\n  b:\n    params: {out: }\n    layers:\n"
        "      - @conv: {out: out, kernel: 3, padding: 1}\n      - maxpool: 2\n"
        "layers:\n  - b: 8\n  - b: 16\n"
    )
    assert not any(title.startswith("Expect") for title in at(text))
    one = text.replace("      - maxpool: 2\n", "")
    (new,) = (new for title, new in at(one).items() if title.startswith("Expect"))
    assert "expect: [_, 16, 16]" in new
    assert not errors(new)
    copied = f"{START}  - chain:\n      - @maxpool: 2\n    repeat: 2\n"
    assert not any(title.startswith("Expect") for title in at(copied))


@pytest.mark.parametrize(
    ("layer", "after"),
    [
        ("{@tanh: , }", "{tanh: , expect: [3, 16, 16] , }"),
        ("{@tanh, }", "{tanh, expect: [3, 16, 16], }"),
        ("{@tanh: }", "{tanh: , expect: [3, 16, 16] }"),
        ("{@relu: , # hello\n    }", "{relu: , expect: [3, 16, 16] , # hello\n    }"),
        ("{@maxpool: {kernel: 1}}", "{maxpool: {kernel: 1}, expect: [3, 16, 16]}"),
    ],
)
def test_words_are_put_beside_others_in_braces(layer: str, after: str) -> None:
    (new,) = (new for title, new in at(f"{START}  - {layer}\n").items() if "Expect" in title)
    assert not errors(new)
    assert " ".join(new.split()) == " ".join(f"{START}  - {after}\n".split())


@pytest.mark.parametrize(
    "path", [*sorted((ROOT / "tests" / "bad").glob("CNN2*.yaml"))[::4]], ids=lambda path: path.stem
)
def test_line_ends_stay_as_they_are(path: Path) -> None:
    text = path.read_text("utf-8").replace("\n", "\r\n")
    document = opened(text)
    for finding in document.findings:
        position = finding.diagnostic.position
        assert position is not None and document.view is not None
        for title, new in actions(document, document.view.places.start(position)).items():
            assert new.count("\r") == new.count("\n") == new.count("\r\n"), title


def test_copies_have_the_line_ends_of_the_text() -> None:
    copied = "  - @conv: {out: 4, kernel: 1}\n    name: a\n    repeat: 2\n"
    found = at((START + copied).replace("\n", "\r\n"))
    new = found["Write the 2 copies one by one"]
    assert new.count("\r") == new.count("\n") == new.count("\r\n")


def test_comments_that_have_no_place_stand_above() -> None:
    repeated = "  - @relu:\n    repeat: 2  # why two\n  - tanh\n"
    assert "  # why two\n  - relu" in at(START + repeated)["Write the 2 copies one by one"]
    equal = "  - @relu\n  # about the second\n  - relu\n"
    assert "# about the second\n" in at(START + equal)["Write 2 equal copies as a repeat"]


def test_a_block_that_is_inlined_once_goes() -> None:
    text = (
        "cnncalc: 1\ninput: [3, 16, 16]\nblocks:\n  b:\n    layers:\n      - relu  # in b\n"
        "layers:\n  - @b  # its use\n"
    )
    new = at(text)["Write the layers of `b` here"]
    assert new == ("cnncalc: 1\ninput: [3, 16, 16]\nlayers:\n  # its use\n  - relu  # in b\n")


def test_comments_that_ignore_are_comments() -> None:
    several = START + '  - conv:\n      out: "@8 +\n        zz"\n      kernel: 3\n'
    after = START + '  - conv: {out: "8 +\n      1", kernel: @zz}\n'
    between = START + '  - {conv: {out: "8 +\n      1", kernel: @zz, groups: "1 +\n      0"}}\n'
    offered = [{title for title in at(text) if title.startswith("Ignore")} for text in
               (several, after, between)]  # fmt: skip
    assert [len(titles) for titles in offered] == [2, 2, 1]  # of the file alone
    for text in (several, after, between):
        for title, new in at(text).items():
            if title.startswith("Ignore"):
                found = check_text(new, "x", None, Job(Config())).findings
                assert not found, title
    marked = opened("\ufeff" + START + "  - maxpool: 20\n")
    ignored = actions(marked, marked.text.index("maxpool"))["Ignore CNN204 in this file"]
    assert ignored.startswith("\ufeff# cnncalc: ignore-file[CNN204]\n")


def test_variants_and_names_that_blocks_are_given_can_be_renamed() -> None:
    text = (
        "cnncalc: 1\ninput: [3, 16, 16]\nparams: {width: 4}\nvariants:\n  wide:\n"
        "    params: {width: 8}\nblocks:\n  up:\n    params: {skip: }\n    layers:\n"
        "      - inner: skip\n  inner:\n    params: {beside: }\n    layers:\n"
        "      - concat: {a: [relu], b: {from: beside}}\n"
        "layers:\n  - conv: {out: width, kernel: 1}\n    name: two\n  - relu\n"
        "  - up: {skip: two}\n  - up: two\n"
    )
    assert not errors(text)
    view = opened(text).view
    assert view is not None
    renamed = applied(text, rename(view, text.index("name: two") + 7, "first"))
    assert "{skip: first}" in renamed and "  - up: first\n" in renamed
    assert applied(text, rename(view, text.index("wide"), "broad")) == text.replace("wide", "broad")
    (place,) = definition(view, URI, text.index("two}"))
    assert place.range.start.line == text[: text.index("name: two")].count("\n")
