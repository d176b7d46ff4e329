"""Reports an unknown operator, and what was probably meant: a foreign word or a slip."""

from __future__ import annotations

from typing import Any

from ..diagnostic import Diagnostic, Edit, Fix, Position, clear_misspelling, instead
from ..ops import BY_KEY
from ..ops.base import Op
from ..ops.words import Translation
from .call_text import Call, layer_of
from .expression_limits import clip
from .foreign_words import LISTED, Advice, meaning_of
from .reader import Reader
from .yaml_flow import in_yaml
from .yaml_tree import Marks


def may_be_meant(reader: Reader, key: str) -> bool:
    """Return whether a key is a word for a layer, or nearly one."""
    return _slip(reader, key) is not None or meaning_of(key) is not None


def unknown_operator(reader: Reader, key: str, item: dict[str, Any], marks: Marks) -> Diagnostic:
    """Describe a layer whose key is not an operator or block, with what was probably meant.

    For a word of another framework, the tables say what it means, never its spelling.
    """
    place = marks.key(reader.file, key)
    fault = Diagnostic("CNN104", f"unknown operator or block `{clip(key)}`", place)
    letters = key.lower().replace("_", "")
    own = [block for block in reader.blocks if block.lower().replace("_", "") == letters]
    if own:
        return instead(fault._replace(help=f"did you mean `{own[0]}`?"), key, own[0])
    cut = _lacks_colon(reader, fault, key, place)
    if cut is not None:
        return cut
    call = Call.of(key)
    is_word = call is not None or not set(key) & set("([{")
    meaning = meaning_of(call.word if call else key) if is_word else None
    if isinstance(meaning, Advice):
        fault = fault._replace(help=meaning.text)
        renames = meaning.key is not None and call is None and _written_alike(place, key)
        return instead(fault, key, str(meaning.key)) if renames else fault
    if meaning is not None:
        if call:
            alone = key not in marks.items and place.length == len(key)
            return _called(fault, meaning, call, key, alone)
        return _translated(fault, meaning, key, item, marks)
    if " - " in key:
        return fault._replace(help="indent each `- ` equally")
    if " " in key or "{" in key or "(" in key:
        form = "write an operator, a colon and its body: `- conv: {out: 8, kernel: 3}`"
        return fault._replace(help=form)
    slip = _slip(reader, key)
    if slip is None:
        return fault._replace(help=LISTED)
    return instead(fault._replace(help=f"did you mean `{slip}`?"), key, slip)


def _slip(reader: Reader, key: str) -> str | None:
    """Return the operator or block that a key is clearly a misspelling of."""
    return clear_misspelling(key, [*BY_KEY, *reader.blocks, "chain"])


def _lacks_colon(reader: Reader, fault: Diagnostic, key: str, place: Position) -> Diagnostic | None:
    """Describe an operator or block whose body follows it without a colon."""
    first, _, rest = key.partition(" ")
    if not rest or not (first in BY_KEY or first in reader.blocks):
        return None
    if place.length == 1:  # the key continues on the next line
        lacking = f"put a colon after `{first}`, and check the lines below it: `- {first}:`"
        return fault._replace(help=lacking)
    if " - " in key:
        return None
    right = f"{first}: {rest}"
    fault = fault._replace(help=f"put a colon after `{first}`: `- {right}`")
    certain = rest.isalnum() and rest not in BY_KEY
    return instead(fault, key, right, certain=certain)


def _called(fault: Diagnostic, found: Translation, call: Call, key: str, alone: bool) -> Diagnostic:
    """Describe a layer that is written as a call: `nn.ReLU(inplace=True)`."""
    written = layer_of(call, found)
    if written is None or not alone:
        return fault._replace(help=f"here it is written `- {_form(found.op)}`")
    text, note = written
    if note:
        return fault._replace(help=f"the nearest operator is `{found.op.key}`; {note}")
    return instead(fault._replace(help=f"write `- {text}`"), key, text)


