"""The notebooks under docs/notebooks run, and give what they show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.render import shown

from .command import ROOT, run_code
from .test_library import Cells

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
MOST = 60_000  # bytes of a notebook with its outputs


def plain(outputs: list[dict[str, Any]]) -> list[str]:
    """Return the outputs as text."""
    found = []
    for output in outputs:
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
        found.append("".join(text))
    return found


def test_there_is_one_for_each_reader() -> None:
    assert [file.stem for file in NOTEBOOKS] == ["architect", "engineer", "student"]
    for file in NOTEBOOKS:
        assert file.stat().st_size < MOST
        cells = json.loads(file.read_text("utf-8"))["cells"]
        assert not any(o["output_type"] == "error" for c in cells for o in c.get("outputs", ()))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_gives_what_it_shows(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("pandas")
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
    book = nbformat.read(file, as_version=4)
    before = [plain(cell.get("outputs", [])) for cell in book.cells]
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    assert [plain(cell.get("outputs", [])) for cell in book.cells] == before


def test_a_long_network_is_folded() -> None:
    found = Cells(cnncalc.analyze("resnet152")._repr_html_())
    assert {"details", "summary", "table"} <= found.tags
    assert not {"script", "style"} & found.tags
    short = Cells(cnncalc.analyze("lenet5")._repr_html_())
    assert "details" not in short.tags


def test_bars_are_as_long_as_the_numbers() -> None:
    html = cnncalc.analyze("alexnet")._repr_html_()
    assert html.count("transparent 0%") == 3  # the largest of each column fills its cell


def test_show_gives_the_page_or_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown, "page_of", lambda report: None)
    found = cnncalc.show("lenet5")
    assert repr(found) == "<LeNet-5: 14 layers>" and "C5" in str(found)
    assert found._repr_html_() == found.report._repr_html_()
    monkeypatch.setattr(shown, "page_of", lambda report: '<!doctype html><p class="a">&amp;</p>')
    frame = cnncalc.show("lenet5", height=300)._repr_html_()
    assert 'sandbox="allow-scripts allow-downloads"' in frame and 'height="300"' in frame
    assert "&lt;p class=&quot;a&quot;&gt;&amp;amp;&lt;/p&gt;" in frame and "<p" not in frame
    for height in (0, -1, 10**6, "tall", True):
        with pytest.raises(cnncalc.Mistake):
            cnncalc.show("lenet5", height=height)  # type: ignore[arg-type]


def test_a_sweep_is_a_frame_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    sweep = cnncalc.sweep("mobilenet_v1", ["width=0.25:1:0.25", "H,W=128:160:32"])
    frame = sweep.to_pandas()
    assert list(frame.columns) == ["width", "H", "W", "params", "macs"] and len(frame) == 8
    assert frame.width.tolist()[:2] == [0.25, 0.25]
    assert all(pandas.api.types.is_numeric_dtype(kind) for kind in frame.dtypes)
    for row, wanted in zip(sweep, frame.itertuples(index=False)):
        assert (row["params"], row["macs"]) == (wanted.params, wanted.macs)


def test_pandas_is_asked_for_by_name(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("raise ImportError('pandas')\n")
    code = """
import cnncalc
try:
    cnncalc.sweep("lenet5", ["H,W=32:36:4"]).to_pandas()
except cnncalc.Mistake as mistake:
    print(mistake)
"""
    done = run_code(code, PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert "CNN401" in done.stdout and "[pandas]" in done.stdout


def test_a_figure_is_drawn_and_saved(tmp_path: Path) -> None:
    found = cnncalc.figure("lenet5", figures=["params"], colours={"conv": "#4477aa"})
    assert found._repr_svg_() == found.svg and "48.12 K params" in found.svg
    found.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text("utf-8") == found.svg
    wrong: list[dict[str, Any]] = [
        {"style": "none"},
        {"theme": "none"},
        {"colours": {"conv": "none of these"}},
        {"figures": ["none"]},
        {"depth": 0},
        {"font": "<"},
    ]
    for options in wrong:
        with pytest.raises(cnncalc.Mistake):
            cnncalc.figure("lenet5", **options)
    with pytest.raises(cnncalc.Mistake):
        cnncalc.figure("input: [3, 8, 8]\nlayers: [{conv: {out: 4, kernel: 9}}]")
    with pytest.raises(cnncalc.Mistake):
        found.save(tmp_path / "no" / "folder" / "a.svg")
