"""The command watch: analyses a spec again whenever it is saved, and shows what changed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..diagnostic import Diagnostic, Mistake, internal_fault
from . import options as o
from .option_values import depth_of, usage
from .output import complain, is_coloured, is_terminal, on_terminal, present, say, text_width

if TYPE_CHECKING:
    from ..checking.finding import Checked
    from ..language.spec import Spec

_POLL = 0.2  # seconds between two looks at the file
_SETTLED = 0.05  # seconds that an editor takes to write a file

_Stamp = tuple[int, int, int]


def watch(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="a file, or file#variant to watch one variant")
    ],
    variant: o.Variant = None,
    depth: o.Depth = None,
) -> None:
    """Analyse a spec again whenever it is saved, and show what changed, until Ctrl-C.

    It shows findings as `check` does, and changes since the last sound version as `diff` does.
    If the file cannot be read, it says so, and goes on when it can.

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
    watched = _Watched(
        path, variant or named or None, depth_of(depth) if depth is not None else None
    )
    try:
        text = _text(path)
        _say_when(path)
        watched.show(text)
        for saved in _saved(path, text):
            _say_when(path)
            watched.show_or_say(saved)
    except KeyboardInterrupt:
        return


def _saved(path: str, shown: str | None) -> Iterator[str | Mistake]:
    """Yield the text of a file each time that it is saved with another one than is shown.

    If it cannot be read, yield why, once, and its text when it can be read again.
    """
    seen: _Stamp | None = None
    fault, is_said = "", False
    while True:
        time.sleep(_POLL)
        now = _stamp(path)
        if now is not None and now == seen:
            continue
        time.sleep(_SETTLED)
        try:
            text = _text(path)
        except Mistake as mistake:
            if str(mistake) != fault:  # some editors remove a file before they write it
                fault, is_said, seen = str(mistake), False, None
            elif not is_said:
                is_said, shown, seen = True, None, now
                yield mistake
            continue
        fault, seen = "", now
        if text != shown:
            shown = text
            yield text


def _stamp(path: str) -> _Stamp | None:
    """Return what changes whenever a file is saved; None if it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _text(path: str) -> str:
    """Return the text of a file. Errors: a Mistake if it cannot be read."""
    from ..language.load import read

    if not os.path.isfile(path):
        message = f"{path} is no longer a file"
        raise Mistake(Diagnostic("CNN002", message, help="it is shown again once it is saved"))
    return read(Path(path))


class _Watched:
    """A file that is watched, and its last sound version."""

    def __init__(self, path: str, variant: str | None, depth: int | None):
        self._path, self._variant, self._depth = path, variant, depth
        self._sound: Spec | None = None

    def show(self, text: str) -> None:
        """Show what is wrong with a text, and what changed.

        Errors: a Mistake if that cannot be found out.
        """
        try:
            self._show(text)
        except (Mistake, OSError):
            raise
        except Exception as error:
            raise Mistake(internal_fault(error)) from error

    def show_or_say(self, saved: str | Mistake) -> None:
        """Show a text as `show` does, or say why that cannot be done."""
        try:
            if isinstance(saved, Mistake):
                raise saved
            self.show(saved)
        except Mistake as mistake:
            _flush()
            complain(mistake.diagnostics, mistake.sources)

    def _show(self, text: str) -> None:
        from ..checking.run import check_text, job_of
        from ..language.load import from_text
        from .spec_paths import configuration

        checked = check_text(text, self._path, self._variant, job_of(configuration()))
        spec = None if checked.fails else from_text(text, self._path, self._variant)
        _show_findings(checked)
        if spec is not None and self._sound is None:
            _show_totals(spec)
        elif spec is not None and self._sound is not None:
            _show_changes(self._sound, spec, self._depth)
        self._sound = spec or self._sound
        say("")
        _flush()


def _say_when(path: str) -> None:
    say(f"{time.strftime('%H:%M:%S')} {path}")


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


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
