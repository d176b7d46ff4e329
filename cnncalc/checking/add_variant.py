"""Adds a variant to the text of a spec, and keeps its comments and layout."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..diagnostic import Diagnostic, Mistake
from ..language.load import from_text
from ..language.names import NAME
from ..language.spec import Spec
from ..language.yaml_flow import in_yaml
from ..text_file import write_text
from ..zoo import folder
from .repair.edited_text import EditedText


def add_variant(spec: Spec, base: str | None, name: str, settings: Mapping[str, Any]) -> None:
    """Write a variant with these parameters into the file of a spec.

    The parameters of the `base` variant are kept beside them.

    Errors: a Mistake (CNN111) for a spec that cannot be written, a name that is taken or not
    allowed, or a setting that is not a parameter.
    """
    path = Path(spec.file)
    if not path.is_file() or folder() in path.resolve().parents:
        help = "copy it first: cnncalc init mine --from NAME"
        raise _mistake(f"--write {name}: {spec.file} is no file of yours", help)
    if not NAME.match(name) or name.isdigit():
        raise _mistake(f"--write {name}: a variant's name has letters, digits and _", None)
    if name in spec.variants:
        raise _mistake(f"--write {name}: {spec.file} has this variant already", "another name")
    others = [key for key in settings if key not in spec.parameter_names]
    if others:
        message = f"--write {name}: `{others[0]}` is not a parameter of the spec"
        raise _mistake(message, "let the input name a parameter, as in `input: [3, size, size]`")
    own = (spec.document.variants or {}).get(base) if base else None
    text = with_variant(spec, name, {**((own and own.params) or {}), **settings})
    write_text(path, text)


def with_variant(spec: Spec, name: str, params: Mapping[str, Any]) -> str:
    """Return the text of a spec with another variant, after the others.

    Errors: a Mistake if the text does not allow that.
    """
    edited = EditedText(spec.text)
    body = f"params: {in_yaml({key: _exact(value) for key, value in params.items()})}"
    marks = spec.marks.find("variants")
    if spec.document.variants:
        start, end = edited.span(marks)
        if spec.text[start] == "{":
            at = len(spec.text[: end - 1].rstrip())
            edit = edited.edit(at, at, f", {name}: {{{body}}}")
        else:
            indent = " " * marks.column
            edit = edited.edit(end, end, f"\n{indent}{name}:\n{indent}  {body}")
    else:
        start = edited.span(spec.marks.find("params"))[1] if spec.document.params else 0
        newline = spec.text.find("\n", start)
        at = len(spec.text) if newline < 0 else newline
        edit = edited.edit(at, at, f"\nvariants:\n  {name}:\n    {body}")
    text = edited.apply((edit,)).text
    try:
        after = from_text(text, spec.file)
    except Mistake:
        after = None
    if after is None or not after.ok or name not in after.variants:
        raise _mistake(f"--write {name}: the layout of {spec.file} does not allow it", None)
    return text


def _exact(value: Any) -> Any:
    """Return a fraction as a decimal number where that is exact."""
    if isinstance(value, (list, tuple)):
        return list(map(_exact, value))
    if isinstance(value, Fraction) and value.denominator != 1:
        number = float(value)
        return number if Fraction(repr(number)) == value else value
    return value


def _mistake(message: str, help: str | None) -> Mistake:
    return Mistake(Diagnostic("CNN111", message, help=help))
