"""An open document: its text, what is known of it, and the work on it, which edits give up."""

from __future__ import annotations

import os
from pathlib import Path

from ..analysis.result import Budget
from ..checking.config import Config, configured
from ..checking.files import excluded, is_spec, relative_path
from ..checking.finding import Checked, Finding
from ..checking.lock import Figures, network_name
from ..checking.run import Job, check_text, job_of, judged
from ..diagnostic import Diagnostic, Mistake, Position, internal_fault
from .line_map import LineMap
from .unfinished import without_unfinished
from .view import View

_CONFIGURATION, _BASELINE = "configuration", "baseline"  # of a project
_IN_ONE_PLACE = 3  # lines that somebody is typing; the view before them is still of use


class Document:
    """A document that an editor has open.

    Attributes:
        uri: its address.
        path: its file; what messages call it.
        text: its text.
        version: the editor's number of the text.
        variant: the network that is to be shown; None for the first.
        chosen: for blocks, which of their uses is to be shown.
        view: what is known of the text; None if that is not known yet.
        sound: the last view of a text without errors of its own.
        checked: the last full check, of this text or an earlier one.
        findings: what is wrong with the text, as far as it is known.
        project_faults: what is wrong with the configuration of its project, and does not count.
    """

    def __init__(self, uri: str, path: str, encoding: str = "utf-16"):
        self.uri, self.path, self.encoding = uri, path, encoding
        self.text = ""
        self.version: int | None = None
        self.variant: str | None = None
        self.chosen: dict[str, int] = {}
        self.view: View | None = None
        self.sound: View | None = None
        self.checked: Checked | None = None
        self.findings: tuple[Finding, ...] = ()
        self.generation = 0
        self.project_faults: dict[str, Diagnostic] = {}
        self._known_config: Config | None = None

    def reconfigure(self) -> None:
        """Read the configuration of the project again when it is needed."""
        self._known_config = None

    def is_spec(self) -> bool:
        """Return whether `check` would take the document for a spec."""
        config = self._config()
        path = relative_path(self.path, config.root)
        return is_spec(self.path, self.text) and not excluded(path, config.exclude)

    def look(self) -> View:
        """Read the text and expand the network that is shown; find what is wrong with these.

        It takes some milliseconds, and replaces `view` and `findings`.
        """
        text = self.text  # the editor may change it meanwhile
        view = View(text, self.path, self.version, self.variant, self.chosen, self.encoding)
        try:
            if view.has_figures:
                _ = view.report
            _ = view.shown
            findings = judged(view.examined(), text, self.path, self._job(), False).findings
        except Exception as error:
            findings = self._failed(error)
        others = self._of_others(view)
        ordered = sorted([*findings, *others], key=lambda finding: finding.place)
        sound = self._sound_view(view)
        self.view, self.sound, self.findings = view, sound, tuple(ordered)
        return view

    def forget(self) -> None:
        """Forget what was known of the document, which is not a spec any more.

        It is done in turn with the work on earlier texts, which would bring their views back.
        """
        self.view = self.sound = self.checked = None
        self.findings = ()

    def check(self) -> Checked:
        """Check the text as `cnncalc check` does, with a search for repairs."""
        try:
            checked = check_text(self.text, self.path, None, self._job())
        except Exception as error:
            checked = Checked(self.path, self.text, (), self._failed(error))
        self.checked, self.findings = checked, checked.findings
        return checked

    @property
    def figures(self) -> dict[str | None, Figures]:
        """The figures of the networks of the last check, by variant."""
        checked = self.checked
        if checked is None:
            return {}
        path = relative_path(self.path, ".")
        names = {network_name(path, variant): variant for variant in checked.networks}
        return {names[name]: own for name, own in checked.figures.items() if name in names}

    @property
    def budgets(self) -> list[Budget]:
        """The budgets of the network that is shown."""
        view = self.view
        report = view.report if view is not None and view.has_figures else None
        return report.budgets if report is not None else []

    def lines_of(self, view: View) -> LineMap | None:
        """Return where the lines of a view are now; None if it is of this text."""
        return None if view.text == self.text else LineMap(view.text, self.text)

    def _of_others(self, view: View) -> list[Finding]:
        """Return what the last check found in other variants, on lines that are still there."""
        if self.checked is None or not view.is_sound:
            return []
        lines = LineMap(self.checked.text, view.text)
        found: list[Finding] = []
        for finding in self.checked.findings:
            position = finding.diagnostic.position
            is_shown = not view.names_shown.isdisjoint(finding.variants)
            if is_shown or position is None or not finding.variants:
                continue
            line = lines.now(position.line - 1)
            if line is not None:
                moved = position._replace(line=line + 1)
                kept = finding.diagnostic._replace(position=moved, fix=None)
                found.append(finding._replace(diagnostic=kept, fixes=()))
        return found

    def _sound_view(self, view: View) -> View | None:
        """Return the view if its text has no error of its own, or what of it can be read.

        While somebody types in one place, the view before that is kept.
        """
        if view.is_sound:
            return view
        before = self.sound
        if before is not None and LineMap(before.text, view.text).changed <= _IN_ONE_PLACE:
            return before
        return without_unfinished(view) or before

    def _config(self) -> Config:
        """Return the configuration of the project of the document; the defaults if it is wrong."""
        if self._known_config is None:
            self.project_faults.pop(_CONFIGURATION, None)
            try:
                folder = Path(os.path.abspath(self.path)).parent
                self._known_config = configured(folder)
            except Mistake as mistake:
                self.project_faults[_CONFIGURATION] = mistake.diagnostics[0]
                self._known_config = Config()
        return self._known_config

    def _job(self) -> Job:
        config = self._config()
        try:
            job = job_of(config)
        except Mistake as mistake:
            self.project_faults[_BASELINE] = mistake.diagnostics[0]
            return Job(config)
        self.project_faults.pop(_BASELINE, None)
        return job

    def _failed(self, error: Exception) -> tuple[Finding, ...]:
        """Return an internal fault as a finding, as `check` reports it."""
        start = Position(self.path, 1, 1)
        fault: Diagnostic = internal_fault(error, start)
        return (Finding(fault, fails=True),)
