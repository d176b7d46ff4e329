"""The file of a page: its data, its policy, its size, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnncalc.analysis.analyze import analyze
from cnncalc.analysis.explain import explain_all
from cnncalc.analysis.memory.course import course
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.runs import Runs
from cnncalc.render.page.packed import packed
from cnncalc.render.page.scripts import APP, VENDORED
from cnncalc.render.page.vendored import refresh

from .command import ROOT, run
from .page_data import layers_of, steps_of, tensors_of, unpacked

OPAQUE = "tests/page_opaque.yaml"  # a layer whose figures are not declared
HOSTILE = sorted((ROOT / "tests" / "injected").glob("*.yaml"))


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the texts of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._in: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        kind = dict(attrs).get("type")
        self._in = "json" if kind == "application/json" else tag
        if self._in in ("script", "style", "json"):
            self.texts.setdefault(self._in, []).append("")

    def handle_endtag(self, tag: str) -> None:
        self._in = None

    def handle_data(self, data: str) -> None:
        if self._in in self.texts:
            self.texts[self._in][-1] += data


def page(*arguments: str, code: int = 0) -> Elements:
    """Write a page to stdout, and read it."""
    done = run("report", *arguments)
    assert done.returncode == code, done.stderr
    return Elements(done.stdout)


def data_of(found: Elements) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(found.texts["json"][0])
    return data


def test_the_data_are_those_of_the_report() -> None:
    report = analyze("resnet18", batch=2)
    (network,) = data_of(page("resnet18", "--batch", "2"))["networks"]
    layers = layers_of(network)
    assert [layer["path"] for layer in layers] == [node.path for node in report.graph.nodes]
    for layer, row in zip(layers[1:], report.rows):
        assert layer["shape"] == list(row.output_shape)
        assert layer["inputs"] == list(row.inputs)
        for name in ("params", "macs", "flops", "activations", "activation_bytes"):
            assert layer[name] == getattr(row, name)
    assert network["totals"]["macs"] == report.totals.macs
    kinds = {layer["op"]: layer["kernel"] for layer in layers}
    assert kinds["maxpool"] == 4 and kinds["batchnorm"] == 5 and kinds["add"] == 7


@pytest.mark.parametrize("name", ["resnest50", "retinanet"])
def test_the_arithmetic_is_that_of_explain(name: str) -> None:
    """Sentences that are written once come back with the numbers and paths of each layer."""
    report = analyze(name)
    (network,) = data_of(page(name))["networks"]
    explained = explain_all(report, Runs(report))
    for layer, (row, lines) in zip(layers_of(network)[1:], explained, strict=True):
        assert layer["path"] == row.path
        assert layer["arithmetic"] == [tuple(line) for line in lines]


@pytest.mark.parametrize("name", ["alexnet", "unet", "retinanet"])
def test_memory_is_that_of_the_course_of_a_run(name: str) -> None:
    """Adding up what is alive gives what another reader of the timeline finds at each step."""
    (network,) = data_of(page(name))["networks"]
    graph = analyze(name).graph
    for mode, optimizer in (("inference", "none"), ("training", "sgd")):
        known = network["memory"][mode]
        tensors = tensors_of(known)
        moments = course(graph, Run(mode=mode, optimizer=optimizer))
        assert known["peak"] == max(moment.bytes for moment in moments)
        steps = steps_of(known)
        assert [phase for phase, _ in steps] == [moment.step.phase for moment in moments]
        for moment, (_, after) in list(zip(moments, steps))[::7]:
            sums: dict[str, int] = {}
            for made, freed, size, part in tensors:
                if made < after and (freed is None or freed >= after):
                    sums[part] = sums.get(part, 0) + size
            assert {k: v for k, v in moment.parts.items() if v} == {
                k: v for k, v in sums.items() if v
            }


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_hostile_texts_end_no_element(path: Path) -> None:
    found = page(str(path), code=0 if path.stem == "inject-terminal" else 1)
    assert {tag for tag, _ in found.found} == {
        "html", "head", "meta", "title", "style", "body", "noscript", "p", "script",
    }  # fmt: skip
    assert len(found.texts["script"]) == 3


def test_a_text_may_hold_the_end_of_a_script(tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script><!--<script>\u2028"
    spec = tmp_path / "net.yaml"
    spec.write_text(f"name: {json.dumps(hostile)}\ninput: [3, 8, 8]\nlayers: [relu]\n", "utf-8")
    found = page(str(spec))
    assert len(found.texts["script"]) == 3
    assert data_of(found)["networks"][0]["name"] == hostile.replace("\u2028", "\\u2028")


def test_the_policy_allows_the_page_alone() -> None:
    found = page("lenet5")
    (policy,) = [
        attributes["content"]
        for tag, attributes in found.found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.split(" ", 1) for rule in str(policy).split("; "))

    def hashed(texts: list[str]) -> str:
        sums = (b64encode(sha256(text.encode()).digest()).decode() for text in texts)
        return " ".join(f"'sha256-{digest}'" for digest in sums)

    assert rules == {
        "default-src": "'none'",
        "script-src": hashed(found.texts["script"]),
        "style-src": hashed(found.texts["style"]),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    for _, attributes in found.found:
        assert not {"src", "href", "style", "srcset", "action"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)


def test_a_large_network_is_a_small_page() -> None:
    """The copies of a block add little: 1,016 layers more than those of ResNeSt-200."""
    sizes = [len(run("report", f"resnest{n}").stdout.encode()) for n in (200, 269)]
    assert sizes[1] < sizes[0] + 40_000 < 500_000


@given(st.lists(st.sampled_from([0, 1, None, "a", "b.c"]), max_size=60))
def test_a_packed_column_is_read_back(column: list[Any]) -> None:
    assert unpacked(packed(column)) == column


def test_a_repeated_stretch_is_written_once() -> None:
    once = [*range(40)]
    assert packed(once * 30) == [*once, [40, 40 * 29]]


def test_many_notes_alike_are_one() -> None:
    (network,) = data_of(page("resnest50"))["networks"]
    (finding,) = network["diagnostics"]
    notes = [d for d in analyze("resnest50").diagnostics if d.code == finding["code"]]
    assert f"{len(notes) - 1} more notes like this" in finding["text"][-1]


def test_pages_are_the_same_each_time() -> None:
    assert run("report", "squeezenet").stdout == run("report", "squeezenet").stdout


def test_an_error_leaves_a_page(tmp_path: Path) -> None:
    file = tmp_path / "net.html"
    done = run("report", "vgg16", "--input", "3x20x20", "-o", str(file))
    assert done.returncode == 1 and "CNN204" in done.stderr
    (network,) = data_of(Elements(file.read_text("utf-8")))["networks"]
    assert not network["complete"] and network["memory"] is None
    assert layers_of(network)[-1]["path"] == "relu13"
    assert [found["code"] for found in network["diagnostics"]] == ["CNN204"]
    broken = tmp_path / "broken.yaml"
    broken.write_text("input: [3, 8, 8\nlayers: [relu]\n", "utf-8")
    done = run("report", str(broken), "-o", str(file))
    assert done.returncode == 1
    (network,) = data_of(Elements(file.read_text("utf-8")))["networks"]
    assert network["layers"] is None
    assert any("broken.yaml:" in line for line in network["diagnostics"][0]["text"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "SPEC is missing"),
        (("vgg61",), "did you mean `vgg19`?"),
        (("vgg16", "--variant", "x"), "has no variant `x`"),
        (("vgg16", "alexnet", "--against", "vgg19"), "--against is for one network"),
        (("vgg16", "--against", "vgg91"), "no file or bundled network is called `vgg91`"),
        (("vgg16", "--times", "none.json"), "cannot read none.json"),
        (("vgg16", "--device", "rtx4091"), "did you mean `rtx4090`?"),
        (("vgg16", "--device", "rpi5", "--dtype", "bfloat16"), "`RPi5` has no peak for bfloat16"),
        (("vgg16", "-o", "/nowhere/x.html"), "cannot write /nowhere/x.html"),
        (("--zoo",), "name the folder: -o gallery/"),
        (("--zoo", "vgg16", "-o", "x"), "--zoo shows the bundled networks as they are"),
        (("--zoo", "-o", "README.md"), "cannot write README.md"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: tuple[str, ...], said: str) -> None:
    done = run("report", *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert said in " ".join(done.stderr.split())
    assert done.stderr.count("error[") == 1


_PROFILE = '{"batches": [{"batch": 1, "layers": [{"path": "C1", "seconds": %s}]}]}'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is not JSON"),
        ("[1]", "it has no `batches`"),
        ('{"batches": [3]}', "it has no `batches`"),
        ('{"batches": [{"batch": 1, "layers": null}]}', "it has no times of layers"),
        ('{"batches": [{"batch": 1, "layers": [{"path": "x"}]}]}', "no paths and seconds"),
        (_PROFILE % "1e999", "no paths and seconds"),
        (_PROFILE % "NaN", "no paths and seconds"),
        (_PROFILE % -3, "no paths and seconds"),
    ],
)
def test_a_file_that_is_no_profile_is_refused(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "times.json"
    file.write_text(text, "utf-8")
    done = run("report", "lenet5", "--times", str(file))
    assert done.returncode == 2 and "CNN420" in done.stderr and why in done.stderr


def test_times_are_those_of_the_largest_batch(tmp_path: Path) -> None:
    file = tmp_path / "times.json"
    batches = [
        {"batch": n, "layers": [{"path": "C1", "seconds": n / 8}, {"path": "X", "seconds": 1}]}
        for n in (1, 4)
    ]
    file.write_text(json.dumps({"batches": batches, "device": "cpu"}), "utf-8")
    done = run("report", "lenet5", "--times", str(file))
    assert done.returncode == 0
    assert "CNN421" in done.stderr and "times of `X`" in done.stderr
    (network,) = data_of(Elements(done.stdout))["networks"]
    assert [layer["seconds"] for layer in layers_of(network)][:3] == [None, 0.5, None]
    assert network["times"] == "batch 4, on cpu"


def test_times_on_devices_are_those_of_latency() -> None:
    devices = ("--device", "rtx3090", "--device", "fp32=2,bw=100")
    (network,) = data_of(page("resnet18", "--batch", "8", *devices))["networks"]
    done = run("latency", "resnet18", "--batch", "8", "--format", "json", *devices)
    paths = [layer["path"] for layer in layers_of(network)]
    for found, known in zip(network["devices"], json.loads(done.stdout)["results"], strict=True):
        assert found["name"] == known["device"]
        assert found["operations"] / found["bandwidth"] == pytest.approx(known["ridge"])
        assert [found["seconds"], *found["interval"]] == pytest.approx(
            [known["seconds"], *known["interval"]], rel=1e-3
        )
        columns = [unpacked(found["layers"][name]) for name in ("seconds", "bound")]
        layers = {path: pair for path, *pair in zip(paths, *columns) if pair[0] is not None}
        assert list(layers) == [layer["path"] for layer in known["layers"]]
        for layer in known["layers"]:
            seconds, bound = layers[layer["path"]]
            assert seconds == pytest.approx(layer["seconds"], rel=1e-3)
            assert ("compute", "memory", "launch")[bound] == layer["bound"]


def test_the_usual_devices_are_those_with_a_peak() -> None:
    def names(*arguments: str) -> list[str]:
        (network,) = data_of(page("lenet5", *arguments))["networks"]
        return [one["name"] for one in network["devices"]]

    assert names()[0] == "RTX4090" and len(names()) >= 5
    assert names("--dtype", "bfloat16") == ["RTX4090", "A100-SXM-80"]
    assert names("--dtype", "float64") == []


def test_a_linear_layer_on_a_sequence_has_a_page() -> None:
    (network,) = data_of(page("crnn"))["networks"]
    assert network["complete"] and layers_of(network)[-1]["op"]


def test_unknown_figures_are_said_to_be() -> None:
    (network,) = data_of(page(OPAQUE))["networks"]
    layer = layers_of(network)[2]
    unknown = network["tables"]["unknown"][layer["unknown"]]
    assert layer["op"] == "opaque" and {"params", "macs", "saved"} <= set(unknown)
    assert {"params", "macs", "param_bytes"} <= set(network["unknown"])
    assert "activations" not in network["unknown"]
    assert network["memory"]["training"]["unknown"] == ["peak", "saved"]
    assert network["devices"] == []


def test_a_diff_names_what_is_gone_and_where() -> None:
    (network,) = data_of(page("vgg16", "--against", "vgg19"))["networks"]
    paths = [layer["path"] for layer in layers_of(network)]
    gone = network["diff"]["removed"]
    assert [one["path"] for one in gone] == [f"stage1.{n}.conv_relu1.3.conv1" for n in (2, 3, 4)]
    assert [paths[one["inputs"][0]] for one in gone] == ["relu7", "relu10", "relu13"]
    assert [paths[one["readers"][0]] for one in gone] == ["pool3", "pool4", "pool5"]
    assert ["params", "143,667,240", "138,357,544", "-5,309,696 (-3.7%)"] in network["diff"][
        "totals"
    ]


def test_the_family_has_every_variant() -> None:
    (network,) = data_of(page("resnet34"))["networks"]
    members = {one["name"]: one for one in network["family"]}
    for name in ("resnet18", "resnet34", "wide_resnet50_2"):
        totals = analyze(name).totals
        assert (members[name]["params"], members[name]["macs"]) == (totals.params, totals.macs)
    assert [name for name, one in members.items() if one["own"]] == ["resnet34"]


def test_modules_export_all_that_others_import() -> None:
    """Node, a second reader of the modules, is asked too where it is installed."""
    exported: dict[str, set[str]] = {}
    for file in APP.glob("*.js"):
        text = file.read_text("utf-8")
        exported[file.stem] = set(
            re.findall(r"^export (?:async )?(?:function|const) (\w+)", text, re.M)
        )
        assert "innerHTML" not in text and len(text.splitlines()) < 420
        assert all(len(line) <= 100 for line in text.splitlines()), file
    for file in APP.glob("*.js"):
        for names, module in re.findall(
            r"import \{([^}]*)\} from \"\./(\w+)\.js\"", file.read_text("utf-8")
        ):
            wanted = {name.strip() for name in names.split(",") if name.strip()}
            assert wanted <= exported[module], file
            used = file.read_text("utf-8").partition("\n\n")[2]
            assert all(len(re.findall(rf"\b{name}\b", used)) > 1 for name in wanted), (file, wanted)
    node = shutil.which("node")
    if node is not None:
        import subprocess

        for file in sorted(APP.glob("*.js")):
            done = subprocess.run(
                [node, "--check", "--input-type=module"],
                input=file.read_bytes(),
                capture_output=True,
            )
            assert done.returncode == 0, done.stderr.decode()


def test_libraries_have_their_licences_and_versions() -> None:
    for package, taken in refresh.PACKAGES.items():
        version = package.rpartition("@")[2]
        texts = [(VENDORED / name).read_text("utf-8") for name in taken.values()]
        assert any("Permission is hereby granted" in text for text in texts)
        assert any(version in text for text in texts)
        assert not any("sourceMappingURL" in text for text in texts)
