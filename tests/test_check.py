"""`check` finds several mistakes in one run, in any order, each with a fix that works.

It checks the right files, reports the right findings, and ends with the right exit status.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import subprocess
from pathlib import Path

import pytest

import cnncalc
from cnncalc.checking.config import Config
from cnncalc.checking.finding import Finding
from cnncalc.checking.fix import apply_fixes
from cnncalc.checking.repair.search import examine
from cnncalc.checking.run import Checked, Job, check_files, check_text
from cnncalc.diagnostic import Diagnostic

from .command import run
from .samples import BUNDLED, yaml

# Each mistake is in its own layers, which take 16 channels and return 16.
# Each has the code of the finding, the marked line, and the lines after it.
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
BROKEN = yaml("""
    cnncalc: 1
    input: [3, 8, 8]
    layers:
      - conv: {out: 8, kernel: 9}
""")
SOUND = BROKEN.replace("kernel: 9", "kernel: 3")


def spec_of(chosen: tuple[str, ...]) -> tuple[str, set[tuple[str, int]]]:
    """Return a spec with these mistakes in this order, and the codes and lines of its findings."""
    lines = [
        "cnncalc: 1",
        "input: [3, 25, 25]",
        "layers:",
        "  - conv: {out: 16, kernel: 3, padding: 1}",
    ]
    due = set()
    # The budget comes after the layers.
    for name in sorted(chosen, key=lambda name: name == "budget"):
        code, marked, after = MISTAKES[name]
        lines += BEFORE.get(name, [])
        due.add((code, len(lines) + 1))
        lines += [marked, *after]
        if name == "budget":
            break
        lines.append("  - sigmoid")
    return "\n".join(lines) + "\n", due


def place(diagnostic: Diagnostic) -> tuple[str, int | None]:
    """Return the code and the line."""
    return diagnostic.code, diagnostic.position and diagnostic.position.line


def errors(findings: list[Finding]) -> set[tuple[str, int | None]]:
    """Return the code and line of every error, and of exceeded budgets."""
    return {
        place(f.diagnostic)
        for f in findings
        if f.diagnostic.position
        and f.diagnostic.severity == "error"
        or f.diagnostic.code == "CNN302"
    }


def some_orders() -> list[tuple[str, ...]]:
    """Yield every subset in one order, and forty orders of all six."""
    rng = random.Random(5)
    subsets = [names for n in range(1, 7) for names in itertools.combinations(MISTAKES, n)]
    return [
        *(tuple(rng.sample(names, len(names))) for names in subsets),
        *(tuple(rng.sample(list(MISTAKES), 6)) for _ in range(40)),
    ]


@pytest.mark.parametrize(
    "chosen", some_orders(), ids=lambda chosen: "+".join(name.split()[0] for name in chosen)
)
def test_all_mistakes_are_found_in_one_run_each_with_a_working_fix(chosen: tuple[str, ...]) -> None:
    text, due = spec_of(chosen)
    findings = examine(text, "net.yaml").findings
    assert errors(findings) == due, text
    mistakes = [f.diagnostic for f in findings if place(f.diagnostic) in due]
    assert all(d.fix for d in mistakes), [d for d in mistakes if not d.fix]
    repaired = apply_fixes(text, [d.fix for d in mistakes if d.fix])
    left = errors(examine(repaired, "net.yaml").findings)
    # The repairs may have cost parameters.
    assert not {code for code, _ in left} - {"CNN302"}, repaired
    for d in mistakes:  # each fix alone makes its own finding go away
        assert d.fix and d.position
        one = apply_fixes(text, [d.fix])
        line = text.splitlines()[d.position.line - 1].strip()
        remaining = {
            (code, one.splitlines()[n - 1].strip())
            for code, n in errors(examine(one, "net.yaml").findings)
            if n is not None
        }
        assert (d.code, line) not in remaining, one


def run_check(
    folder: Path, *arguments: str, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `cnncalc check` in a folder."""
    return run("check", *arguments, folder=folder, stdin=stdin)


