"""JUnit's XML, as CI servers read it: a test case for each network, those that pass too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from ...checking.finding import Checked, Finding
from ..diagnostics import render as as_text

_FORBIDDEN = re.compile(
    r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # no characters of XML 1.0


def render(checked: list[Checked]) -> str:
    """A suite for each file."""
    suites = ET.Element("testsuites", name="cnncalc")
    for file in checked:
        cases = list(cases_of(file))
        failures = sum(case.find("failure") is not None for case in cases)
        suite = ET.SubElement(
            suites,
            "testsuite",
            name=clean(file.file),
            tests=str(len(cases)),
            failures=str(failures),
            errors="0",
        )
        suite.extend(cases)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode")


def cases_of(file: Checked) -> Iterator[ET.Element]:
    """A case for each network; a file that has none is one."""
    for network in file.networks or (None,):
        case = ET.Element("testcase", classname=clean(file.file), name=clean(network or "cnncalc"))
        mine = [finding for finding in file.findings if concerns(finding, network, file)]
        errors = [finding for finding in mine if finding.fails]
        others = [finding for finding in mine if not finding.fails]
        if errors:
            failure = ET.SubElement(
                case,
                "failure",
                message=clean(errors[0].diagnostic.message),
                type=errors[0].diagnostic.code,
            )
            failure.text = clean(texts(errors, file))
        if others:
            ET.SubElement(case, "system-out").text = clean(texts(others, file))
        yield case


def concerns(finding: Finding, network: str | None, file: Checked) -> bool:
    """Whether a finding is of a network; those of the text are of all."""
    return network in finding.variants or not set(finding.variants) & set(file.networks)


def texts(findings: list[Finding], file: Checked) -> str:
    return "\n".join(as_text(finding.diagnostic, {file.file: file.text}) for finding in findings)


def clean(text: str) -> str:
    """Without what XML cannot hold."""
    return _FORBIDDEN.sub("�", text)
