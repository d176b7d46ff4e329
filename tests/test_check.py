"""`check`: several mistakes in one run, in any order, each with a fix that works; which files, which findings, which exit status."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest

import cnncalc
from cnncalc.checking.config import Config
from cnncalc.checking.finding import Finding
from cnncalc.checking.repair.search import examine
from cnncalc.checking.run import Job, applied, check, check_text

from .command import ROOT, run

# Each mistake in layers of its own, which take 16 channels and give 16: what is found, the marked line, and the lines.
MISTAKES = {
    "misspelled key": ("CNN101", "  - conv: {out: 16, kernal: 3, padding: 1}", []),
    "kernel too large": ("CNN204", "  - conv: {out: 16, kernel: 99}", []),
    "residual channels": (
        "CNN206",
        "  - add:",
        [
            "      body:",
            "        - conv: {out: 32, kernel: 3, padding: 1}",
            "        - relu",
            "      shortcut: []",
            "  - conv: {out: 16, kernel: 1}",
        ],
    ),
    "concat off by one": ("CNN206", "  - concat: [down, up]", ["  - conv: {out: 16, kernel: 1}"]),
    "expect": ("CNN301", "    expect: [24, _, _]", []),
    "budget": ("CNN302", "budget: {params: < 100}", []),
}
BEFORE = {
    "concat off by one": [
        "  - tanh:",
        "    name: down",
        "  - maxpool: 2",
        "  - conv_transpose: {out: 16, kernel: 2, stride: 2}",
        "    name: up",
    ],
    "expect": ["  - conv: {out: 16, kernel: 3, padding: 1}"],
}


def spec_of(chosen: tuple[str, ...]) -> tuple[str, set[tuple[str, int]]]:
    """A spec with these mistakes in this order, and the codes and lines that must be found."""
    lines = [
        "cnncalc: 1",
        "input: [3, 25, 25]",
        "layers:",
        "  - conv: {out: 16, kernel: 3, padding: 1}",
    ]
    due = set()
    for name in sorted(
        chosen, key=lambda name: name == "budget"
    ):  # the budget stands behind the layers
        code, marked, after = MISTAKES[name]
        lines += BEFORE.get(name, [])
        due.add((code, len(lines) + 1))
        lines += [marked, *after]
        if name == "budget":
            break
        lines.append("  - sigmoid")
    return "\n".join(lines) + "\n", due


def errors(findings: list[Finding]) -> set[tuple[str, int]]:
    return {
        (f.diagnostic.code, f.diagnostic.position.line)
        for f in findings
        if f.diagnostic.position
        and f.diagnostic.severity == "error"
        or f.diagnostic.code == "CNN302"
    }  # type: ignore[union-attr]


def some_orders() -> list[tuple[str, ...]]:
    """Every subset in one order, and forty orders of all six."""
    rng = random.Random(5)
    subsets = [names for n in range(1, 7) for names in itertools.combinations(MISTAKES, n)]
    return [
        *(tuple(rng.sample(names, len(names))) for names in subsets),
        *(tuple(rng.sample(list(MISTAKES), 6)) for _ in range(40)),
    ]


@pytest.mark.parametrize(
    "chosen", some_orders(), ids=lambda chosen: "+".join(name.split()[0] for name in chosen)
)
def test_all_mistakes_in_one_run_each_with_a_working_fix(chosen: tuple[str, ...]) -> None:
    text, due = spec_of(chosen)
    findings = examine(text, "net.yaml").findings
    assert errors(findings) == due, text
    mistakes = [
        f.diagnostic
        for f in findings
        if (f.diagnostic.code, f.diagnostic.position and f.diagnostic.position.line) in due
    ]
    assert all(d.fix for d in mistakes), [d for d in mistakes if not d.fix]
    mended = applied(text, [d.fix for d in mistakes if d.fix])
    left = errors(examine(mended, "net.yaml").findings)
    assert not {code for code, _ in left} - {"CNN302"}, (
        mended
    )  # the repairs may have cost parameters
    for d in mistakes:  # each alone: its own finding is gone, whatever else is wrong
        assert d.fix
        one = applied(text, [d.fix])
        line = text.splitlines()[d.position.line - 1].strip()  # type: ignore[union-attr]
        assert (d.code, line) not in {
            (code, one.splitlines()[n - 1].strip())
            for code, n in errors(examine(one, "net.yaml").findings)
        }, one


def found(folder: Path, *arguments: str) -> list[tuple[str, str]]:
    """Code and file of each finding of a check."""
    done = run(folder, "check", *arguments, "--format", "json")
    return [(f["code"], f["file"]) for f in json.loads(done.stdout)["findings"]]


BROKEN = "cnncalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv: {out: 8, kernel: 9}\n"
SOUND = "cnncalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv: {out: 8, kernel: 3}\n"


def test_bundled_specs_pass() -> None:
    done = run(ROOT, "check", "specs")
    assert done.returncode == 0, done.stdout
    assert "30 files, 100 networks" in done.stdout
    assert "error" not in done.stdout


def test_which_files(tmp_path: Path) -> None:
    for name, text in {
        "a.cnn.yaml": BROKEN.replace("cnncalc: 1\n", ""),
        "b.yaml": BROKEN,
        "c.yml": BROKEN,
        "other.yaml": "services: {}\n",
        "note.txt": BROKEN,
        "sub/d.yaml": BROKEN,
        "sub/deep/e.cnn.yml": BROKEN,
        ".hidden/f.yaml": BROKEN,
        "node_modules/g.yaml": BROKEN,
        "quoted.yaml": '"cnncalc" : 1\nlayers: [',
        "indented.yaml": "tool:\n  cnncalc: 1\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    assert [file for _, file in found(tmp_path)] == [
        "a.cnn.yaml",
        "b.yaml",
        "c.yml",
        "quoted.yaml",
        "sub/d.yaml",
        "sub/deep/e.cnn.yml",
    ]
    assert [file for _, file in found(tmp_path, "sub", "b.yaml", "sub/d.yaml")] == [
        "sub/d.yaml",
        "sub/deep/e.cnn.yml",
        "b.yaml",
    ]
    assert sorted(code for code, _ in found(tmp_path, "other.yaml")) == [
        "CNN101",
        "CNN102",
        "CNN102",
    ]  # what is named is checked
    assert found(tmp_path, "--only-specs", "other.yaml", "b.yaml") == [("CNN204", "b.yaml")]
    (tmp_path / "pyproject.toml").write_text('[tool.cnncalc]\nexclude = ["sub/deep", "c.yml"]\n')
    assert [file for _, file in found(tmp_path)] == [
        "a.cnn.yaml",
        "b.yaml",
        "quoted.yaml",
        "sub/d.yaml",
    ]


def test_standard_input_variants_and_bundled_names(tmp_path: Path) -> None:
    done = run(tmp_path, "check", "-", "--format", "concise", input=BROKEN)
    assert done.returncode == 1
    assert done.stdout.startswith("<stdin>:4:5: error[CNN204]")
    assert (
        run(tmp_path, "check", "resnet50").stdout.splitlines()[-1].startswith("1 file, 1 network")
    )
    family = "cnncalc: 1\ninput: [3, 8, 8]\nparams: {k: 3}\nvariants:\n  small: {params: {k: 1}}\n  large: {params: {k: 11}}\nlayers:\n  - conv: {out: 8, kernel: k}\n"
    (tmp_path / "family.yaml").write_text(family)
    report = json.loads(run(tmp_path, "check", "family.yaml", "--format", "json").stdout)
    assert report["files"][0]["networks"] == [None, "small", "large"]
    assert [f["variants"] for f in report["findings"] if f["severity"] == "error"] == [["large"]]
    assert "in large" in run(tmp_path, "check", "family.yaml").stdout
    assert run(tmp_path, "check", "family.yaml#small").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("nowhere.yaml",), 2, "nowhere.yaml does not exist"),
        (("no_such_network",), 2, "no bundled network is called"),
        (("--select", "CNN999"), 2, "no rule has the code"),
        (("--also", "pdf=x"), 2, "--also takes FORMAT=FILE"),
        (("--baseline", "none.json"), 2, "cannot read none.json"),
        (("--locked",), 2, "cannot read cnncalc.lock"),
        (("latin.yaml",), 2, "is not UTF-8"),
        (("empty",), 2, "no specs in empty"),
    ],
)
def test_what_cannot_begin_exits_2(
    tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    (tmp_path / "a.cnn.yaml").write_text(SOUND)
    (tmp_path / "latin.yaml").write_bytes("cnncalc: 1\nname: Größe\n".encode("latin-1"))
    (tmp_path / "empty").mkdir()
    done = run(tmp_path, "check", *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_selection_and_severity(tmp_path: Path) -> None:
    strided = (
        "cnncalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv: {out: 8, kernel: 3}\n  - maxpool: 4\n"
    )
    (tmp_path / "a.cnn.yaml").write_text(strided)
    (tmp_path / "old.cnn.yaml").write_text(strided)
    assert {code for code, _ in found(tmp_path)} == {"CNN501"}
    assert run(tmp_path, "check").returncode == 0
    assert run(tmp_path, "check", "--fail-on", "warning").returncode == 1
    assert run(tmp_path, "check", "--fail-on", "warning", "--exit-zero").returncode == 0
    assert found(tmp_path, "--ignore", "CNN5") == []
    assert found(tmp_path, "--select", "CNN2,CNN3") == []
    config = tmp_path / "pyproject.toml"
    config.write_text(
        '[tool.cnncalc.per-file-ignores]\n"old*" = ["CNN501"]\n[tool.cnncalc.severity]\nCNN501 = "error"\n'
    )
    assert found(tmp_path) == [("CNN501", "a.cnn.yaml")]
    assert run(tmp_path, "check").returncode == 1
    for text, said in (
        ("ignroe = []", "has no key `ignroe`"),
        ('ignore = "CNN5"', "takes a list of strings"),
        ('ignore = ["X"]', "no rule has the code"),
        ('fail-on = "bad"', "a severity is"),
        ("ignore = [", "pyproject.toml"),
    ):
        config.write_text(f"[tool.cnncalc]\n{text}\n")
        done = run(tmp_path, "check")
        assert done.returncode == 2
        assert said in done.stderr


def test_ignore_comments() -> None:
    text = "cnncalc: 1\ninput: [3, 8, 8]\nlayers:\n  - maxpool: 3  # cnncalc: ignore[CNN501]\n"
    assert [f.diagnostic.code for f in check_text(text, "a", None, Job(Config())).findings] == []
    alone = text.replace("  - maxpool: 3  #", "  #").replace(
        "[CNN501]\n", "[CNN501]\n  - maxpool: 3\n"
    )
    assert check_text(alone, "a", None, Job(Config())).ignored == 1
    every = text.replace("ignore[CNN501]", "ignore")
    assert check_text(every, "a", None, Job(Config())).findings == ()
    other = text.replace("CNN501", "CNN204")
    assert [f.diagnostic.code for f in check_text(other, "a", None, Job(Config())).findings] == [
        "CNN501",
        "CNN113",
    ]
    file = "# cnncalc: ignore-file[CNN501]\n" + text.partition("  #")[0] + "\n"
    assert check_text(file, "a", None, Job(Config())).findings == ()


def test_baseline_stays_when_lines_move(tmp_path: Path) -> None:
    spec = tmp_path / "a.cnn.yaml"
    spec.write_text(BROKEN)
    assert run(tmp_path, "check", "--write-baseline", "known.json").returncode == 0
    assert run(tmp_path, "check", "--baseline", "known.json").returncode == 0
    spec.write_text("# a line more\n\n" + BROKEN)
    assert run(tmp_path, "check", "--baseline", "known.json").stdout.endswith("1 in the baseline\n")
    spec.write_text(BROKEN + "  - maxpool: 99\n")
    assert run(tmp_path, "check", "--baseline", "known.json").returncode == 1


def test_fix_writes_what_is_certain_and_nothing_else(tmp_path: Path) -> None:
    spec = tmp_path / "a.cnn.yaml"
    text = "cnncalc: 1\r\ninput: [3, 8, 8]\r\nlayers:\r\n  # ein Grüßchen\r\n  - Conv2d: {out_channels: 8, kernal: 3}   # three wrongs\r\n  - maxpool: {kernel: 2, padding: 2}\r\n"
    spec.write_text(text, newline="")
    done = run(tmp_path, "check", "--fix")
    assert spec.read_bytes().decode() == text.replace("Conv2d", "conv").replace(
        "out_channels", "out"
    ).replace("kernal", "kernel")
    assert "3 fixed" in done.stdout
    assert done.returncode == 1  # how much padding, is a matter of choice
    assert run(tmp_path, "check", "--fix-all").returncode == 0
    assert "{kernel: 2, padding: 1}" in spec.read_text()


def test_lock(tmp_path: Path) -> None:
    spec = tmp_path / "a.cnn.yaml"
    spec.write_text(
        "cnncalc: 1\ninput: [3, 8, 8]\nparams: {w: 8}\nvariants: {wide: {params: {w: 16}}}\nlayers:\n  - conv: {out: w, kernel: 3}\n"
    )
    assert run(tmp_path, "lock").stdout == "cnncalc.lock: 2 networks, 2 new\n"
    lock = json.loads((tmp_path / "cnncalc.lock").read_text())
    assert lock["networks"]["a.cnn.yaml#wide"]["params"] == 16 * 27 + 16
    assert run(tmp_path, "check", "--locked").returncode == 0
    spec.write_text(spec.read_text().replace("w: 16", "w: 17"))
    done = run(tmp_path, "check", "--locked")
    assert done.returncode == 1
    assert "params 448 → 476 (+6.2%)" in done.stdout
    assert "a.cnn.yaml:4:12" in done.stdout
    assert found(tmp_path, "--locked") == [("CNN306", "a.cnn.yaml")]
    assert run(tmp_path, "check").returncode == 0  # only where it is asked for
    (tmp_path / "b.cnn.yaml").write_text(SOUND)
    spec.write_text(spec.read_text().replace("wide", "broad"))
    assert sorted(found(tmp_path, "--locked")) == [
        ("CNN307", "a.cnn.yaml"),
        ("CNN307", "b.cnn.yaml"),
        ("CNN307", "cnncalc.lock"),
    ]
    run(tmp_path, "lock")
    assert found(tmp_path, "--locked") == []
    (tmp_path / "b.cnn.yaml").write_text(BROKEN)
    assert run(tmp_path, "lock").returncode == 1
    assert found(tmp_path, "--locked") == [("CNN204", "b.cnn.yaml")]
    (tmp_path / "b.cnn.yaml").unlink()
    assert found(tmp_path, "--locked") == [("CNN307", "cnncalc.lock")]


def test_many_files_in_several_processes_are_those_in_one(tmp_path: Path) -> None:
    for n in range(40):
        (tmp_path / f"{n:02}.cnn.yaml").write_text(BROKEN if n % 3 else SOUND)
    targets: list[tuple[str, str | None]] = [
        (str(path), None) for path in sorted(tmp_path.iterdir())
    ]
    alone = check(targets, Job(Config()))
    assert alone == check(targets, Job(Config()), workers=3)
    assert [bool(checked.fails) for checked in alone] == [bool(n % 3) for n in range(40)]


def test_budgets_of_layers_and_shapes() -> None:
    text = """cnncalc: 1