def found(folder: Path, *arguments: str) -> list[tuple[str, str]]:
    """Return the code and file of each finding of a check."""
    done = run_check(folder, *arguments, "--format", "json")
    return [(f["code"], f["file"]) for f in json.loads(done.stdout)["findings"]]


def test_bundled_specs_pass() -> None:
    done = run("check", "specs")
    assert done.returncode == 0, done.stdout
    files = {network.spec.file for network in BUNDLED}
    assert f"{len(files)} files, {len(BUNDLED)} networks" in done.stdout
    assert "error" not in done.stdout


def test_the_right_files_are_checked(tmp_path: Path) -> None:
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
    named = found(tmp_path, "other.yaml")  # files that are named are checked
    assert sorted(code for code, _ in named) == ["CNN101", "CNN102", "CNN102"]
    assert found(tmp_path, "--only-specs", "other.yaml", "b.yaml") == [("CNN204", "b.yaml")]
    (tmp_path / "pyproject.toml").write_text('[tool.cnncalc]\nexclude = ["sub/deep", "c.yml"]\n')
    assert [file for _, file in found(tmp_path)] == [
        "a.cnn.yaml",
        "b.yaml",
        "quoted.yaml",
        "sub/d.yaml",
    ]


FAMILY = yaml("""
    cnncalc: 1
    input: [3, 8, 8]
    params: {k: 3}
    variants:
      small: {params: {k: 1}}
      large: {params: {k: 11}}
    layers:
      - conv: {out: 8, kernel: k}
""")


