"""JUnit's XML, as CI servers read it: a test case for each network, even if it passes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from ...checking.finding import Checked, Finding
from ..diagnostics import render as as_text

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # of XML 1.0


def render(checked: list[Checked]) -> str:
    """Write a suite for each file."""
    suites = ET.Element("testsuites", name="cnncalc")
    suites.extend(map(_suite, checked))
    ET.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode")


def _suite(file: Checked) -> ET.Element:
    cases = list(_cases(file))
    failures = sum(case.find("failure") is not None for case in cases)
    suite = ET.Element(
        "testsuite",
        name=_clean(file.file),
        tests=str(len(cases)),
        failures=str(failures),
        errors="0",
    )
    suite.extend(cases)
    return suite


def _cases(file: Checked) -> Iterator[ET.Element]:
    """Yield a case for each network; a file without networks is one case."""
    for network in file.networks or (None,):
        name = _clean(network or "cnncalc")
        case = ET.Element("testcase", classname=_clean(file.file), name=name)
        own = [finding for finding in file.findings if _concerns(finding, network, file)]
        errors = [finding for finding in own if finding.fails]
        others = [finding for finding in own if not finding.fails]
        if errors:
            first = errors[0].diagnostic
            message = _clean(first.message)
            failure = ET.SubElement(case, "failure", message=message, type=first.code)
            failure.text = _clean(_texts(errors, file))
        if others:
            ET.SubElement(case, "system-out").text = _clean(_texts(others, file))
        yield case


def _concerns(finding: Finding, network: str | None, file: Checked) -> bool:
    """Whether a finding is about a network; what is about the text concerns all of them."""
    return network in finding.variants or not set(finding.variants) & set(file.networks)


def _texts(findings: list[Finding], file: Checked) -> str:
    return "\n".join(as_text(finding.diagnostic, {file.file: file.text}) for finding in findings)


def _clean(text: str) -> str:
    """Replace what XML cannot hold."""
    return _NOT_XML.sub("�", text)
