"""The connection to an editor: its settings, its documents, and what is sent unasked."""

from __future__ import annotations

from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from .. import __version__
from ..diagnostic import Diagnostic
from .diagnostics import diagnostics
from .document import Document
from .process import lives
from .protocol import Protocol
from .saved_specs import SavedSpecs
from .session import Session, view_of
from .settings import Settings, settings_from
from .status import STATUS, status
from .view import View


def in_words(fault: Diagnostic) -> str:
    """Return a mistake with its help, as a message."""
    return f"{fault.message}: {fault.help}" if fault.help else fault.message


class Server(LanguageServer):
    """A language server with its open documents and settings, for one client."""

    protocol: Protocol

    def __init__(self) -> None:
        super().__init__("cnncalc", __version__, protocol_cls=Protocol)
        self.settings = Settings()
        self.session = Session(self._looked, self._checked)
        self.saved_specs = SavedSpecs()
        self._editor_was_seen = False
        self._said: set[str] = set()  # what is wrong with the configurations of projects

    def document(self, uri: str) -> Document:
        """Return an open document, or a new one."""
        known = self.session.documents.get(uri)
        if known is not None:
            return known
        encoding = self.workspace.position_encoding or "utf-16"
        return Document(uri, to_fs_path(uri) or uri, getattr(encoding, "value", str(encoding)))

    def see_editor(self) -> None:
        """Look for the editor's process, which may be in another container."""
        self._editor_was_seen = lives(self.process_id)

    def editor_ended(self) -> bool:
        """Return whether the editor's process has ended, as far as that can be seen."""
        return self._editor_was_seen and not lives(self.process_id)

    def take_settings(self, sent: Any) -> None:
        """Take the settings that the editor sent."""
        self.settings = settings_from(sent, self.settings)
        self.session.check_after = self.settings.check_after

    def reconfigure(self) -> None:
        """Read the configuration of the project again, which a saved file may have changed."""
        for document in [*self.session.documents.values()]:
            document.reconfigure()
            self.session.refresh(document)

    def publish(self, document: Document, is_checked: bool) -> None:
        """Send what is wrong with a document."""
        view = document.view
        found: list[lsp.Diagnostic] = []
        if view is not None:
            found = diagnostics(view.places, document.uri, document.findings)
        self.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(document.uri, found, document.version)
        )
        self.protocol.notify(STATUS, status(document, is_checked))

    def warn(self, words: str) -> None:
        """Show a warning."""
        self.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Warning, words))

    def _looked(self, document: Document) -> None:
        self.publish(document, is_checked=document.view is None)
        self._say_project_faults()

    def _say_project_faults(self) -> None:
        """Say once what is wrong with the configurations of the projects of open specs."""
        specs = [one for one in self.session.documents.values() if one.view is not None]
        faults = {
            f"{in_words(fault)}. Until this is repaired, no {part} counts."
            for document in specs
            for part, fault in document.project_faults.items()
        }
        for words in sorted(faults - self._said):
            self.warn(words)
        self._said = faults

    def _checked(self, document: Document) -> None:
        self.publish(document, is_checked=True)
        self.refresh_lenses()

    def refresh_lenses(self) -> None:
        """Ask the editor for new lenses, if it can be asked."""
        workspace = self.client_capabilities.workspace
        if workspace and workspace.code_lens and workspace.code_lens.refresh_support:
            self.workspace_code_lens_refresh(None)

    def refresh_hints(self) -> None:
        """Ask the editor for new hints, if it can be asked."""
        workspace = self.client_capabilities.workspace
        if workspace and workspace.inlay_hint and workspace.inlay_hint.refresh_support:
            self.workspace_inlay_hint_refresh(None)

    async def view(self, uri: str) -> View | None:
        """Return the view of the newest text of a document, if it is a spec that can be read."""
        return view_of(await self.session.current(uri))

    @property
    def fills_in(self) -> bool:
        """Whether the editor can fill in the parts of an inserted text one by one."""
        text = self.client_capabilities.text_document
        item = text.completion.completion_item if text and text.completion else None
        return bool(item and item.snippet_support)