def test_standard_input_variants_and_bundled_names_are_checked(tmp_path: Path) -> None:
    done = run_check(tmp_path, "-", "--format", "concise", stdin=BROKEN)
    assert done.returncode == 1
    assert done.stdout.startswith("<stdin>:4:5: error[CNN204]")
    bundled = run_check(tmp_path, "resnet50").stdout
    assert bundled.splitlines()[-1].startswith("1 file, 1 network")
    (tmp_path / "family.yaml").write_text(FAMILY)
    report = json.loads(run_check(tmp_path, "family.yaml", "--format", "json").stdout)
    assert report["files"][0]["networks"] == [None, "small", "large"]
    assert [f["variants"] for f in report["findings"] if f["severity"] == "error"] == [["large"]]
    assert "in large" in run_check(tmp_path, "family.yaml").stdout
    assert run_check(tmp_path, "family.yaml#small").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("nowhere.yaml",), 2, "nowhere.yaml does not exist"),
        (("no_such_network",), 2, "no file or bundled network is called"),
        (("--select", "CNN999"), 2, "unknown code"),
        (("--also", "pdf=x"), 2, "--also takes FORMAT=FILE"),
        (("--baseline", "none.json"), 2, "cannot read none.json"),
        (("--locked",), 2, "cannot read cnncalc.lock"),
        (("latin.yaml",), 2, "is not UTF-8"),
        (("empty",), 2, "no specs in empty"),
    ],
)
def test_a_check_that_cannot_begin_exits_with_2(
    tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    (tmp_path / "a.cnn.yaml").write_text(SOUND)
    (tmp_path / "latin.yaml").write_bytes("cnncalc: 1\nname: Größe\n".encode("latin-1"))
    (tmp_path / "empty").mkdir()
    done = run_check(tmp_path, *arguments)
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


SEVERITY = """\
[tool.cnncalc.per-file-ignores]
"old*" = ["CNN501"]
[tool.cnncalc.severity]
CNN501 = "error"
"""


def test_rules_are_selected_and_get_a_severity(tmp_path: Path) -> None:
    strided = yaml("""
        cnncalc: 1
        input: [3, 8, 8]
        layers:
          - conv: {out: 8, kernel: 3}
          - maxpool: 4
    """)
    (tmp_path / "a.cnn.yaml").write_text(strided)
    (tmp_path / "old.cnn.yaml").write_text(strided)
    assert {code for code, _ in found(tmp_path)} == {"CNN501"}
    assert run_check(tmp_path).returncode == 0
    assert run_check(tmp_path, "--fail-on", "warning").returncode == 1
    assert run_check(tmp_path, "--fail-on", "warning", "--exit-zero").returncode == 0
    assert found(tmp_path, "--ignore", "CNN5") == []
    assert found(tmp_path, "--select", "CNN2,CNN3") == []
    config = tmp_path / "pyproject.toml"
    config.write_text(SEVERITY)
    assert found(tmp_path) == [("CNN501", "a.cnn.yaml")]
    assert run_check(tmp_path).returncode == 1
    for text, said in (
        ("ignroe = []", "has no key `ignroe`"),
        ('ignore = "CNN5"', "takes a list of strings"),
        ('ignore = ["X"]', "unknown code"),
        ('fail-on = "bad"', "a severity is"),
        ("ignore = [", "pyproject.toml"),
    ):
        config.write_text(f"[tool.cnncalc]\n{text}\n")
        done = run_check(tmp_path)
        assert done.returncode == 2
        assert said in done.stderr


def checked(text: str) -> Checked:
    """Return what `check` finds in a text."""
    return check_text(text, "a", None, Job(Config()))


def diagnostics(text: str) -> list[Diagnostic]:
    return [finding.diagnostic for finding in checked(text).findings]


POOL = yaml("""
    cnncalc: 1
    input: [3, 8, 8]
    layers:
      - maxpool: 3  # cnncalc: ignore[CNN501]
""")


def test_comments_ignore_findings() -> None:
    assert diagnostics(POOL) == []
    alone = POOL.replace("  - maxpool: 3  #", "  #") + "  - maxpool: 3\n"
    assert checked(alone).ignored == 1
    every = POOL.replace("ignore[CNN501]", "ignore")
    assert diagnostics(every) == []
    other = POOL.replace("CNN501", "CNN204")
    assert [d.code for d in diagnostics(other)] == ["CNN501", "CNN113"]
    file = "# cnncalc: ignore-file[CNN501]\n" + POOL.partition("  #")[0] + "\n"
    assert diagnostics(file) == []


def test_codes_to_ignore_are_written_in_brackets() -> None:
    text = POOL.replace("[CNN501]", " CNN204")
    strided, idle = diagnostics(text)
    assert (strided.code, idle.code) == ("CNN501", "CNN113")
    assert idle.fix
    assert "# cnncalc: ignore[CNN204]" in apply_fixes(text, [idle.fix])


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        ("# cnncalc: ignore-file\n", "input: [3, 8, 8\n"),
        ("# cnncalc: ignore-file[CNN0]\n", "input: [3, 8, 8]\ninput: [3, 8, 8]\nlayers: [relu]\n"),
    ],
)
def test_what_keeps_a_file_from_being_read_cannot_be_ignored(comment: str, text: str) -> None:
    assert checked(comment + text).fails


def test_baseline_stays_when_lines_move(tmp_path: Path) -> None:
    spec = tmp_path / "a.cnn.yaml"
    spec.write_text(BROKEN)
    assert run_check(tmp_path, "--write-baseline", "known.json").returncode == 0
    assert run_check(tmp_path, "--baseline", "known.json").returncode == 0
    spec.write_text("# a line more\n\n" + BROKEN)
    assert run_check(tmp_path, "--baseline", "known.json").stdout.endswith("1 in the baseline\n")
    spec.write_text(BROKEN + "  - maxpool: 99\n")
    assert run_check(tmp_path, "--baseline", "known.json").returncode == 1


MISSPELLED = yaml("""
    cnncalc: 1
    input: [3, 8, 8]
    layers:
      # ein Grüßchen
      - Conv2d: {out_channels: 8, kernal: 3}   # three wrongs
      - maxpool: {kernel: 2, padding: 2}
""").replace("\n", "\r\n")


