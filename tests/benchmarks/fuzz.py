"""Mutates the bytes and structure of good and bad specs, and checks the results.

    python -m tests.benchmarks.fuzz [CASES] [SEED]

Every case must end without an exception, and each command within two seconds and 500 MB. A full run
has a hundred thousand cases. The script prints what it found, and writes each case that fails to a
file in the current folder.
"""

from __future__ import annotations

import gc
import os
import random
import re
import resource
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from cnncalc.analysis.analyze import analyze
from cnncalc.analysis.result import Report
from cnncalc.checking.config import Config
from cnncalc.checking.fix import apply_fixes
from cnncalc.checking.run import Job, check_text
from cnncalc.cli.output import present
from cnncalc.diagnostic import Mistake
from cnncalc.language.load import from_text, read_bytes
from cnncalc.language.write import flat_spec
from cnncalc.ops import BY_KEY
from cnncalc.rules import rules

from ..command import called_in_a_fork
from .hostile import grown

ROOT = Path(__file__).parent.parent.parent
SEEDS = [*sorted((ROOT / "specs").glob("*.yaml")), *sorted((ROOT / "tests" / "bad").glob("*.yaml"))]
SECONDS, MIB = 2.0, 500
BATCH = 250  # cases of one process, which share its memory
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
    """Make a few changes of one kind: to bytes, to lines, to tokens, or something that grows."""
    kind = rng.randrange(4)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        text = (_bytes, _lines, _tokens, grown)[kind](text, rng)
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


def one(data: bytes) -> tuple[Counter[str], float]:
    """Check and analyse a spec, and write both results in every format.

    Returns the codes found, and the seconds of the slower command.
    Errors: an exception for any bug of ours.
    """
    start = time.process_time()
    try:
        text = read_bytes("fuzz.yaml", data)
    except Mistake as mistake:
        return Counter(d.code for d in mistake.diagnostics), time.process_time() - start
    codes = _checked(text)
    checked = time.process_time()
    report = _analysed(text)
    analysed = time.process_time()
    if report is not None and report.graph.nodes:
        flat_spec(report.graph, report.name)
    expanded = time.process_time() - analysed
    return codes, max(checked - start, analysed - checked, expanded)


def _checked(text: str) -> Counter[str]:
    """Write what `check` prints in every format, and return the codes found."""
    checked = check_text(text, "fuzz.yaml", None, Job(Config()))
    lines = text.splitlines() or [""]
    for finding in checked.findings:
        d = finding.diagnostic
        assert d.code in rules() and d.code != "CNN901", d
        assert d.position is None or 1 <= d.position.line <= len(lines) + 1, d
        if d.fix:
            apply_fixes(text, [d.fix])
    for kind in ("full", "github", "junit", "sarif"):
        present("findings", kind, os.devnull, [checked])
    return Counter(finding.diagnostic.code for finding in checked.findings)


def _analysed(text: str) -> Report | None:
    """Write what `analyze` prints of the first network, and return it."""
    try:
        spec = from_text(text, "fuzz.yaml")
        report = analyze(spec, next(iter(spec.members)))
    except Mistake:
        return None
    present("analyze", "json", os.devnull, report, report.rows, None)
    if len(report.rows) < 300:
        present("analyze", "table", os.devnull, report, report.rows, None)
    return report


class Outcome(NamedTuple):
    """The outcome of a batch of cases."""

    codes: Counter[str]
    slowest: float
    mib: float  # the peak of the process, above what it began with
    failed: list[tuple[bytes, str]]  # cases, and what is wrong with each


class _TooSlow(BaseException):
    pass


def _stop(*_: object) -> None:
    raise _TooSlow


def peak() -> float:
    """Return the most MiB that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def batch(first: int, count: int, seed: int) -> Outcome:
    """Run cases, each with its own random seed, so that one can be repeated alone."""
    texts = [path.read_text("utf-8") for path in SEEDS]
    codes, slowest, failed, mib = Counter[str](), 0.0, [], 0.0
    begun = peak()  # what the parent process held at the fork
    signal.signal(signal.SIGPROF, _stop)
    gc.freeze()
    for case in range(first, first + count):
        rng = random.Random(f"{seed} {case}")
        data = mutated(rng.choice(texts), rng)
        why, seconds = "", 0.0
        signal.setitimer(signal.ITIMER_PROF, 5 * SECONDS)
        gc.disable()  # as the command line does
        try:
            found, seconds = one(data)
            codes += found
        except _TooSlow:
            why = "does not end"
        except Exception as error:
            why = f"{type(error).__name__}: {error}"[:200]
        signal.setitimer(signal.ITIMER_PROF, 0)
        gc.enable()
        gc.collect()
        slowest = max(slowest, seconds)
        before, mib = mib, peak() - begun
        if before <= MIB < mib:
            why = why or f"{mib:.0f} MiB"
        if seconds > SECONDS:
            why = why or f"{seconds:.1f} s"
        if why:
            failed.append((data, f"case {case}: {why}"))
    return Outcome(codes, slowest, mib, failed)


def main(cases: int, seed: int) -> int:
    """Run batches of cases one after the other, each in its own process."""
    codes, slowest, failed, most = Counter[str](), 0.0, 0, 0.0
    for first in range(0, cases, BATCH):
        found = called_in_a_fork(batch, first, min(BATCH, cases - first), seed)
        codes += found.codes
        slowest, most = max(slowest, found.slowest), max(most, found.mib)
        for data, why in found.failed:
            failed += 1
            print(why, flush=True)
            Path(f"fuzz-{seed}-{why.split(':')[0].split()[-1]}.yaml").write_bytes(data)
        if first // BATCH % 20 == 19:
            print(f"… {first + BATCH:,} cases, {failed} failed", flush=True)
    print(f"{cases:,} cases, seed {seed}: {failed} failed, {slowest:.2f} s, {most:.0f} MiB at most")
    print(", ".join(f"{code} {count:,}" for code, count in sorted(codes.items())))
    return bool(failed)


if __name__ == "__main__":
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    sys.exit(main(cases, seed))
