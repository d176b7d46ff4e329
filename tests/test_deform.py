"""`deform_conv` is counted as torchvision's class, and built only where that has its operation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import cnncalc
from cnncalc.diagnostic import Mistake
from cnncalc.torch_backend.verify.verify import verify

from .command import run
from .deformed import deformable, is_there
from .samples import yaml

# A bottleneck's convolution, after Zhu et al. 2019.
MODULATED = yaml("""
    input: [8, 14, 12]
    layers:
      - {conv: {out: 18, kernel: 3, padding: 1, stride: 2}, name: places}
      - chain: [conv: {out: 9, kernel: 3, padding: 1, stride: 2}, sigmoid]
        name: factors
        from: input
      - deform_conv: {out: 6, kernel: 3, padding: 1, stride: 2, offset: places, mask: factors}
        from: input
        name: it
      - relu
""")


@pytest.fixture
def operation() -> Iterator[None]:
    """torchvision's operation, computed by other ones of torch where it is not installed."""
    with deformable():
        yield


def test_figures_are_those_of_a_convolution_and_its_reads() -> None:
    report = cnncalc.analyze(cnncalc.loads(MODULATED)).or_mistake()
    row = report.row("it")
    plain = nn.Conv2d(8, 6, 3, 2, 1)
    assert row.output_shape == tuple(plain(torch.zeros(1, 8, 14, 12)).shape[1:])
    assert row.params == sum(p.numel() for p in plain.parameters())
    positions, read = 7 * 6, 8 * 9 * 7 * 6
    assert row.macs == plain.weight.numel() * positions
    assert row.cost.mul == 5 * read
    assert row.cost.add == 3 * read + 18 * positions + 6 * positions


def test_its_field_is_not_followed_and_the_reason_is_said() -> None:
    row = cnncalc.analyze(cnncalc.loads(MODULATED)).or_mistake().row("it")
    (field,) = row.receptive_fields
    assert field.size == (None, None)
    assert all("depends on the values of its offsets" in str(axis) for axis in field.axes)


def test_without_torchvision_it_is_refused_clearly(tmp_path: Path) -> None:
    if is_there():
        pytest.skip("torchvision is installed")
    (tmp_path / "net.yaml").write_text(MODULATED, "utf-8")
    for command in ("verify", "profile"):
        done = run(command, "net.yaml", folder=tmp_path)
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert "error[CNN401]: `it` runs an operation of torchvision" in done.stderr + done.stdout
    with pytest.raises(Mistake, match="not installed here"):
        cnncalc.build(cnncalc.loads(MODULATED))
    for command in ("analyze", "check", "memory", "explain", "formula"):
        done = run(command, "net.yaml", *(["it"] if command == "explain" else []), folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


def test_no_offsets_make_a_convolution(operation: None) -> None:
    text = """
        input: {x: [6, 9, 8], places: [%d, 5, 4]}
        layers:
          - deform_conv: {out: 4, kernel: 3, padding: 1, stride: 2, groups: 2, offset: places}
            from: x
    """
    for moves in (1, 2, 3):
        network = cnncalc.build(cnncalc.loads(yaml(text % (18 * moves))))
        plain = nn.Conv2d(6, 4, 3, 2, 1, groups=2)
        network.load_state_dict(dict(zip(network.state_dict(), plain.state_dict().values())))
        x = torch.randn(2, 6, 9, 8)
        found = network(x, torch.zeros(2, 18 * moves, 5, 4))
        torch.testing.assert_close(found, plain(x))


def test_a_network_is_verified(operation: None) -> None:
    found = verify(cnncalc.loads(MODULATED))
    assert found.ok, [str(d) for d in found.diagnostics]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("{out: 4, kernel: 3, offset: places}", "`offset` needs 18×12×12"),
        ("{out: 4, kernel: 15, offset: places}", "does not fit"),
        ("{out: 4, kernel: 1, offset: places}", "9 groups of channels, which do not divide 8"),
        ("{out: 4, kernel: 3, padding: 1, offset: places, mask: places}", "`mask` needs 9×14×14"),
        ("{out: 5, kernel: 3, padding: 1, groups: 2, offset: places}", "output channels"),
        ("{out: 5, kernel: 3, padding: 1}", "`offset`"),
        ("{out: 5, kernel: 3, padding: 1, offset: nowhere}", "nowhere"),
    ],
)
def test_what_does_not_fit_is_refused(layer: str, message: str) -> None:
    text = f"""
        input: [8, 14, 14]
        layers:
          - {{conv: {{out: 18, kernel: 3, padding: 1}}, name: places}}
          - {{deform_conv: {layer}, from: input}}
    """
    with pytest.raises(Mistake, match=message):
        cnncalc.analyze(cnncalc.loads(yaml(text))).or_mistake()
