"""JUnit's XML, as CI servers read it: a test case for each network, even if it passes."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from ...checking.finding import Checked, Finding
from ..diagnostics import lines_of
from ..formats.lines import joined
from ..formats.xml import Xml


def render(checked: list[Checked]) -> Xml:
    """Write a suite for each file."""
    suites = ET.Element("testsuites", name="cnncalc")
    suites.extend(map(_suite, checked))
    return Xml(suites)


def _suite(file: Checked) -> ET.Element:
    cases = list(_cases(file))
    failures = sum(case.find("failure") is not None for case in cases)
    suite = ET.Element(
        "testsuite",
        name=file.file,
        tests=str(len(cases)),
        failures=str(failures),
        errors="0",
    )
    suite.extend(cases)
    return suite


def _cases(file: Checked) -> Iterator[ET.Element]:
    """Yield a case for each network; a file without networks is one case."""
    for network in file.networks or (None,):
        name = network or "cnncalc"
        case = ET.Element("testcase", classname=file.file, name=name)
        own = [finding for finding in file.findings if _concerns(finding, network, file)]
        errors = [finding for finding in own if finding.fails]
        others = [finding for finding in own if not finding.fails]
        if errors:
            first = errors[0].diagnostic
            failure = ET.SubElement(case, "failure", message=first.message, type=first.code)
            failure.text = _texts(errors, file)
        if others:
            ET.SubElement(case, "system-out").text = _texts(others, file)
        yield case


def _concerns(finding: Finding, network: str | None, file: Checked) -> bool:
    """Whether a finding is about a network; what is about the text concerns all of them."""
    return network in finding.variants or not set(finding.variants) & set(file.networks)


def _texts(findings: list[Finding], file: Checked) -> str:
    sources = {file.file: file.text}
    return joined(lines_of(finding.diagnostic, sources) for finding in findings).written()
