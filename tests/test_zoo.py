"""The zoo agrees with torchvision row by row, knows the smallest inputs, and has a command.

`zoo` lists, filters, sorts and shows networks.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.analysis.figures import TOTALS
from cnncalc.analysis.smallest_input import smallest_input
from cnncalc.analysis.zoo import BundledNetwork, networks
from cnncalc.cli.output import present
from cnncalc.zoo import folder

from .command import ROOT, run
from .samples import BUNDLED
from .settings import UPDATE, sampled

PUBLISHED = ROOT / "tests" / "published" / "torchvision.json"
ROWS = json.loads(PUBLISHED.read_text("utf-8"))["rows"]
# The bare names are those of the papers.
NAMES = {"alexnet": "alexnet_torchvision", "googlenet": "googlenet_torchvision"}
# torchvision counts its parameters with the auxiliary head and its operations without it,
# because it runs the network in evaluation mode.
EXPLAINED = {"inception_v3"}
# (torchvision's, ours) if torchvision names another smallest input. It names none for RegNets.
SMALLEST = {
    # No layer needs more than a pixel, as in EfficientNet, for which torchvision says 1.
    "efficientnet_v2_s": (33, 1),
    "efficientnet_v2_m": (33, 1),
    "efficientnet_v2_l": (33, 1),
    # Halving 209 five times, rounding up, leaves the 7 that its last pool needs;
    # it was trained on 224.
    "s3d": (224, 209),
}


def ours(model: str) -> str:
    return NAMES.get(model.lower(), model.lower())


def row_agrees(row: dict) -> bool:
    """Return whether a network has the row's parameters, and its operations to three decimals."""
    totals = cnncalc.analyze(cnncalc.load(ours(row["model"])), input=tuple(row["input"])).totals
    return totals.params == row["params"] and f"{totals.macs / 1e9:.3f}" == f"{row['gmacs']:.3f}"


def test_every_row_of_torchvision_agrees_or_is_explained() -> None:
    differing = {ours(row["model"]) for row in ROWS if not row_agrees(row)}
    assert differing == EXPLAINED
    assert len(ROWS) == 81 and len(ROWS) - len(differing) >= 75


def test_the_explained_row_is_right() -> None:
    (row,) = (row for row in ROWS if row["model"] == "Inception_V3")
    assert cnncalc.analyze(cnncalc.load("inception_v3_aux")).totals.params == row["params"]
    macs = cnncalc.analyze(cnncalc.load("inception_v3")).totals.macs
    assert f"{macs / 1e9:.3f}" == str(row["gmacs"])


def test_the_rows_are_in_the_specs_too() -> None:
    """Each variant states what torchvision publishes about it, so that `check` compares it."""
    for row in ROWS:
        name = ours(row["model"])
        if name == "vgg16":  # vgg16.yaml is the table of the lecture
            name = "vgg16d"
        if name == "inception_v3" or row["input"][-1] == 384 and name.startswith("regnet"):
            continue
        stated = {(p.what, str(p.printed)) for p in cnncalc.analyze(cnncalc.load(name)).published}
        assert ("params", str(row["params"])) in stated, name
        assert ("macs", f"{row['gmacs']:.3f}G") in stated, name


def own_lines(path: Path) -> int:
    """Return the lines of a spec without `published` and comments."""
    count, inside = 0, None
    for line in path.read_text("utf-8").splitlines():
        words = line.strip()
        depth = len(line) - len(line.lstrip())
        if inside is not None and (depth > inside or depth == inside and words.startswith("- ")):
            continue
        inside = depth if words.startswith("published:") else None
        count += bool(words) and not words.startswith("#") and inside is None
    return count


def test_a_spec_is_short() -> None:
    """RegNet is longest: it has 15 networks, and the rule that makes their stages."""
    lengths = {path.name: own_lines(path) for path in folder().glob("*.yaml")}
    assert lengths.pop("regnet.yaml") <= 100
    assert max(lengths.values()) <= 95, lengths
    assert sum(length <= 85 for length in lengths.values()) >= 0.93 * len(lengths)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row["min_size"] is not None], ids=lambda row: row["model"]
)
def test_the_smallest_input_is_torchvisions(row: dict) -> None:
    name = ours(row["model"])
    spec = cnncalc.load(name)
    found = smallest_input(spec.graph(spec.variant))
    theirs, mine = SMALLEST.get(name, (row["min_size"], row["min_size"]))
    assert found is not None
    assert (theirs, mine) == (row["min_size"], found[-1])


