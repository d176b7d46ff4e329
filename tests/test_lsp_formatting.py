"""Formatting makes blanks and indentation even, and changes neither data nor comments."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from .command import ROOT

pytest.importorskip("pygls")
from cnncalc.diagnostic import Mistake
from cnncalc.language.yaml_tokens import comments, tokens
from cnncalc.language.yaml_tree import parse
from cnncalc.lsp.formatting import formatted

SPECS = sorted((ROOT / "specs").glob("*.yaml"))


def ruffled(text: str, dice: random.Random) -> str:
    """Return a text with other blanks where YAML lets them be."""
    parts: list[str] = []
    at = 0
    found = tokens(text)
    for before, token in zip([None, *found], found):
        gap = text[at : token.start]
        if before is not None and "\n" not in gap and dice.random() < 0.3:
            beside = {"FlowMappingStart", "FlowSequenceStart", "FlowMappingEnd", "FlowSequenceEnd"}
            is_free = gap or token.kind in beside or before.kind in beside
            is_free = is_free and token.kind != "Value" and token.depth + before.depth > 0
            gap += " " * dice.randrange(3) if is_free else ""
        parts += [gap, text[token.start : token.end]]
        at = token.end
    return "".join([*parts, text[at:]])


def data_of(text: str) -> object:
    """Return the data of a text; None if it is not YAML."""
    try:
        return parse(text, "text")[0]
    except Mistake:
        return None


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_bundled_specs_stay_and_come_back(path: Path) -> None:
    text = path.read_text("utf-8")
    assert formatted(text) == text
    for seed in range(3):
        other = ruffled(text, random.Random(seed))
        assert formatted(other) == text
    once = text.replace("cnncalc: ", "cnncalc:   ", 1).replace("input: ", "input:   ", 1) + "\n\n"
    assert formatted(once) == text
    deeper = re.sub(r"^( +)", r"\1\1", text, flags=re.M)
    if data_of(deeper) == data_of(text):
        now = formatted(deeper)
        assert formatted(now) == now
        assert comments(now, tokens(now)) == comments(text, tokens(text))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: {b: ,c: 1}", "a: {b: , c: 1}\n"),
        ("a: { b: ,  c }", "a: {b: , c}\n"),
        ("a: [ ]", "a: []\n"),
        ("- {relu: , name: x}", "- {relu: , name: x}\n"),
        ("name: a,b\nx: [1,2]", "name: a,b\nx: [1, 2]\n"),
        ("name: Foo (1,2) { x }\nx: [1,2]", "name: Foo (1,2) { x }\nx: [1, 2]\n"),
        ("source: https://a.b/c,d\nx: { a: 1 }", "source: https://a.b/c,d\nx: {a: 1}\n"),
        ("a: |\n  one\n\n\n  two\nb:  1\n\n\nc: 2", "a: |\n  one\n\n\n  two\nb: 1\n\nc: 2\n"),
        ("a:  1\n...\n", "a: 1\n...\n"),
        ("a:  'x  ,y'  # b  ,c", "a: 'x  ,y'  # b  ,c\n"),
        ("a:\n    - b\n    - c\n    # last", "a:\n  - b\n  - c\n  # last\n"),
        ("a:\n    - b\n    # last\n", "a:\n  - b\n  # last\n"),
        ("\ufeffa:  1\nb: [1,2]", "\ufeffa: 1\nb: [1, 2]\n"),
        ("a:  1\r\nb: [1,2]\r\n", "a: 1\r\nb: [1, 2]\r\n"),
        ("a: [1,\n    2]  \n", "a: [1,\n    2]\n"),
        ("a: b: c\n", "a: b: c\n"),
    ],
)
def test_blanks(before: str, after: str) -> None:
    assert formatted(before) == after
    assert formatted(after) == after


def test_long_texts_take_no_longer_than_they_are_long() -> None:
    many = "a: 1\n" + "# about a\n" * 40_000 + "b: 2\n"
    assert formatted(many) == many
    assert formatted("name: x" + " " * 100_000 + "y\n").startswith("name: x ")
    assert formatted("a: [1" + " " * 100_000 + "]") == "a: [1]\n"
