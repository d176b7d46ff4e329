"""What the language server completes, and that the text is valid after an item is accepted."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from .command import ROOT
from .settings import COMPLETIONS, sampled

pytest.importorskip("pygls")
from lsprotocol import types as lsp

from cnncalc.language.names import BRANCH_WORDS, GRAPH_WORDS
from cnncalc.language.yaml_tree import Marks
from cnncalc.lsp.completion import completion
from cnncalc.lsp.places import Places
from cnncalc.lsp.view import View
from cnncalc.ops import BY_KEY

SPEC = """\
cnncalc: 1
input: [3, 16, 16]
params: {width: 16, deep: true}
variants:
  wide: {params: {width: 32}}
blocks:
  unit:
    params: {out: , stride: 1}
    layers:
      - conv: {out: out, kernel: 3, stride: stride, padding: 1}
        name: first
      - relu
layers:
  - unit: width
    name: stem
  - add:
      body:
        - conv: {out: width, kernel: 1}
          name: inner
      shortcut: []
  - unit: {out: width}
    repeat: {times: 2, as: j}
    name: stage
  - globalavgpool
"""
B = "cnncalc: 1\ninput: [3, 16, 16]\nlayers:\n"
SNIPPET = re.compile(r"\$\{\d+:(\w+)\}")


@cache
def sound(text: str) -> View:
    view = View(text, "net.cnn.yaml")
    assert view.is_sound, view.faults
    return view


def items_at(
    text: str, offset: int, before: str = SPEC, snippets: bool = True
) -> dict[str, lsp.CompletionItem]:
    """Return the items at an offset, by label; `before` is the last text without errors."""
    items = completion(Places(text), offset, sound(before), snippets)
    assert len({item.label for item in items}) == len(items)
    return {item.label: item for item in items}


def accepted(text: str, item: lsp.CompletionItem) -> str:
    """Return the text after an item was accepted."""
    edit, places = item.text_edit, Places(text)
    assert isinstance(edit, lsp.TextEdit) and edit.range.start.line == edit.range.end.line
    start, end = places.offset(edit.range.start), places.offset(edit.range.end)
    new = edit.new_text
    if item.insert_text_format is lsp.InsertTextFormat.Snippet:
        new = SNIPPET.sub(r"\1", new)
    return text[:start] + new + text[end:]


def labels(text: str, before: str = SPEC) -> set[str]:
    """Return the labels at the `@` of a text."""
    return {*items_at(text.replace("@", "", 1), text.index("@"), before)}


def after(text: str, label: str, snippets: bool = True) -> str:
    """Return the text after an item at its `@` was accepted."""
    written, offset = text.replace("@", "", 1), text.index("@")
    return accepted(written, items_at(written, offset, snippets=snippets)[label])


@pytest.mark.parametrize(
    ("line", "label", "wanted"),
    [
        ("  -@", "relu", "  - relu"),
        ("  -re@", "relu", "  - relu"),
        ("  -@", "conv", "  - conv: {out: out, kernel: kernel}"),
        ("  - @", "relu", "  - relu"),
        ("  - re@lu", "relu", "  - relu"),
        ("  - linear:@", "width", "  - linear: width"),
        ("  - conv: {out:@", "width", "  - conv: {out: width"),
        ("  - conv: {out:@}", "width", "  - conv: {out: width}"),
        ("  - relu:\n    from:st@", "stem", "  - relu:\n    from: stem"),
        ("  - max@: 2", "maxpool", "  - maxpool: 2"),
        ("  - max@: {kernel: 2}", "maxpool", "  - maxpool: {kernel: 2}"),
        ("  - {max@, name: pool}", "maxpool", "  - {maxpool: kernel, name: pool}"),
        ("  - {re@, name: act}", "relu", "  - {relu: , name: act}"),
        ("  - {re@: , name: act}", "relu", "  - {relu: , name: act}"),
        ("  - conv: {out: 8, ker@: 3}", "kernel", "  - conv: {out: 8, kernel: 3}"),
        ("  - conv: {out: 8, ker@nel: 3}", "kernel", "  - conv: {out: 8, kernel: 3}"),
        ("  - conv: {out: 8, ker@}", "kernel", "  - conv: {out: 8, kernel: }"),
        ('  - conv: {"ker@": 3}', "kernel", '  - conv: {"kernel": 3}'),
        ("  - relu:\n    fr@: stem", "from", "  - relu:\n    from: stem"),
        ("  - relu:\n    fr@ # why", "from", "  - relu:\n    from:  # why"),
        ("  - name: x\n    re@", "relu", "  - name: x\n    relu: "),
        ("  - re@\n    name: x", "relu", "  - relu: \n    name: x"),
        ("  - co@\n      out: 8", "conv", "  - conv:\n      out: 8"),
        ("  - add@:\n      a: []", "add", "  - add:\n      a: []"),
        ("  - unit: 2 * wi@ + 1", "width", "  - unit: 2 * width + 1"),
        ('  - conv: {out: "max(16, wi@)"}', "width", '  - conv: {out: "max(16, width)"}'),
        ("  - conv: {out: c, bias: @}", "false", "  - conv: {out: c, bias: false}"),
        ("  - concat: [stem, sta@.*]", "stage", "  - concat: [stem, stage.*]"),
    ],
)
def test_an_accepted_item_leaves_valid_text(line: str, label: str, wanted: str) -> None:
    for end in ("\n", "\r\n"):
        text = (SPEC + line + "\n").replace("\n", end)
        assert after(text, label) == (SPEC + wanted + "\n").replace("\n", end)


def test_without_snippets_values_are_left_out() -> None:
    assert after(f"{SPEC}  - co@", "conv", snippets=False) == f"{SPEC}  - conv: "
    assert after(f"{SPEC}  - re@", "relu", snippets=False) == f"{SPEC}  - relu"
    assert after(f"{SPEC}  - co@: 8", "conv", snippets=False) == f"{SPEC}  - conv: 8"


def test_columns_are_counted_in_the_encoding() -> None:
    written = SPEC + "  - {name: «𝒳», re}"
    for encoding, column in (("utf-8", 21), ("utf-16", 17), ("utf-32", 16)):
        items = completion(Places(written, encoding), len(written) - 1, sound(SPEC), True)
        (edit,) = (item.text_edit for item in items if item.label == "relu")
        assert isinstance(edit, lsp.TextEdit)
        assert (edit.range.start.character, edit.new_text) == (column, "relu: ")


def test_keys_after_the_cursor_are_known() -> None:
    assert "kernel" not in labels(SPEC + "  - conv: {@, kernel: 3}")
    assert {"out", "stride"} <= labels(SPEC + "  - conv: {@, kernel: 3}")
    assert "kernel" not in labels(SPEC + "  - conv:\n      @\n      kernel: 3\n")
    beside = labels(SPEC + "  - @\n    name: x\n")
    assert {"relu", "from"} <= beside and "name" not in beside
    assert "conv" not in labels(SPEC + "  - @\n    relu:\n")


@pytest.mark.parametrize(
    ("place", "some", "others"),
    [
        ("  - relu:\n    from: stem.@", {"first", "relu1"}, {"stem", "input", "width"}),
        ("  - relu:\n    from: stem.fi@rst", {"first"}, {"stem", "input"}),
        ("  - relu:\n    from: add1.@", {"body"}, {"stem", "inner"}),
        ("  - relu:\n    from: add1.body.@", {"inner"}, {"stem", "body"}),
        ("  - relu:\n    from: stage.0.@", {"first"}, {"stem"}),
        ("  - relu:\n    from: stage[j - 1].@", {"first"}, {"stem"}),
        ("  - concat: [stem, stage.*.@]", {"first"}, {"stem"}),
        ("  - concat: [@]", {"stem", "add1", "input", "from"}, {"conv"}),
        ("  - concat: [stem, {from: add1, @}]", {"when", "repeat"}, {"from", "stem"}),
        ("  - concat: [stem, {from: @}]", {"stem", "add1"}, {"when"}),
        ("  - concat: {axis: @}", {"width"}, {"stem"}),
        ("  - chain: [conv: {@}]", {"out", "kernel"}, {"conv", "relu"}),
        ("  - chain: [relu, @]", {"relu", "conv", "unit"}, {"name"}),
        ("  - chain: [unit: {@}]", {"out", "stride"}, {"relu"}),
        ("  - unit:\n    each:\n      - {out: 8, @}", {"stride"}, {"width", "out", "max"}),
        ("  - unit:\n    each: [{@}]", {"out", "stride"}, {"width"}),
        ("  - unit:\n    each: [{out: @}]", {"width", "true", "c"}, {"stride"}),
        ("  - {each: [{@}], conv: {kernel: 1}}", {"out"}, {"width"}),
        ("  - relu:\n    when: @", {"true", "false", "deep"}, {"relu"}),
        ("  - relu:\n    when: not @", {"deep"}, {"true"}),
        ("  - relu:\n    when: deep @", set(), {"deep", "width", "true"}),
        ("  - unit: {out: 8, stride: @}", {"true", "false", "width", "stem"}, {"out"}),
        ("  - chain:\n      - unit: @\n    repeat: {times: 2, as: k}", {"k", "width"}, {"j"}),
        ("  - chain:\n      - unit: @\n    each: [{wide: 8}, {wide: 9}]", {"wide"}, {"j"}),
        ("  - relu:\n    repeat: {times: 2, @}", {"as"}, {"times", "width"}),
        ("  - relu:\n    repeat: {times: @}", {"width"}, {"true"}),
        ("outputs: [@]", {"stem", "stage"}, {"from"}),
        ("expect: {@}", set(), {"width"}),
        ("budget: {@}", {"params", "macs", "at"}, {"max"}),
        ("budget: {params: {@}}", {"max", "min"}, {"params"}),
        ("budget: {training_peak: {max: 1 GiB, @}}", {"optimizer", "batch"}, {"max"}),
        ("budget: {training_peak: {max: 1 GiB, optimizer: @}}", {"adam"}, {"width"}),
        ("budget: {at: {@}}", {"stem", "stage"}, {"max", "min", "params"}),
        ("budget: {at: {stem.@}}", {"first", "relu1"}, {"max", "stem"}),
        ("budget: {at: {stem: {@}}}", {"params", "shape"}, {"at", "max", "stem"}),
        ("budget: {at: {stem: {params: {@}}}}", {"max", "min"}, {"params"}),
        ("published:\n  - {what: @}", {"params", "macs", "shape"}, {"width", "true"}),
        ("published:\n  - {what: params, at: @}", {"stem", "add1"}, {"width"}),
        ("published:\n  - {@, value: 3}", {"what", "at"}, {"value"}),
    ],
)  # fmt: skip
def test_what_is_offered(place: str, some: set[str], others: set[str]) -> None:
    found = labels(SPEC + place)
    assert some <= found, some - found
    assert not others & found, others & found


def test_what_is_offered_at_the_top() -> None:
    variant = labels(SPEC.replace("wide: {params", "wide: {expect: {@}, params"))
    assert {"stem", "stage"} <= variant and "width" not in variant
    assert "first" in labels(SPEC.replace("wide: {params", "wide: {expect: {stem.@}, params"))
    assert {"width", "deep"} == labels(SPEC.replace("{width: 32}", "{@}"))
    assert "true" in labels(SPEC.replace("{width: 32}", "{deep: @}"))
    assert {"shape", "dtype"} == labels(SPEC.replace("[3, 16, 16]", "{@}"))
    assert labels(SPEC.replace("[3, 16, 16]", "{shape: [8], dtype: @}")) == {"integer"}
    assert "width" in labels(SPEC.replace("[3, 16, 16]", "[@, 16, 16]"))
    left = SPEC.replace("[3, 16, 16]", "{left: [3, 16, 16], right: [3, 16, 16]}")
    assert {"left", "right"} <= labels(left + "  - relu:\n    from: @", left)


def test_a_layer_is_not_offered_to_itself() -> None:
    for own, others in (
        ("  - relu:\n    name: last\n    from: @\n", {"stem"}),
        ("  - {name: last, relu: , from: @}\n", {"stem"}),
        ("  - chain: [relu, {relu: , from: @}]\n    name: last\n", {"stem", "relu1"}),
        ("  - concat: [stem, {from: @}]\n    name: last\n", {"stem"}),
        ("  - {relu: , name: before}\n  - {relu: , name: last, from: @}\n", {"before"}),
        ("  - {relu: , name: last}\n  - add: [stem, @]\n", {"last"}),
    ):
        found = labels(SPEC + own, SPEC + own.replace("from: @", "from: stem").replace(", @", ""))
        assert others <= found and ("last" in found) == ("last" in others), (own, found)


NOTHING = """\
  - relu # from @
  - re # @
  # @
  - conv: {out: 8} @
  - conv: {out: 8}@
  - conv: {out: "8"@}
  - conv: {out: 8, kernel: {a: 1} @}
  - conv:@
  - conv: {ou:@t: 8}
  - conv: {@ kernel: 3}
  - conv @
  - relu max@
  - conv: {out: 0.@}
  - relu: &a@
  - unit: *wi@
  - unit: > @
  - unit: {out: {@}}
  - {relu: , when: {a: 1, @}}
