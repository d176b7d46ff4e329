"""The command import: inputs by name, files, specs that are checked, and what cannot be traced."""

from __future__ import annotations

from pathlib import Path

import pytest

import cnncalc
from cnncalc.cli.output import USAGE
from cnncalc.convert.importing import Source, checked, import_network, imported, source_of
from cnncalc.convert.yolo import spec_of_yolo
from cnncalc.diagnostic import Mistake

from .command import run

torch = pytest.importorskip("torch")
REAL = Path(__file__).parent / "real"
NETWORKS = REAL / "to_import.py"


def test_inputs_are_named_and_may_be_in_dicts_and_lists() -> None:
    shapes = {"maps.0": (2, 4, 4), "maps.1": (2, 4, 4)}
    shapes |= {"images.right": (3, 8, 8), "images.left": (1, 8, 8)}
    found = import_network(f"{NETWORKS}:Nested", shapes)
    assert found.verified
    report = cnncalc.analyze(found.text)
    assert {name: tuple(shape) for name, shape in report.inputs.items()} == {
        name.replace(".", "_"): shape for name, shape in shapes.items()
    }
    assert [tuple(node.shape) for node in report.graph.returned] == [(4, 6, 6), (2, 4, 4)]


@pytest.mark.parametrize("batch", [1, 2])
def test_a_file_of_torch_export_is_read(batch: int, tmp_path: Path) -> None:
    from .real.to_import import Residual

    program = torch.export.export(Residual().eval(), (torch.randn(batch, 3, 32, 32),))
    file = tmp_path / "small_net.pt2"
    torch.export.save(program, file)
    found = import_network(str(file))
    assert found.name == "small_net" and found.verified
    assert "repeat: 2" in found.text


@pytest.mark.parametrize(
    ("name", "shapes", "says"),
    [
        ("Silent", [(3, 8, 8)], "returns no tensor"),
        ("Unchanged", [(3, 8, 8)], "returns no tensor that it computes"),
        ("halved", [(3, 8, 8)], "Half"),
        ("Failing", [(3, 8, 8)], f"ValueError: no such layer ({NETWORKS.relative_to(Path.cwd())}:"),
        ("scripted", [(3, 8, 8)], "scripted by torch.jit"),
        ("quantised", [(3, 8, 8)], "`1` is quantised"),
        ("InDataclass", [(3, 8, 8)], "returns a `Maps`, in which torch.export finds no"),
        ("Generating", [(3, 8, 8)], "returns a `generator`"),
        ("ComplexFactors", [(3, 8, 8)], "the parameter `factors` has complex numbers"),
        ("Two", [(1, 12, 12)], "missing a required argument: 'b'"),
        ("Two", {"a": (1, 12, 12), "c": (1, 12, 12)}, "has no argument `c`"),
    ],
)
def test_what_cannot_be_traced_is_one_mistake(name: str, shapes: object, says: str) -> None:
    with pytest.raises(Mistake) as raised:
        import_network(f"{NETWORKS}:{name}", shapes)  # type: ignore[arg-type]
    (found,) = raised.value.diagnostics
    assert says in found.message and found.code == "CNN404" and found.code in USAGE


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("InPair", ["conv", "globalavgpool", "flatten"]),
        ("Watched", ["conv", "relu"]),
        ("Unscaled", ["conv", "batchnorm", "conv"]),
        ("Worded", [*["conv", "add"] * 9, "batchnorm", "add"]),
    ],
)
def test_what_is_unusual_in_a_module_changes_no_layer(name: str, layers: list[str]) -> None:
    found = import_network(f"{NETWORKS}:{name}", [(3, 8, 8)])
    assert found.verified and not found.problems
    nodes = cnncalc.loads(found.text).graph().nodes
    assert [node.op.key for node in nodes if node.op] == layers


@pytest.mark.parametrize("chances", [(0.1, 0.1), (0.1, 0.2)])
def test_stochastic_depth_comes_with_a_chance_that_all_blocks_have(
    chances: tuple[float, float],
) -> None:
    found = import_network(f"{NETWORKS}:BetweenBlocks", [(3, 8, 8)], [chances])
    assert found.verified and not found.problems
    skipped = ["stochastic_depth"] if len({*chances}) == 1 else []
    block = ["conv", "layer_scale", *skipped, "add"]
    nodes = [node for node in cnncalc.loads(found.text).graph().nodes if node.op]
    keys = [node.op.key for node in nodes if node.op]
    assert keys == [*block, *block, "flatten", "dropout", "relu", "linear"]
    assert nodes[1].op is not None and getattr(nodes[1].op, "init", 0) == pytest.approx(1e-4)


