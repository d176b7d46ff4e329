"""The open documents, and the work on them: one thing at a time, the newest edit first."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from ..pausing import GivenUp, given_up_when
from .document import Document
from .view import View

T = TypeVar("T")


class Session:
    """The documents that an editor has open.

    `looked` is called when the view of a document is new, `checked` after a full check.
    """

    def __init__(
        self, looked: Callable[[Document], None], checked: Callable[[Document], None]
    ) -> None:
        self.documents: dict[str, Document] = {}
        self.check_after = 150  # milliseconds without an edit before repairs are searched
        self._looked, self._checked = looked, checked
        self._worker = ThreadPoolExecutor(1, "cnncalc")
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ready: dict[str, asyncio.Event] = {}
        self._edits = 0  # of any document: each gives up the check that is running

    def update(self, document: Document, text: str, version: int | None) -> None:
        """Take a new text, and begin to look at it; work on older ones is given up."""
        self.documents[document.uri] = document
        document.text, document.version = text, version
        self.refresh(document)

    def refresh(self, document: Document) -> None:
        """Look at a document again."""
        document.generation += 1
        self._edits += 1
        self._ready.setdefault(document.uri, asyncio.Event()).clear()
        task = self._tasks.pop(document.uri, None)
        if task is not None:
            task.cancel()
        self._tasks[document.uri] = asyncio.ensure_future(self._work(document))

    def close(self, uri: str) -> Document | None:
        """Forget a document."""
        document = self.documents.pop(uri, None)
        task = self._tasks.pop(uri, None)
        if document is not None:
            document.generation += 1
        if task is not None:
            task.cancel()
        ready = self._ready.pop(uri, None)
        if ready is not None:
            ready.set()
        return document

    async def current(self, uri: str) -> Document | None:
        """Return a document once its newest text has been looked at; None if it is not a spec."""
        while uri in self.documents:
            document, generation = self.documents[uri], self.documents[uri].generation
            await self._ready[uri].wait()
            if document.generation == generation:
                return document if document.view is not None else None
        return None

    async def settled(self, uri: str, patience: float | None = None) -> None:
        """Wait until the newest text of a document has been checked, or for some seconds."""
        while (task := self._tasks.get(uri)) is not None and not task.done():
            done, _ = await asyncio.wait([task], timeout=patience)
            if not done:
                return

    def end(self) -> None:
        """Give up all work."""
        for uri in [*self.documents]:
            self.close(uri)
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def _work(self, document: Document) -> None:
        """Look at a document, and check it when nobody types."""
        generation = document.generation
        try:
            if not document.is_spec():
                await self._run(document.forget, lambda: document.generation != generation)
                if document.generation == generation:
                    self._ready[document.uri].set()
                    self._looked(document)
                return
            await self._run(document.look, lambda: document.generation != generation)
            if document.generation != generation:
                return
            self._ready[document.uri].set()
            self._looked(document)
            while document.generation == generation:
                await asyncio.sleep(self.check_after / 1000)
                edits = self._edits
                checked = await self._run(document.check, lambda: self._edits != edits)
                if checked is not None and document.generation == generation:
                    self._checked(document)
                    break
            gc.collect()
        except GivenUp:
            return
        finally:
            if document.generation == generation and document.uri in self._ready:
                self._ready[document.uri].set()

    async def _run(self, work: Callable[[], T], is_unwanted: Callable[[], bool]) -> T | None:
        """Do work in the thread for it; None if it was given up."""

        def done() -> T | None:
            try:
                with given_up_when(is_unwanted):
                    return None if is_unwanted() else work()
            except GivenUp:
                return None

        context = copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, lambda: context.run(done))


def view_of(document: Document | None) -> View | None:
    """Return the view of a document, or that of an earlier text if this one cannot be read."""
    if document is None:
        return None
    view = document.view
    return view if view is not None and view.spec is not None else document.sound
