"""Records a session of Neovim in a terminal, and writes it as docs/editor.svg.

`NEOVIM=/path/to/nvim python docs/editor_picture.py` needs tmux, Neovim 0.10 or later and the extra
`lsp`. It opens a spec, types into it, and keeps the screen after each step.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
COLUMNS, ROWS = 104, 19
WIDTH, HEIGHT, MARGIN = 7.8, 17, 12  # of a character, in pixels; around each screen
SPEC = """\
cnncalc: 1
input: [3, 64, 64]
blocks:
  unit:
    params: {out: , stride: 1}
    layers:
      - conv: {out: out, kernel: 3, stride: stride, padding: 1}
      - relu
layers:
  - conv: {out: 32, kernel: 7, stride: 2, padding: 3}
  - maxpool: 2
  - unit: 64
    repeat: 2
  - unit: {out: 128, stride: 2}
  - globalavgpool
  - flatten
  - linear: 10
"""
SETTINGS = """\
vim.o.swapfile = false
vim.o.laststatus = 0
vim.o.ruler = false
vim.o.showmode = false
vim.o.showcmd = false
vim.o.shortmess = "aoOtTWIcCFS"
vim.o.background = "light"
vim.o.termguicolors = true
vim.api.nvim_create_autocmd("FileType", {pattern = "yaml", callback = function()
  vim.lsp.start({name = "cnncalc", cmd = COMMAND, root_dir = vim.fn.getcwd()})
  vim.lsp.inlay_hint.enable(true)
end})
vim.diagnostic.config({virtual_text = true, signs = false})
"""
STEPS = (  # what is typed, what the screen must show then, and the caption
    ("", "→ 32×32×32", "A spec is opened: each line shows what comes out of it"),
    ("10Gf2;;r4", "→ 32×16×16", "The first stride becomes 4: every line below follows"),
    ("11Go- con", "→ 64×8×8", "A line that is not finished keeps the figures of the others"),
    ("0C  - maxpool: 20\x1b", "does not fit", "A pool that does not fit is marked at once"),
)
TOKEN = re.compile(r"\x1b\[([\d;:]*)m|\x1b\([A-Z]|\x0f")


def main() -> None:
    """Record the session, and write the picture."""
    neovim = os.environ.get("NEOVIM") or shutil.which("nvim")
    if neovim is None:
        sys.exit("NEOVIM names no program")
    with TemporaryDirectory() as folder:
        screens = record(neovim, Path(folder))
    captions = [caption for _, _, caption in STEPS]
    (ROOT / "docs" / "editor.svg").write_text(picture([*zip(captions, screens)]), "utf-8")


def record(neovim: str, folder: Path) -> list[list[str]]:
    """Return the screen after each step."""
    (folder / "net.cnn.yaml").write_text(SPEC, "utf-8")
    command = ", ".join(f'"{word}"' for word in (sys.executable, "-m", "cnncalc", "lsp"))
    (folder / "init.lua").write_text(SETTINGS.replace("COMMAND", f"{{{command}}}"), "utf-8")
    start = f"{shlex.quote(neovim)} --clean -u init.lua net.cnn.yaml"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder),
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
    }

    def tmux(*words: str) -> str:
        words = ("tmux", "-u", "-L", "cnncalc-picture", *words)
        return subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, check=True
        ).stdout

    tmux("-f", "/dev/null", "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), start)
    try:
        tmux("set", "-g", "default-terminal", "tmux-256color")
        return [_after(tmux, keys, wanted) for keys, wanted, _ in STEPS]
    finally:
        tmux("kill-server")


def _after(tmux: object, keys: str, wanted: str) -> list[str]:
    """Type, wait until the screen shows a text, and return it."""
    assert callable(tmux)
    if keys:
        tmux("send-keys", "Escape")
        time.sleep(0.3)
        tmux("send-keys", "-l", keys)
    for _ in range(200):
        time.sleep(0.2)
        if wanted in tmux("capture-pane", "-p"):
            break
    else:
        sys.exit(f"the screen does not show {wanted!r}:\n{tmux('capture-pane', '-p')}")
    time.sleep(2)
    return str(tmux("capture-pane", "-p", "-e")).split("\n")


def picture(screens: list[tuple[str, list[str]]]) -> str:
    """Draw screens one below the other, each under its caption."""
    parts: list[str] = []
    y = MARGIN
    width = COLUMNS * WIDTH + 2 * MARGIN
    for caption, lines in screens:
        shown = [line for line in lines if not re.sub(TOKEN, "", line).strip().startswith("~")]
        while shown and not re.sub(TOKEN, "", shown[-1]).strip():
            shown.pop()
        parts.append(f'<text class="caption" x="{MARGIN}" y="{y + 14}">{escape(caption)}</text>')
        y += 24
        height = len(shown) * HEIGHT + MARGIN
        parts.append(f'<rect x="4" y="{y}" width="{width - 8:.0f}" height="{height}"/>')
        for n, line in enumerate(shown):
            parts.append(_line(line, y + HEIGHT * (n + 1)))
        y += height + 18
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{y}" '
        f'viewBox="0 0 {width:.0f} {y}">\n<title>A spec in Neovim, with hints that follow each '
        "edit</title>\n<style>\nsvg { background: #fff }\n"
        "text { font: 13px monospace; white-space: pre; fill: #14161b }\n"
        "text.caption { font: bold 14px sans-serif }\n"
        "rect { fill: #f4f5f8; stroke: #c4c6cd; rx: 6 }\n"
        "</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _line(line: str, y: int) -> str:
    """Draw a line; each run of one colour has its own place, whatever the font's width."""
    runs: list[str] = []
    column, colour = 0, ""
    at = 0
    for token in [*TOKEN.finditer(line), None]:
        text = line[at : token.start() if token else len(line)]
        if text.strip():
            style = f' fill="{colour}"' if colour else ""
            bare = len(text) - len(text.lstrip())
            x = MARGIN + (column + bare) * WIDTH
            place = f'x="{x:.1f}" textLength="{len(text.strip()) * WIDTH:.1f}"'
            runs.append(f"<tspan {place}{style}>{escape(text.strip())}</tspan>")
        column += len(text)
        if token is not None:
            at = token.end()
            colour = _colour(token[1] or "", colour)
    return f'<text y="{y}">{"".join(runs)}</text>'


def _colour(codes: str, before: str) -> str:
    """Return the colour of the text after a sequence that sets it."""
    found = re.search(r"38[;:]2[;:]+(\d+)[;:](\d+)[;:](\d+)", codes)
    if found:
        return "#" + "".join(f"{int(part):02x}" for part in found.groups())
    plain = codes in ("", "0") or re.match(r"0?(;|$)|39", codes)
    return "" if plain else before


if __name__ == "__main__":
    main()
