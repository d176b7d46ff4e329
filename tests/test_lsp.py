"""The language server answers every request, to a client that speaks the protocol over pipes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cnncalc.checking.config import Config
from cnncalc.checking.run import Job, check_text
from cnncalc.ops import BY_KEY

from .command import ROOT, python_path, run, run_without

pytest_lsp = pytest.importorskip("pytest_lsp")
from lsprotocol import types as lsp  # noqa: E402

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPEC = """\
cnncalc: 1
name: Small
input: [3, 32, 32]
params: {width: 16, classes: 10}
variants:
  wide: {params: {width: 64}}
  small: {}
blocks:
  unit:
    params: {out: , stride: 1}
    layers:
      - conv: {out: out, kernel: 3, stride: stride, padding: 1}
      - batchnorm
      - relu
layers:
  - unit: width
    name: stem
  - unit: {out: 2 * width, stride: 2}
    repeat: 2
  - maxpool: 2
  - maxpool: 2
  - add:
      body:
        - conv: {out: c, kernel: 1}
      shortcut: []
  - concat: [stem, add1]
  - globalavgpool
  - flatten
  - linear: classes
budget: {params: {max: 1k}}
"""
SPEC = SPEC.replace("  - concat: [stem, add1]\n", "").replace("out: c", "out: 2 * width")
UNFINISHED = ("- co", "- conv: {out: 8, ", "- conv: {out: ", "- conv: {out: [", "- :", "-")
EVERYWHERE = lsp.Range(lsp.Position(0, 0), lsp.Position(9999, 0))


class Editor:
    """A document in a client of the server; `@` in a text marks the cursor."""

    def __init__(self, client: Any, uri: str):
        self.client, self.uri, self.version = client, uri, 0
        self.id = lsp.TextDocumentIdentifier(uri)
        self.text, self.position = "", lsp.Position(0, 0)

    def type(self, text: str) -> Editor:
        """Open the document, or change all of it."""
        before = text.partition("@")[0]
        line = before.count("\n")
        self.position = lsp.Position(line, len(before) - before.rfind("\n") - 1)
        self.text = text.replace("@", "", 1)
        self.version += 1
        if self.version == 1:
            item = lsp.TextDocumentItem(self.uri, "yaml", 1, self.text)
            self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
            return self
        change = lsp.TextDocumentContentChangeWholeDocument(self.text)
        where = lsp.VersionedTextDocumentIdentifier(self.version, self.uri)
        self.client.text_document_did_change(lsp.DidChangeTextDocumentParams(where, [change]))
        return self

    async def diagnostics(self, with_repairs: bool = True) -> list[lsp.Diagnostic]:
        """Return what was published for this text; after the whole check, with its repairs."""
        await self.hints()
        for _ in range(3000 if with_repairs else 0):
            known = self.client.status.get(self.uri)
            if known is not None and known.version == self.version and known.isChecked:
                break
            await asyncio.sleep(0.01)
        return list(self.client.diagnostics.get(self.uri, ()))

    async def hints(self) -> dict[int, str]:
        """Return the hints, by line."""
        params = lsp.InlayHintParams(self.id, EVERYWHERE)
        found = await self.client.text_document_inlay_hint_async(params)
        return {hint.position.line: hint.label for hint in found}

    def at(self, word: str, nth: int = 0, offset: int = 0) -> lsp.Position:
        """Return the position of a word in the text."""
        place = -1
        for _ in range(nth + 1):
            place = self.text.index(word, place + 1)
        before = self.text[: place + offset]
        return lsp.Position(before.count("\n"), len(before) - before.rfind("\n") - 1)

    async def actions(self, start: lsp.Position, end: lsp.Position | None = None) -> dict[str, str]:
        """Return the text after each action that is offered, by its title."""
        params = lsp.CodeActionParams(
            self.id, lsp.Range(start, end or start), lsp.CodeActionContext([])
        )
        found = await self.client.text_document_code_action_async(params)
        return {action.title: self.edited(action.edit.changes[self.uri]) for action in found}

    def edited(self, edits: list[lsp.TextEdit]) -> str:
        """Return the text after edits."""
        lines = self.text.splitlines(keepends=True)
        starts = [sum(map(len, lines[:n])) for n in range(len(lines) + 1)]

        def offset(position: lsp.Position) -> int:
            return starts[position.line] + position.character

        text = self.text
        for edit in sorted(edits, key=lambda edit: offset(edit.range.start), reverse=True):
            text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
        return text


COMMAND = [sys.executable, "-m", "cnncalc", "lsp"]


@pytest_lsp.fixture(
    scope="module",
    config=pytest_lsp.ClientServerConfig(
        server_command=COMMAND, server_env={"PYTHONPATH": python_path()}
    ),
)
async def client(lsp_client: pytest_lsp.LanguageClient) -> AsyncIterator[None]:
    """Start a server, and end it."""
    lsp_client.status = {}

    @lsp_client.feature("cnncalc/status")
    def status(params: Any) -> None:
        lsp_client.status[params.uri] = params

    capabilities = lsp.ClientCapabilities(
        text_document=lsp.TextDocumentClientCapabilities(
            completion=lsp.CompletionClientCapabilities(
                completion_item=lsp.ClientCompletionItemOptions(
                    snippet_support=True, documentation_format=[lsp.MarkupKind.Markdown]
                )
            )
        )
    )
    params = lsp.InitializeParams(
        capabilities=capabilities,
        root_uri=(ROOT / "specs").as_uri(),
        workspace_folders=[lsp.WorkspaceFolder((ROOT / "specs").as_uri(), "specs")],
        initialization_options={"hints": {"macs": True}, "checkAfter": 20},
    )
    await lsp_client.initialize_session(params)
    yield
    await lsp_client.shutdown_session()


@pytest.fixture
def editor(client: Any, request: pytest.FixtureRequest, tmp_path: Path) -> Editor:
    return Editor(client, (tmp_path / "net.cnn.yaml").as_uri())


async def test_hints_say_what_comes_out_of_each_line(editor: Editor) -> None:
    hints = await editor.type(SPEC).hints()
    lines = SPEC.splitlines()
    by_line = {lines[n].strip(): hint for n, hint in hints.items()}
    assert by_line["- unit: width"] == "→ 16×32×32 · 480 params · 442.4 K MACs · field 3"
    assert by_line["- unit: {out: 2 * width, stride: 2}"].startswith("×2 → 32×8×8 · 14.02 K params")
    assert by_line["- batchnorm"] == "→ 16×32×32 · 32 params · field 3"
    assert by_line["- add:"].startswith("→ 32×2×2 · 1,056 params")
    assert by_line["- conv: {out: 2 * width, kernel: 1}"].startswith("→ 32×2×2")
    assert by_line["- linear: classes"] == "→ 10 · 330 params · 320 MACs"


async def test_settings_choose_what_hints_show(editor: Editor) -> None:
    def set_hints(**hints: bool) -> None:
        settings = {"cnncalc": {"hints": hints}}
        params = lsp.DidChangeConfigurationParams(settings)
        editor.client.workspace_did_change_configuration(params)

    line = SPEC.splitlines().index("  - unit: width")
    editor.type(SPEC)
    set_hints(shape=True, params=False, macs=False, field=False)
    assert (await editor.hints())[line] == "→ 16×32×32"
    set_hints(enabled=False)
    assert await editor.hints() == {}
    set_hints(enabled=True, params=True, macs=True, field=True)
    assert (await editor.hints())[line].endswith("field 3")


async def test_an_unfinished_line_keeps_the_hints_of_the_rest(editor: Editor) -> None:
    before = await editor.type(SPEC).hints()
    for unfinished in UNFINISHED:
        typed = SPEC.replace("  - maxpool: 2\n", f"  {unfinished}\n  - maxpool: 2\n", 1)
        at = typed.splitlines().index(f"  {unfinished}")
        now = await editor.type(typed).hints()
        moved = {line + (line >= at): hint for line, hint in before.items()}
        assert now == moved, unfinished


async def test_a_file_that_is_opened_unfinished_has_hints(editor: Editor) -> None:
    whole = await editor.type(SPEC).hints()
    unfinished = SPEC.replace("- maxpool: 2", "- maxpool: {", 1)
    line = unfinished.splitlines().index("  - maxpool: {")
    hints = await Editor(editor.client, editor.uri + ".cnn.yaml").type(unfinished).hints()
    assert hints == {at: hint for at, hint in whole.items() if at < line}


async def test_diagnostics_are_those_of_check(editor: Editor) -> None:
    wrong = SPEC.replace("maxpool: 2", "maxpool: 20", 1).replace("name: Small", "nam: Small")
    found = await editor.type(wrong).diagnostics()
    (path,) = [editor.uri.removeprefix("file://")]
    fresh = check_text(wrong, path, None, Job(Config())).findings
    places = [(f.diagnostic.code, f.place) for f in fresh]
    shown = [(d.code, (d.range.start.line + 1, d.range.start.character + 1)) for d in found]
    assert shown == places
    assert {d.source for d in found} == {"cnncalc"}
    assert [d.severity for d in found if d.code == "CNN204"] == [lsp.DiagnosticSeverity.Error]


async def test_diagnostics_name_the_blocks_around_them(editor: Editor) -> None:
    wrong = SPEC.replace("kernel: 3, stride: stride, padding: 1", "kernel: 99")
    found = [d for d in await editor.type(wrong).diagnostics() if d.code == "CNN204"]
    (around,) = found[0].related_information
    assert around.message == "block `unit`, used at line 16"
    assert around.location.range.start == lsp.Position(15, 4)


async def test_other_yaml_stays_untouched(editor: Editor, tmp_path: Path) -> None:
    other = Editor(editor.client, (tmp_path / "deploy.yaml").as_uri())
    other.type("jobs:\n  - conv: {out: [\n")
    assert await other.hints() == {}
    assert await other.diagnostics(with_repairs=False) == []
    spec = await other.type("cnncalc: 1\n" + SPEC.partition("\n")[2]).hints()
    assert spec
    assert await other.type("jobs: {}\n").hints() == {}
    assert await other.diagnostics(with_repairs=False) == []


async def hover(editor: Editor, position: lsp.Position) -> str:
    found = await editor.client.text_document_hover_async(lsp.HoverParams(editor.id, position))
    return found.contents.value if found else ""


async def test_hover_explains(editor: Editor) -> None:
    editor.type(SPEC)
    await editor.diagnostics()
    layer = await hover(editor, editor.at("maxpool", offset=2))
    assert "- **shape**: 32×8×8 → 32×4×4\n" in layer
    assert "**`maxpool`**" in layer and "`kernel` (required)" in layer
    assert "one per spatial axis" in await hover(editor, editor.at("kernel"))
    assert await hover(editor, editor.at("width", nth=2)) == (
        "**parameter `width`** = `16`\n\n- wide: `64`\n- small: `16`"
    )
    assert "`16` in the use that is shown" in await hover(editor, editor.at("out:"))
    assert "parameters: 15,882" in await hover(editor, editor.at("small"))
    assert "block `unit`**(out, stride = 1)" in await hover(editor, editor.at("unit"))
    assert "the number of copies" in await hover(editor, editor.at("repeat"))
    assert "limits that" in await hover(editor, editor.at("budget"))
    assert await hover(editor, editor.at("Small")) == ""


async def labels(editor: Editor, text: str) -> list[str]:
    editor.type(text)
    params = lsp.CompletionParams(editor.id, editor.position)
    found = await editor.client.text_document_completion_async(params)
    return [item.label for item in found]


async def test_completion(editor: Editor) -> None:
    await editor.type(SPEC).hints()
    head, tail = SPEC.split("  - globalavgpool\n")
    assert {*BY_KEY, "unit", "chain"} <= {*await labels(editor, f"{head}  - @\n{tail}")}
    fields = await labels(editor, f"{head}  - conv: {{out: 8, @\n{tail}")
    assert "kernel" in fields and "out" not in fields
    words = await labels(editor, f"{head}  - conv: {{out: 8, padding: @\n{tail}")
    assert words[:3] == ["full", "same", "valid"] and "width" in words
    assert {"stride"} == {*await labels(editor, f"{head}  - unit: {{out: 8, @}}\n{tail}")}
    names = await labels(editor, f"{head}  - relu:\n    from: @\n{tail}")
    assert {"input", "stem", "maxpool2"} <= {*names} and "linear1" not in names
    beside = await labels(editor, f"{head}  - relu:\n    @\n{tail}")
    assert {"name", "from", "when", "expect"} <= {*beside} and "conv" not in beside
    copies = await labels(editor, SPEC.replace("repeat: 2", "repeat: {times: 2, @}"))
    assert copies == ["as"]
    assert "width" in await labels(editor, SPEC.replace("repeat: 2", "repeat: {times: @}"))
    assert await labels(editor, SPEC.replace("repeat: 2", "repeat: {as: @}")) == []
    branch = await labels(editor, SPEC.replace("shortcut: []", "shortcut: {when: true, @}"))
    assert {*branch} == {"from", "repeat", "each", "layers"}
    entry = await labels(
        editor, SPEC.replace("  - flatten\n", "  - add: [stem, {from: add1, @}]\n")
    )
    assert {"repeat", "each", "when"} <= {*entry}
    assert {"width", "classes"} == {*await labels(editor, SPEC.replace("{width: 64", "{@"))}
    assert {"outputs", "published"} <= {*await labels(editor, f"{SPEC}@")}
    limits = await labels(editor, SPEC.replace("{params: {max: 1k}}", "{@"))
    assert {"params", "macs", "at"} <= {*limits}
    inside = await labels(editor, SPEC.replace("stride: stride, padding", "stride: @, padding"))
    assert {"out", "stride", "width", "c", "ceil_div"} <= {*inside}


async def test_completion_has_documentation_and_places_to_fill_in(editor: Editor) -> None:
    await editor.type(SPEC).hints()
    editor.type(f"{SPEC}@")
    editor.type(SPEC.replace("  - globalavgpool\n", "  - @\n"))
    params = lsp.CompletionParams(editor.id, editor.position)
    items = {i.label: i for i in await editor.client.text_document_completion_async(params)}
    assert items["conv"].text_edit.new_text == "conv: {out: ${1:out}, kernel: ${2:kernel}}"
    assert items["unit"].text_edit.new_text == "unit: ${1:out}"
    done = await editor.client.completion_item_resolve_async(items["conv"])
    assert "**`conv`**" in done.documentation.value


async def test_signature_help(editor: Editor) -> None:
    await editor.type(SPEC).hints()
    editor.type(SPEC.replace("{out: 2 * width, stride: 2}", "{out: 2 * width, stride: @"))
    params = lsp.SignatureHelpParams(editor.id, editor.position)
    found = await editor.client.text_document_signature_help_async(params)
    assert found.signatures[0].label == "unit(out, stride = 1)"
    assert found.active_parameter == 1


async def test_names_are_found(editor: Editor) -> None:
    text = SPEC.replace("  - globalavgpool", "  - identity:\n    from: stem\n  - globalavgpool")
    await editor.type(text).hints()

    async def defined(position: lsp.Position) -> list[int]:
        params = lsp.DefinitionParams(editor.id, position)
        found = await editor.client.text_document_definition_async(params)
        return [place.range.start.line for place in found]

    lines = text.splitlines()
    assert await defined(editor.at("stem", nth=1)) == [lines.index("    name: stem")]
    assert await defined(editor.at("unit", nth=1)) == [lines.index("  unit:")]
    assert await defined(editor.at("classes", nth=1)) == [3]
    assert await defined(editor.at("out,")) == [lines.index("    params: {out: , stride: 1}")]
    params = lsp.ReferenceParams(lsp.ReferenceContext(True), editor.id, editor.at("width"))
    found = await editor.client.text_document_references_async(params)
    assert [place.range.start.line for place in found] == [
        n for n, line in enumerate(lines) for _ in range(line.count("width"))
    ]
    marked = lsp.DocumentHighlightParams(editor.id, editor.at("stem"))
    assert len(await editor.client.text_document_document_highlight_async(marked)) == 2


async def rename(editor: Editor, position: lsp.Position, new: str) -> str | None:
    params = lsp.RenameParams(text_document=editor.id, position=position, new_name=new)
    found = await editor.client.text_document_rename_async(params)
    return editor.edited(found.changes[editor.uri]) if found else None


async def test_names_are_changed(editor: Editor) -> None:
    text = SPEC.replace("  - globalavgpool", "  - identity:\n    from: stem\n  - globalavgpool")
    await editor.type(text).hints()
    assert await rename(editor, editor.at("width"), "base") == text.replace("width", "base")
    changed = text.replace("stem", "first")
    assert await rename(editor, editor.at("stem", nth=1), "first") == changed
    block = text.replace("unit", "step")
    assert await rename(editor, editor.at("unit"), "step") == block
    named = await rename(editor, editor.at("globalavgpool"), "pooled")
    assert named == text.replace("- globalavgpool", "- globalavgpool:\n    name: pooled")
    assert await rename(editor, editor.at("width"), "classes") is None
    assert await rename(editor, editor.at("unit"), "conv") is None
    params = lsp.PrepareRenameParams(editor.id, editor.at("stem", offset=1))
    where = await editor.client.text_document_prepare_rename_async(params)
    assert (where.start.character, where.end.character) == (10, 14)


async def test_symbols_and_folding(editor: Editor) -> None:
    editor.type(SPEC)
    params = lsp.DocumentSymbolParams(editor.id)
    found = await editor.client.text_document_document_symbol_async(params)
    outline = {symbol.name: [child.name for child in symbol.children] for symbol in found}
    assert outline["params"] == ["width", "classes"]
    assert outline["variants"] == ["wide", "small"]
    assert outline["layers"][:3] == ["stem", "unit2", "maxpool1"]
    folds = lsp.FoldingRangeParams(editor.id)
    ranges = await editor.client.text_document_folding_range_async(folds)
    lines = SPEC.splitlines()
    starts = {lines[one.start_line] for one in ranges}
    assert {"blocks:", "  unit:", "layers:", "  - add:"} <= starts
    wanted = lsp.WorkspaceSymbolParams("bottleneck")
    everywhere = await editor.client.workspace_symbol_async(wanted)
    assert any(symbol.container_name == "ResNet-50" for symbol in everywhere)


async def test_expressions_have_tokens(editor: Editor) -> None:
    editor.type(SPEC)
    params = lsp.SemanticTokensParams(editor.id)
    data = (await editor.client.text_document_semantic_tokens_full_async(params)).data
    line = column = 0
    words: list[str] = []
    for n in range(0, len(data), 5):
        line, column = line + data[n], data[n + 1] + (column if data[n] == 0 else 0)
        words.append(SPEC.splitlines()[line][column : column + data[n + 2]])
    assert words == ["out", "stride", "width", "2", "*", "width", "2", "*", "width", "classes"]


async def lenses(editor: Editor) -> dict[str, lsp.Command]:
    params = lsp.CodeLensParams(editor.id)
    found = await editor.client.text_document_code_lens_async(params)
    return {lens.command.title: lens.command for lens in found}


async def test_lenses_show_totals_and_choose_uses_and_variants(editor: Editor) -> None:
    editor.type(SPEC)
    await editor.diagnostics()
    titles = await lenses(editor)
    assert "the base: 15.88 K params · 2.216 M MACs · field 21" in titles, [*titles]
    assert "params 15,882: exceeded" in titles
    (use,) = [title for title in titles if title.startswith("use 1 of 3")]
    line = SPEC.splitlines().index("      - batchnorm")
    assert (await editor.hints())[line].startswith("→ 16×32×32")

    async def execute(command: lsp.Command) -> Any:
        params = lsp.ExecuteCommandParams(command.command, command.arguments)
        return await editor.client.workspace_execute_command_async(params)

    await execute(titles[use])
    assert (await editor.hints())[line].startswith("→ 32×16×16")
    (wide,) = [title for title in titles if title.startswith("show wide")]
    await execute(titles[wide])
    assert (await editor.hints())[line].startswith("→ 128×16×16")


async def test_the_text_is_compared_with_the_saved_file(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "net.cnn.yaml").write_text(SPEC, "utf-8")
    editor.type(SPEC.replace("width: 16", "width: 20"))
    command = (await lenses(editor))["compare with saved"]
    params = lsp.ExecuteCommandParams(command.command, command.arguments)
    page = await editor.client.workspace_execute_command_async(params)
    assert "15,882" in page and "params" in page


async def test_formatting_keeps_comments_and_data(editor: Editor) -> None:
    text = "input: [3,8,8]  # in\nlayers:\n# first\n- conv: { out: 8, kernel: 3 }\n-   relu   \n"
    editor.type(text)
    params = lsp.DocumentFormattingParams(editor.id, lsp.FormattingOptions(2, True))
    edits = await editor.client.text_document_formatting_async(params)
    assert editor.edited(edits) == (
        "input: [3, 8, 8]  # in\nlayers:\n  # first\n  - conv: {out: 8, kernel: 3}\n  - relu\n"
    )
    for spec in sorted((ROOT / "specs").glob("*.yaml"))[::9]:
        editor.type(spec.read_text("utf-8"))
        edits = await editor.client.text_document_formatting_async(params)
        assert not edits, spec.name


async def test_actions_repair_and_ignore(editor: Editor) -> None:
    wrong = SPEC.replace("maxpool: 2", "maxpool: 20", 1)
    editor.type(wrong)
    await editor.diagnostics()
    actions = await editor.actions(editor.at("maxpool"))
    repaired = [title for title in actions if "gives" in title]
    assert repaired
    for title in repaired:
        after = check_text(actions[title], "x", None, Job(Config())).findings
        assert "CNN204" not in [finding.diagnostic.code for finding in after], title
    ignored = actions["Ignore CNN204 on this line"]
    assert "- maxpool: 20 # cnncalc: ignore[CNN204]\n" in ignored
    found = check_text(ignored, "x", None, Job(Config())).findings
    assert "CNN204" not in [finding.diagnostic.code for finding in found]
    assert actions["Ignore CNN204 in this file"].startswith("# cnncalc: ignore-file[CNN204]\n")


async def test_actions_state_what_is(editor: Editor) -> None:
    editor.type(SPEC)
    await editor.diagnostics()
    expect = await editor.actions(editor.at("maxpool"))
    assert (
        "  - maxpool: 2\n    expect: [_, 4, 4]\n  - maxpool: 2\n"
        in expect["Expect [_, 4, 4] after maxpool1"]
    )
    budget = await editor.actions(editor.at("max: 1k"))
    title = "Set the budget of params to what it is, 15,882"
    assert "budget: {params: {max: 15882}}" in budget[title]


async def test_actions_change_the_form_alone(editor: Editor) -> None:
    editor.type(SPEC)
    await editor.diagnostics()
    rolled = (await editor.actions(editor.at("maxpool")))["Write 2 equal copies as a repeat"]
    assert "  - maxpool: 2\n    repeat: 2\n  - add" in rolled
    unit = await editor.actions(editor.at("unit", nth=2))
    one_by_one = unit["Write the 2 copies one by one"]
    assert one_by_one.count("- unit: {out: 2 * width, stride: 2}") == 2
    stem = await editor.actions(editor.at("unit", nth=1))
    inlined = stem["Write the layers of `unit` here"]
    assert (
        "  - chain:\n      - conv: {out: width, kernel: 3, stride: 1, padding: 1}\n"
        "      - batchnorm\n      - relu\n    name: stem\n" in inlined
    )
    selected = await editor.actions(editor.at("maxpool"), editor.at("maxpool", nth=1, offset=8))
    block = selected["Extract into block `block1`"]
    assert "  block1:\n    layers:\n      - maxpool: 2\n      - maxpool: 2\n" in block
    assert "  - block1\n  - add:" in block
    inside = await editor.actions(editor.at("conv:"), editor.at("batchnorm"))
    assert "  block1:\n    params: {out: , stride: }\n" in inside["Extract into block `block1`"]
    assert "- block1: {out: out, stride: stride}\n" in inside["Extract into block `block1`"]
    for text in (rolled, one_by_one, inlined, block, inside["Extract into block `block1`"]):
        found = check_text(text, "x", None, Job(Config())).findings
        codes = {finding.diagnostic.code for finding in found}
        assert codes <= {"CNN302", "CNN110", "CNN510"}, text


async def test_columns_count_as_editors_do(editor: Editor) -> None:
    text = 'name: "𝟙 net"\ninput: [3, 8, 8]\nlayers: [{relu: , name: "a𝟙"}, conv, tanh]\n'
    found = await editor.type(text).diagnostics()
    conv = next(d for d in found if "conv" in d.message)
    assert conv.range.start.character == text.splitlines()[2].index("conv") + 1


async def test_closed_documents_are_forgotten(editor: Editor) -> None:
    await editor.type(SPEC.replace("maxpool: 2", "maxpool: 20")).diagnostics()
    assert editor.client.diagnostics[editor.uri]
    editor.client.text_document_did_close(lsp.DidCloseTextDocumentParams(editor.id))
    other = Editor(editor.client, editor.uri.replace("net", "other"))
    await other.type(SPEC).hints()
    assert not editor.client.diagnostics[editor.uri]


async def test_without_the_package_it_says_how_to_install_it() -> None:
    done = run_without("pygls", "lsp")
    assert done.returncode == 2
    assert "CNN401" in done.stderr and "[lsp]" in done.stderr


async def test_editors_may_connect_to_a_port(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*COMMAND, "--tcp", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": python_path()}
    server = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        for _ in range(300):
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                await asyncio.sleep(0.1)
        ask = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}
        body = json.dumps(ask).encode()
        writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        assert b"Content-Length" in answer
        busy = await asyncio.to_thread(run, "lsp", "--tcp", "--port", str(port))
        assert (busy.returncode, "CNN428" in busy.stderr) == (2, True), busy.stderr
        writer.close()
    finally:
        server.kill()
        await server.wait()
    both = await asyncio.to_thread(run, "lsp", "--tcp", "--stdio")
    assert both.returncode == 2


async def test_a_page_beside_the_editor_can_follow_the_cursor(editor: Editor) -> None:
    await editor.type(SPEC).hints()

    async def path(position: lsp.Position) -> Any:
        where = {"line": position.line, "character": position.character}
        params = {"uri": editor.uri, "position": where}
        return await editor.client.protocol.send_request_async("cnncalc/layerAt", params)

    assert await path(editor.at("maxpool", nth=1, offset=3)) == "maxpool2"
    assert await path(editor.at("batchnorm")) == "stem.batchnorm1"
    assert await path(editor.at("    - batchnorm")) == "stem.batchnorm1"
    assert await path(editor.at("repeat")) == "unit2.0"
    assert await path(editor.at("variants")) is None


async def test_the_configuration_of_the_project_counts(editor: Editor, tmp_path: Path) -> None:
    wrong = SPEC.replace("maxpool: 2", "maxpool: 20", 1)
    found = await editor.type(wrong).diagnostics()
    assert "CNN204" in {one.code for one in found}
    (tmp_path / "pyproject.toml").write_text('[tool.cnncalc]\nignore = ["CNN204"]\n', "utf-8")
    change = lsp.FileEvent((tmp_path / "pyproject.toml").as_uri(), lsp.FileChangeType.Created)
    params = lsp.DidChangeWatchedFilesParams([change])
    editor.client.workspace_did_change_watched_files(params)
    editor.type(f"{wrong}\n")
    assert "CNN204" not in {one.code for one in await editor.diagnostics()}


async def test_who_asks_for_actions_at_once_gets_the_repairs(editor: Editor) -> None:
    editor.type(SPEC)
    await editor.diagnostics()
    editor.type(SPEC.replace("maxpool: 2", "maxpool: 20", 1))
    found = await editor.actions(editor.at("maxpool: 20"))
    assert any(not title.startswith(("Ignore", "Extract")) for title in found), found
