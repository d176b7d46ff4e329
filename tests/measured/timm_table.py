"""Prints the results of timm_import as a table of Markdown."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import Any


def outcome(row: dict[str, Any]) -> str:
    """Say what became of a network."""
    if "failed" in row:
        return "not imported: " + row["failed"].partition(":")[0]
    if row["opaque"]:
        return f"{row['opaque']} declared: {', '.join(row['of'])}"
    if not row["verified"] or not row["by_layer"]:
        return "differs: " + row["problems"][0][:60]
    return "the same" if row["values"] else "the same; values not compared"


def main() -> None:
    """Print the table, and its summary."""
    lines = Path(sys.argv[1]).read_text("utf-8").splitlines()
    rows = {row["name"]: row for row in map(json.loads, lines)}
    same = [row for row in rows.values() if outcome(row).startswith("the same")]
    for kind in ("cnn", "hybrid"):
        of_kind = [row for row in rows.values() if row["kind"] == kind]
        print(f"{kind}: {sum(row in same for row in of_kind)} of {len(of_kind)}")
    print(f"median lines: {median(row['lines'] for row in same):g}\n")
    print("| network | lines | declared | seconds | result |\n|---|---|---|---|---|")
    for name, row in sorted(rows.items()):
        cells = [row.get(key, "") for key in ("lines", "opaque", "seconds")]
        print(f"| {name} | {' | '.join(map(str, cells))} | {outcome(row)} |")


if __name__ == "__main__":
    main()
