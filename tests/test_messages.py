"""Messages name what people meant: pasted PyTorch, numbers in words, channels last, shared copies.

What `check` prints for each of these is on file in `tests/bad`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import cnncalc
from cnncalc.analysis.bound import in_digits
from cnncalc.checking.fix import apply_fixes
from cnncalc.checking.repair.search import examine
from cnncalc.diagnostic import Fix
from cnncalc.language.yaml_entries import entry_removed
from cnncalc.language.yaml_tree import parse

from .command import ROOT, run
from .mistakes import FOLDER
from .samples import yaml

SHARED = ROOT / "tests" / "good" / "message-share-repeat.yaml"


def test_each_copy_shares_the_weights() -> None:
    pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    totals = cnncalc.analyze(SHARED).totals
    network = cnncalc.build(SHARED, device="meta")
    assert totals.params == sum(p.numel() for p in network.parameters()) == 1_049_600
    with FlopCounterMode(display=False) as counter:
        import torch

        network(torch.empty(1, 1024, device="meta"))
    assert 2 * totals.macs == counter.get_total_flops() == 2 * 104_857_600


@pytest.mark.parametrize(
    ("first", "second", "right"),
    [
        ("name: l, repeat: 2", "share: l, repeat: 4", False),  # which two of the four?
        ("name: l, repeat: 2", "share: l, repeat: 2", True),
        ("name: l, repeat: 2", "share: l", False),
        ("name: l", "share: l, each: [{}, {}, {}]", True),
    ],
)
def test_copies_share_only_where_it_is_clear_what(first: str, second: str, right: bool) -> None:
    text = f"""
input: [4]
layers:
  - {{linear: {{out: 4}}, {first}}}
  - {{linear: {{out: 4}}, {second}}}
"""
    if "each" in second:
        text = text.replace("linear: {out: 4}, share", "linear: , share").replace("{}", "{out: 4}")
    report = cnncalc.analyze(text)
    assert report.ok == right, report.diagnostics
    assert right or report.diagnostics[0].code == "CNN112"


@pytest.mark.parametrize("file", ["CNN104-pasted-torch", "CNN101-inferred-by-name"])
def test_pasted_torch_is_repaired_to_the_same_network(file: str, tmp_path: Path) -> None:
    nn = pytest.importorskip("torch").nn
    spec = tmp_path / "net.yaml"
    spec.write_text((FOLDER / f"{file}.yaml").read_text("utf-8"))
    done = run("check", "net.yaml", "--fix", folder=tmp_path)
    assert done.returncode == 0, done.stdout
    pasted = nn.Sequential(
        nn.Conv2d(3, 8, kernel_size=32), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 10)
    )
    built = cnncalc.build(spec)
    assert [p.shape for p in built.parameters()] == [p.shape for p in pasted.parameters()]


@pytest.mark.parametrize(
    ("limit", "right"),
    [
        ("1 million", "write `<= 1M`"),
        ("< 2.5 thousand", "write `< 2.5k`"),
        ("at most 3 Billions", "write `<= 3G`"),
        (">= 4 trillion", "write `>= 4T`"),
        ("a million", None),
        ("1 dozen", None),
        (7, None),
    ],
)
def test_numbers_in_words_are_written_with_digits(limit: object, right: str | None) -> None:
    assert in_digits(limit) == right
    if right:
        written = right.partition("`")[2].rstrip("`")
        text = "input: [3, 9, 9]\nlayers: [relu]\nbudget: {params: {}}"
        report = cnncalc.analyze(text.replace("{}", f'"{written}"'))
        assert "CNN103" not in [d.code for d in report.diagnostics]


BODIES = (
    "{a: 1, b: [2, 3], c: 4}",
    "{ a: 1 }",
    "{a: 1,\n  b: 2,\n  c: 3}",
    '{"a": {x: [1, 2]}, b: "c, d"}',
    "\n  a: 1\n  b:\n    - 2\n    - 3\n  c: 4",
    "\n  a: {x: 1}\n  b: 2\n",
    "\n  a: 1",
)


@pytest.mark.parametrize("body", BODIES)
def test_an_entry_is_removed_and_nothing_else(body: str) -> None:
    text = f"first: 0\nlayer: {body}\nlast: 9\n"
    data, marks = parse(text, "net.yaml")
    for key in data["layer"]:
        edits = entry_removed(marks.find("layer"), key)
        rest = {other: value for other, value in data["layer"].items() if other != key}
        if not edits:
            assert not rest  # nothing would be left of the block
            continue
        after, _ = parse(apply_fixes(text, [Fix("remove it", edits)]), "net.yaml")
        assert after == {**data, "layer": rest}


def test_a_block_named_like_an_operator_is_one_error() -> None:
    text = (FOLDER / "CNN108-block-named-conv.yaml").read_text("utf-8")
    assert [f.diagnostic.code for f in examine(text, "net.yaml").findings] == ["CNN108"]
    renamed = text.replace("  conv:\n", "  conv_block:\n").replace("- conv: 16", "- conv_block: 16")
    renamed = renamed.replace("{out: 32, k: 5}", "{out: 32, kernel: 5}").replace(
        "- conv: 64", "- conv_block: 64"
    )
    assert cnncalc.analyze(renamed).ok


def test_a_sequence_with_its_channels_last_is_named() -> None:
    text = (FOLDER / "CNN301-channels-last.yaml").read_text("utf-8")
    (found,) = cnncalc.analyze(text).diagnostics
    assert "`input: [64, 128]`" in (found.help or "")
    turned = text.replace("[128, 64]", "[64, 128]")
    permuted = text.replace("layers:\n", "layers:\n  - permute: [1, 0]\n")
    assert cnncalc.analyze(turned).ok and cnncalc.analyze(permuted).ok
    (other,) = cnncalc.analyze(text.replace("126", "7")).diagnostics  # wrong either way
    assert "channels come first" not in (other.help or "")


NORMED = yaml("""
    cnncalc: 1
    input: [3, 64, 64]
    layers:
      - conv: {out: 8, kernel: 3}
      - batchnorm
      - conv: {out: 8, kernel: 3}
      - batchnorm
      - conv: {out: 8, kernel: 3}
      - batchnorm
      - conv: {out: 8, kernel: 64, padding: 40}
""")


def test_repeated_notes_are_one_with_a_count() -> None:
    done = run("check", "-", stdin=NORMED)
    assert done.stdout.count("CNN510") == 1
    assert "2 more notes like this, at lines 6 and 8" in done.stdout
    every = run("check", "-", "--format", "concise", stdin=NORMED)
    assert every.stdout.count("CNN510") == 3  # formats for tools have each of them


def test_notes_after_which_nothing_needs_to_change_are_shown_on_request(tmp_path: Path) -> None:
    def codes(*options: str) -> set[str]:
        done = run("check", "-", *options, stdin=NORMED, folder=tmp_path)
        assert ("not shown without --all-notes" in done.stdout) == ("CNN502" not in done.stdout)
        return {code for code in ("CNN502", "CNN510") if code in done.stdout}

    assert codes() == {"CNN510"}
    assert codes("--all-notes") == {"CNN502", "CNN510"}
    assert codes("--select", "CNN5") == {"CNN502", "CNN510"}
    (tmp_path / "pyproject.toml").write_text('[tool.cnncalc.severity]\nCNN502 = "warning"\n')
    assert codes() == {"CNN502", "CNN510"}
