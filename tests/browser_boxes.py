"""Measures figures in a browser: the boxes and texts as Chromium draws them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=30000",
    "--dump-dom",
)
# For each figure: boxes that overlap, texts outside of their box, and texts on other texts.
_SCRIPT = """
const found = {};
const over = (a, b) => a.left < b.right - .5 && b.left < a.right - .5
  && a.top < b.bottom - .5 && b.top < a.bottom - .5;
for (const svg of document.querySelectorAll("svg[data-name]")) {
  const boxes = [...svg.querySelectorAll("g.box")];
  const rects = boxes.map((box) => box.querySelector("rect").getBoundingClientRect());
  const overlaps = [], outside = [], labels = [];
  const order = rects.map((_, n) => n).sort((a, b) => rects[a].top - rects[b].top);
  order.forEach((a, place) => {
    for (const b of order.slice(place + 1)) {
      if (rects[b].top > rects[a].bottom) break;
      if (!over(rects[a], rects[b])) continue;
      overlaps.push(boxes[a].textContent + "|" + boxes[b].textContent);
    }
  });
  boxes.forEach((box, n) => {
    for (const text of box.querySelectorAll("text")) {
      const t = text.getBoundingClientRect(), r = rects[n];
      if (t.left < r.left || t.right > r.right || t.top < r.top - 2 || t.bottom > r.bottom + 2)
        outside.push(text.textContent);
    }
  });
  for (const text of svg.querySelectorAll("text")) {
    if (text.closest("g.box")) continue;
    const t = text.getBoundingClientRect();
    labels.push([text.textContent, t]);
    const whole = svg.getBoundingClientRect();
    if (t.left < whole.left || t.right > whole.right) outside.push(text.textContent);
  }
  labels.sort((a, b) => a[1].left - b[1].left);
  const high = (t) => ({left: t.left, right: t.right, top: t.top + 2, bottom: t.bottom - 2});
  labels.forEach(([words, t], n) => {
    for (const [others, u] of labels.slice(n + 1)) {
      if (u.left > t.right) break;
      if (over(high(t), high(u))) overlaps.push(words + "|" + others);
    }
    for (const r of rects) if (over(high(t), r)) overlaps.push(words + "| a box");
  });
  found[svg.dataset.name] = {boxes: boxes.length, overlaps, outside};
}
const result = document.createElement("pre");
result.id = "result";
result.textContent = JSON.stringify(found);
document.body.append(result);
"""


def measured(figures: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Return what is wrong with each figure, by its name."""
    drawn = [svg.replace("<svg ", f'<svg data-name="{name}" ', 1) for name, svg in figures.items()]
    page = folder / "figures.html"
    page.write_text(
        f'<meta charset="utf-8"><body>{"".join(drawn)}<script>{_SCRIPT}</script>', "utf-8"
    )
    assert CHROMIUM is not None
    command = [CHROMIUM, *_OPTIONS, f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    result = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.S)
    assert result is not None, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(unescape(result[1]))
    return found
