"""Makes the items of completion, each with the edit that accepting it brings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lsprotocol import types as lsp

from ..language.yaml_flow import quoted
from .cursor import Word


def placed(item: lsp.CompletionItem, word: Word, where: lsp.Range) -> lsp.CompletionItem:
    """Return an item that replaces the word around the cursor.

    A key brings its colon and a value if nothing else is written there.
    """
    text = item.insert_text or item.label
    is_key = item.insert_text is not None
    if not word.is_whole:
        text = item.label
    elif is_key and word.has_lines:
        text = f"{item.label}:"
    elif not item.label.isidentifier() and not is_key:
        text = quoted(item.label)
    if text in (item.label, f"{item.label}:"):
        item.insert_text_format = lsp.InsertTextFormat.PlainText
    item.insert_text = None
    item.filter_text = item.label  # without it, Neovim offers every item that has an edit
    item.text_edit = lsp.TextEdit(where, word.gap + text)
    return item


def of_words(words: Iterable[str], meaning: str) -> Iterator[lsp.CompletionItem]:
    """Yield an item for each word of a value."""
    for word in words:
        yield labelled(word, lsp.CompletionItemKind.EnumMember, meaning, first=True)


def of_keys(meanings: dict[str, str]) -> Iterator[lsp.CompletionItem]:
    """Yield an item for each key of a mapping."""
    for key, meaning in meanings.items():
        yield labelled(key, lsp.CompletionItemKind.Property, meaning, insert=f"{key}: ")


def labelled(
    label: str,
    kind: lsp.CompletionItemKind,
    text: str | None,
    insert: str | None = None,
    snippet: bool = False,
    first: bool = False,
) -> lsp.CompletionItem:
    """Return an item.

    Accepts:
        text: its documentation, as Markdown.
        insert: a key with its colon and value; None for a value.
        snippet: whether the inserted text has places to fill in.
        first: whether it goes before the items that are not.
    """
    return lsp.CompletionItem(
        label=label,
        kind=kind,
        documentation=markdown(text) if text else None,
        insert_text=insert,
        insert_text_format=text_format(snippet),
        sort_text=f"0{label}" if first else None,
    )


def markdown(text: str) -> lsp.MarkupContent:
    """Return documentation for an item."""
    return lsp.MarkupContent(lsp.MarkupKind.Markdown, text)


def text_format(snippet: bool) -> lsp.InsertTextFormat:
    """Return how an editor reads the text of an item."""
    return lsp.InsertTextFormat.Snippet if snippet else lsp.InsertTextFormat.PlainText