input: [3, 16, 16]
layers:
  - conv: {out: 8, kernel: 3}
  - flatten
  - linear: 10
budget:
  param_bytes: {max: 60 KiB, min: 10KiB}
  shape: [11]
  receptive_field: {min: 2, max: 3}
  activation_bytes: < 1 GiB
  at: {linear1: {params: < 1k, shape: [10]}, conv1: {shape: [8, _, _], macs: {max: 43k}}}
"""
    messages = {
        f.diagnostic.message
        for f in check_text(text, "a", None, Job(Config())).findings
        if f.diagnostic.severity == "error"
    }
    assert messages == {
        "param_bytes is 63,656, the budget is at most 60 KiB (3.6% over)",
        "the shape is 10, the budget is 11",
        "params of `linear1` is 15,690, the budget is < 1k",
    }


def test_from_python() -> None:
    (checked,) = cnncalc.check("vgg16")
    assert [f.diagnostic.code for f in checked.findings] == ["CNN507"]
    assert checked.networks == (None,)


def codes(text: str) -> list[tuple[str, int]]:
    """Code and line of every error."""
    return [
        (f.diagnostic.code, f.diagnostic.position.line)
        for f in examine(text, "net.yaml").findings
        if f.diagnostic.severity == "error" and f.diagnostic.position
    ]


LAYERS = "cnncalc: 1\ninput: [3, 32, 32]\nlayers:\n"


@pytest.mark.parametrize(
    ("text", "due"),
    [
        # what only a stand-in caused is not told
        (
            LAYERS
            + "  - conv: {out: 8, kernel: 40}\n  - conv: {out: 8, kernel: 3}\nbudget: {macs: < 20M, activations: < 9k}\n",
            [("CNN204", 4)],
        ),
        (
            "cnncalc: 1\ninput: [16, 32, 32]\nlayers:\n  - mul: {x: [], gate: [globalavgpool, {conv: {out: 16, kernel: 3}}, sigmoid]}\n",
            [("CNN204", 4)],
        ),
        (LAYERS + "  - maxpool: &p 28\n  - maxpool: *p\n", [("CNN204", 5)]),
        ("cnncalc: 1\ninput: [3, 6, 6]\nlayers:\n" + "  - maxpool: 2\n" * 6, [("CNN204", 6)]),
        (
            LAYERS + "  - conv: {out: 8, kernel: 3}\nbudget: {params: < 1M, parms: < 5}\n",
            [("CNN101", 5)],
        ),
        (
            "cnncalc: 1\ninput: [3, 8, 8]\nparams: {width: 8}\nlayers:\n  - relu:\n    when: |\n      widht > 2\n",
            [("CNN106", 6)],
        ),
        # what stands behind an error without repair is found
        (
            LAYERS
            + "  - conv: {out: 8, kernel: 9}\n  - relu:\n    from: qqq\n  - relu:\n    from: zzz\n  - conv: {out: 9, kernel: 77}\n",
            [("CNN105", 6), ("CNN105", 8), ("CNN204", 9)],
        ),
        (
            LAYERS
            + "  - conv: {out: 8}\n  - foo: 3\n  - conv: {out: 0, kernel: 3}\n  - maxpool: {kernel: 2, padding: 2}\n",
            [("CNN102", 4), ("CNN104", 5), ("CNN103", 6), ("CNN207", 7)],
        ),
        (LAYERS + "  - relu\noutputs: [nope, nowhere]\n", [("CNN105", 5), ("CNN105", 5)]),
        (
            LAYERS + "  - conv: {out: 8, kernel: 3, kernel: 3}\n  - tahn\nbudget: {prams: < 1k}\n",
            [("CNN003", 4), ("CNN104", 5), ("CNN101", 6)],
        ),
        (
            LAYERS
            + "  - maxpool: {kernel: 2, stride: 0}\n    expect: [3, 16, 16]\n  - maxpool: {kernel: 2, padding: 2}\n",
            [("CNN103", 4), ("CNN207", 6)],
        ),
        (LAYERS + "  - conv: &c {out: 7/2, kernel: 3}\n  - conv: *c\n", [("CNN103", 4)]),
        # what is declared under a misspelled word is not missed too, and two that one edit mends are not taken for one another's consequence
        (
            "cnncalc: 1\ninput: [3, 8, 8]\nblcoks:\n  residual:\n    params: {out: }\n    layers:\n      - conv: {out: out, kernel: 3}\nlayers:\n  - residual: 8\n",
            [("CNN101", 3)],
        ),
        (
            LAYERS
            + "  - reluu\n  - conv: {out: 8, kernel: 3}\n    expect: [8, 32, 32]\n  - sigmoid:\n    expect: [8, 32, 32]\n  - linear: 10\n",
            [("CNN104", 4), ("CNN301", 6), ("CNN301", 8), ("CNN201", 9)],
        ),
        (LAYERS + "  - flatten\n  - maxpool: 2\n", [("CNN201", 5)]),
        # languages and habits of others
        (LAYERS + "  - conv {out: 32, kernel: 3}\n", [("CNN001", 4)]),
        (LAYERS + "  - conv:\n    out: 32\n    kernel: 3\n", [("CNN101", 5)]),
        (LAYERS + "  - conv: {out 32, kernel: 3}\n", [("CNN101", 4)]),
        (
            "cnncalc: 1\ninput: [1, 3, 16, 16]\nlayers:\n  - conv: {out: 8, kernel: 5}\n",
            [("CNN204", 4)],
        ),
    ],
)
def test_neither_consequences_nor_gaps(text: str, due: list[tuple[str, int]]) -> None:
    assert codes(text) == due


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('budget: {receptive_field: ">= 200"}', "budget: {receptive_field: {min: 3}}"),
        (
            "budget:\n  shape:\n    - 8\n    - 32\n    - 32\n  params: < 1M",
            "budget:\n  shape:\n    [8, 30, 30]\n  params: < 1M",
        ),
        ("budget: {params: &b 100, macs: *b}", "budget: {params: &b <= 224, macs: *b}"),
    ],
)
def test_a_limit_is_restated_so_that_it_can_be_read(text: str, wanted: str) -> None:
    head = LAYERS + "  - conv: {out: 8, kernel: 3}\n"
    finding = next(
        f for f in examine(head + text + "\n", "net.yaml").findings if f.diagnostic.code == "CNN302"
    )
    assert finding.diagnostic.fix
    assert finding.diagnostic.fix.restates
    assert applied(head + text + "\n", [finding.diagnostic.fix]) == head + wanted + "\n"


def test_fix_all_does_not_lower_what_is_demanded(tmp_path: Path) -> None:
    spec = tmp_path / "a.cnn.yaml"
    text = LAYERS + "  - conv: {out: 8, kernel: 3}\n  - flatten\n    \nbudget: {params: < 100}\n"
    spec.write_text(text)
    done = run(tmp_path, "check", "--fix-all")
    assert spec.read_text() == text
    assert done.returncode == 1


def test_long_files_are_not_searched_without_end() -> None:
    checked = check_text(
        LAYERS + "  - conv: {out: 8, kernel: 99}\n" * 3000, "net.yaml", None, Job(Config())
    )
    assert "CNN004" in {f.diagnostic.code for f in checked.findings}  # says that there may be more


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        ("# cnncalc: ignore-file\n", "input: [3, 8, 8\n"),
        ("# cnncalc: ignore-file[CNN0]\n", "input: [3, 8, 8]\ninput: [3, 8, 8]\nlayers: [relu]\n"),
    ],
)
def test_what_keeps_a_file_from_being_read_cannot_be_ignored(comment: str, text: str) -> None:
    assert check_text(comment + text, "a", None, Job(Config())).fails


def test_codes_to_ignore_stand_in_brackets() -> None:
    text = "cnncalc: 1\ninput: [3, 8, 8]\nlayers:\n  - maxpool: 3  # cnncalc: ignore CNN204\n"
    findings = check_text(text, "a", None, Job(Config())).findings
    assert [f.diagnostic.code for f in findings] == ["CNN501", "CNN113"]
    assert findings[1].diagnostic.fix
    assert "# cnncalc: ignore[CNN204]" in applied(text, [findings[1].diagnostic.fix])


def test_a_repair_is_right_for_every_variant() -> None:
    """Of the second use alone a literal would do; of all of them, the name."""
    text = """cnncalc: 1
input: [3, 16, 16]
params: {w: 16}
variants: {wide: {params: {w: 24}}}
blocks:
  residual:
    params: {out: , stride: 1}
    layers:
      - add:
          body:
            - conv: {out: out, kernel: 3, stride: stride, padding: 1}
            - conv: {out: 16, kernel: 3, padding: 1}
          shortcut:
            - conv: {out: out, kernel: 1, stride: stride}
layers:
  - residual: w
  - residual: {out: 2 * w, stride: 2}
"""
    findings = [f for f in examine(text, "net.yaml").findings if f.diagnostic.severity == "error"]
    assert [
        (f.diagnostic.code, f.diagnostic.position and f.diagnostic.position.line) for f in findings
    ] == [("CNN206", 9)]
    assert findings[0].diagnostic.fix
    assert "- conv: {out: out, kernel: 3, padding: 1}" in applied(
        text, [findings[0].diagnostic.fix]
    )
