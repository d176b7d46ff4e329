"""Plots as pages: they say what is under the pointer, load nothing, and show names as text."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from base64 import b64encode
from hashlib import sha256
from html import unescape
from pathlib import Path

import pytest

from .browser_boxes import CHROMIUM
from .command import run
from .hostile import HONEST

SWEEP = ("--over", "width=0.25:1:0.25", "--over", "H,W=128:224:32", "--pareto", "macs,params:max")
MEMORY = ("--optimizer", "adam", "--batch", "8")


def pages(folder: Path) -> dict[str, str]:
    """Return the page of a sweep and that of memory, and their plots as SVG."""
    found = {}
    for file in ("s.html", "s.svg"):
        done = run("sweep", "mobilenet_v1", *SWEEP, "--plot", file, folder=folder)
        assert done.returncode == 0, done.stderr
        found[file] = (folder / file).read_text("utf-8")
    for file in ("m.html", "m.svg"):
        done = run("memory", "resnet18", *MEMORY, "--plot", file, folder=folder)
        assert done.returncode == 0, done.stderr
        found[file] = (folder / file).read_text("utf-8")
    return found


def policy(page: str) -> dict[str, list[str]]:
    match = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert match is not None
    parts = [part.split() for part in unescape(match[1]).split("; ")]
    return {name: values for name, *values in parts}


def test_a_page_holds_the_same_plot_and_a_strict_policy(tmp_path: Path) -> None:
    found = pages(tmp_path)
    for name in "sm":
        page, svg = found[f"{name}.html"], found[f"{name}.svg"]
        assert svg.strip() in page
        rules = policy(page)
        assert rules["default-src"] == ["'none'"] and "unsafe" not in str(rules)
        for tag, rule in (("style", "style-src"), ("script", "script-src")):
            inside = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
            digests = [b64encode(sha256(text.encode()).digest()).decode() for text in inside]
            assert sorted(rules[rule]) == sorted(f"'sha256-{d}'" for d in digests)
        assert "://" not in page.replace("http://www.w3.org/2000/svg", "")
        assert " style=" not in page and " onclick" not in page
    titles = [e.text or "" for e in ET.fromstring(found["s.svg"]).iter() if e.tag.endswith("title")]
    assert any("width 0.25" in t and "params 470,072" in t for t in titles)
    assert any("width 1" in t and "params 4,231,976" in t for t in titles)
    titles = [e.text or "" for e in ET.fromstring(found["m.svg"]).iter() if e.tag.endswith("title")]
    assert any(t.startswith("backward stage4") and "optimizer state" in t for t in titles)


def test_every_moment_of_memory_says_its_sum(tmp_path: Path) -> None:
    """The parts under the pointer add up to what is said of all of them."""
    done = run("memory", "resnet18", *MEMORY, "--plot", "m.svg", folder=tmp_path)
    assert done.returncode == 0
    for element in ET.parse(tmp_path / "m.svg").getroot().iter():
        if element.tag.endswith("title") and "in all" in (element.text or ""):
            sizes = [line.split(" ")[:2] for line in (element.text or "").split("\n")[1:]]
            scale = {"MB": 1e6, "bytes": 1.0}
            whole, *parts = [float(size.replace(",", "")) * scale[unit] for size, unit in sizes]
            assert sum(parts) == pytest.approx(whole, rel=0.01, abs=4000)


@pytest.mark.parametrize("name", (HONEST, "<script>alert(1)</script>", "</title><x>", "]]>\u202e"))
def test_hostile_names_are_text(name: str, tmp_path: Path) -> None:
    text = f"name: {json.dumps(name, ensure_ascii=False)}\nparams: {{w: 4}}\ninput: [3, 8, 8]\n"
    (tmp_path / "x.yaml").write_text(text + "layers: [{conv: {out: w, kernel: 3}}]\n", "utf-8")
    for command in (("memory", "x.yaml"), ("sweep", "x.yaml", "--over", "w=2:8:2")):
        done = run(*command, "--plot", "x.html", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        page = (tmp_path / "x.html").read_text("utf-8")
        assert page.count("<script>") == 1 and "<x>" not in page and "\u202e" not in page
        svg = re.search(r"<svg.*</svg>", page, re.S)
        assert svg is not None
        ET.fromstring(svg[0])


def test_a_plot_that_cannot_be_written_is_one_diagnostic(tmp_path: Path) -> None:
    for command in (("memory", "lenet5"), ("sweep", "lenet5", "--over", "H,W=32:40:4")):
        done = run(*command, "--plot", "no/folder/x.html", folder=tmp_path)
        assert done.returncode == 2 and done.stderr.count("error[") == 1
        assert "cannot write no/folder/x.html" in done.stderr


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_shows_what_is_under_the_pointer(tmp_path: Path) -> None:
    sync = pytest.importorskip("playwright.sync_api")
    pages(tmp_path)
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for file, words in (("s.html", "params 470,072"), ("m.html", "in all")):
            page = browser.new_page(viewport={"width": 900, "height": 600})
            said: list[str] = []
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto((tmp_path / file).as_uri())
            page.query_selector_all("svg [data-said]")[0].hover(force=True)
            assert page.is_visible("#said")
            if file == "s.html":
                page.keyboard.press("Tab")
            assert words in page.inner_text("#said")
            page.keyboard.press("Escape")
            assert not page.is_visible("#said")
            assert not said and len(asked) == 1
        browser.close()
