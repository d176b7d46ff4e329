"""The page in a real Chromium: everything can be seen and done, and nothing is asked for."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from cnncalc.analysis.analyze import analyze
from cnncalc.render.page import gallery
from cnncalc.zoo import files, stems

from .browser import AXE, Opened, axe, browser
from .command import ROOT, run

SEVERAL = ("vgg16", "googlenet", "unet", "yolov8n")  # networks whose graphs differ most
FULL = bool(os.environ.get("CNNCALC_FULL"))
LAYOUT = (Path(__file__).parent / "page_layout.js").read_text("utf-8")
BELOW_THE_ROOF = """() => {
  const roof = [...document.querySelector(".roof").points];
  const at = (x) => {
    const n = roof.findIndex((one, m) => m > 0 && x <= one.x);
    const share = (x - roof[n - 1].x) / (roof[n].x - roof[n - 1].x);
    return roof[n - 1].y + share * (roof[n].y - roof[n - 1].y);
  };
  const points = [...document.querySelectorAll(".point circle:not(.reach)")];
  return points.filter((one) => one.cy.baseVal.value > at(one.cx.baseVal.value)).length;
}"""
SIAMESE = """\
name: Siamese
input: {left: [1, 32, 32], right: [1, 32, 32]}
blocks:
  tower:
    layers: [conv: {out: 8, kernel: 5}, relu: , maxpool: 2, flatten: , linear: 16]
layers:
  - {tower: , from: left, name: one}
  - {tower: , from: right, name: other, share: one}
  - sub: [one, other]
  - linear: 1
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as started:
        yield started


@cache
def page_of(*arguments: str) -> Path:
    """Write a page, once for all tests."""
    file = Path(mkdtemp(prefix="cnncalc-page-")) / "net.html"
    done = run("report", *arguments, "-o", str(file))
    assert done.returncode in (0, 1), done.stderr
    return file


@cache
def siamese() -> str:
    """Write a spec with two inputs, and return its path."""
    file = Path(mkdtemp(prefix="cnncalc-page-")) / "siamese.yaml"
    file.write_text(SIAMESE, "utf-8")
    return str(file)


def selected(tab: Any) -> str:
    found: str = tab.text_content(".panel h2")
    return found


@pytest.mark.parametrize("name", SEVERAL)
def test_no_box_overlaps_and_no_label_leaves_its_box(chromium: Any, name: str) -> None:
    with Opened(chromium, page_of(name)) as tab:
        assert_graph(tab)


def assert_graph(tab: Any) -> None:
    """Look at a graph as it is at first, and with all blocks open."""
    for words in ("Close all", "Open all"):
        measured = tab.evaluate(LAYOUT)
        assert measured["found"] == [] and measured["boxes"] > 1
        tab.click(f".graph button:text-is('{words}')")
    measured = tab.evaluate(LAYOUT)
    assert measured["found"] == []


def test_two_inputs_and_a_network_of_one_layer(chromium: Any, tmp_path: Path) -> None:
    with Opened(chromium, page_of(siamese())) as tab:
        places = [tab.locator(f"[data-id='{name}']").bounding_box() for name in ("left", "right")]
        assert places[0]["x"] + places[0]["width"] < places[1]["x"]
        assert_graph(tab)
        tab.click("#tab-field")
        assert tab.locator(".field .tools button").all_text_contents() == []
    small = tmp_path / "small.yaml"
    small.write_text("input: [3, 8, 8]\nlayers: [maxpool: 2]\n", "utf-8")
    with Opened(chromium, page_of(str(small))) as tab:
        assert tab.evaluate(LAYOUT) == {"boxes": 2, "found": []}
        for key in ("table", "field", "memory", "roofline"):
            tab.click(f"#tab-{key}")


