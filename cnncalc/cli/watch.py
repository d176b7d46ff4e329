"""The command watch: analyses a spec again whenever it is saved, and shows what changed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..diagnostic import Diagnostic, Mistake
from . import options as o
from .option_values import depth_of, usage
from .output import is_coloured, is_terminal, on_terminal, present, say, text_width

if TYPE_CHECKING:
    from ..checking.finding import Checked
    from ..language.spec import Spec

_POLL = 0.2  # seconds between two looks at the file
_SETTLED = 0.05  # seconds that an editor takes to write a file


def watch(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="a file, or file#variant to watch one variant")
    ],
    variant: o.Variant = None,
    depth: o.Depth = None,
) -> None:
    """Analyse a spec again whenever it is saved, and show what changed, until Ctrl-C.

    It shows findings as `check` does, and changes since the last sound version as `diff` does.

    Examples:
        See the figures of a network change while you edit it:
        cnncalc watch net.cnn.yaml
        Watch one variant, block by block:
        cnncalc watch net.cnn.yaml --depth 1
    """
    path, _, named = spec.partition("#") if not os.path.exists(spec) else (spec, "", "")
    if variant is not None and named not in ("", variant):
        both = f"--variant is {variant}, but SPEC names the variant {named}"
        raise usage(both, "name only one of them")
    if not os.path.isfile(path):
        message = f"{path} is not a file that can be saved"
        raise Mistake(Diagnostic("CNN002", message, help="name the file of a spec"))
    level = depth_of(depth) if depth is not None else None
    sound: Spec | None = None
    try:
        for text in _saved(path):
            sound = _shown(text, path, variant or named or None, level, sound) or sound
    except KeyboardInterrupt:
        return


def _saved(path: str) -> Iterator[str]:
    """Yield the text of a file, then again each time that it is saved with another one."""
    from ..language.load import read

    before: tuple[int, int, int] | None = None
    last: str | None = None
    while True:
        try:
            found = os.stat(path)
            now = (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError:  # some editors remove a file before they write it
            now = before or (0, 0, 0)
        if now != before:
            before = now
            time.sleep(_SETTLED)
            try:
                text = read(Path(path))
            except Mistake:
                if last is None:
                    raise
                before = None
            else:
                if text != last:
                    last = text
                    yield text
        time.sleep(_POLL)


def _shown(
    text: str, path: str, variant: str | None, depth: int | None, before: Spec | None
) -> Spec | None:
    """Show what is wrong with a text, and what changed; return its spec if nothing is wrong."""
    from ..checking.run import Job, check_text
    from ..diagnostic import internal_fault
    from .spec_paths import configuration

    try:
        checked = check_text(text, path, variant, Job(configuration()))
        spec = None if checked.fails else _spec(text, path, variant)
    except Mistake:
        raise
    except Exception as error:
        raise Mistake(internal_fault(error)) from error
    say(f"{time.strftime('%H:%M:%S')} {path}")
    _show_findings(checked)
    if spec is not None and before is None:
        _show_totals(spec)
    elif spec is not None and before is not None:
        _show_changes(before, spec, depth)
    say("")
    if sys.stdout is not None:
        sys.stdout.flush()
    return spec


def _spec(text: str, path: str, variant: str | None) -> Spec:
    from ..language.load import from_text

    return from_text(text, path, variant)


def _show_findings(checked: Checked) -> None:
    """Show findings: in full if the check fails, otherwise a line for each."""
    if not checked.fails:
        if checked.findings:
            present("findings", "concise", None, [checked])
        return
    on_screen = is_terminal(sys.stdout)
    shown = ([checked], text_width()) if on_screen else ([checked],)
    present("findings", "full", None, *shown, colour=on_screen and is_coloured(sys.stdout))


def _show_totals(spec: Spec) -> None:
    """Show the totals of each network."""
    from ..analysis.analyze import analyze
    from ..wording import short

    for name in [spec.variant] if spec.variant else spec.members:
        totals = analyze(spec, name).totals
        title = spec.title(name)
        say(f"{title}: {short(totals.params)} parameters, {short(totals.macs)} MACs")


def _show_changes(old: Spec, new: Spec, depth: int | None) -> None:
    """Show the networks that changed."""
    from ..render.diff import differs
    from .diff import differences

    found, alone = differences(old, new, {})
    changed = [(name, pair) for name, pair in found if differs(pair)]
    if not changed and not any(alone):
        say("no figure changed")
        return
    folds = depth is None and on_terminal()
    if changed:
        present("diff", "table", None, changed, alone, depth, folds)
