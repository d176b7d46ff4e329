"""Figures of `export --to svg` and `pdf`: nothing overlaps, words stay in their boxes, and more."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import cnncalc
from cnncalc.convert.drawing.figures import STYLES, figure
from cnncalc.convert.drawing.figures.look import FAMILIES, THEMES, contrast, look
from cnncalc.diagnostic import Mistake
from cnncalc.ops import HOMES
from cnncalc.svg import text_width

from .browser_boxes import CHROMIUM, measured
from .command import ROOT, run
from .figure_boxes import Rectangle, boxes, lines, texts
from .hostile import HONEST
from .samples import BUNDLED
from .settings import FULL

SAMPLED = (
    "lenet5", "alexnet", "vgg16", "resnet50", "unet", "googlenet", "mobilenet_v2", "densenet121",
    "yolov8n", "hrnet_w18_small", "retinanet_resnet50_fpn", "unet_plus_plus", "crnn",
)  # fmt: skip
NETWORKS = [b.name for b in BUNDLED if FULL or b.name in SAMPLED]


def drawn(name: str, style: str, **options: object) -> str:
    return cnncalc.figure(name, style=style, **options).svg  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NETWORKS)
def test_boxes_do_not_overlap_and_hold_their_words(name: str) -> None:
    for style in STYLES:
        svg = drawn(name, style)
        found = sorted(boxes(svg))
        for n, box in enumerate(found):
            for other in found[n + 1 :]:
                assert other.left > box.right or not box.overlaps(other), (style, box, other)
        for said in texts(svg):
            if said.box is not None:
                half = text_width(said.words, said.size, said.bold) / 2
                place = Rectangle(said.x - half, said.y - said.size * 0.75, said.x + half, said.y)
                assert said.anchor == "middle" and said.box.holds(place), (style, said.words)
        if style != "textbook" and len(found) < 400:
            for line in lines(svg):
                assert not any(line.crosses(box) for box in found), (style, line)


def test_the_checks_find_what_is_wrong() -> None:
    svg = drawn("resnet50", "blocks")
    found = boxes(svg)
    wide = [box._replace(bottom=box.bottom + 40) for box in found]
    assert any(a.overlaps(b) for n, a in enumerate(wide) for b in wide[n + 1 :])
    assert any(line.crosses(box) for line in lines(svg) for box in wide)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_finds_nothing_on_anything_else(tmp_path: Path) -> None:
    names = NETWORKS if FULL else SAMPLED[:10]
    figures = {f"{name}-{style}": drawn(name, style) for name in names for style in STYLES}
    broken = figures["lenet5-blocks"].replace("tanh<", "tanh" * 20 + "<")
    found = measured({**figures, "broken": broken}, tmp_path)
    assert found.pop("broken")["outside"]
    assert len(found) == len(figures)
    for name, result in found.items():
        assert not result["overlaps"] and not result["outside"], (name, result)


@pytest.mark.parametrize("style", STYLES)
def test_the_same_network_is_the_same_bytes(style: str) -> None:
    code = f"import cnncalc; print(cnncalc.figure('googlenet', style={style!r}).svg, end='')"
    made = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout.decode()
        for seed in ("1", "2")
    ]
    assert made[0] == made[1] == drawn("googlenet", style)


def test_a_u_net_is_a_u() -> None:
    """Each way across is on one height; down is on the left, up on the right."""
    found = [words for words in texts(drawn("unet", "blocks")) if words.bold]
    said = {words.words: words for words in reversed(found)}  # the network comes first
    for level in (1, 2, 3, 4):
        down, up = said[f"down{level}"], said[f"up{level}"]
        assert down.box and up.box and down.box.right < up.box.left
        middle = (down.box.top + down.box.bottom) / 2
        assert abs(middle - (up.box.top + up.box.bottom) / 2) < 1
    heights = [said[f"down{n}"].y for n in (1, 2, 3, 4)] + [said["bottom"].y]
    assert heights == sorted(heights)
    assert len({said[f"down{n}"].x for n in (1, 2, 3, 4)}) == 1


def test_repeats_and_kinds_of_blocks_are_as_in_the_paper() -> None:
    words = [said.words for said in texts(drawn("resnet50", "blocks"))]
    assert [w for w in words if "×" in w and w.startswith("bottleneck")] == [
        "bottleneck ×3",
        "bottleneck ×4",
        "bottleneck ×6",
        "bottleneck ×3",
    ]
    assert words.count("add") == 2  # the block with a projection, and the one without
    assert "as in stage1.bottleneck1.0" in words and "as in stage1.bottleneck1.1" in words


@pytest.mark.parametrize("name", ("vgg16", "densenet121", "unet"))
def test_the_figures_in_the_boxes_add_up(name: str) -> None:
    """The numbers of parameters in a column of all layers are those of the network."""
    said = [w.words for w in texts(drawn(name, "layers", figures=["params"]))]
    total = 0.0
    for words in said:
        match = re.fullmatch(r"([\d.,]+)( [KMG])? params", words)
        if match:
            scale = {None: 1, " K": 1e3, " M": 1e6, " G": 1e9}[match[2]]
            total += float(match[1].replace(",", "")) * scale
    assert total == pytest.approx(cnncalc.analyze(name).totals.params, rel=1e-3)


def test_a_textbook_has_every_size_of_lenet() -> None:
    words = {said.words for said in texts(drawn("lenet5", "textbook"))}
    assert {"C1", "28×28", "S2", "14×14", "C3", "10×10", "S4", "5×5", "C5", "F6"} <= words
    assert {"6", "16", "120", "84", "10"} <= words


def test_options_change_colours_and_fonts() -> None:
    svg = drawn(
        "lenet5", "blocks", colours={"conv": "#47A", "background": "none"}, font="Georgia, serif"
    )
    assert 'fill="#4477aa"' in svg and 'font-family="Georgia, serif"' in svg
    root = ET.fromstring(svg)
    assert [child.tag.rpartition("}")[2] for child in root] == ["title", "g"]
    dark = drawn("lenet5", "blocks", theme="dark")
    assert THEMES["dark"]["background"] in dark


@pytest.mark.parametrize("theme", THEMES)
def test_words_can_be_read_on_every_colour(theme: str) -> None:
    """WCAG 2.2 asks for a contrast of 4.5."""
    chosen = look(theme)
    for name in THEMES[theme]:
        if name not in ("line", "skip", "text", "muted"):
            assert contrast(chosen.words_on(name), chosen.fill(name)) >= 4.5
            assert contrast(chosen.muted_on(name), chosen.fill(name)) >= 4.5
    odd = look(theme, ["conv=#777777", "block=navy", "norm=yellow"])
    for name in ("conv", "block", "norm"):
        assert contrast(odd.words_on(name), odd.fill(name)) >= 4.0


@pytest.mark.parametrize("style", STYLES)
def test_hostile_names_are_text(style: str) -> None:
    names = (HONEST, "<script>alert(1)</script>", "]]>&<!--", "\u202eabc", "a\nb", '"/><x y="')
    for name in names:
        head = f"name: {json.dumps(name, ensure_ascii=False)}\ninput: [3, 8, 8]\n"
        spec = cnncalc.loads(head + "layers: [relu, {conv: {out: 4, kernel: 3}}]")
        svg = figure(style, spec.graph(), spec.title(), look())
        root = ET.fromstring(svg)
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "title", "g", "rect", "path", "polygon", "text"}
        assert "\u202e" not in svg
        for element in root.iter():
            assert not any(key.startswith("on") or key == "href" for key in element.attrib)


def long_network(count: int, alike: bool) -> cnncalc.Spec:
    rows = [f"  - conv: {{out: {16 + n % 7 * (not alike)}, kernel: 1}}" for n in range(count)]
    return cnncalc.loads("\n".join(["name: long", "input: [3, 8, 8]", "layers:", *rows]))


def test_networks_of_one_layer_and_of_two_thousand() -> None:
    for style in STYLES:
        one = figure(style, long_network(1, True).graph(), "one", look())
        assert ET.fromstring(one).get("width")
    graph = long_network(2000, False).graph()
    for style in ("blocks", "layers"):
        root = ET.fromstring(figure(style, graph, "long", look()))
        ratio = float(root.get("width", 0)) / float(root.get("height", 0))
        assert 0.4 < ratio < 2.5
    with pytest.raises(Mistake) as caught:
        figure("textbook", graph, "long", look())
    assert [d.code for d in caught.value.diagnostics] == ["CNN423"]
    alike = figure("textbook", long_network(2000, True).graph(), "long", look())
    assert float(ET.fromstring(alike).get("width", 0)) < 500
    with pytest.raises(Mistake) as caught:
        figure("blocks", long_network(5001, True).graph(), "long", look())
    assert [d.code for d in caught.value.diagnostics] == ["CNN423"]


@pytest.mark.parametrize(
    "arguments, code, said",
    (
        (("--style", "block"), "CNN422", "did you mean `blocks`?"),
        (("--style", "3d"), "CNN422", "the styles are blocks, layers, textbook"),
        (("--theme", "drak"), "CNN422", "did you mean `dark`?"),
        (("--colour", "conv"), "CNN422", "a colour is NAME=COLOUR"),
        (("--colour", "conv=#12"), "CNN422", "`#12` is no colour"),
        (("--colour", "conv=url(x)"), "CNN422", "`url(x)` is no colour"),
        (("--colour", "cnv=red"), "CNN422", "did you mean `conv`?"),
        (("--font", '"><x'), "CNN422", "is no list of fonts"),
        (("--show", "parms"), "CNN422", "did you mean `params`?"),
        (("--depth", "0"), "CNN111", "--depth"),
        (("-o", "no/such/folder/a.svg"), "CNN002", "cannot write no/such/folder/a.svg"),
    ),
)
def test_a_wrong_option_is_one_diagnostic(arguments: tuple[str, ...], code: str, said: str) -> None:
    found = run("export", "lenet5", "--to", "svg", *arguments)
    assert found.returncode == 2 and not found.stdout
    assert found.stderr.count("error[") == 1 and code in found.stderr and said in found.stderr


def test_columns_of_a_family_are_beside_each_other() -> None:
    others = ("vgg13", "vgg16d", "vgg19")
    found = run("export", "vgg11", "--to", "svg", "--style", "layers", "--beside", ",".join(others))
    assert found.returncode == 0 and not found.stderr
    said = texts(found.stdout)
    heads = [w for w in said if w.bold and w.box is None]
    assert [head.words.partition(" ")[0] for head in heads] == ["VGG-A", "VGG-B", "VGG-D", "VGG-E"]
    assert [head.x for head in heads] == sorted(head.x for head in heads)
    convs = sum(w.words.startswith("conv 3×3") for w in said)
    assert convs == 8 + 10 + 13 + 16
    placed = boxes(found.stdout)
    assert not any(a.overlaps(b) for n, a in enumerate(placed) for b in placed[n + 1 :])
    found = run("export", "vgg11", "--to", "svg", "--beside", "vgg13")
    assert found.returncode == 2 and "add --style layers" in found.stderr
    found = run("export", "vgg11", "--to", "svg", "--style", "layers", "--beside", "vgg31")
    assert found.returncode == 2 and "no file or bundled network is called `vgg31`" in found.stderr


def test_options_of_figures_are_for_figures_alone(tmp_path: Path) -> None:
    found = run("export", "lenet5", "--to", "dot", "--style", "blocks")
    assert found.returncode == 2 and "--style is for `--to svg` or `--to pdf`" in found.stderr
    found = run("export", "lenet5", "--to", "pdf")
    assert found.returncode == 2 and "name the file: -o net.pdf" in found.stderr
    (tmp_path / "bad.yaml").write_text("input: [3, 8, 8]\nlayers: [{conv: {out: 4, kernel: 9}}]\n")
    found = run("export", "bad.yaml", "--to", "svg", folder=tmp_path)
    assert found.returncode == 1 and "CNN204" in found.stderr and not found.stdout


def test_a_pdf_has_its_text(tmp_path: Path) -> None:
    pytest.importorskip("svglib")
    from cnncalc.convert.drawing.pdf import pdf

    svg = drawn("alexnet", "textbook")
    data = pdf(svg)
    assert data.startswith(b"%PDF-") and data == pdf(svg)
    cnncalc.figure("alexnet", style="textbook").save(tmp_path / "alexnet.pdf")
    assert (tmp_path / "alexnet.pdf").read_bytes() == data


def test_a_pdf_without_its_packages_is_one_diagnostic(tmp_path: Path) -> None:
    (tmp_path / "svglib.py").write_text("raise ImportError('svglib')\n")
    found = run(
        "export", "lenet5", "--to", "pdf", "-o", "x.pdf", folder=tmp_path,
        PYTHONPATH=f"{tmp_path}:{ROOT}",
    )  # fmt: skip
    assert found.returncode == 2 and "CNN401" in found.stderr and "[pdf]" in found.stderr


def test_every_file_of_operators_has_a_colour() -> None:
    """A figure colours a layer by the file of its operator, which may be split or renamed."""
    files = {home.partition(":")[0] for home in HOMES.values()}
    assert sorted(file for family in FAMILIES.values() for file in family) == sorted(files)
