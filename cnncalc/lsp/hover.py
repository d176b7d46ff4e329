"""Hover: the arithmetic of a layer, the documentation of a word, the value of a parameter."""

from __future__ import annotations

from typing import Any

from lsprotocol import types as lsp

from ..analysis.result import Report
from ..checking.lock import Figures
from ..language.names import GRAPH_WORDS
from ..language.scope import Scope
from ..language.steps import REQUIRED, Step
from ..language.validation import plain
from ..render.explain import Explained, explained, listed
from ..wording import axes_text, plural, shape_text, short
from .documentation import field_text, keys_of, operator_text, operators_by_name, word_text
from .names import Mention, Names
from .uses import LayerUse
from .view import View


def hover(view: View, offset: int, figures: dict[str | None, Figures]) -> lsp.Hover | None:
    """Return what is known about the place; `figures` are those of the variants checked so far."""
    found = _found(view, offset, figures)
    if found is None:
        return None
    text, start, end = found
    content = lsp.MarkupContent(lsp.MarkupKind.Markdown, text)
    return lsp.Hover(content, view.places.range(start, end))


def _found(
    view: View, offset: int, figures: dict[str | None, Figures]
) -> tuple[str, int, int] | None:
    names = view.names
    if names is None:
        return None
    mention = names.at(offset)
    if mention is not None and not mention.is_implied:
        text = _of_name(view, names, mention, figures)
        if text:
            return text, mention.start, mention.end
    return _of_key(view, names, offset)


def _of_name(
    view: View, names: Names, mention: Mention, figures: dict[str | None, Figures]
) -> str | None:
    kind, owner, word = mention.name
    if kind == "parameter":
        return _parameter(view, owner, word)
    if kind == "variant":
        return _variant(view, word, figures)
    if kind == "block":
        return _block(view, word, mention)
    step = names.layer(mention.name)
    return layer_text(view, step) if step is not None else None


def layer_text(view: View, step: Step) -> str:
    """Return the arithmetic of a layer or block, in the use that is shown."""
    use = _use(view, step)
    if view.report is None:
        return ""
    if use is None or use.group[0] == use.group[1]:
        return f"**`{step.name}`** is not part of the network that is shown"
    found = _explained(view, view.report, use)
    return listed(found).written() if found else ""


def _explained(view: View, report: Report, use: LayerUse) -> Explained | None:
    path = f"{use.path}.0" if use.copies is not None else use.path
    found = explained(report, path, view.has_figures)
    rows = report.group(use.path)
    if found is None and len(rows) == 1:  # a block of one layer
        return explained(report, rows[0].path, view.has_figures)
    return found


def _use(view: View, step: Step) -> LayerUse | None:
    return next((use for use in view.shown if use.step is step), None)


def _block(view: View, block: str, mention: Mention) -> str:
    assert view.spec is not None
    params = view.spec.blocks[block].params
    signature = ", ".join(
        name if default is REQUIRED else f"{name} = {_written(view, block, name)}"
        for name, default in params.items()
    )
    uses = view.uses.blocks.get(block, []) if view.uses else []
    use = view.uses.use_shown(block, view.chosen) if view.uses else None
    lines = [f"**block `{block}`**({signature})", f"{plural(len(uses), 'use')} in this network"]
    step = None
    if not mention.declares and view.names is not None:
        found = view.names.step_at(mention.start)
        step = found and found[1]
    if step is not None:
        lines.append(layer_text(view, step))
    elif use is not None and view.report is not None:
        inside = explained(view.report, use.path)
        lines.append(listed(inside).written() if inside else "")
    return "\n\n".join(filter(None, lines))


def _written(view: View, block: str, name: str) -> str:
    """Return the default of a block's parameter as it is written."""
    assert view.spec is not None
    marks = view.spec.marks.find("blocks", block, "params", name)
    return view.places.edited.as_written(marks)


