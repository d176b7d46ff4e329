"""Types at random into bundled specs, as an editor reports it, and compares what the server says.

After each sequence of keystrokes, the server's findings must be those of a fresh check of the text,
at the same places; on the way, every request must be answered.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import NamedTuple

from lsprotocol import types as lsp

from cnncalc.checking.config import Config
from cnncalc.checking.run import Job, check_text
from cnncalc.language.names import GRAPH_WORDS
from cnncalc.lsp import completion, formatting
from cnncalc.lsp.code_actions import code_actions
from cnncalc.lsp.code_lens import code_lens
from cnncalc.lsp.definition import definition
from cnncalc.lsp.diagnostics import diagnostics
from cnncalc.lsp.document import Document
from cnncalc.lsp.folding import folding
from cnncalc.lsp.hover import hover
from cnncalc.lsp.inlay_hints import inlay_hints
from cnncalc.lsp.moved import moved_hints
from cnncalc.lsp.places import Places, edited
from cnncalc.lsp.references import highlights
from cnncalc.lsp.semantic_tokens import semantic_tokens
from cnncalc.lsp.session import Session, view_of
from cnncalc.lsp.settings import Settings
from cnncalc.lsp.signature_help import signature_help
from cnncalc.lsp.symbols import document_symbols
from cnncalc.ops import BY_KEY

from .command import ROOT

CHARACTERS = "abcxyz0123456789 :,-[]{}#'\"*&|>%_.\n\t𝟙é\u2028\x85\f"
WORDS = (*BY_KEY, *GRAPH_WORDS, "layers", "params", "blocks", "variants", "input", "out", "true")
SNIPPETS = (
    "- relu\n", "  - conv: {out: 8, kernel: 3}\n", "{out: ", "]}", "\n\n", "  ", "repeat: 3",
    "cnncalc: 1\n", "budget: {params: < 1k}\n", "- {maxpool: 2, name: p}\n", "\r\n", "&a ", "*a",
)  # fmt: skip
SHORT = 2_500  # characters of the specs that are typed in most often


class Typist:
    """Types into a text."""

    def __init__(self, text: str, dice: random.Random):
        self.text, self.dice = text, dice
        self.cursor = dice.randrange(len(text) + 1)

    def keystroke(self) -> lsp.TextDocumentContentChangePartial:
        """Change the text; return the change as an editor reports it."""
        dice, text = self.dice, self.text
        if dice.random() < 0.15:
            self.cursor = dice.randrange(len(text) + 1)
        start = end = min(self.cursor, len(text))
        new = ""
        kind = dice.random()
        if kind < 0.45:
            new = dice.choice(CHARACTERS)
        elif kind < 0.6:
            new = dice.choice(WORDS)
        elif kind < 0.7:
            new = dice.choice(SNIPPETS)
        elif kind < 0.9:
            start = max(0, start - dice.choice((1, 1, 1, 4, 20)))
        else:  # a line is removed, or copied
            start = text.rfind("\n", 0, start) + 1
            end = (text.find("\n", end) + 1) or len(text)
            new = dice.choice(("", text[start:end] * 2))
        places = Places(text)
        where = places.range(start, end)
        start, end = places.offset(where.start), places.offset(where.end)  # never inside \r\n
        self.text = text[:start] + new + text[end:]
        self.cursor = start + len(new)
        return lsp.TextDocumentContentChangePartial(range=where, text=new)


class Typed(NamedTuple):
    """What a sequence of keystrokes was typed into, and the text after it."""

    spec: str
    seed: int
    text: str


def specs() -> list[str]:
    """Return the names of the bundled specs, those that are checked fast several times."""
    found = sorted((ROOT / "specs").glob("*.yaml"))
    short = [path for path in found if path.stat().st_size < SHORT]
    return [path.name for path in (*found, *short * 12)]


async def type_at_random(seeds: range) -> Iterator[Typed]:
    """Type a sequence for each seed; return those sequences. An AssertionError: they differ."""
    session = Session(lambda document: None, lambda document: None)
    session.check_after = 0
    done: list[Typed] = []
    try:
        for seed in seeds:
            done.append(await _sequence(session, seed))
    finally:
        session.end()
    return iter(done)


async def _sequence(session: Session, seed: int) -> Typed:
    dice = random.Random(seed)
    name = dice.choice(specs())
    path = str(ROOT / "specs" / name)
    typist = Typist((ROOT / "specs" / name).read_text("utf-8"), dice)
    uri = f"file://{path}"
    document, text = Document(uri, path), typist.text
    for version in range(1, dice.randrange(2, 12)):
        change = typist.keystroke()
        text = edited(text, change, document.encoding)
        assert text == typist.text, (seed, "the text differs")
        session.update(document, text, version)
        if dice.random() < 0.3:
            await session.current(uri)
            _ask(document, typist.cursor, with_actions=False)
        elif dice.random() < 0.3:
            await asyncio.sleep(dice.random() / 50)
    await session.settled(uri)
    _ask(document, typist.cursor, with_actions=dice.random() < 0.1)
    _compare(document, typist.text, path, seed)
    session.close(uri)
    return Typed(name, seed, typist.text)


def _compare(document: Document, text: str, path: str, seed: int) -> None:
    """Compare the findings at their places with those of a fresh check."""
    if document.view is None:
        assert not document.is_spec(), seed
        return
    fresh = check_text(text, path, None, Job(Config())).findings
    places = Places(text)
    shown = diagnostics(document.view.places, document.uri, document.findings)
    assert len(shown) == len(fresh), (seed, [f.diagnostic.code for f in fresh], shown)
    for finding, diagnostic in zip(fresh, shown):
        position = finding.diagnostic.position
        where = places.edited.offset(position.line, position.column) if position else 0
        assert diagnostic.code == finding.diagnostic.code, seed
        assert diagnostic.message.startswith(finding.diagnostic.message), seed
        assert places.offset(diagnostic.range.start) == where, (seed, diagnostic)
        assert finding.diagnostic.code != "CNN901", (seed, finding)


def _ask(document: Document, cursor: int, with_actions: bool) -> None:
    """Ask for everything that an editor asks for."""
    view = document.view
    if view is None:
        return
    text, uri = document.text, document.uri
    cursor = min(cursor, len(text))
    items = completion.completion(view.places, cursor, document.sound, True)
    if items:
        completion.resolved(items[len(items) // 2])
    signature_help(text, cursor, document.sound)
    hover(view, cursor, document.figures)
    definition(view, uri, cursor)
    highlights(view, cursor)
    code_lens(view, uri, document.figures, document.budgets)
    formatting.formatting(text, document.path)
    known = view_of(document)
    if known is not None:
        lines = document.lines_of(known)
        semantic_tokens(known, lines)
        document_symbols(known)
        folding(known)
        hints = inlay_hints(known, Settings(macs=True))
        if lines is not None:
            moved_hints(hints, lines, range(10_000))
    if with_actions:
        place = view.places.position(cursor)
        here = lsp.Range(place, place)
        for action in code_actions(view, uri, here, document.findings):
            assert action.edit is not None