def test_fix_applies_only_certain_repairs(tmp_path: Path) -> None:
    spec = tmp_path / "a.cnn.yaml"
    spec.write_text(MISSPELLED, newline="")
    done = run_check(tmp_path, "--fix")
    fixed = MISSPELLED.replace("Conv2d", "conv")
    fixed = fixed.replace("out_channels", "out").replace("kernal", "kernel")
    assert spec.read_bytes().decode() == fixed
    assert "3 fixed" in done.stdout
    assert done.returncode == 1  # a person must choose how much padding
    assert run_check(tmp_path, "--fix-all").returncode == 1  # the output depends on the choice
    assert spec.read_bytes().decode() == fixed
    pooled = fixed + "  - globalavgpool\r\n"
    spec.write_text(pooled, newline="")
    assert run_check(tmp_path, "--fix-all").returncode == 0  # here the output does not
    assert spec.read_bytes().decode() == pooled.replace("padding: 2", "padding: 1")


def test_lock_notices_changed_figures(tmp_path: Path) -> None:
    spec, other = tmp_path / "a.cnn.yaml", tmp_path / "b.cnn.yaml"
    text = yaml("""
        cnncalc: 1
        input: [3, 8, 8]
        params: {w: 8}
        variants: {wide: {params: {w: 16}}}
        layers:
          - conv: {out: w, kernel: 3}
    """)
    spec.write_text(text)
    assert run("lock", folder=tmp_path).stdout == "cnncalc.lock: 2 networks, 2 new\n"
    lock = json.loads((tmp_path / "cnncalc.lock").read_text())
    assert lock["networks"]["a.cnn.yaml#wide"]["params"] == 16 * 27 + 16
    assert run_check(tmp_path, "--locked").returncode == 0
    spec.write_text(spec.read_text().replace("w: 16", "w: 17"))
    done = run_check(tmp_path, "--locked")
    assert done.returncode == 1
    assert "params 448 → 476 (+6.2%)" in done.stdout
    assert "a.cnn.yaml:4:12" in done.stdout
    assert "run `cnncalc diff REVISION:a.cnn.yaml a.cnn.yaml`" in done.stdout
    message = done.stdout.splitlines()[0]
    assert "params" in message and "flops" not in message
    assert "   = flops " in done.stdout and "param_bytes 1,792 → 1,904" in done.stdout
    assert found(tmp_path, "--locked") == [("CNN306", "a.cnn.yaml")]
    assert run_check(tmp_path).returncode == 0  # only if it is asked for
    other.write_text(SOUND)
    spec.write_text(spec.read_text().replace("wide", "broad"))
    assert sorted(found(tmp_path, "--locked")) == [
        ("CNN307", "a.cnn.yaml"),
        ("CNN307", "b.cnn.yaml"),
        ("CNN307", "cnncalc.lock"),
    ]
    run("lock", folder=tmp_path)
    assert found(tmp_path, "--locked") == []
    other.write_text(BROKEN)
    assert run("lock", folder=tmp_path).returncode == 1
    assert found(tmp_path, "--locked") == [("CNN204", "b.cnn.yaml")]
    other.unlink()
    assert found(tmp_path, "--locked") == [("CNN307", "cnncalc.lock")]


OVER_BUDGET = SOUND.replace("cnncalc: 1\n", "cnncalc: 1\nbudget: {params: < 3}\n", 1)


def test_lock_honours_the_baseline(tmp_path: Path) -> None:
    """What makes `check` green with a baseline also makes `check --locked` green."""
    (tmp_path / "a.cnn.yaml").write_text(OVER_BUDGET)
    (tmp_path / "b.cnn.yaml").write_text(SOUND)
    refused = run("lock", folder=tmp_path)
    assert refused.stdout == (
        "cnncalc.lock: 1 network, 1 new; not locked, because of its errors: a.cnn.yaml\n"
    )
    assert refused.returncode == 1
    assert "CNN302" in refused.stderr
    run_check(tmp_path, "--write-baseline", "known.json")
    assert run("lock", "--baseline", "known.json", folder=tmp_path).returncode == 0
    (tmp_path / "cnncalc.lock").unlink()
    (tmp_path / "pyproject.toml").write_text('[tool.cnncalc]\nbaseline = "known.json"\n')
    locked = run("lock", folder=tmp_path)
    assert (locked.returncode, locked.stdout) == (0, "cnncalc.lock: 2 networks, 2 new\n")
    assert run_check(tmp_path, "--locked").returncode == 0