def test_the_figures_are_those_of_the_analysis(chromium: Any) -> None:
    report = analyze("resnet50")
    with Opened(chromium, page_of("resnet50")) as tab:
        facts = dict(zip(*(tab.locator(f".panel dl.facts d{x}").all_text_contents() for x in "td")))
        assert facts["parameters"].startswith(f"{report.totals.params:,}")
        assert facts["MACs"] == f"{report.totals.macs:,}"
        tab.click("#tab-table")
        tab.click(".tableview button:text-is('Open all')")
        rows = {
            row.get_attribute("data-id"): row.locator("td").all_text_contents()
            for row in tab.locator("tbody tr[data-id^='stage2.bottleneck1.0']").all()
        }
        for path, cells in rows.items():
            row = report.row(path)
            if row is not None:
                assert cells[0] == row.op
                assert cells[2] == "×".join(map(str, row.output_shape))
                assert cells[3] == (f"{row.params:,}" if row.params else "–")
                assert cells[4] == (f"{row.macs:,}" if row.macs else "–")
        stage = tab.locator("tbody tr[data-id='stage2']").locator("td").all_text_contents()
        assert stage[4] == f"{sum(row.macs for row in report.group('stage2')):,}"


def test_the_arithmetic_is_that_of_explain(chromium: Any) -> None:
    with Opened(chromium, page_of("vgg16"), "#conv1_1") as tab:
        lines = tab.locator(".panel .steps dd").all_text_contents()
    text = " ".join(run("explain", "vgg16", "conv1_1").stdout.split())
    assert len(lines) > 8
    for line in lines:
        assert " ".join(line.split()) in text


def test_blocks_open_and_close(chromium: Any) -> None:
    with Opened(chromium, page_of("resnet50")) as tab:
        sign = "[data-id='stage1.bottleneck1.0']"
        assert tab.get_attribute(sign, "aria-expanded") == "false"
        before = tab.locator(".plane .box").count()
        tab.click(sign, position={"x": 12, "y": 18})
        assert tab.get_attribute(sign, "aria-expanded") == "true"
        assert tab.locator(".plane .box").count() > before
        assert tab.locator(".plane [data-id='stage1.bottleneck1.0.add1']").count() == 1
        tab.click(sign, position={"x": 12, "y": 10})
        assert tab.locator(".plane .box").count() == before
        assert "×2" in tab.text_content("[data-id='stage1.bottleneck1.1–2'] .name")


def test_graph_table_and_panel_are_linked(chromium: Any) -> None:
    with Opened(chromium, page_of("vgg16")) as tab:
        tab.click(".plane [data-id='conv1_2']")
        assert selected(tab) == "conv1_2"
        assert tab.evaluate("location.hash") == "#conv1_2"
        tab.click("#tab-table")
        assert tab.locator("tr.selected").get_attribute("data-id") == "conv1_2"
        tab.click("tr[data-id='fc7']")
        assert tab.locator(".plane .selected").get_attribute("data-id") == "fc7"
        seen = tab.locator(".plane .selected").bounding_box()
        pane = tab.locator(".pane").bounding_box()
        assert pane["y"] <= seen["y"] <= pane["y"] + pane["height"]
        tab.hover("tr[data-id='fc6']")
        assert tab.locator(".plane .hovered").get_attribute("data-id") == "fc6"


@pytest.mark.parametrize(
    ("anchor", "heading"),
    [("#stage3.bottleneck1.2.add1", "add1"), ("#stage3", "stage3"), ("#nothing", "ResNet-50")],
)
def test_links_lead_to_a_layer(chromium: Any, anchor: str, heading: str) -> None:
    with Opened(chromium, page_of("resnet50"), anchor) as tab:
        assert selected(tab) == heading
        if heading != "ResNet-50":
            assert tab.locator(".plane .selected").get_attribute("data-id") == anchor[1:]


def test_an_editor_selects_the_layer_at_its_cursor(chromium: Any) -> None:
    with Opened(chromium, page_of("resnet50")) as tab:
        tab.evaluate("postMessage({ select: 'stage3.bottleneck1.0.add1.body.conv_bn2' })")
        tab.wait_for_selector(".plane .selected")
        assert selected(tab) == "conv_bn2"
        marked = tab.locator(".plane .selected").evaluate_all(
            "found => found.map((one) => one.dataset.id.split('.').pop())"
        )
        assert marked == ["conv1", "batchnorm1"]  # the block has no box of its own
        for message in ("{ select: 'nothing' }", "{ select: 3 }", "null", "'select'"):
            tab.evaluate(f"postMessage({message})")
        assert selected(tab) == "conv_bn2"


