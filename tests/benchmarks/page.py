"""Measures pages: `python -m tests.benchmarks.page`, with Chromium and playwright.

It prints how long `report` takes beside `analyze`, how large pages are, how long a page takes to
its first layout, and what panning many boxes costs in script and layout, by Chromium's trace.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ..browser import browser

ROOT = Path(__file__).parent.parent.parent
RUNS = 7
FRAMES = 60
EVENTS = ("FunctionCall", "UpdateLayoutTree", "Layout", "PrePaint", "Layerize")  # of a frame


def seconds(*arguments: str) -> float:
    """Return the processor time of a command: the least of several runs."""
    found = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "cnncalc", *arguments],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def first_layout(started: Any, file: Path) -> float:
    """Return the seconds from the start of loading a page until its graph is drawn."""
    tab = started.new_page(viewport={"width": 1440, "height": 900})
    start = time.perf_counter()
    tab.goto(file.as_uri(), wait_until="commit")
    tab.wait_for_selector(".plane .box")
    found = time.perf_counter() - start
    tab.close()
    return found


def panning(started: Any, file: Path) -> tuple[int, float]:
    """Return how many boxes are shown, and the milliseconds of script and layout a frame."""
    tab = started.new_page(viewport={"width": 1440, "height": 900})
    tab.goto(file.as_uri())
    tab.click(".graph button:text-is('Open all')")
    boxes = tab.locator(".plane .face").count()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        started.start_tracing(page=tab, path=str(trace), categories=["devtools.timeline"])
        tab.evaluate(
            """(frames) => new Promise((done) => {
              let left = frames;
              const step = () => {
                window.page.graph.pan(3, 2);
                left -= 1;
                if (left) requestAnimationFrame(step);
                else requestAnimationFrame(() => setTimeout(done));
              };
              requestAnimationFrame(step);
            })""",
            FRAMES,
        )
        started.stop_tracing()
        events = json.loads(trace.read_text("utf-8"))["traceEvents"]
    tab.close()
    known = [one for one in events if one.get("name") in EVENTS]
    spent = sum(one.get("tdur", one.get("dur", 0)) for one in known)  # of the thread, in µs
    return boxes, spent / 1000 / FRAMES


def main() -> None:
    """Print the table."""
    print(f"{os.cpu_count()} cores; processor time of whole commands, the least of {RUNS} runs")
    for name in ("vgg16", "resnet152"):
        analyze, report = seconds("analyze", name), seconds("report", name)
        print(
            f"{name}: analyze {analyze:.2f} s, report {report:.2f} s, {report / analyze:.2f} times"
        )
    with tempfile.TemporaryDirectory() as folder, browser() as started:
        for name in ("vgg16", "resnet152", "hrnet_w18"):
            file = Path(folder) / f"{name}.html"
            subprocess.run(
                [sys.executable, "-m", "cnncalc", "report", name, "-o", str(file)],
                cwd=ROOT,
                check=True,
            )
            layout = min(first_layout(started, file) for _ in range(RUNS))
            boxes, frame = panning(started, file)
            print(
                f"{name}: {file.stat().st_size / 1000:,.0f} kB, first layout after {layout:.2f} s,"
                f" panning {boxes:,} boxes: {frame:.1f} ms a frame"
            )


if __name__ == "__main__":
    main()