@pytest.mark.parametrize(
    "name",
    [
        "alexnet_torchvision",
        "vgg11",
        "densenet121",
        "squeezenet1_0",
        "squeezenet1_1",
        "inception_v3",
        "googlenet_torchvision",
        "convnext_tiny",
        "s3d",
        "efficientnet_v2_s",
        "regnet_y_400mf",
        "unet",
        "unet_same",
        "lenet5",
        "zfnet",
    ],
)
def test_the_smallest_input_is_torchs(name: str) -> None:
    """torch runs the network at the smallest input, and refuses an input one pixel smaller."""
    torch = pytest.importorskip("torch")
    spec = cnncalc.load(name)
    shape = smallest_input(spec.graph(spec.variant))
    assert shape is not None
    network = cnncalc.build(spec, input=shape, device="meta").eval()
    with torch.no_grad():
        network(torch.empty(1, *shape, device="meta"))
        if shape[-1] > 1:
            smaller = [n - 1 if axis >= len(shape) - 2 else n for axis, n in enumerate(shape)]
            with pytest.raises((RuntimeError, ValueError)):
                network(torch.empty(1, *smaller, device="meta"))


def test_the_smallest_of_large_inputs_is_solved_for() -> None:
    text = "input: [1, 48000]\nlayers: [{conv: {out: 2, kernel: 3001, stride: 4}}, {maxpool: 9}]"
    assert smallest_input(cnncalc.loads(text).graph()) == (1, 3001 + 4 * 8)
    # Sizes that fit may be rare.
    text = "input: [1, 90, 90]\nlayers: [{pixel_unshuffle: 9}, {conv: {out: 2, kernel: 3}}]"
    assert smallest_input(cnncalc.loads(text).graph()) == (1, 27, 27)


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("vgg16", "3x31x40", "the smallest square input that this network takes is 3×32×32"),
        ("vgg16", "3x31x40", "or: pad 1 on each side"),  # the repair of the spec stays
        ("unet", "1x100x100", "1×188×188"),
        (
            "s3d",
            "3x16x100x224",
            "the smallest square input of 16 frames that this network takes is 3×16×209×209",
        ),
        (
            "s3d",
            "3x2x224x224",
            "with sides of 224×224, this network needs at least 13 frames: 3×13×224×224",
        ),
    ],
)
def test_an_impossible_input_says_the_smallest(name: str, size: str, said: str) -> None:
    done = run("analyze", name, "--input", size)
    assert done.returncode == 1
    assert said in done.stderr


def test_other_mistakes_say_no_smallest_input() -> None:
    assert "that this network takes" not in run("analyze", "vgg16", "--input", "5x224x224").stderr
    assert run("analyze", "s3d", "--input", "3x13x224x224").returncode == 0


def test_the_smallest_input_comes_before_other_help() -> None:
    wide = "input: [1, 60, 100]\nlayers: [{upsample: 2}, {crop: {size: [20, 100]}}]"
    (found,) = cnncalc.analyze(cnncalc.loads(wide), input=(1, 5, 50)).diagnostics
    assert found.code == "CNN207"
    first = "the smallest square input that this network takes is 1×50×50; or "
    assert (found.help or "").startswith(first)


def listed(*arguments: str) -> list[Any]:
    """Return the entries of `zoo`, as JSON."""
    networks: list[Any] = json.loads(run("zoo", *arguments, "--format", "json").stdout)["networks"]
    return networks


def names_of(*arguments: str) -> list[str]:
    return [entry["name"] for entry in listed(*arguments)]


@cache
def by_name() -> dict[str, BundledNetwork]:
    """Return the bundled networks by their names."""
    return {network.name: network for network in networks()}


def test_zoo_lists_every_network_once() -> None:
    data = listed()
    assert [entry["name"] for entry in data] == [network.name for network in BUNDLED]
    assert set(data[0]) == {
        "name",
        "spec",
        "year",
        "input",
        "params",
        "trainable_params",
        "macs",
        "flops",
        "activations",
        "receptive_field",
        "receptive_field_without_gates",
    }


def test_the_list_agrees_with_analyze() -> None:
    found = by_name()
    assert list(found) == [bundled.name for bundled in BUNDLED]
    for bundled in sampled(BUNDLED, 20):
        network, report = found[bundled.name], cnncalc.analyze(bundled.spec, bundled.variant)
        assert network.totals == {what: getattr(report.totals, what) for what in TOTALS}
        for what, seen in network.fields.items():
            in_full = getattr(report, what)
            assert seen == (in_full and in_full[1]), (bundled.name, what)
        assert network.year == report.year