def test_search_finds_layers(chromium: Any) -> None:
    with Opened(chromium, page_of("googlenet")) as tab:
        tab.keyboard.press("/")
        tab.keyboard.type("4c conv_relu2")
        assert tab.locator("#found li").count() == 6
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press("Enter")
        assert "inception4c" in tab.evaluate("location.hash")
        tab.fill(".search input", "no such layer")
        assert tab.text_content("#found") == "nothing found"


def test_the_table_sorts_filters_and_copies(chromium: Any) -> None:
    with Opened(chromium, page_of("alexnet")) as tab:
        tab.click("#tab-table")
        tab.click(".layers thead button:has-text('parameters')")
        first = tab.locator("tbody tr").first
        assert first.get_attribute("data-id") == "fc6"
        assert tab.get_attribute("thead th:nth-child(5)", "aria-sort") == "descending"
        tab.fill(".tableview input[type=search]", "conv")
        assert {op.text_content() for op in tab.locator("tbody td:nth-child(2)").all()} == {"conv"}
        tab.click("text=Copy CSV")
        tab.wait_for_selector("#toast:text('CSV copied')")
        lines = tab.evaluate("window.lastCopied").splitlines()
        assert lines[0] == "layer,operator,window,output,parameters,MACs,field"
        assert re.match(r'conv\d,conv,\d+×\d+.*,\d+×\d+×\d+,"[\d,]+","[\d,]+",\d+$', lines[1])
        tab.click("text=Copy Markdown")
        tab.wait_for_selector("#toast:text('Markdown copied')")
        assert tab.evaluate("window.lastCopied").splitlines()[1].startswith("| --- |")


def test_colours_follow_a_figure(chromium: Any) -> None:
    with Opened(chromium, page_of("vgg16")) as tab:
        heat = "() => document.querySelector(\"[data-id='fc6']\").getAttribute('class')"
        assert "heat-2" in tab.evaluate(heat)
        tab.select_option(".graph select", "params")
        assert "heat-8" in tab.evaluate(heat)
        tab.select_option(".graph select", "kernel")
        assert tab.locator(".graph .legend .kind").all_text_contents() == [
            "convolution",
            "matrix product",
            "pooling",
            "of each value",
            "moves values",
        ]


def test_the_field_is_drawn_and_takes_a_picture(chromium: Any) -> None:
    with Opened(chromium, page_of("vgg16"), "#conv1_2") as tab:
        tab.click("#tab-field")
        corner = tab.locator(".places input")
        for n in (0, 1):
            corner.nth(n).fill("0")
        words = tab.text_content(".field p.facts")
        assert words.startswith("It sees 5 rows (−2 to 2, 2 of them in the padding) and 5 columns")
        tab.hover(".stage .input", position={"x": 200, "y": 150})
        assert "padding" not in tab.text_content(".field p.facts")
        tab.locator(".map").focus()
        before = corner.nth(1).input_value()
        tab.keyboard.press("ArrowRight")
        assert int(corner.nth(1).input_value()) == int(before) + 1
        drop = """() => {
          const canvas = new OffscreenCanvas(4, 4);
          canvas.getContext("2d").fillRect(0, 0, 4, 4);
          return canvas.convertToBlob().then((blob) => {
            const data = new DataTransfer();
            data.items.add(new File([blob], "cat.png", { type: "image/png" }));
            document.querySelector(".field").dispatchEvent(new DragEvent("drop",
              { dataTransfer: data, bubbles: true, cancelable: true }));
          });
        }"""
        tab.evaluate(drop)
        tab.wait_for_selector(".stage canvas")
        tab.hover(".plane [data-id='conv2_1']")
        assert "conv2_1" in tab.text_content(".field h3")


