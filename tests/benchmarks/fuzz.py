"""Hostile specs: good and bad ones are mutated, bytes and structure alike, and checked.

    python tests/benchmarks/fuzz.py [CASES] [SEED]

Every case must end without an exception within two seconds; the whole must stay within 500 MB.
Prints what was found.
"""

from __future__ import annotations

import random
import re
import resource
import sys
import time
from collections import Counter
from pathlib import Path

from cnncalc.checking.config import Config
from cnncalc.checking.run import Job, apply_fixes, check_text
from cnncalc.diagnostic import Mistake
from cnncalc.language.load import read_bytes
from cnncalc.ops import BY_KEY
from cnncalc.render.findings import full, github, junit, sarif
from cnncalc.rules import rules

ROOT = Path(__file__).parent.parent.parent
SEEDS = [*sorted((ROOT / "specs").glob("*.yaml")), *sorted((ROOT / "tests" / "bad").glob("*.yaml"))]
SECONDS, MIB = 2.0, 500
NUMBERS = [
    "0",
    "-1",
    "1",
    "2",
    "3",
    "7",
    "64",
    "1000",
    "100000",
    "10**9",
    "1e9",
    "1/3",
    "0.5",
    "999999999999999999",
    "-0",
    "1e-5",
    "017",
    "0x10",
]
WORDS = [
    "true",
    "null",
    "same",
    "full",
    "valid",
    "[]",
    "{}",
    "[1, 2]",
    "[[1, 2], [3, 4]]",
    "c",
    "i",
    "c // 2",
    '"c * i"',
    "input",
    "conv1",
    "depths[0]",
    "*a",
    "&a x",
    "!!int 3",
    "<<",
    "relu",
    "'",
    '"',
    "|",
    "> 3",
    "${c}",
    "\u2028",
    "é",
    "#",
    "- ",
]
ODD = "\0\t\n\r \"#'*,:[]{}\u0085\u2028\ufeff\U0001f600"
LAYERS = [
    "- relu",
    "- flatten",
    "- maxpool: 2",
    "- maxpool: 99",
    "- conv: {out: 8, kernel: 3}",
    "- linear: 10",
    "- add: {a: [], b: []}",
    "- concat: [input, input]",
    "- globalavgpool",
    "- upsample: 2",
    "- chain: [relu]",
    "- conv: {out: c, kernel: 9, groups: 4}",
]


def mutated(text: str, rng: random.Random) -> bytes:
    """A few changes of one kind: of bytes, of lines, or of tokens."""
    kind = rng.randrange(3)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        text = (_bytes, _lines, _tokens)[kind](text, rng)
    data = text.encode("utf-8", "surrogatepass" if rng.random() < 0.5 else "replace")
    if kind == 0 and rng.random() < 0.3:
        at = rng.randrange(len(data) + 1)
        data = data[:at] + bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9))) + data[at:]
    return data


def _bytes(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    end = min(len(text), at + rng.choice((1, 1, 2, 10, 100)))
    kind = rng.randrange(5)
    if kind == 0:
        return text[:at] + text[end:]
    if kind == 1:
        return text[:at] + text[at:end] * rng.choice((2, 3, 200)) + text[end:]
    if kind == 2:
        return text[:at] + rng.choice([*ODD, chr(rng.randrange(0xD800))]) + text[at:]
    if kind == 3:
        return text[:at] + rng.choice("[]{},:-#&*!|>'\"%@`?\t") + text[end:]
    return text[:at]


def _lines(text: str, rng: random.Random) -> str:
    lines = text.splitlines() or [""]
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.randrange(6)
    if what == 0:
        lines[a], lines[b] = lines[b], lines[a]
    elif what == 1:
        del lines[a]
    elif what == 2:
        lines.insert(a, lines[b])
    elif what == 3:
        spaces = " " * rng.randrange(5)
        lines[a] = spaces + (lines[a].lstrip() if rng.random() < 0.5 else lines[a])
    elif what == 4:
        indent = re.match(r"\s*", lines[a])[0]  # type: ignore[index]
        lines.insert(a, indent + rng.choice(LAYERS))
    else:
        lines[a:a] = lines[a:b] * rng.choice((1, 5))
    return "\n".join(lines) + "\n"


def _tokens(text: str, rng: random.Random) -> str:
    tokens = list(re.finditer(r"[A-Za-z_]\w*|\d+(?:\.\d+)?", text))
    if not tokens:
        return text + rng.choice(LAYERS)
    token = rng.choice(tokens)
    old = token[0]
    if old.isdigit() and rng.random() < 0.7:
        new = rng.choice(
            [*NUMBERS, str(int(old) + 1), str(max(int(old) - 1, 0)), str(int(old) * 2)]
        )
    elif rng.random() < 0.4:
        at = rng.randrange(len(old))
        new = old[:at] + rng.choice("aeixs_") * rng.randrange(2) + old[at + 1 :]  # a misspelling
    else:
        new = rng.choice([*WORDS, *NUMBERS, *BY_KEY, rng.choice(tokens)[0]])
    return text[: token.start()] + new + text[token.end() :]


def one(data: bytes) -> tuple[float, Counter[str]]:
    """Return the seconds that a check takes, with every format written, and the codes it gives."""
    start = time.perf_counter()
    try:
        text = read_bytes("fuzz.yaml", data)
    except Mistake as mistake:
        return time.perf_counter() - start, Counter(d.code for d in mistake.diagnostics)
    checked = check_text(text, "fuzz.yaml", None, Job(Config()))
    seconds = time.perf_counter() - start
    lines = text.splitlines() or [""]
    for finding in checked.findings:
        d = finding.diagnostic
        assert d.code in rules() and d.code != "CNN901", d
        assert d.position is None or 1 <= d.position.line <= len(lines) + 1, d
        if d.fix:
            apply_fixes(text, [d.fix])
    for kind in (full, github, junit, sarif):
        kind.render([checked])
    return seconds, Counter(finding.diagnostic.code for finding in checked.findings)


def main(cases: int, seed: int) -> int:
    rng, codes, slowest, failed = random.Random(seed), Counter[str](), (0.0, b""), 0
    texts = [path.read_text("utf-8") for path in SEEDS]
    for case in range(cases):
        data = mutated(rng.choice(texts), rng)
        try:
            seconds, found = one(data)
        except Exception as error:
            failed += 1
            print(f"case {case}: {type(error).__name__}: {error}")
            Path(f"fuzz-{seed}-{case}.yaml").write_bytes(data)
            continue
        codes += found
        if seconds > slowest[0]:
            slowest = seconds, data
        if seconds > SECONDS:
            failed += 1
            print(f"case {case}: {seconds:.1f} s")
            Path(f"slow-{seed}-{case}.yaml").write_bytes(data)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = f"{failed} failed, slowest {slowest[0]:.2f} s, peak {peak:.0f} MiB"
    print(f"{cases:,} cases, seed {seed}: {found}")
    print(", ".join(f"{code} {count:,}" for code, count in sorted(codes.items())))
    return bool(failed or peak > MIB)


if __name__ == "__main__":
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    sys.exit(main(cases, seed))