"""


@pytest.mark.parametrize("line", NOTHING.splitlines())
def test_nothing_is_offered(line: str) -> None:
    assert labels(SPEC + line) == set()


@pytest.mark.parametrize(
    "lines",
    [
        "  - conv: 8\n      @\n",  # the layer has its value
        "  - conv: @\n      kernel: 3\n",
        "  - conv:\n      out: 8\n  @\n      kernel: 3\n",  # would break up the layer
        "  - conv:\n          @\n      out: 8\n",
        "  - {conv: 8,\n     @\n     name: x}\n",  # a comma would be missing
    ],
)
def test_nothing_is_offered_that_would_break_what_follows(lines: str) -> None:
    assert labels(SPEC + lines) == set()


@pytest.mark.parametrize(
    "text",
    [
        "name: Net {v1\n",
        "name: Net [v1\n",
        "source: the author's {x\n",
        "source: a 'quoted' {word\n",
        'source: "a {brace\n  and [another"\n',
        "source: |\n  a {brace\n\n  and [another\n",
        "source: >-\n  the author's {x\n",
        "name: &name Net\n",
        "# a {comment\n",
        "name: x # with a {brace and a 'quote\n",
        "name: {\n",  # unfinished
        "name: [3, \n",
        'name: "unfinished\n',
        "---\n",
        "params: {\n  a: 1,  # 'one\n  b: [2,\n    3]\n}\n",
    ],
)
def test_what_is_above_does_not_stop_completion(text: str) -> None:
    for end in ("\n", "\r\n", "\r"):
        typed = f"{text}{B}  - unit: {{out: @}}\n".replace("\n", end)
        assert {"width", "max"} <= labels(typed)
        assert {"conv", "relu"} <= labels(typed.replace("unit: {out: @}", "re@"))
        assert "layers" in labels(typed.replace("layers", "lay@").replace("{out: @}", "8"))


def test_an_unfinished_line_above_does_not_stop_completion() -> None:
    for line in ("- conv: {out: 8,", "- conv: [", '- conv: "8', "- conv: {out: 'a", "- co {"):
        assert {"conv", "relu"} <= labels(f"{SPEC}  {line}\n  - re@\n"), line


def test_nothing_is_offered_inside_texts() -> None:
    for text in ("name: |\n  re@\n", "name: >\n\n  a\n   {@\n", 'source: "a {@"\n', "name: {v@\n"):
        assert labels(text + SPEC) == set()


def known_words(view: View) -> list[tuple[int, int]]:
    """Return where a spec has words that completion should know, as its parts tell.

    These are names where they are used, operators, and the keys of the language.
    """
    names, places = view.names, view.places
    assert names is not None
    spans = {(m.start, m.end) for m in names.mentions if not m.declares}
    keys = {*GRAPH_WORDS, *BRANCH_WORDS, "what", "at", "value", "budget", "blocks"}
    for marks in _mappings(names.spec.marks):
        spans |= {places.key(marks, key) for key in marks.keys if key in keys}
    for layers in names.lists:
        for step in layers.steps:
            start = places.start(step.place)
            spans.add((start, start + step.place.length))
            fields = BY_KEY[step.key].fields() if step.key in BY_KEY else {}
            written = step.body_marks.keys
            spans |= {places.key(step.body_marks, key) for key in fields if key in written}
    return sorted(spans)


def _mappings(marks: Marks) -> Iterator[Marks]:
    yield marks
    for inner in marks.items.values():
        yield from _mappings(inner)


SPECS = sorted((ROOT / "specs").glob("*.yaml"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_word_that_is_deleted_comes_back(path: Path) -> None:
    """Delete a word or the end of it, and accept what it was; any other item can be read too."""
    whole = path.read_text("utf-8")
    dice = random.Random(path.stem)
    words = known_words(sound(whole))
    dice.shuffle(words)
    for start, end in sampled(words, COMPLETIONS // 50):
        word = whole[start:end]
        for cut in (start, dice.randrange(start, end)):
            text = whole[:cut] + whole[end:]
            items = items_at(text, cut, before=whole, snippets=dice.random() < 0.5)
            assert accepted(text, items[word]) == whole, (word, text[:cut])
            assert accepted(whole, items_at(whole, cut, before=whole)[word]) == whole
            for item in one_of_each_form([*items.values()]):
                assert can_be_read(accepted(text, item)), (text[:cut], item)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_any_item_leaves_text_that_can_be_read(path: Path) -> None:
    """Ask anywhere in a text that can be read, also after something was typed or deleted."""
    whole, dice = path.read_text("utf-8"), random.Random(path.stem)
    for _ in range(COMPLETIONS // 20):
        start = dice.randrange(len(whole) + 1)
        end = dice.choice([start, start, start + dice.randrange(20)])
        blank = " " * dice.randrange(12)
        typed = dice.choice(["", " ", ", ", ":", f"\n{blank}", f"\n{blank}- ", f"\n{blank}-", "{"])
        text = whole[:start] + typed + whole[end:]
        if not can_be_read(text):
            continue
        items = items_at(text, start + len(typed), before=whole, snippets=dice.random() < 0.5)
        for item in one_of_each_form([*items.values()]):
            assert can_be_read(accepted(text, item)), (text[:start] + typed, item)


def can_be_read(text: str) -> bool:
    try:
        yaml.load(text, yaml.CBaseLoader)
    except yaml.YAMLError:
        return False
    return True


def one_of_each_form(items: list[lsp.CompletionItem]) -> list[lsp.CompletionItem]:
    """Return items whose texts differ in more than their words."""
    forms: dict[str, lsp.CompletionItem] = {}
    for item in items:
        assert isinstance(item.text_edit, lsp.TextEdit)
        forms.setdefault(re.sub(r"\w+", "w", item.text_edit.new_text), item)
    return [*forms.values()]


def test_a_long_line_is_read_in_linear_time() -> None:
    """A quadratic pattern would take minutes for these."""
    long = 300_000
    for line in (
        "  - re" + " " * long + "@",
        "  - re@" + " " * long + "#",
        "  - conv: {out: " + "a" * long + "@",
        "  - conv: {" + "a: 1, " * (long // 6) + "@}",
        "  -" + " -" * 1000 + "@",
        '  - "' + "\\" * long + "@",
        "  - relu:\n    from: " + "a." * (long // 2) + "@",
        "  - relu:\n    when: " + "( " * (long // 2) + "@",
    ):
        labels(SPEC + line)