def test_fields_on_the_page_are_those_of_gradients(chromium: Any, tmp_path: Path) -> None:
    """torch's gradients of positive weights reach what a position sees."""
    torch = pytest.importorskip("torch")
    import cnncalc

    spec = tmp_path / "net.yaml"
    spec.write_text(
        "input: [1, 23, 19]\nlayers:\n"
        "  - conv: {out: 1, kernel: 5, stride: 2, padding: 3}\n"
        "  - conv: {out: 1, kernel: [3, 2], dilation: 2, padding: [2, 0]}\n"
        "  - conv_transpose: {out: 1, kernel: 3, stride: 2}\n",
        "utf-8",
    )
    net = cnncalc.build(str(spec))
    for parameter in net.parameters():
        torch.nn.init.ones_(parameter)
    with Opened(chromium, page_of(str(spec)), "#conv_transpose1") as tab:
        tab.click("#tab-field")
        for row, column in ((0, 0), (4, 7), (11, 3), (20, 10)):
            image = torch.zeros(1, 1, 23, 19, requires_grad=True)
            net(image)[0, 0, row, column].backward()
            seen = image.grad[0, 0].nonzero()
            low, high = seen.min(0).values.tolist(), seen.max(0).values.tolist()
            tab.locator(".places input").nth(0).fill(str(row))
            tab.locator(".places input").nth(1).fill(str(column))
            words = tab.text_content(".field p.facts").replace("−", "-")
            spans = [[int(n) for n in span] for span in re.findall(r"\((-?\d+) to (-?\d+)", words)]
            clipped = [[max(a, 0), min(b, n - 1)] for (a, b), n in zip(spans, (23, 19))]
            assert clipped == [list(ends) for ends in zip(low, high)], words


def test_the_memory_under_the_cursor_adds_up(chromium: Any) -> None:
    with Opened(chromium, page_of("vgg16")) as tab:
        tab.click("#tab-memory")
        for mode in ("inference", "training"):
            tab.click(f".picks button:text-is('{mode}')")
            peak = re.search(r"is ([\d.,]+ MB)", tab.text_content(".memory .note"))
            assert peak and peak[1] in tab.text_content(".alive h3")
            tab.focus(".timeline")
            tab.keyboard.press("Home")
            assert "before the first layer" in tab.text_content(".alive h3")
            tab.hover(".timeline .u-over", position={"x": 200, "y": 100})
            assert "pass of" in tab.text_content(".alive h3")
        assert tab.locator(".alive tbody tr").count() > 5


def test_roofline_says_what_bounds_each_layer(chromium: Any) -> None:
    with Opened(chromium, page_of("vgg16")) as tab:
        tab.click("#tab-roofline")
        said = ".roofline .note[role=status]"
        assert tab.locator(".scatter .point").count() == 16
        assert tab.locator(".scatter .roof").count() == 1
        assert "on RTX4090" in tab.text_content(said) and "81.9 FLOP" in tab.text_content(said)
        assert tab.text_content(".roofline tbody tr").startswith("fc6")
        assert tab.evaluate(BELOW_THE_ROOF) == 16
        tab.select_option(".roofline select", label="RPi5")
        assert "on RPi5" in tab.text_content(said)
        tab.select_option(".roofline select", label="by its figures")
        for n, value in enumerate(("10", "1000")):
            tab.locator(".roofline input").nth(n).fill(value)
        assert "Below 10.0 FLOP for each byte" in tab.text_content(said)
        assert tab.locator(".scatter .point.bound").count() == 3
        tab.locator(".point[data-id='fc8']").focus()
        tab.keyboard.press("Enter")
        assert tab.evaluate("location.hash") == "#fc8"


def test_published_figures_and_budgets_are_listed(chromium: Any) -> None:
    with Opened(chromium, page_of("densenet121")) as tab:
        tab.click("#tab-checks")
        text = tab.text_content(".checks")
        assert "✓ agrees" in text
        tab.click("#tab-family")
        assert tab.locator(".family .point").count() == 4


def test_a_diff_marks_what_changed(chromium: Any) -> None:
    with Opened(chromium, page_of("vgg16", "--against", "vgg19")) as tab:
        assert tab.locator(".plane .is-removed").count() >= 3
        assert tab.evaluate(LAYOUT)["found"] == []
        tab.click("#tab-diff")
        text = tab.text_content(".differences")
        assert "−5,309,696" in text.replace("-", "−") and "22 layers unchanged" in text
        tab.click(".differences .link >> nth=0")
        tab.click("#tab-layer")
        assert "This layer is gone" in tab.text_content(".panel")
    with Opened(chromium, page_of("vgg19", "--against", "vgg16")) as tab:
        assert tab.locator(".plane .card.is-added").count() == 3