def _parameter(view: View, owner: str, word: str) -> str:
    assert view.spec is not None
    if owner:
        value = value_in_use(view, owner, word)
        known = "" if value is None else f" = `{plain(value)}` in the use that is shown"
        return f"**parameter `{word}`** of block `{owner}`{known}"
    lines = []
    for variant in view.spec.members:
        values = view.spec.parameters(variant)
        if word in values:
            shown = plain(values[word])
            lines.append(f"- {variant or 'the base'}: `{shown}`")
    values = view.spec.parameters(view.variant)
    own = f" = `{plain(values[word])}`" if word in values else ""
    listed = "\n".join(lines) if len({line.partition(": ")[2] for line in lines}) > 1 else ""
    return f"**parameter `{word}`**{own}\n\n{listed}".strip()


def value_in_use(view: View, block: str, word: str) -> Any:
    """Return the value of a block's parameter in the use that is shown; None if it has none."""
    use = view.uses.use_shown(block, view.chosen) if view.uses else None
    if use is None:
        return None
    for source in view.expansion.written:
        scope: Scope | None = source[1] if source else None
        while scope is not None:
            if scope.prefix == f"{use.path}." and word in scope.values:
                return scope.values[word]
            scope = scope.parent
    return None


def _variant(view: View, variant: str, figures: dict[str | None, Figures]) -> str:
    assert view.spec is not None
    lines = [f"**{view.spec.title(variant)}** (variant `{variant}`)"]
    totals = figures.get(variant)
    if totals is None and variant in view.names_shown and view.report and view.report.complete:
        totals = {
            "params": view.report.totals.params,
            "macs": view.report.totals.macs,
            "outputs": view.report.outputs,
        }
    if totals is not None:
        lines += totals_lines(totals)
    return "\n\n".join([lines[0], "\n".join(lines[1:])]).strip()


def totals_lines(totals: Figures) -> list[str]:
    """Return the totals of a network, a line each."""
    lines = [f"- parameters: {totals['params']:,}", f"- MACs: {totals['macs']:,}"]
    field = totals.get("receptive_field")
    if field:
        lines.append(f"- receptive field: {field if isinstance(field, int) else axes_text(field)}")
    for name, shape in totals.get("outputs", {}).items():
        lines.append(f"- output {name}: {shape_text(shape)}")
    return lines


def short_totals(totals: Figures) -> str:
    """Return the totals of a network in one line: ``25.56 M params · 4.089 G MACs``."""
    return f"{short(totals['params'])} params · {short(totals['macs'])} MACs"


def _of_key(view: View, names: Names, offset: int) -> tuple[str, int, int] | None:
    """Return what the key at an offset means: a field, a word of the graph, a part of the spec."""
    places = view.places
    found = names.step_at(offset)
    if found is not None:
        step = found[1]
        for word in GRAPH_WORDS:
            if word in step.marks.keys:
                start, end = places.key(step.marks, word)
                if start <= offset <= end:
                    return f"**`{word}`** {word_text(word) or ''}", start, end
        operator = operators_by_name().get(step.op.key) if step.op is not None else None
        for field in operator.fields if operator is not None else ():
            if field.name in step.body_marks.keys and operator is not None:
                start, end = places.key(step.body_marks, field.name)
                if start <= offset <= end:
                    return field_text(operator, field), start, end
        start = places.start(step.place)
        end = start + step.place.length
        if start <= offset <= end:
            text = f"**`chain`** {word_text('chain') or ''}" if step.key == "chain" else None
            text = operator_text(operator) if operator is not None else text
            return "\n\n".join(filter(None, (layer_text(view, step), text))), start, end
    assert view.spec is not None
    for key, meaning in keys_of("spec").items():
        if key in view.spec.marks.keys:
            start, end = places.key(view.spec.marks, key)
            if start <= offset <= end:
                return f"**`{key}`** {meaning}", start, end
    return None
