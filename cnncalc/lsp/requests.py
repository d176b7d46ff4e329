"""The requests of an editor: each is answered from the file of its name."""

from __future__ import annotations

import asyncio
from itertools import chain
from typing import Any

from lsprotocol import types as lsp
from pygls.uris import to_fs_path

from ..diagnostic import Mistake
from . import completion as completing
from .code_actions import code_actions
from .code_lens import COMPARE, SHOW_USE, SHOW_VARIANT, code_lens
from .comparison import comparison
from .connection import Server, in_words
from .definition import definition
from .document import Document
from .folding import folding
from .formatting import formatting
from .hover import hover
from .inlay_hints import inlay_hints
from .layer_at import LAYER_AT, layer_at
from .moved import moved_hints, moved_lenses
from .places import edited
from .references import highlights, references
from .rename import prepare_rename, rename
from .semantic_tokens import TYPES, semantic_tokens
from .session import view_of
from .signature_help import signature_help
from .symbols import document_symbols, matching, names_in

_PATIENCE = 2.0  # seconds for which actions wait for tried repairs
_TRIGGERS = [" ", ":", "{", "[", ",", "-", "."]


def register(server: Server) -> None:
    """Let a server answer every request."""
    for kind in (_documents, _shown, _typed, _named, _outlined, _changed, _commands):
        kind(server)


def _documents(server: Server) -> None:
    """Take texts, edits and settings."""

    @server.feature(lsp.INITIALIZE)
    def initialize(params: lsp.InitializeParams) -> None:
        server.see_editor()
        server.take_settings(params.initialization_options)

    @server.feature(lsp.INITIALIZED)
    def initialized(params: lsp.InitializedParams) -> None:
        workspace = server.client_capabilities.workspace
        files = workspace.did_change_watched_files if workspace else None
        if files is not None and files.dynamic_registration:
            watchers = [lsp.FileSystemWatcher("**/pyproject.toml")]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
            method = lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
            registration = lsp.Registration("configuration", method, options)
            server.client_register_capability(lsp.RegistrationParams([registration]))

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(params: lsp.DidChangeWatchedFilesParams) -> None:
        server.reconfigure()

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        server.session.update(server.document(item.uri), item.text, item.version)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        document = server.document(params.text_document.uri)
        text = document.text
        for change in params.content_changes:
            text = edited(text, change, document.encoding)
        server.session.update(document, text, params.text_document.version)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        server.reconfigure()

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        uri = params.text_document.uri
        server.session.close(uri)
        server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    @server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configured(params: lsp.DidChangeConfigurationParams) -> None:
        server.take_settings(params.settings)
        server.refresh_hints()
        server.refresh_lenses()


