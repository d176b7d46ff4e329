"""Writes findings as JUnit XML for CI servers: a test case for each network, even if it passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree import ElementTree as ET

from ...checking.finding import Checked, Finding
from ..formats.lines import joined
from ..formats.xml import Xml
from .full import lines_of_finding
from .tally import remarks


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
    written: dict[int, str] = {}  # by finding: many networks may have the same one
    for finding in file.findings:
        written[id(finding)] = joined([lines_of_finding(file, finding)]).written()
    for network in file.networks or (None,):
        name = network or "cnncalc"
        case = ET.Element("testcase", classname=file.file, name=name)
        own = file.findings_of(network)
        errors = [finding for finding in own if finding.fails]
        others = [finding for finding in own if not finding.fails]
        if errors:
            first = errors[0]
            message = "; ".join((first.diagnostic.message, *remarks(file, first)))
            code = first.diagnostic.code
            failure = ET.SubElement(case, "failure", message=message, type=code)
            failure.text = _texts(errors, written)
        if others:
            ET.SubElement(case, "system-out").text = _texts(others, written)
        yield case


def _texts(findings: list[Finding], written: Mapping[int, str]) -> str:
    return "\n".join(written[id(finding)] for finding in findings)