def _form(op: type[Op]) -> str:
    """Return how a layer is written, with its required fields by name."""
    required = [name for name, field in op.fields().items() if field.is_required()]
    body = ", ".join(f"{name}: …" for name in required or list(op.fields())[:1])
    return f"{op.key}: {{{body}}}" if body else op.key


def _translated(
    fault: Diagnostic, found: Translation, key: str, item: dict[str, Any], marks: Marks
) -> Diagnostic:
    """Describe a word that means an operator; the fix writes it unless its body differs."""
    op, meaning = found
    body = item[key]
    note = meaning.note if meaning.differs(body) else None
    help = f"here it is called `{op.key}`"
    if meaning.settings:
        help += f" with `{in_yaml(dict(meaning.settings))[1:-1]}`"
    if meaning.bare and body is not None and not isinstance(body, dict):
        help += f", and its value is `{meaning.bare}`"
    if _states_inferred(found, body):
        help += f", and {op.inferred} is inferred"
    fault = fault._replace(help=f"{help}; {note}" if note else help)
    edits = () if note else _edits(fault.position, found, key, item, marks)
    if not edits:
        return fault
    return fault._replace(fix=Fix(f"write `{op.key}`", edits, certain=True))


def _states_inferred(found: Translation, body: Any) -> bool:
    """Return whether a bare value gives what the operator infers: `BatchNorm2d: 16`."""
    op = found.op
    return op.inferred is not None and op.main is None and isinstance(body, int)


def _edits(
    place: Position | None, found: Translation, key: str, item: dict[str, Any], marks: Marks
) -> tuple[Edit, ...]:
    """Return edits that write a layer under the operator's name; none if its body differs."""
    op, meaning = found
    body, value = item[key], marks.items.get(key)
    if place is None or not _written_alike(place, key):
        return ()
    is_quoted = place.length > len(key)
    renamed = Edit.over(place, op.key, key)
    given = body if isinstance(body, dict) else {}
    added = {name: value for name, value in meaning.settings.items() if name not in given}
    settings = in_yaml(added)[1:-1]
    if value is None:  # a bare word
        if not settings:
            return (renamed,)
        return () if is_quoted else (Edit.over(place, f"{op.key}: {{{settings}}}"),)
    if _states_inferred(found, body):
        return _without_value(place, op, value, alone=len(item) == 1) or (renamed,)
    if body is None or isinstance(body, dict):
        if not settings:
            return (renamed,)
        return _with_settings(renamed, value, settings) if body else ()
    field = meaning.bare or op.main
    if not settings and field == op.main:
        return (renamed,)
    if is_quoted or isinstance(body, str) and set(body) & set(",[]{}#"):
        return ()
    opened = Edit.over(place, f"{op.key}: {{{field}")
    return _closed(opened, value, f", {settings}}}" if settings else "}")


def _written_alike(place: Position, key: str) -> bool:
    """Return whether the text has the key on one line, without escapes, quoted or not."""
    return place.length in (len(key), len(key) + 2)


def _without_value(place: Position, op: type[Op], value: Marks, alone: bool) -> tuple[Edit, ...]:
    """Write the operator without its value; beside other keys, it needs an empty body."""
    end = value.whole("{}")
    if not alone:
        return (Edit.over(place, op.key), end)
    return (Edit(place.line, place.column, end.end_line, end.end_column, op.key),)


def _with_settings(renamed: Edit, value: Marks, settings: str) -> tuple[Edit, ...]:
    """Add settings at the start of a body in braces that starts on the line of its key."""
    if value.line != renamed.line - 1:
        return ()
    inside = value.column + 2
    return (renamed, Edit(renamed.line, inside, renamed.line, inside, f"{settings}, "))


def _closed(opened: Edit, value: Marks, text: str) -> tuple[Edit, ...]:
    """If an edit to a key opens braces, close them after a value on the same line."""
    end = value.whole(text)
    if value.line != opened.line - 1 or end.end_line != opened.line:
        return ()
    return (opened, Edit(end.end_line, end.end_column, end.end_line, end.end_column, text))
