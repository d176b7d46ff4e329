"""Measures the speed of `check` as ratios within one run: `python tests/benchmarks/check.py`.

It times whole processes in turn, and takes the fastest run of each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
RUNS = 7
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPATH": str(ROOT),
}
SIX = """\
cnncalc: 1
input: [3, 25, 25]
layers:
  - conv: {out: 16, kernal: 3, padding: 1}
  - conv: {out: 16, kernel: 99}
  - add: {body: [conv: {out: 32, kernel: 3, padding: 1}], shortcut: []}
  - tanh:
    name: down
  - maxpool: 2
  - conv_transpose: {out: 16, kernel: 2, stride: 2}
    name: up
  - concat: [down, up]
  - conv: {out: 16, kernel: 3, padding: 1}
    expect: [24, _, _]
budget: {params: < 100}
"""


def files(folder: Path) -> None:
    """Write the specs: one file and 200 files of VGG-16's size, without and with a mistake each.

    Also write one file with six mistakes, and 5,000 layers without and with one mistake.
    """
    vgg = (ROOT / "specs" / "vgg16.yaml").read_text("utf-8")
    broken = vgg.replace("kernel: 3", "kernel: 300", 1)
    assert broken != vgg
    for name, text in (("many", vgg), ("broken", broken)):
        (folder / name).mkdir()
        for n in range(200):
            renamed = text.replace("name: VGG-16", f"name: VGG-16 {n}")
            (folder / name / f"{n}.cnn.yaml").write_text(renamed, "utf-8")
    (folder / "one.cnn.yaml").write_text(vgg, "utf-8")
    (folder / "mistake.cnn.yaml").write_text(broken, "utf-8")
    (folder / "six.cnn.yaml").write_text(SIX, "utf-8")
    head = "cnncalc: 1\ninput: [8, 64, 64]\nlayers:\n"
    layers = ["  - conv: {out: 8, kernel: 3, padding: 1}\n", "  - relu\n"] * 2500
    (folder / "long.cnn.yaml").write_text(head + "".join(layers), "utf-8")
    layers[4001] = "  - maxpool: 65\n"
    (folder / "long_mistake.cnn.yaml").write_text(head + "".join(layers), "utf-8")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files(folder)
        ours = [sys.executable, "-m", "cnncalc"]
        subprocess.run(
            [*ours, "schema", "-o", "schema.json"], cwd=folder, check=True, env=ENVIRONMENT
        )
        peer = [sys.executable, "-m", "check_jsonschema", "--schemafile", "schema.json"]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "check, 1 file": [*ours, "check", "one.cnn.yaml"],
            "check-jsonschema, 1 file": [*peer, "one.cnn.yaml"],
            "check, 200 files": [*ours, "check", "many"],
            "check-jsonschema, 200 files": [*peer, *(f"many/{n}.cnn.yaml" for n in range(200))],
            "check, 1 file with a mistake and its repairs": [*ours, "check", "mistake.cnn.yaml"],
            "check, six mistakes in a file": [*ours, "check", "six.cnn.yaml"],
            "check, 200 files with a mistake each": [*ours, "check", "broken"],
            "check, 5,000 layers": [*ours, "check", "long.cnn.yaml"],
            "check, 5,000 layers with a mistake": [*ours, "check", "long_mistake.cnn.yaml"],
        }
        least = dict.fromkeys(commands, float("inf"))
        for turn in range(RUNS):
            for what, command in commands.items():
                if turn >= 3 and "200" in what and "jsonschema" in what:
                    continue
                start = time.perf_counter()
                done = subprocess.run(
                    command,
                    cwd=folder,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    check=False,
                    env=ENVIRONMENT,
                )
                least[what] = min(least[what], time.perf_counter() - start)
                assert done.returncode == ("mistake" in what), (what, done.returncode)
    base = least["python -c pass"]
    print("| whole process | ms | × `python -c pass` |\n|---|---:|---:|")
    for what, seconds in least.items():
        print(f"| {what} | {seconds * 1000:.0f} | {seconds / base:.1f} |")
    one, many = least["check, 1 file"], least["check, 200 files"]
    peer_one = least["check-jsonschema, 1 file"] / one
    peer_many = least["check-jsonschema, 200 files"] / many
    search = least["check, 1 file with a mistake and its repairs"] - one
    print(
        f"\n200 files take {many / one:.1f} × the time of one; check-jsonschema takes "
        f"{peer_one:.1f} × our time for one file, {peer_many:.1f} × for 200."
    )
    print(f"The search of repairs adds {search / base:.1f} × `python -c pass` to one file.")


if __name__ == "__main__":
    main()