def test_lock_keeps_the_entries_of_networks_that_it_refuses(tmp_path: Path) -> None:
    spec, other = tmp_path / "a.cnn.yaml", tmp_path / "b.cnn.yaml"
    text = SOUND.replace("cnncalc: 1\n", "cnncalc: 1\nvariants: {x: {}, y: {}}\n", 1)
    spec.write_text(text)
    other.write_text(SOUND)
    run("lock", folder=tmp_path)
    before = (tmp_path / "cnncalc.lock").read_text()
    spec.write_text(text.replace("y: {}", "y: {budget: {params: < 3}}"))
    other.write_text("layers: [\n" + SOUND)  # not even YAML
    refused = run("lock", folder=tmp_path)
    assert refused.stdout == (
        "cnncalc.lock: not written, because nothing changed in 3 networks;"
        " not locked, because of their errors:"
        " a.cnn.yaml#y, b.cnn.yaml\n"
    )
    assert refused.returncode == 1
    assert (tmp_path / "cnncalc.lock").read_text() == before
    (tmp_path / "broken.cnn.yaml").write_text(BROKEN)
    run_check(tmp_path, "broken.cnn.yaml", "--write-baseline", "known.json")
    known = run("lock", "broken.cnn.yaml", "--baseline", "known.json", folder=tmp_path)
    assert "not locked, because of its errors: broken.cnn.yaml" in known.stdout
    assert known.returncode == 0  # it has no figures, and no new errors


@pytest.mark.parametrize(
    "format", ["full", "concise", "github", "gitlab", "junit", "markdown", "sarif"]
)
def test_findings_after_repairs_say_so(format: str, tmp_path: Path) -> None:
    (tmp_path / "a.cnn.yaml").write_text(BROKEN + "budget: {params: < 3}\n")
    printed = run_check(tmp_path, "--format", format).stdout
    assert printed.count("found after repairing the errors before it") >= 1
    (tmp_path / "a.cnn.yaml").write_text(OVER_BUDGET)
    assert "found after" not in run_check(tmp_path, "--format", format).stdout


def test_several_processes_find_the_same_as_one(tmp_path: Path) -> None:
    for n in range(40):
        (tmp_path / f"{n:02}.cnn.yaml").write_text(BROKEN if n % 3 else SOUND)
    targets: list[tuple[str, str | None]] = [
        (str(path), None) for path in sorted(tmp_path.iterdir())
    ]
    alone = check_files(targets, Job(Config()))
    assert alone == check_files(targets, Job(Config()), workers=3)
    assert [bool(checked.fails) for checked in alone] == [bool(n % 3) for n in range(40)]


def test_budgets_limit_layers_and_shapes() -> None:
    text = yaml("""
        cnncalc: 1
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
          at:
            linear1: {params: < 1k, shape: [10]}
            conv1: {shape: [8, _, _], macs: {max: 43k}}
    """)
    assert {d.message for d in diagnostics(text) if d.severity == "error"} == {
        "param_bytes is 63,656, but the budget is at most 60 KiB (3.6% over)",
        "the shape is 10, but the budget is 11",
        "params of `linear1` is 15,690, but the budget is < 1k",
    }


FAMILY_WITH_BUDGET = yaml("""
    cnncalc: 1
    input: [3, 32, 32]
    params: {w: 8}
    variants:
      narrow: {}
      wide: {params: {w: 16}}
    blocks:
      unused: {layers: [relu]}
    layers:
      - conv: {out: w, kernel: 3}
    budget: {params: < 100}
""")


def test_the_networks_counted_are_those_that_findings_name() -> None:
    """The base counts if its budget is its own; a finding in the text concerns every network."""
    done = run("check", "-", stdin=FAMILY_WITH_BUDGET).stdout
    assert done.splitlines()[-1] == "1 file, 3 networks: 1 error, 1 warning, 1 note"
    assert re.findall(r"= in (.*)", done) == ["the base"]
    junit = run("check", "-", "--format", "junit", stdin=FAMILY_WITH_BUDGET).stdout
    assert 'tests="3" failures="1"' in junit
    bare = FAMILY_WITH_BUDGET.partition("budget:")[0]
    done = run("check", "-", stdin=bare).stdout
    assert done.splitlines()[-1] == "1 file, 2 networks: 1 warning, 1 note"
    assert "= in " not in done
    done = run("check", "-", stdin=bare.replace("narrow: {}", "slim: {params: {w: 4}}")).stdout
    assert done.splitlines()[-1] == "1 file, 3 networks: 1 warning, 1 note"
    assert "= in " not in done


