"""Figures published about the bundled networks agree, or an erratum says why not."""

from __future__ import annotations

from fractions import Fraction

import pytest

import cnncalc
from cnncalc.analysis.figures import printed

from .samples import BUNDLED, Bundled, yaml


@pytest.mark.parametrize("network", BUNDLED, ids=lambda network: network.name)
def test_every_difference_is_explained(network: Bundled) -> None:
    report = cnncalc.analyze(network.spec, network.variant)
    assert [str(d) for d in report.diagnostics if d.severity != "note"] == []
    entries = network.spec.figures(network.variant).published
    assert len(report.published) == len(entries)
    for entry in report.published:
        assert entry.agrees is (entry.erratum is None), entry
        assert entry.source, entry


def test_the_known_errata_are_there() -> None:
    def differing(name: str) -> set[tuple]:
        return {
            (p.what, p.at, str(p.printed))
            for p in cnncalc.analyze(cnncalc.load(name)).published
            if not p.agrees
        }

    assert {("activations", None, "24M"), ("activation_bytes", None, "93MB")} <= differing("vgg16")
    assert ("activations", "conv1", "253440") in differing("alexnet")
    wrong = {at for what, at, _ in differing("googlenet") if what == "weights"}
    assert {
        "conv1",
        "inception4a",
        "inception4c",
        "inception4d",
        "inception4e",
        "inception5a",
        "inception5b",
    } <= wrong


@pytest.mark.parametrize(
    ("value", "figure", "agrees"),
    [
        ("138M", 138_357_544, True),
        ("138M", 138_500_001, False),
        ("25.6M", 25_557_032, True),
        ("2.7K", 9408, False),
        (60000, 60000, True),
        (60000, 60001, False),
        ("93MB", 60_950_432, False),
        ("58.1MiB", 60_950_432, True),
        ("1,516", 1516, True),
        ("159Ki", 163_328, True),
        ("6e7", 60_000_000, True),
        (Fraction(3, 2), 1, False),
    ],
)
def test_figures_are_rounded_to_the_printed_digits(
    value: object, figure: int, agrees: bool
) -> None:
    number = printed(value, bytes="B" in str(value))
    assert number is not None
    assert number.agrees(figure) is agrees


def test_a_wrong_figure_is_reported() -> None:
    text = yaml("""
        input: [3, 8, 8]
        layers:
          - conv: {out: 2, kernel: 3}
        published:
          - {what: params, value: 57}
          - {what: params, value: 56, erratum: none left}
    """)
    found = cnncalc.analyze(cnncalc.loads(text)).diagnostics
    places = [(d.code, d.position and d.position.line) for d in found]
    assert places == [("CNN303", 5), ("CNN304", 6)]
