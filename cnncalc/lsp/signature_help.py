"""Signature help: the parameters of the block or operator whose values are being typed."""

from __future__ import annotations

from lsprotocol import types as lsp

from ..analysis.ops import OperatorField
from ..language.steps import REQUIRED
from ..language.yaml_flow import in_yaml
from .cursor import cursor_at
from .documentation import operators_by_name
from .part import Part, part_at
from .view import View


def signature_help(text: str, offset: int, sound: View | None) -> lsp.SignatureHelp | None:
    """Return the parameters of what is around an offset, and which of them is being typed."""
    cursor = cursor_at(text, offset)
    if cursor is None:
        return None
    spec = sound.spec if sound is not None else None
    part = part_at(cursor.path, tuple(spec.blocks) if spec is not None else (), cursor.keys)
    parameters = _parameters(part, sound)
    if not parameters:
        return None
    labels = [label for label, _ in parameters]
    name = part.key if part.kind in ("argument", "field") else cursor.word.typed
    active = next((n for n, label in enumerate(labels) if label.partition(" ")[0] == name), None)
    if active is None and part.kind in ("use", "body") and not cursor.is_key:
        active = 0  # the one value is that of the first parameter
    signature = lsp.SignatureInformation(
        label=f"{part.owner}({', '.join(labels)})",
        parameters=[lsp.ParameterInformation(label, meaning) for label, meaning in parameters],
        active_parameter=active,
    )
    return lsp.SignatureHelp([signature], active_signature=0, active_parameter=active)


def _parameters(part: Part, sound: View | None) -> list[tuple[str, str]]:
    """Return the parameters, each as it is declared, with its meaning."""
    if part.kind in ("use", "argument") and sound is not None and sound.spec is not None:
        block = sound.spec.blocks[part.owner]
        written = block.marks.find("params")
        found = []
        for name, default in block.params.items():
            value = sound.places.edited.as_written(written.find(name))
            needed = default is REQUIRED
            found.append((name if needed else f"{name} = {value}", "required" if needed else ""))
        return found
    operator = operators_by_name().get(part.owner)
    if part.kind not in ("body", "field") or operator is None:
        return []
    return [(_label(field), field.meaning) for field in operator.fields]


def _label(field: OperatorField) -> str:
    """Return a field with its default."""
    if field.required:
        return field.name
    default = "…" if field.default is None else in_yaml(field.default)
    return f"{field.name} = {default}"