def test_analyze_says_that_the_budget_of_the_base_is_not_applied_to_a_variant() -> None:
    said = "the budget at the top level is for the base alone, and is not applied here"
    for variant in ("narrow", "wide"):
        done = run("analyze", "-", "--variant", variant, stdin=FAMILY_WITH_BUDGET).stdout
        lines = " ".join(done.split())
        assert said in lines and f"write one into `{variant}` under `variants`" in lines
    assert said not in run("analyze", "-", stdin=FAMILY_WITH_BUDGET).stdout
    own = FAMILY_WITH_BUDGET.replace("narrow: {}", "narrow: {budget: {params: < 1k}}")
    lines = run("analyze", "-", "--variant", "narrow", stdin=own).stdout
    assert said in lines and "write one" not in lines


def test_check_is_called_from_python() -> None:
    (checked,) = cnncalc.check("vgg16")
    assert [f.diagnostic.code for f in checked.findings] == ["CNN507"]
    assert checked.networks == (None,)


def codes(text: str) -> list[tuple[str, int | None]]:
    """Return the code and line of every error."""
    return [
        place(f.diagnostic)
        for f in examine(text, "net.yaml").findings
        if f.diagnostic.severity == "error" and f.diagnostic.position
    ]


HEAD = "cnncalc: 1\ninput: [3, 32, 32]\n"  # the first layer is in line 4

# An error that only a stand-in caused is not reported.
CONSEQUENCES = [
    (
        HEAD
        + yaml("""
            layers:
              - conv: {out: 8, kernel: 40}
              - conv: {out: 8, kernel: 3}
            budget: {macs: < 20M, activations: < 9k}
        """),
        [("CNN204", 4)],
    ),
    (
        yaml("""
            cnncalc: 1
            input: [16, 32, 32]
            layers:
              - mul: {x: [], gate: [globalavgpool, {conv: {out: 16, kernel: 3}}, sigmoid]}
        """),
        [("CNN204", 4)],
    ),
    (HEAD + "layers:\n  - maxpool: &p 28\n  - maxpool: *p\n", [("CNN204", 5)]),
    ("cnncalc: 1\ninput: [3, 6, 6]\nlayers:\n" + "  - maxpool: 2\n" * 6, [("CNN204", 6)]),
    (
        HEAD
        + yaml("""
            layers:
              - conv: {out: 8, kernel: 3}
            budget: {params: < 1M, parms: < 5}
        """),
        [("CNN101", 5)],
    ),
    (
        yaml("""
            cnncalc: 1
            input: [3, 8, 8]
            params: {width: 8}
            layers:
              - relu:
                when: |
                  widht > 2
        """),
        [("CNN106", 6)],
    ),
]
# Errors after an error without a repair are found.
GAPS = [
    (
        HEAD
        + yaml("""
            layers:
              - conv: {out: 8, kernel: 9}
              - relu:
                from: qqq
              - relu:
                from: zzz
              - conv: {out: 9, kernel: 77}
        """),
        [("CNN105", 6), ("CNN105", 8), ("CNN204", 9)],
    ),
    (
        HEAD
        + yaml("""
            layers:
              - conv: {out: 8}
              - foo: 3
              - conv: {out: 0, kernel: 3}
              - maxpool: {kernel: 2, padding: 2}
        """),
        [("CNN102", 4), ("CNN104", 5), ("CNN103", 6), ("CNN207", 7)],
    ),
    (
        HEAD + "layers:\n  - relu\noutputs: [nope, nowhere]\n",
        [("CNN105", 5), ("CNN105", 5)],
    ),
    (
        HEAD
        + yaml("""
            layers:
              - conv: {out: 8, kernel: 3, kernel: 3}
              - tahn
            budget: {prams: < 1k}
        """),
        [("CNN003", 4), ("CNN104", 5), ("CNN101", 6)],
    ),
    (
        HEAD
        + yaml("""
            layers:
              - maxpool: {kernel: 2, stride: 0}
                expect: [3, 16, 16]
              - maxpool: {kernel: 2, padding: 2}
        """),
        [("CNN103", 4), ("CNN207", 6)],
    ),
    (HEAD + "layers:\n  - conv: &c {out: 7/2, kernel: 3}\n  - conv: *c\n", [("CNN103", 4)]),
]
# What a misspelled word declares is not reported as missing, and two errors
# that one edit repairs are not taken for each other's consequence.
TOGETHER = [
    (
        yaml("""
            cnncalc: 1
            input: [3, 8, 8]
            blcoks:
              residual:
                params: {out: }
                layers:
                  - conv: {out: out, kernel: 3}
            layers:
              - residual: 8
        """),
        [("CNN101", 3)],
    ),
    (
        HEAD
        + yaml("""
            layers:
              - reluu
              - conv: {out: 8, kernel: 3}
                expect: [8, 32, 32]
              - sigmoid:
                expect: [8, 32, 32]
              - linear: 10
        """),
        [("CNN104", 4), ("CNN301", 6), ("CNN301", 8), ("CNN201", 9)],
    ),
    (HEAD + "layers:\n  - flatten\n  - maxpool: 2\n", [("CNN201", 5)]),
]
# Words and habits of other languages.
HABITS = [
    (HEAD + "layers:\n  - conv {out: 32, kernel: 3}\n", [("CNN001", 4)]),
    (HEAD + "layers:\n  - conv:\n    out: 32\n    kernel: 3\n", [("CNN101", 5)]),
    (HEAD + "layers:\n  - conv: {out 32, kernel: 3}\n", [("CNN101", 4)]),
    (
        "cnncalc: 1\ninput: [1, 3, 16, 16]\nlayers:\n  - conv: {out: 8, kernel: 5}\n",
        [("CNN204", 4)],
    ),
]


