"""Work on older texts is given up, large networks have fewer hints, memory does not grow."""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc

import pytest

from cnncalc.pausing import GivenUp, given_up_when, pause

from .command import ROOT

pytest.importorskip("pygls")
from lsprotocol import types as lsp

from cnncalc.lsp.document import Document
from cnncalc.lsp.inlay_hints import inlay_hints
from cnncalc.lsp.server import server
from cnncalc.lsp.session import Session
from cnncalc.lsp.settings import Settings
from cnncalc.lsp.view import MOST_ROWS, MOST_SHAPES


def layers(count: int) -> str:
    return (
        f"cnncalc: 1\ninput: [3, 8, 8]\nlayers:\n  - relu:\n    repeat: {count}\n  - maxpool: 2\n"
    )


def test_large_networks_have_fewer_hints() -> None:
    def hint(count: int) -> list[str]:
        document = Document("file:///net.cnn.yaml", "net.cnn.yaml")
        document.text = layers(count)
        return [str(one.label) for one in inlay_hints(document.look(), Settings())]

    assert hint(4)[1] == "→ 3×4×4 · field 2"
    assert hint(MOST_ROWS)[1] == "→ 3×4×4"
    assert hint(MOST_SHAPES) == []


def test_the_search_for_repairs_is_given_up_at_the_next_edit() -> None:
    path = str(ROOT / "specs" / "resnet.yaml")
    text = (ROOT / "specs" / "resnet.yaml").read_text("utf-8")
    wrong = text.replace("kernel: 3", "kernel: 300", 1)
    checked: list[str] = []
    session = Session(lambda document: None, lambda document: checked.append(document.text))
    session.check_after = 0

    async def edit() -> float:
        document = Document(f"file://{path}", path)
        session.update(document, wrong, 1)
        await session.current(document.uri)
        await asyncio.sleep(0.05)  # the search has begun, and would take more than a second
        start = time.perf_counter()
        session.update(document, text, 2)
        await session.current(document.uri)
        waited = time.perf_counter() - start
        await session.settled(document.uri)
        return waited

    try:
        asyncio.run(edit())
    finally:
        session.end()
    assert checked == [text]


def test_pauses_give_up_work_only_when_asked() -> None:
    pause()
    with pytest.raises(GivenUp), given_up_when(lambda: True):
        pause()
    with given_up_when(lambda: False):
        pause()


def test_memory_does_not_grow() -> None:
    document = Document("file:///net.cnn.yaml", "net.cnn.yaml")
    text = (ROOT / "specs" / "lenet5.yaml").read_text("utf-8")

    def edit(times: int) -> int:
        for n in range(times):
            document.text = text.replace("kernel: 5", f"kernel: {3 + n % 3}") + f"# {n % 7}\n"
            inlay_hints(document.look(), Settings())
            document.check() if n % 10 == 0 else None
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = edit(20)
        after = edit(60)
    finally:
        tracemalloc.stop()
    assert after - before < 100_000, (before, after)


def test_notifications_are_not_kept() -> None:
    made = server()
    try:
        for _ in range(50):
            params = lsp.SetTraceParams(lsp.TraceValue.Off)
            made.protocol._handle_notification(lsp.SET_TRACE, params)
        assert len(made.protocol._request_futures) <= 1
    finally:
        made.session.end()