def test_a_network_of_another_type_is_to_be_converted() -> None:
    with pytest.raises(Mistake, match=r"float16: import what its `\.float"):
        import_network(f"{NETWORKS}:halved", [(3, 8, 8)])


def test_layers_that_find_their_channels_are_read() -> None:
    found = import_network(f"{NETWORKS}:lazy", [(3, 8, 8)])
    assert found.verified and found.problems == []
    assert cnncalc.analyze(found.text).totals.params == 4 * 28 + 3 * (4 * 36 + 1)


def test_nothing_is_written_but_the_diagnostic(capfd: pytest.CaptureFixture[str]) -> None:
    import_network(f"{NETWORKS}:Decides", [(3, 8, 8)])
    assert capfd.readouterr() == ("", "")


def test_a_compiled_network_is_the_one_inside() -> None:
    found = import_network(f"{NETWORKS}:compiled", [(3, 16, 16)])
    assert found.verified and found.text.count("conv:") == 2


@pytest.fixture(scope="module")
def residual() -> Source:
    return source_of(f"{NETWORKS}:Residual", [(3, 32, 32)])


@pytest.mark.parametrize(
    ("written", "changed"),
    [("linear: 10", "linear: 12"), ("repeat: 2", "repeat: 3"), ("batchnorm", "identity")],
)
def test_a_committed_spec_is_checked(residual: Source, written: str, changed: str) -> None:
    text = imported(residual).text
    assert checked(cnncalc.loads(text), residual) == []
    assert written in text
    assert checked(cnncalc.loads(text.replace(written, changed, 1)), residual) != []


def test_the_command_checks_a_spec(tmp_path: Path) -> None:
    target, file = f"{NETWORKS}:Residual", tmp_path / "net.cnn.yaml"
    file.write_text(import_network(target, [(3, 32, 32)]).text, "utf-8")
    same = run("import", target, "--check", "net.cnn.yaml", folder=tmp_path)
    assert (same.returncode, same.stdout) == (0, "net.cnn.yaml describes residual\n")
    other = run("import", target, "--args", "12", "--check", "net.cnn.yaml", folder=tmp_path)
    assert other.returncode == 1
    assert "~ linear1  out 10 → 12" in other.stdout and "error[CNN405]" in other.stderr


@pytest.mark.parametrize("name", ["YOLOv5n", "YOLOv8n"])
def test_a_model_file_of_yolo_is_the_network(name: str) -> None:
    """Parameters, MACs and outputs are those of a network that was written by itself in torch."""
    from torch.utils.flop_counter import FlopCounterMode

    from .real import yolo_twin

    network = getattr(yolo_twin, name)().to("meta").eval()
    file = REAL / f"{name.lower()}.yaml"
    report = cnncalc.analyze(spec_of_yolo(file.read_text("utf-8"), file.name, (3, 320, 320)))
    with FlopCounterMode(display=False) as counter:
        outputs = network(torch.empty(1, 3, 320, 320, device="meta"))
    assert report.totals.params == sum(p.numel() for p in network.parameters())
    assert report.totals.macs == counter.get_total_flops() // 2
    assert [tuple(node.shape) for node in report.graph.returned] == [
        tuple(y.shape[1:]) for y in outputs
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("backbone: [[-1, 1, Swirl, [64]]]", "row 0 has the module `Swirl`"),
        ("backbone: [[-1, 1, Conv]]", "row 0 is not a list of"),
    ],
)
def test_a_wrong_model_file_is_one_mistake(text: str, says: str) -> None:
    with pytest.raises(Mistake, match="CNN404") as raised:
        spec_of_yolo(text, "wrong.yaml")
    assert says in raised.value.diagnostics[0].message


def test_the_command_reads_a_model_file() -> None:
    done = run("import", "tests/real/yolov8n.yaml", "--input", "3x320x320")
    assert done.returncode == 0, done.stderr
    assert cnncalc.analyze(done.stdout).totals.params == 3_157_184


def test_a_spec_that_was_edited_is_not_written_over(tmp_path: Path) -> None:
    spec = tmp_path / "net.cnn.yaml"
    command = ("import", f"{NETWORKS}:Residual", "--input", "3x32x32", "-o", str(spec))
    assert [run(*command).returncode for _ in range(2)] == [0, 0]  # the same text may be written
    edited = spec.read_text() + "budget: {params: 10M}\n"
    spec.write_text(edited)
    done = run(*command)
    assert done.returncode == 2 and "CNN002" in done.stderr and "--check" in done.stderr
    assert spec.read_text() == edited
