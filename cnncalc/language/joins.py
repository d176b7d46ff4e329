"""Reads what joins join: branches, and names of earlier layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ops import BY_KEY
from .graph_words import read_graph_words
from .layer_arguments import read_join_fields
from .layer_key import is_layer
from .layer_names import is_entry
from .names import BRANCH_WORDS, ENTRY_WORDS, name_fault
from .reader import Reader
from .steps import Step
from .validation import shown, unknown_key
from .yaml_tree import Marks

ReadLayers = Callable[[Reader, Any, Marks, frozenset[str]], list[Step]]


def read_join(
    reader: Reader, step: Step, body: Any, known: frozenset[str], read_layers: ReadLayers
) -> bool:
    """Read what a join joins; return whether it is right, apart from the layers of its branches."""
    sound = True
    if isinstance(body, dict):
        body, sound = read_join_fields(reader, step, body, known)
        if not body and step.body:
            help = f"name them: `{step.key}: {{{next(iter(step.body))}: …, of: [name, name]}}`"
            reader.report("CNN102", f"`{step.key}` has no branches", step.place, help)
            return False
    marks = step.body_marks
    if isinstance(body, dict) and _is_nameless(body):
        words = ", ".join(f"{word}: …" for word in body)
        help = f"give the branch a name: `{step.key}: {{path: {{{words}}}}}`"
        message = f"`{step.key}` takes branches by name, and this one has none"
        reader.report("CNN102", message, marks.position(reader.file), help)
        return False
    if isinstance(body, dict) and body:
        branches = [
            _read_branch(reader, name, branch, marks, known, read_layers)
            for name, branch in body.items()
        ]
    elif isinstance(body, list) and _are_entries(reader, body):
        branches = [_read_entry(reader, item, marks.find(n), known) for n, item in enumerate(body)]
        if step.source is not None:
            message = f"`{step.key}` with a list of layer names does not take `from`"
            place = step.marks.key(reader.file, "from")
            reader.report("CNN103", message, place, "add the layer to the list")
            sound = False
    else:
        reader.report(
            "CNN103",
            f"`{step.key}` takes named branches or a list of layer names, not {shown(body)}",
            marks.position(reader.file) if body else step.place,
            f"write `{step.key}: {{body: […], shortcut: []}}`, or `{step.key}: [name, name]`",
        )
        return False
    step.branches = branches
    sound &= all(branch.kind != "fault" for branch in branches)
    return sound & _right_number(reader, step)


def _is_nameless(body: dict[str, Any]) -> bool:
    """Return whether a mapping of branches is one branch, as its words show."""
    return len(body) > 1 and "layers" in body and body.keys() <= {*BRANCH_WORDS}


def _are_entries(reader: Reader, items: list[Any]) -> bool:
    """Return whether items are meant as entries of a join's list: at least one is, and no layer."""
    if not any(map(is_entry, items)):
        return False
    others = [item for item in items if not is_entry(item)]
    return all(isinstance(item, dict) for item in others) and not any(
        is_layer(reader, key) for item in others for key in item
    )


def _right_number(reader: Reader, step: Step) -> bool:
    """Return whether a join may have as many branches as are written; if not, report it."""
    fewest, most = BY_KEY[step.key].inputs
    found = len(step.fixed_branches)
    if not found:
        return True  # how many there are is known for each use
    if most is not None and found > most:
        message = f"`{step.key}` joins {most} branches, but has {found}"
        reader.report("CNN103", message, step.place, f"write another `{step.key}` for the rest")
        return False
    if found < fewest:
        message = f"`{step.key}` joins at least {fewest} branches, but has {found}"
        reader.report("CNN102", message, step.place, "add a branch; `[]` is the identity")
        return False
    return True


def _read_branch(
    reader: Reader,
    name: str,
    data: Any,
    marks: Marks,
    known: frozenset[str],
    read_layers: ReadLayers,
) -> Step:
    """Read a named branch: its layers, or a mapping that has them and words such as `repeat`."""
    branch = Step("chain", name, marks.find(name), marks.key(reader.file, name))
    branch.kind = "chain"
    errors = reader.errors
    fault = name_fault(name)
    if fault:
        reader.report("CNN108", f"`{name}` cannot be the name of a branch", branch.place, fault)
    layers, inside = data, branch.marks
    if isinstance(data, dict):
        known = _read_words(reader, branch, data, known, BRANCH_WORDS, f"branch `{name}`")
        layers, inside = data.get("layers", []), branch.marks.find("layers")
        if branch.is_repeated and not {"layers", "from"} & data.keys():
            message = f"branch `{name}` repeats nothing"
            reader.report("CNN102", message, branch.place, "give it `layers`, or `from`")
        if branch.is_many:
            help = f"put `{branch.source}` into a list: `[{branch.source}]`"
            place = branch.marks.find("from").position(reader.file)
            reader.report("CNN103", "a branch with layers begins at one layer", place, help)
    is_list = layers is None or isinstance(layers, list)
    sound = reader.errors == errors and is_list
    branch.body_marks = inside
    branch.layers = read_layers(reader, layers if layers is not None else [], inside, known)
    if not sound:
        branch.kind = "fault"
    return branch


def _read_entry(reader: Reader, item: Any, marks: Marks, known: frozenset[str]) -> Step:
    """Read an entry of a join's list."""
    branch = Step("chain", "", marks, marks.position(reader.file))
    branch.kind = "chain"
    errors = reader.errors
    words = item if isinstance(item, dict) else {"from": item}
    what = "an entry of a join's list"
    _read_words(reader, branch, words, known, ENTRY_WORDS, what)
    if reader.errors == errors and "from" not in words:
        reader.report("CNN102", f"{what} needs `from`", branch.place, "name an earlier layer")
    if reader.errors > errors:
        branch.kind = "fault"
    return branch


def _read_words(
    reader: Reader,
    branch: Step,
    data: dict[str, Any],
    known: frozenset[str],
    words: list[str],
    what: str,
) -> frozenset[str]:
    """Read the words of a branch; return the names that its layers may use."""
    for key in data.keys() - set(words):
        place = branch.marks.key(reader.file, key)
        reader.add(unknown_key(key, place, words, what, data))
    return read_graph_words(reader, branch, data, branch.marks, known)
