"""The bundled networks."""

from __future__ import annotations

from ..spec.load import files, from_text, read, shorten
from ..spec.spec import Spec
from .analyze import analyze
from .fold import Report


def specs() -> list[tuple[str, Spec]]:
    """Each bundled file, by its stem."""
    return [(path.stem, from_text(read(path), shorten(path))) for path in files()]


def members(spec: Spec) -> list[str | None]:
    """The base and the variants; a variant that changes nothing is the base, under its own name."""
    variants = spec.document.variants or {}
    same = any(own is None or not own.params for own in variants.values())
    return [*([] if same else [None]), *variants]


def networks() -> list[tuple[str, str, Report]]:
    """(name, SPEC, report) of every bundled network."""
    found = []
    for stem, spec in specs():
        for variant in members(spec):
            target = f"{stem}.yaml#{variant}" if variant else f"{stem}.yaml"
            found.append((variant or stem, target, analyze(spec, variant)))
    return found