def test_errors_are_shown_with_the_layers_before(chromium: Any) -> None:
    with Opened(chromium, page_of("tests/bad/CNN204-pool-too-large.yaml")) as tab:
        assert tab.locator(".plane .box").count() > 0
        assert "CNN204" in tab.text_content(".checks .finding.error")
        assert tab.evaluate(LAYOUT)["found"] == []
        tab.click(".plane .is-stop")
        tab.click("#tab-layer")
        assert "CNN204" in tab.text_content(".panel .finding.error")
    with Opened(chromium, page_of("tests/hostile/message-tab.yaml")) as tab:
        assert "CNN0" in tab.text_content(".finding.error")


@pytest.mark.parametrize("name", ["inject-markdown", "inject-terminal", "inject-workflow-command"])
def test_hostile_names_are_text(chromium: Any, name: str) -> None:
    with Opened(chromium, page_of(f"tests/injected/{name}.yaml")) as tab:
        for view in tab.locator("[role=tab]").all():
            if view.is_visible():
                view.click()
        assert tab.locator("img, iframe, object, link, base").count() == 0
        hidden = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202e]")
        assert not hidden.search(tab.evaluate("document.body.innerText"))


def test_text_in_a_spec_cannot_become_markup(chromium: Any, tmp_path: Path) -> None:
    hostile = "</script><script>window.pwned=1</script><img src=x onerror='window.pwned=1'>"
    spec = tmp_path / "net.yaml"
    spec.write_text(
        f"name: {json.dumps(hostile)}\nsource: {json.dumps(hostile)}\ninput: [3, 8, 8]\n"
        f"layers: [maxpool: 2]\npublished: [{{what: params, value: 1, source: "
        f"{json.dumps(hostile)}, erratum: {json.dumps(hostile)}}}]\n",
        "utf-8",
    )
    with Opened(chromium, page_of(str(spec))) as tab:
        tab.click("#tab-checks")
        assert tab.evaluate("window.pwned") is None
        assert hostile in tab.text_content(".checks") and tab.title() == hostile
        assert tab.locator("img").count() == 0


