"""The zoo: torchvision's figures row by row, the least inputs, and the command that lists, filters, sorts and shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import cnncalc
from cnncalc.analysis.sizes import least, least_input
from cnncalc.analysis.zoo import members, networks, specs
from cnncalc.language.load import folder

from .test_cli import ROOT, run

ROWS = json.loads((Path(__file__).parent / "published" / "torchvision.json").read_text("utf-8"))[
    "rows"
]
NAMES = {
    "alexnet": "alexnet_torchvision",
    "googlenet": "googlenet_torchvision",
}  # the bare names are those of the papers
EXPLAINED = {
    "inception_v3": "Its parameters are those with the auxiliary head, its operations those without: torchvision runs it in evaluation.",
}
# Where torchvision names another least input than ours, and why. Of RegNets it names none.
LEAST = {
    **{
        f"efficientnet_v2_{size}": (
            33,
            1,
            "no layer asks for more than a pixel: as in EfficientNet, of which torchvision says 1",
        )
        for size in "sml"
    },
    "s3d": (
        224,
        209,
        "five halvings of 209, rounded up, leave the 7 that its last pool needs; 224 is what it was trained on",
    ),
}


def ours(model: str) -> str:
    return NAMES.get(model.lower(), model.lower())


def row_agrees(row: dict) -> bool:
    """Whether a network has the row's parameters, and its operations to three decimals."""
    totals = cnncalc.analyze(cnncalc.load(ours(row["model"])), input=tuple(row["input"])).totals
    return totals.params == row["params"] and f"{totals.macs / 1e9:.3f}" == f"{row['gmacs']:.3f}"


def test_every_row_of_torchvision_agrees_or_is_explained() -> None:
    differing = {ours(row["model"]) for row in ROWS if not row_agrees(row)}
    assert differing == EXPLAINED.keys()
    assert len(ROWS) == 81 and len(ROWS) - len(differing) >= 75


def test_the_explained_row() -> None:
    (row,) = (row for row in ROWS if row["model"] == "Inception_V3")
    assert cnncalc.analyze(cnncalc.load("inception_v3_aux")).totals.params == row["params"]
    assert f"{cnncalc.analyze(cnncalc.load('inception_v3')).totals.macs / 1e9:.3f}" == str(
        row["gmacs"]
    )


def test_the_rows_stand_in_the_specs_too() -> None:
    """Each variant states what torchvision publishes of it, so that `check` holds it to that."""
    for row in ROWS:
        name = {"vgg16": "vgg16d"}.get(
            ours(row["model"]), ours(row["model"])
        )  # the file vgg16.yaml is the lecture's table
        if name == "inception_v3" or row["input"][-1] == 384 and name.startswith("regnet"):
            continue
        stated = {(p.what, str(p.printed)) for p in cnncalc.analyze(cnncalc.load(name)).published}
        assert ("params", str(row["params"])) in stated, name
        assert ("macs", f"{row['gmacs']:.3f}G") in stated, name


def own_lines(path: Path) -> int:
    """Lines of a spec, `published` and comments apart."""
    count, inside = 0, None
    for line in path.read_text("utf-8").splitlines():
        depth = len(line) - len(line.lstrip())
        if inside is not None and (
            depth > inside or depth == inside and line.lstrip().startswith("- ")
        ):
            continue
        inside = depth if line.lstrip().startswith("published:") else None
        count += bool(line.strip()) and not line.lstrip().startswith("#") and inside is None
    return count


def test_a_spec_is_short() -> None:
    lengths = {path.name: own_lines(path) for path in folder().glob("*.yaml")}
    assert max(lengths.values()) <= 95, lengths
    assert sum(length <= 85 for length in lengths.values()) >= len(lengths) - 2


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row["min_size"] is not None], ids=lambda row: row["model"]
)
def test_the_least_input_is_torchvisions(row: dict) -> None:
    spec = cnncalc.load(ours(row["model"]))
    found = least_input(spec.graph(spec.variant))
    theirs, mine, _ = LEAST.get(ours(row["model"]), (row["min_size"], row["min_size"], ""))
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
def test_the_least_input_is_torchs(name: str) -> None:
    """torch runs the network at the least input, and refuses it a pixel below."""
    spec = cnncalc.load(name)
    shape = least_input(spec.graph(spec.variant))
    assert shape is not None
    network = cnncalc.build(spec, input=shape, device="meta").eval()
    with torch.no_grad():
        network(torch.empty(1, *shape, device="meta"))
        if shape[-1] > 1:
            smaller = [n - 1 if axis >= len(shape) - 2 else n for axis, n in enumerate(shape)]
            with pytest.raises((RuntimeError, ValueError)):
                network(torch.empty(1, *smaller, device="meta"))


def test_least_of_large_inputs_is_found_by_halves() -> None:
    assert least(10**6, lambda n: n >= 777_777) == 777_777
    assert least(10**6, lambda n: False) is None
    assert (
        least(2052, lambda n: n % 9 == 0 and n >= 27) == 27
    )  # below a thousand every size is tried
    text = "input: [1, 48000]\nlayers: [{conv: {out: 2, kernel: 3001, stride: 4}}, {maxpool: 9}]"
    assert least_input(cnncalc.loads(text).graph()) == (1, 3001 + 4 * 8)