def test_zoo_filters_and_sorts() -> None:
    reports = by_name()

    def params(name: str) -> int:
        return reports[name].totals["params"]

    def field(name: str) -> int:
        found = reports[name].fields["receptive_field"]
        assert found is not None
        return max(n for n in found.size if isinstance(n, int))

    small = names_of("net", "--where", "params < 3M", "--where", "macs<=100M")
    assert set(small) == {
        name
        for name, report in reports.items()
        if "net" in name and report.totals["params"] < 3e6 and report.totals["macs"] <= 1e8
    }
    by_params = names_of("mobilenet", "--sort", "params")
    assert by_params == sorted((n for n in reports if "mobilenet" in n), key=params)
    assert names_of("mobilenet", "--sort", "params", "--reverse") == by_params[::-1]
    years = [reports[name].year for name in names_of("three", "cifar", "net1", "--sort", "year")]
    assert years == sorted(filter(None, years)) + [None] * years.count(None)
    by_field = names_of("net", "--sort", "field", "--where", "field >= 1000")
    assert "densenet121" in by_field
    assert by_field == sorted(by_field, key=field)
    assert names_of("resnext", "wide") == [n for n in reports if "resnext" in n or "wide" in n]
    of_2020 = names_of("regnet", "--where", "year ≥ 2020")
    assert set(of_2020) == {n for n in reports if n.startswith("regnet")}
    assert names_of("vgg", "--sort", "name") == sorted(n for n in reports if "vgg" in n)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "resnt50"), "did you mean `resnet50`?"),
        (("rasnet50",), "did you mean `resnet50`?"),
        (("--where", "parms < 3M"), "did you mean `params`?"),
        (("--where", "params"), "--where takes a condition such as `params < 10M`"),
        (("--sort", "yaer"), "did you mean `year`?"),
        (("--where", "params < 10m"), "`10m` is not a number"),
        (("--sort", "nam"), "did you mean `name`?"),
        (("resnet18", "show"), "`cnncalc zoo show NAME` describes one"),
        (("show", "../specs/resnet"), "no file or bundled network is called"),
        (("show", "resnet18", "--reverse"), "without --where, --sort or --reverse"),
        (("show",), "takes the name of one network"),
        (("show", "a", "b"), "takes the name of one network"),
    ],
)
def test_zoo_answers_mistakes(arguments: tuple[str, ...], says: str) -> None:
    done = run("zoo", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_finding_nothing_is_not_a_mistake() -> None:
    done = run("zoo", "lenet5", "--where", "params > 100M", "--format", "json")
    assert (done.returncode, json.loads(done.stdout)["networks"]) == (0, [])
    said = "no bundled network with `lenet5` in its name has params > 100M"
    assert f"note[CNN111]: {said}" in done.stderr


def test_conditions_are_combined() -> None:
    def where(*conditions: str) -> list[str]:
        options = [word for condition in conditions for word in ("--where", condition)]
        return names_of("mobilenet", "shufflenet", "densenet", *options)

    of_2018, small = where("year == 2018"), where("params < 3M")
    both = where("year = 2018", "PARAMS<3M")
    assert both == [name for name in of_2018 if name in small] != []
    ungated = where("ungated >= 500")
    assert ungated == where("receptive_field_without_gates >= 500")
    assert "mobilenet_v3_large" in ungated
    assert "mobilenet_v3_large" not in where("field >= 500")
    assert where("rf >= 2000") == where("receptive_field >= 2000") != []


def test_the_list_shows_both_receptive_fields_under_their_own_heads() -> None:
    lines = run("zoo", "mobilenet_v3_large", COLUMNS="100").stdout.splitlines()
    assert lines[1].split()[-2:] == ["field", "ungated"]
    assert next(line for line in lines if " mobilenet_v3_large" in line).split()[-2:] == [
        "35",
        "595",
    ]


def test_zoo_show_describes_a_network() -> None:
    text = run("zoo", "show", "wide_resnet50_2").stdout
    for part in (
        "Wide ResNet-50-2",
        "68,883,240",
        "11.40 G",
        "smallest input  3×1×1  (of those with equal sides)",
        "resnext50_32x4d",
        "cnncalc init mine.yaml --from wide_resnet50_2",
    ):
        assert part in text, part
    data = json.loads(run("zoo", "show", "vgg11_bn", "--format", "json").stdout)
    assert (data["params"], data["least_input"], data["spec"]) == (
        132_868_840,
        [3, 32, 32],
        "vgg.yaml#vgg11_bn",
    )
    assert run("zoo", "show", "vgg.yaml#vgg11_bn").stdout == run("zoo", "show", "vgg11_bn").stdout
    assert run("zoo", "show", "resnet").stdout == run("zoo", "show", "resnet50").stdout


@pytest.mark.parametrize("width", [50, 60, 70, 74, 80, 90, 97, 100, 120, 200])
def test_zoo_fits_the_screen(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    present("zoo", "table", None, [*by_name().values()])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > len(BUNDLED)
    assert max(map(len, lines)) <= width and not any("…" in line for line in lines)


def test_the_table_of_all_networks_is_current() -> None:
    """`cnncalc zoo --format markdown` prints `specs/README.md`; CNNCALC_UPDATE=1 writes it."""
    page = ROOT / "specs" / "README.md"
    head, mark, _ = page.read_text("utf-8").partition("<!-- networks -->\n")
    right = head + mark + run("zoo", "--format", "markdown").stdout
    if UPDATE:
        page.write_text(right, "utf-8")
    assert mark and page.read_text("utf-8") == right


def test_several_processes_list_the_same_networks() -> None:
    assert networks(workers=2) == [*by_name().values()]
