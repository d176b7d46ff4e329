"""The bundled specs are short texts, and every figure in them is about the network."""

from __future__ import annotations

import pytest

import cnncalc
from cnncalc.zoo import folder, stems

from .samples import BUNDLED


def lines_of(stem: str) -> int:
    """Return the lines under `blocks` and `layers`, without comments and empty lines."""
    count, inside = 0, False
    for line in (folder() / f"{stem}.yaml").read_text("utf-8").splitlines():
        if line and not line[0].isspace() and not line.startswith(("]", "#")):
            inside = line.startswith(("blocks:", "layers:"))
        count += inside and bool(line.strip()) and not line.lstrip().startswith("#")
    return count


@pytest.mark.parametrize(
    ("stem", "most"), [("vgg16", 30), ("vgg", 30), ("resnet", 60), ("googlenet", 60)]
)
def test_the_language_is_short(stem: str, most: int) -> None:
    assert lines_of(stem) <= most


def test_every_name_is_unique_over_the_zoo() -> None:
    names = [network.name for network in BUNDLED]
    assert len(names) == len(set(names))
    for network in BUNDLED:
        assert not set(network.spec.variants) & set(stems())
    for name in names:
        assert cnncalc.analyze(cnncalc.load(name)).ok


def test_bare_names_mean_the_usual_versions() -> None:
    """alexnet: one tower at 227; resnet50: version 1.5; googlenet: as printed; lenet5: of 1998."""

    def params_macs(name: str) -> tuple[int, int]:
        totals = cnncalc.analyze(cnncalc.load(name)).totals
        return totals.params, totals.macs

    assert params_macs("alexnet") == (62_378_344, 1_135_256_096)
    assert params_macs("resnet50") == (25_557_032, 4_089_184_256)
    assert params_macs("googlenet") == (6_998_552, 1_582_671_872)
    assert params_macs("lenet5")[0] == 60_000


def test_alexnet_has_the_shapes_of_the_lecture_table() -> None:
    shapes = {row.path: row.output_shape for row in cnncalc.analyze(cnncalc.load("alexnet")).rows}
    table = {
        "conv1": (96, 55, 55),
        "pool1": (96, 27, 27),
        "norm1": (96, 27, 27),
        "conv2": (256, 27, 27),
        "pool2": (256, 13, 13),
        "norm2": (256, 13, 13),
        "conv3": (384, 13, 13),
        "conv4": (384, 13, 13),
        "conv5": (256, 13, 13),
        "pool3": (256, 6, 6),
        "fc6": (4096,),
        "fc7": (4096,),
        "fc8": (1000,),
    }
    assert {path: shapes[path] for path in table} == table


def test_loading_the_same_file_twice_shares_nothing_that_changes() -> None:
    one, two = (cnncalc.analyze(cnncalc.load("unet")) for _ in range(2))
    assert one.totals == two.totals
    assert [row.path for row in one.rows] == [row.path for row in two.rows]