def test_an_impossible_input_says_the_least() -> None:
    done = run("analyze", "vgg16", "--input", "3x31x40")
    assert done.returncode == 1
    assert "the least square input that this network takes is 3×32×32" in done.stderr
    assert "or: pad 1 on each side" in done.stderr  # what would mend the spec stays
    assert "1×188×188" in run("analyze", "unet", "--input", "1x100x100").stderr
    assert "that this network takes" not in run("analyze", "vgg16", "--input", "5x224x224").stderr
    assert (
        "the least square input of 16 frames that this network takes is 3×16×209×209"
        in run("analyze", "s3d", "--input", "3x16x100x224").stderr
    )
    assert (
        "with sides of 224×224 this network takes 13 frames or more: 3×13×224×224"
        in run("analyze", "s3d", "--input", "3x2x224x224").stderr
    )
    assert run("analyze", "s3d", "--input", "3x13x224x224").returncode == 0
    wide = "input: [1, 60, 100]\nlayers: [{upsample: 2}, {crop: {size: [20, 100]}}]"
    (found,) = cnncalc.analyze(cnncalc.loads(wide), input=(1, 5, 50)).diagnostics
    assert found.code == "CNN207" and (found.help or "").startswith(
        "the least square input that this network takes is 1×50×50; or "
    )


def test_zoo_lists_every_network_once() -> None:
    data = json.loads(run("zoo", "--format", "json").stdout)["networks"]
    names = [entry["name"] for entry in data]
    assert names == [variant or stem for stem, spec in specs() for variant in members(spec)]
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
    }


def names_of(*arguments: str) -> list[str]:
    return [
        entry["name"]
        for entry in json.loads(run("zoo", *arguments, "--format", "json").stdout)["networks"]
    ]


def test_zoo_filters_and_sorts() -> None:
    totals = {network.name: network.report for network in networks()}
    small = names_of("--where", "params < 3M", "--where", "macs<=100M")
    assert set(small) == {
        name
        for name, report in totals.items()
        if report.totals.params < 3e6 and report.totals.macs <= 1e8
    }
    by_params = names_of("mobilenet", "--sort", "params")
    assert by_params == sorted(
        (n for n in totals if "mobilenet" in n), key=lambda n: totals[n].totals.params
    )
    assert names_of("mobilenet", "--sort", "params", "--reverse") == by_params[::-1]
    years = [totals[name].year for name in names_of("--sort", "year")]
    assert years == sorted(filter(None, years)) + [None] * years.count(None)
    fields = names_of("--sort", "field", "--where", "field >= 1000")
    assert "densenet121" in fields and fields == sorted(
        fields, key=lambda n: max(totals[n].receptive_field[1].size)
    )  # type: ignore[index]
    assert names_of("resnext", "wide") == [n for n in totals if "resnext" in n or "wide" in n]
    assert set(names_of("regnet", "--where", "year ≥ 2020")) == {
        n for n in totals if n.startswith("regnet")
    }
    assert names_of("vgg", "--sort", "name") == sorted(n for n in totals if "vgg" in n)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "resnt50"), "did you mean `resnet50`?"),
        (("rasnet50",), "did you mean `resnet50`?"),
        (("--where", "parms < 3M"), "did you mean `params`?"),
        (("--where", "params"), "--where takes a condition such as `params < 10M`"),
        (("--sort", "yaer"), "did you mean `year`?"),
        (("--where", "params < 10m"), "`10m` is no number"),
        (("--sort", "nam"), "did you mean `name`?"),
        (("resnet18", "show"), "`cnncalc zoo show NAME` tells of one"),
        (
            ("show", str(Path("..") / "specs" / "resnet")),
            "no file and no bundled network is called",
        ),
        (("show", "resnet18", "--reverse"), "and no --where, --sort or --reverse"),
        (("show",), "takes the name of one network"),
        (("show", "a", "b"), "takes the name of one network"),
    ],
)
def test_zoo_answers_mistakes(arguments: tuple[str, ...], says: str) -> None:
    done = run("zoo", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_nothing_found_is_no_mistake() -> None:
    done = run("zoo", "lenet5", "--where", "params > 100M", "--format", "json")
    assert (done.returncode, json.loads(done.stdout)["networks"]) == (0, [])
    assert (
        "note[CNN111]: no bundled network of those with `lenet5` in their name has params > 100M"
        in done.stderr
    )


def test_conditions() -> None:
    assert (
        names_of("--where", "year = 2018", "--where", "PARAMS<3M")
        == [
            n
            for n in names_of("--where", "year == 2018")
            if n in names_of("--where", "params < 3M")
        ]
        != []
    )
    assert names_of("--where", "rf >= 2000") == names_of("--where", "receptive_field >= 2000") != []


def test_zoo_show() -> None:
    text = run("zoo", "show", "wide_resnet50_2").stdout
    for part in (
        "Wide ResNet-50-2",
        "68,883,240",
        "11.40 G",
        "least input  3×1×1  (with sides as long as each other)",
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


@pytest.mark.parametrize("width", [50, 60, 70, 80, 90, 100, 120, 200])
def test_zoo_fits_the_screen(width: int) -> None:
    lines = run("zoo", COLUMNS=str(width)).stdout.splitlines()
    assert max(map(len, lines)) <= width and not any("…" in line for line in lines)


def test_the_table_of_all_networks_is_current() -> None:
    """`specs/README.md` is `cnncalc zoo --format markdown`; run the tests with CNNCALC_UPDATE=1 to write it."""
    import os

    page = ROOT / "specs" / "README.md"
    head, mark, _ = page.read_text("utf-8").partition("<!-- networks -->\n")
    right = head + mark + run("zoo", "--format", "markdown").stdout
    if os.environ.get("CNNCALC_UPDATE"):
        page.write_text(right, "utf-8")
    assert mark and page.read_text("utf-8") == right