@pytest.mark.parametrize(("text", "due"), [*CONSEQUENCES, *GAPS, *TOGETHER, *HABITS])
def test_only_causes_are_reported_and_none_is_missed(text: str, due: list[tuple[str, int]]) -> None:
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
    head = HEAD + "layers:\n  - conv: {out: 8, kernel: 3}\n"
    findings = examine(head + text + "\n", "net.yaml").findings
    (fix,) = [f.diagnostic.fix for f in findings if f.diagnostic.code == "CNN302"][:1]
    assert fix
    assert fix.restates
    assert apply_fixes(head + text + "\n", [fix]) == head + wanted + "\n"


def test_fix_all_does_not_lower_what_is_demanded(tmp_path: Path) -> None:
    spec = tmp_path / "a.cnn.yaml"
    layers = "layers:\n  - conv: {out: 8, kernel: 3}\n  - flatten\n    \n"
    text = HEAD + layers + "budget: {params: < 100}\n"
    spec.write_text(text)
    done = run_check(tmp_path, "--fix-all")
    assert spec.read_text() == text
    assert done.returncode == 1


def test_long_files_are_not_searched_without_end() -> None:
    text = HEAD + "layers:\n" + "  - conv: {out: 8, kernel: 99}\n" * 3000
    findings = check_text(text, "net.yaml", None, Job(Config())).findings
    assert "CNN004" in {f.diagnostic.code for f in findings}  # it says that there may be more


def test_a_repair_is_right_for_every_variant() -> None:
    """A literal would repair the second use alone; all of them need the name."""
    text = yaml("""
        cnncalc: 1
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
    """)
    findings = examine(text, "net.yaml").findings
    (error,) = [f.diagnostic for f in findings if f.diagnostic.severity == "error"]
    assert place(error) == ("CNN206", 9)
    assert error.fix
    assert "- conv: {out: out, kernel: 3, padding: 1}" in apply_fixes(text, [error.fix])
