"""Repairs of networks with one mutation keep the design: those applied, and those shown first."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import cnncalc
from cnncalc.checking.config import Config
from cnncalc.checking.finding import Checked
from cnncalc.checking.fix import apply_fixes, with_certain_fixes, with_chosen_fixes
from cnncalc.checking.repair.edited_text import EditedText
from cnncalc.checking.repair.revision import Revision
from cnncalc.checking.repair.trial import search_repairs
from cnncalc.checking.run import Job, check_text
from cnncalc.diagnostic import Fix

from . import graphs
from .mutations import MUTATIONS, in_block, read, strip_expectations, written
from .samples import BUNDLED
from .settings import REPAIRED

Outputs = list[tuple[int, ...]] | None
_HEADS = (["globalavgpool", "flatten", {"linear": 10}], ["flatten", {"linear": 7}], [])


def check(text: str) -> Checked:
    """Return what `check` finds in a text."""
    return check_text(text, "<text>", None, Job(Config()))


def outputs(text: str) -> Outputs:
    """Return the output shapes of a text's network; None if it is invalid."""
    try:
        report = cnncalc.analyze(cnncalc.loads(text))
    except cnncalc.Mistake:
        return None
    return list(report.outputs.values()) if report.ok else None


class Broken(NamedTuple):
    """A network that one mutation broke, and the output shapes that it had before."""

    text: str
    what: str
    before: list[tuple[int, ...]]


def sound(rng: random.Random) -> str:
    """Return a bundled or random network, with or without a head of its own."""
    if rng.random() < 0.4:
        _, spec, variant = rng.choice(BUNDLED)
        data = read(spec.text)
        own = (data.pop("variants", None) or {}).get(variant) or {}
        data["params"] = {**(data.get("params") or {}), **(own.get("params") or {})}
        for key in ("published", "budget", "source", *([] if data["params"] else ["params"])):
            data.pop(key, None)
        if rng.random() < 0.5:
            strip_expectations(data)
        return written(data)
    data = read(graphs.spec(rng))
    data["layers"] += rng.choice(_HEADS)
    if rng.random() < 0.3:
        in_block(data, rng)
    return written(data)


def broken_once(rng: random.Random) -> Iterator[Broken]:
    """Yield networks that one mutation broke, endlessly."""
    while True:
        text = sound(rng)
        before = outputs(text)
        if before is None:
            continue
        data = read(text)
        what = rng.choice(MUTATIONS)(data, rng)
        mutated = written(data)
        if outputs(mutated) is None:
            yield Broken(mutated, what, before)


def test_what_is_applied_keeps_the_output_shapes() -> None:
    done: Counter[str] = Counter()
    for _, broken in zip(range(REPAIRED), broken_once(random.Random(8))):
        certain = with_certain_fixes(broken.text, check)
        chosen = with_chosen_fixes(certain.text, check, None)
        done["certain"] += certain.fixes > 0
        done["chosen"] += chosen.fixes > 0
        after = outputs(chosen.text)
        if chosen.text == broken.text or after is None:
            done["left"] += 1
            continue
        assert after == broken.before, f"{broken.what}\n{broken.text}\n---\n{chosen.text}"
    print(dict(done))


def shown(text: str) -> list[Fix]:
    """Return the repairs shown for the first error of a text, in the order shown."""
    revision = Revision(EditedText(text), "<text>", None)
    for diagnostic, variant in revision.diagnosed():
        case = revision.case(diagnostic, variant)
        if case is not None and diagnostic.severity == "error":
            return search_repairs(case, 1_200_000).fixes
    return []


def test_the_repair_shown_first_keeps_the_output_shapes_if_any_does() -> None:
    done: Counter[str] = Counter()
    for _, broken in zip(range(REPAIRED), broken_once(random.Random(9))):
        fixes = shown(broken.text)
        after = [outputs(apply_fixes(broken.text, [fix])) for fix in fixes]
        known = [shapes for shapes in after if shapes is not None]
        if not known or broken.before not in known:
            done["no repair keeps them"] += 1
            continue
        what = f"{broken.what}: {[fix.title for fix in fixes]}\n{broken.text}"
        assert known[0] == broken.before, what
        done["first"] += 1
    print(dict(done))