def _shown(server: Server) -> None:
    """Answer what is shown beside the text."""

    @server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT)
    async def hints(params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
        document = await server.session.current(params.text_document.uri)
        view = document.sound if document is not None else None
        current = document.view if document is not None else None
        if current is not None and current.is_sound:
            view = current
        if document is None or view is None:
            return []
        lines = range(params.range.start.line, params.range.end.line + 1)
        moved = document.lines_of(view)
        if moved is None:
            return inlay_hints(view, server.settings, lines)
        return moved_hints(inlay_hints(view, server.settings), moved, lines)

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hovered(params: lsp.HoverParams) -> lsp.Hover | None:
        document = await server.session.current(params.text_document.uri)
        view = document.view if document is not None else None
        if document is None or view is None:
            return None
        offset = view.places.offset(params.position)
        return await asyncio.to_thread(hover, view, offset, document.figures)

    @server.feature(LAYER_AT)
    async def layer(params: Any) -> str | None:
        view = await server.view(params.uri)
        if view is None:
            return None
        where = lsp.Position(int(params.position.line), int(params.position.character))
        return layer_at(view, view.places.offset(where))

    @server.feature(lsp.TEXT_DOCUMENT_CODE_LENS)
    async def lenses(params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        uri = params.text_document.uri
        document = await server.session.current(uri)
        view = view_of(document)
        if document is None or view is None or not server.settings.lenses:
            return []
        found = code_lens(view, uri, document.figures, document.budgets)
        return moved_lenses(found, document.lines_of(view))

    @server.feature(
        lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL,
        lsp.SemanticTokensLegend(token_types=TYPES, token_modifiers=[]),
    )
    async def tokens(params: lsp.SemanticTokensParams) -> lsp.SemanticTokens | None:
        document = await server.session.current(params.text_document.uri)
        view = view_of(document)
        if document is None or view is None:
            return None
        return semantic_tokens(view, document.lines_of(view))


def _typed(server: Server) -> None:
    """Answer what may be typed."""

    @server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=_TRIGGERS, resolve_provider=True),
    )
    async def completion(params: lsp.CompletionParams) -> list[lsp.CompletionItem]:
        document = await server.session.current(params.text_document.uri)
        if document is None or document.view is None:
            return []
        places = document.view.places
        offset = places.offset(params.position)
        return completing.completion(places, offset, document.sound, server.fills_in)

    @server.feature(lsp.COMPLETION_ITEM_RESOLVE)
    def resolve(item: lsp.CompletionItem) -> lsp.CompletionItem:
        return completing.resolved(item)

    @server.feature(
        lsp.TEXT_DOCUMENT_SIGNATURE_HELP,
        lsp.SignatureHelpOptions(trigger_characters=["{", ",", ":", " "]),
    )
    async def signature(params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
        document = await server.session.current(params.text_document.uri)
        if document is None or document.view is None:
            return None
        offset = document.view.places.offset(params.position)
        return signature_help(document.text, offset, document.sound)


def _named(server: Server) -> None:
    """Answer about names."""

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    async def defined(params: lsp.DefinitionParams) -> list[lsp.Location]:
        uri = params.text_document.uri
        view = await server.view(uri)
        return definition(view, uri, view.places.offset(params.position)) if view else []

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    async def referred(params: lsp.ReferenceParams) -> list[lsp.Location]:
        uri = params.text_document.uri
        view = await server.view(uri)
        if view is None:
            return []
        offset = view.places.offset(params.position)
        return references(view, uri, offset, params.context.include_declaration)

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT)
    async def highlighted(params: lsp.DocumentHighlightParams) -> list[lsp.DocumentHighlight]:
        view = await server.view(params.text_document.uri)
        return highlights(view, view.places.offset(params.position)) if view else []

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    async def renamed(params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        uri = params.text_document.uri
        document = await server.session.current(uri)
        view = document.view if document is not None else None
        if view is None:
            return None
        try:
            offset = view.places.offset(params.position)
            edits = await asyncio.to_thread(rename, view, offset, params.new_name)
        except Mistake as mistake:
            server.warn(in_words(mistake.diagnostics[0]))
            return None
        return lsp.WorkspaceEdit(changes={uri: edits})

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    async def prepared(params: lsp.PrepareRenameParams) -> lsp.Range | None:
        document = await server.session.current(params.text_document.uri)
        view = document.view if document is not None else None
        return prepare_rename(view, view.places.offset(params.position)) if view else None


def _outlined(server: Server) -> None:
    """Answer about the parts of a text, and of a workspace."""

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def symbols(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        view = await server.view(params.text_document.uri)
        return document_symbols(view) if view else []

    @server.feature(lsp.TEXT_DOCUMENT_FOLDING_RANGE)
    async def folded(params: lsp.FoldingRangeParams) -> list[lsp.FoldingRange]:
        view = await server.view(params.text_document.uri)
        return folding(view) if view else []

    @server.feature(lsp.WORKSPACE_SYMBOL)
    async def everywhere(params: lsp.WorkspaceSymbolParams) -> list[lsp.WorkspaceSymbol]:
        found = await asyncio.to_thread(_names_in_workspace, server, params.query)
        for remark in server.saved_specs.remarks():
            server.warn(remark)
        return found


def _names_in_workspace(server: Server, query: str) -> list[lsp.WorkspaceSymbol]:
    """Return the names with a text in the open specs, and in the saved ones of the workspace."""
    documents = {**server.session.documents}
    views = {uri: view_of(document) for uri, document in documents.items()}
    opened = [names_in(uri, view) for uri, view in views.items() if view is not None]
    folders = [to_fs_path(folder.uri) for folder in [*server.workspace.folders.values()]]
    saved = server.saved_specs.names(filter(None, folders), documents)
    return matching([*chain.from_iterable(opened), *saved], query)


def _changed(server: Server) -> None:
    """Answer with changes of the text."""

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(
            code_action_kinds=[
                lsp.CodeActionKind.QuickFix,
                lsp.CodeActionKind.RefactorExtract,
                lsp.CodeActionKind.RefactorInline,
                lsp.CodeActionKind.RefactorRewrite,
            ]
        ),
    )
    async def actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        uri = params.text_document.uri
        automatic = params.context.trigger_kind is lsp.CodeActionTriggerKind.Automatic
        document = await server.session.current(uri)
        if document is not None and document.findings and not automatic:
            await server.session.settled(uri, _PATIENCE)  # then their repairs are known
            document = await server.session.current(uri)
        view = document.view if document is not None else None
        if document is None or view is None:
            return []
        only = [str(getattr(kind, "value", kind)) for kind in params.context.only or ()]
        if automatic and not only:
            only = ["quickfix"]  # the others are analysed: only for those who ask
        return await asyncio.to_thread(
            code_actions, view, uri, params.range, document.findings, only or None
        )

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    async def formatted(params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
        document = await server.session.current(params.text_document.uri)
        if document is None:
            return []
        return formatting(document.text, document.path, document.encoding)


def _commands(server: Server) -> None:
    """Run the commands of lenses."""

    def shown_again(document: Document) -> None:
        server.session.refresh(document)
        server.refresh_hints()
        server.refresh_lenses()

    @server.command(SHOW_VARIANT)
    def show_variant(uri: str, variant: str) -> None:
        document = server.session.documents.get(uri)
        view = view_of(document)
        if document is not None and view and view.spec and variant in view.spec.variants:
            document.variant = variant
            shown_again(document)

    @server.command(SHOW_USE)
    def show_use(uri: str, block: str, number: int) -> None:
        document = server.session.documents.get(uri)
        view = view_of(document)
        uses = view.uses.blocks.get(block, []) if view and view.uses else []
        if document is not None and 0 <= number < len(uses):
            document.chosen[block] = number
            shown_again(document)

    @server.command(COMPARE)
    async def compare(uri: str) -> str | None:
        document = await server.session.current(uri)
        view = document.view if document is not None else None
        if view is None:
            return None
        try:
            words, page = await asyncio.to_thread(comparison, view)
        except Mistake as mistake:
            server.warn(in_words(mistake.diagnostics[0]))
            return None
        server.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Info, words))
        return page