def test_the_policy_stops_what_is_not_the_page(chromium: Any) -> None:
    opened = Opened(chromium, page_of("lenet5"))
    opened.tab.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.pwned = 1";
          document.body.append(script);
          document.body.insertAdjacentHTML("beforeend", "<a id=x onclick='window.pwned = 1'>x</a>");
          document.getElementById("x").click();
          return fetch("http://127.0.0.1:9/x").catch(() => 0);
        }"""
    )
    assert opened.tab.evaluate("window.pwned") is None
    assert len(opened.faults) >= 3
    assert all("Content Security Policy" in fault for fault in opened.faults), opened.faults
    opened.faults.clear()
    opened.context.close()


def test_dark_light_and_as_the_system(chromium: Any) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with Opened(chromium, page_of("lenet5"), color_scheme="dark") as tab:
        dark = tab.evaluate(ground)
        tab.click("button.theme")
        light = tab.evaluate(ground)
        tab.click("button.theme")
        assert tab.evaluate(ground) == dark != light
        tab.click("#tab-memory")
        tab.click("button.theme")


def test_the_keyboard_is_enough(chromium: Any) -> None:
    with Opened(chromium, page_of("resnet50")) as tab:
        for _ in range(20):
            tab.keyboard.press("Tab")
            if tab.evaluate("document.activeElement.closest('.plane') !== null"):
                break
        assert tab.evaluate("document.activeElement.dataset.id") == "input"
        for _ in range(6):
            tab.keyboard.press("ArrowDown")
        assert tab.evaluate("document.activeElement.dataset.id").startswith("stage1")
        tab.keyboard.press("Enter")
        assert selected(tab).startswith("bottleneck1")
        count = tab.locator(".plane .box").count()
        tab.keyboard.press("Enter")
        assert tab.locator(".plane .box").count() != count
        scale = tab.evaluate("document.querySelector('.moving').style.transform")
        tab.keyboard.press("+")
        assert tab.evaluate("document.querySelector('.moving').style.transform") != scale
        tab.focus("#tab-layer")
        tab.keyboard.press("ArrowRight")
        assert tab.locator("#view-table").is_visible()
        tab.focus("tbody tr[tabindex='0']")
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press("Enter")
        assert tab.locator("tr.selected").count() == 1


def test_wheel_and_drag_move_the_graph(chromium: Any) -> None:
    moved = "document.querySelector('.moving').style.transform"
    with Opened(chromium, page_of("vgg16")) as tab:
        before = tab.evaluate(moved)
        tab.hover(".pane", position={"x": 60, "y": 200})
        tab.mouse.wheel(0, 120)
        after = tab.evaluate(moved)
        assert after != before and "scale(1)" in after
        tab.keyboard.down("Control")
        tab.mouse.wheel(0, -200)
        tab.keyboard.up("Control")
        assert "scale(1)" not in tab.evaluate(moved)
        tab.click(".graph button:text-is('Fit')")
        tab.mouse.move(70, 300)
        tab.mouse.down()
        tab.mouse.move(150, 380, steps=4)
        tab.mouse.up()
        assert tab.locator(".plane .selected").count() == 0


def test_it_prints_every_view(chromium: Any) -> None:
    with Opened(chromium, page_of("lenet5")) as tab:
        tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        tab.emulate_media(media="print")
        shown = [one for one in tab.locator(".view h2.printed").all() if one.is_visible()]
        assert len(shown) >= 5
        assert not tab.locator(".tablist").is_visible()
        assert tab.pdf()[:4] == b"%PDF"


WIDE, NARROW = 1280, 360
KINDS_OF_PAGE = (  # arguments, anchor, width of the screen
    (("vgg16", "--against", "vgg19"), "#conv1_1", WIDE),
    (("lenet5",), "", NARROW),
    (("tests/bad/CNN204-pool-too-large.yaml",), "", WIDE),
    (("tests/page_opaque.yaml",), "#opaque1", WIDE),
    (("lenet5", "squeezenet"), "", NARROW),
)


@pytest.mark.parametrize(("arguments", "anchor", "width"), KINDS_OF_PAGE)
def test_axe_finds_no_serious_violation(
    chromium: Any, arguments: tuple[str, ...], anchor: str, width: int
) -> None:
    viewport = {"width": width, "height": 800}
    with Opened(chromium, page_of(*arguments), anchor, viewport=viewport) as tab:
        tab.evaluate(axe())
        for view in tab.locator("[role=tab]").all():
            if view.is_visible():
                view.click()
                assert_accessible(tab, view.text_content())


def assert_accessible(tab: Any, where: str) -> None:
    """Have axe look at a page, light and dark."""
    for scheme in ("light", "dark"):
        tab.emulate_media(color_scheme=scheme)
        found = tab.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
        serious = [
            (one["id"], node["html"][:200], node.get("failureSummary", "")[:300])
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"][:2]
        ]
        assert serious == [], (where, scheme)


def test_unknown_figures_are_not_shown_as_numbers(chromium: Any) -> None:
    with Opened(chromium, page_of("tests/page_opaque.yaml")) as tab:
        facts = dict(zip(*(tab.locator(f".panel dl.facts d{x}").all_text_contents() for x in "td")))
        assert facts["MACs"] == "≥ 194,560" and facts["parameters"].startswith("≥ 394, ≥ ")
        assert "so not in this order: opaque1" in tab.text_content(".most")
        assert tab.text_content("[data-id='opaque1'] .value") == "?"
        tab.click("#tab-table")
        cells = tab.locator("tr[data-id='opaque1'] td").all_text_contents()
        assert cells[3:5] == ["?", "?"]
        total = tab.locator("tfoot").text_content()
        assert "≥ 394" in total and "≥ 194,560" in total


def test_a_narrow_screen_shows_one_view_at_a_time(chromium: Any) -> None:
    with Opened(chromium, page_of("resnet50"), viewport={"width": 360, "height": 720}) as tab:
        assert tab.locator(".pane").is_visible()
        assert not tab.locator(".panel").is_visible()
        for view in tab.locator("[role=tab]").all():
            view.click()
            across = tab.evaluate("document.documentElement.scrollWidth")
            assert across <= 360, view.text_content()


def test_several_networks_share_a_page(chromium: Any) -> None:
    with Opened(chromium, page_of("lenet5", "alexnet", "resnet18")) as tab:
        for name, heading in (("1", "AlexNet"), ("2", "ResNet-18"), ("0", "LeNet-5")):
            tab.select_option("header select", name)
            assert selected(tab) == heading
            assert tab.evaluate(LAYOUT)["found"] == []
        tab.click("#tab-family")
        tab.click(".family .link >> nth=0")
        assert selected(tab) == "AlexNet"


def test_measured_times_are_shown(chromium: Any, tmp_path: Path) -> None:
    times = tmp_path / "times.json"
    layers = [{"path": "C1", "seconds": 0.002}, {"path": "S2", "seconds": 0.0005}]
    data = {"device_name": "a card", "batches": [{"batch": 8, "layers": layers}]}
    times.write_text(json.dumps(data), "utf-8")
    with Opened(chromium, page_of("lenet5", "--times", str(times)), "#C1") as tab:
        assert "2.00 ms" in tab.text_content(".panel")
        tab.select_option(".graph select", "seconds")
        assert tab.text_content("[data-id='C1'] .value") == "2.00 ms"


def test_the_newcomer_finds_the_most_expensive_layer_and_why(chromium: Any) -> None:
    with Opened(chromium, page_of("resnet50")) as tab:
        first = tab.locator(".most").first
        assert first.locator("h3").text_content() == "Most MACs"
        line = first.locator("li").first.text_content()
        assert "stem.conv1" in line and "9,408 weights · 12,544 places = 118,013,952" in line
        assert "conv 7×7 /2, 3×224×224 → 64×112×112" in line
        others = first.locator("li").nth(1).text_content()
        assert others.startswith("stage1.bottleneck1.0.add1.body.conv_bn2.conv1 and 2 like it")
        assert "115.6 M, 2.8 % each" in others


def test_the_gallery_lists_its_pages(
    chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [path for path in files() if path.stem in ("lenet5", "vgg", "squeezenet")]
    monkeypatch.setattr(gallery, "files", lambda: few)
    done: list[str] = []
    count = gallery.write_gallery(str(tmp_path / "new" / "gallery"), "1", done.append)
    folder = tmp_path / "new" / "gallery"
    assert sorted(done) == ["lenet5", "squeezenet", "vgg"]
    assert count == len(list(folder.iterdir())) == 13
    with Opened(chromium, folder / "index.html") as tab:
        assert tab.locator(".cards li").count() == 12
        tab.fill("input[type=search]", "vgg bn")
        links = [one.get_attribute("href") for one in tab.locator(".cards a").all()]
        assert links == [f"vgg{n}_bn.html" for n in (11, 13, 16, 19)]
        tab.select_option("select", "params")
        assert tab.locator(".cards a").first.get_attribute("href") == "vgg19_bn.html"
        tab.click("summary")
        assert tab.locator(".scatter .point").count() == 4
        if os.environ.get(AXE):
            tab.evaluate(axe())
            assert_accessible(tab, "gallery")
    with Opened(chromium, folder / "vgg13_bn.html") as tab:
        assert tab.get_attribute("a.home", "href") == "index.html"
        tab.click("#tab-family")
        assert tab.locator(".family a[href='vgg19.html']").count() == 1


@pytest.mark.skipif(not FULL, reason="all pages are opened with CNNCALC_FULL=1")
@pytest.mark.long
@pytest.mark.parametrize("stem", stems())
def test_every_bundled_network(chromium: Any, stem: str) -> None:
    from cnncalc.language.load import bundled_spec

    path = next(path for path in files() if path.stem == stem)
    for variant in bundled_spec(path).members:
        with Opened(
            chromium, page_of(f"{path.relative_to(ROOT)}#{variant}" if variant else stem)
        ) as tab:
            assert_graph(tab)
            for view in tab.locator("[role=tab]").all():
                if view.is_visible():
                    view.click()
