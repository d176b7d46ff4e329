"""`verify --module` compares a user's network with its spec, and names what differs.

It also reports code that does not run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

import cnncalc
from cnncalc.diagnostic import Mistake
from cnncalc.torch_backend.hold.hold import hold
from cnncalc.torch_backend.user_code import import_network

from .cases import COMPUTED
from .command import run
from .samples import FAMILIES, sample, yaml
from .settings import sampled
from .twins import NO_TWIN, twin

SPEC = """
input: [3, 16, 16]
layers:
  - {conv: {out: 8, kernel: 3, padding: 1}, name: a}
  - relu
  - {conv: {out: 8, kernel: 3, padding: 1}, name: b}
  - {conv: {out: 8, kernel: 3, padding: 1, dilation: 1}, name: c}
  - relu
  - {maxpool: 2, name: pool}
  - add:
      body: [{conv: {out: 8, kernel: 1}}, {conv: {out: 8, kernel: 3, padding: 1}}]
      shortcut: [{conv: {out: 8, kernel: 1}}]
    name: sum
  - globalavgpool
  - flatten
  - {linear: 10, name: head}
"""
CODE = """
import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self, classes=10, width=8):
        super().__init__()
        self.a = nn.Conv2d(3, width, 3, padding=1)
        self.b = nn.Conv2d(width, 8, 3, padding=1)
        self.c = nn.Conv2d(8, 8, 3, padding=1)
        self.d = nn.Conv2d(8, 8, 1)
        self.e = nn.Conv2d(8, 8, 3, padding=1)
        self.f = nn.Conv2d(8, 8, 1)
        self.head = nn.Linear(8, classes)

    def body(self, x):
        return self.e(self.d(x))

    def forward(self, x):
        x = F.relu(self.a(x))
        x = torch.relu(self.c(self.b(x)))
        x = F.max_pool2d(x, 2)
        x = self.body(x) + self.f(x)
        return self.head(x.mean((2, 3)))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.yaml").write_text(SPEC)
    return tmp_path


def held(
    folder: Path,
    old: str = "",
    new: str = "",
    *options: str,
    target: str = "own:Net",
    code: str = CODE,
) -> subprocess.CompletedProcess[str]:
    """Run `cnncalc verify net.yaml --module own:Net` with one change in the module."""
    assert old in code
    (folder / "own.py").write_text(code.replace(old, new) if old else code)
    return run("verify", "net.yaml", "--module", target, *options, folder=folder)


def test_a_module_that_keeps_to_its_spec_passes(folder: Path) -> None:
    done = held(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "all 12 computations agree ✓" in done.stdout
    macs = 3 * cnncalc.analyze(cnncalc.loads(SPEC)).totals.macs
    for device in ("cpu", "meta"):
        options = ("--device", device, "--format", "json", "--batch", "3")
        data = json.loads(held(folder, "", "", *options).stdout)
        assert data["ok"] and data["schema_version"] == 2 and not data["diagnostics"]
        assert data["totals"][3]["predicted"] == data["totals"][3]["measured"] == macs


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "self.a = nn.Conv2d(3, width, 3, padding=1)",
            "self.a = nn.Conv2d(3, width, 5, padding=2)",
            [
                "`a` should be conv → 8×16×16 with 8×3×3×3 and 8;"
                " the module has conv → 8×16×16 with 8×3×5×5 and 8 in `a`",
                "net.yaml:4:6",
            ],
        ),
        (
            "self.b = nn.Conv2d(width, 8, 3, padding=1)",
            "self.b = nn.Conv2d(width, 8, 3, padding=2, dilation=2)",
            ["`b` should be", "padding 1, dilation 1, not padding 2, dilation 2", "net.yaml:6:6"],
        ),
        (
            "F.relu(self.a(x))",
            "self.a(x)",
            ["the module lacks `relu1`: relu → 8×16×16", "net.yaml:5:5"],
        ),
        (
            "F.relu(self.a(x))",
            "F.relu(F.relu(self.a(x)))",
            ["the module computes relu → 8×16×16 in its forward, before `relu1`"],
        ),
        ("F.relu(self.a(x))", "F.silu(self.a(x))", ["`relu1` should be relu", "relu, not silu"]),
        (
            "torch.relu(self.c(self.b(x)))\n        x = F.max_pool2d(x, 2)",
            "torch.relu(F.max_pool2d(self.c(self.b(x)), 2))",
            ["`relu2` and `pool` are swapped"],
        ),
        (
            "self.e(self.d(x))",
            "self.d(self.e(x))",
            ["`sum.body.conv1` and `sum.body.conv2` are swapped", "swap `e` and `d` in the module"],
        ),
        ("x.mean((2, 3))", "x.amax((2, 3))", ["`globalavgpool1` should be mean", "mean, not amax"]),
        ("F.max_pool2d(x, 2)", "F.avg_pool2d(x, 2)", ["`pool` should be maxpool"]),
        (
            "self.body(x) + self.f(x)",
            "self.body(x)",
            [
                "the module lacks `sum.shortcut.conv1`",
                "forward never reads `f.weight` and another tensor of the module (72 values)",
            ],
        ),
        (
            "nn.Linear(8, classes)",
            "nn.Linear(9, classes)",
            [
                "`head` should be linear → 10 with 10×8 and 10;"
                " the module has linear with 10×9 and 10 in `head`;"
                " then the module's forward fails"
            ],
        ),
        (
            "self.d = nn.Conv2d(8, 8, 1)",
            "self.d = nn.Conv2d(8, 9, 1)",
            [
                "`sum.body.conv1` should be conv → 8×8×8",
                "then the module's forward fails",
                "parameters: the spec has",
            ],
        ),
        (
            "x = self.body(x) + self.f(x)",
            "y = self.body(x)\n        x = y + self.f(y)",
            [
                "`sum.shortcut.conv1` reads `pool` in the spec;"
                " the module computes it in `f` from the outputs of `e`"
            ],
        ),
        (
            "x = self.body(x) + self.f(x)",
            "x = torch.add(self.body(x), self.f(x), alpha=-1)",
            ["`sum` should be add", "alpha 1, not alpha -1"],
        ),
        (
            "torch.relu(self.c(self.b(x)))",
            "torch.relu(self.b(self.b(x)))",
            ["forward never reads `c.weight` and another tensor"],
        ),
        (
            "nn.Linear(8, classes)",
            "nn.Linear(8, classes, bias=False)",
            ["`head` should be linear → 10 with 10×8 and 10", "parameters: the spec has"],
        ),
    ],
)
def test_what_differs_is_named(folder: Path, old: str, new: str, said: list[str]) -> None:
    done = held(folder, old, new)
    assert done.returncode == 1, done.stdout
    first = done.stderr.split("error[")[1] if done.stderr.startswith("error") else done.stderr
    assert first.startswith("CNN405]")
    assert not [text for text in said if text not in done.stderr], done.stderr


SWAPS = """
from torch import nn
import torch.nn.functional as F
class Net(nn.Sequential):
    def __init__(self):
        convolutions = nn.Conv2d(8, 16, 3), nn.Conv2d(16, 32, 1)
        super().__init__(*convolutions, nn.GroupNorm(2, 32), nn.ReLU(), nn.Softmax(1))
"""
SWAPPED = yaml("""
    input: [8, 9, 9]
    layers:
      - {conv: {out: 16, kernel: 3}, name: a}
      - {conv: {out: 32, kernel: 1}, name: b}
      - {groupnorm: 2, name: norm}
      - {relu: , name: act}
      - softmax
""")
CLAMP = """
class Clamp(nn.Module):
    def forward(self, x):
        return x.clamp(min=0)
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "nn.Conv2d(8, 16, 3), nn.Conv2d(16, 32, 1)",
            "nn.Conv2d(16, 32, 1), nn.Conv2d(8, 16, 3)",
            "`a` and `b` are swapped",
        ),
        ("nn.GroupNorm(2, 32)", "nn.GroupNorm(4, 32)", "`norm` should be groupnorm"),
        ("nn.ReLU()", "nn.ReLU6()", "`act` should be relu"),
        ("nn.ReLU()", "nn.Hardtanh(-1, 1)", "`act` should be relu"),
        ("nn.Softmax(1)", "nn.Softmax(2)", "`softmax1` should be softmax"),
        ("", "", ""),
        ("nn.Softmax(1)", "nn.Softmax(-3)", ""),
        ("class Net(", f"{CLAMP}class Net(", ""),
    ],
)
def test_other_settings_and_swaps_are_found(folder: Path, old: str, new: str, said: str) -> None:
    (folder / "net.yaml").write_text(SWAPPED)
    code = SWAPS.replace(old, new) if old else SWAPS
    if "Clamp" in code:
        code = code.replace("nn.ReLU()", "Clamp()")
    done = held(folder, code=code)
    assert done.returncode == bool(said), done.stderr
    assert said in done.stderr
    if said:
        assert not json.loads(held(folder, "", "", "--format", "json", code=code).stdout)["ok"]


AFFINE = yaml("""
    input: [4, 8, 8]
    layers:
      - instancenorm: {affine: true}
      - layernorm: {over: channels}
      - upsample: {scale: 2, mode: bilinear, align_corners: true}
""")


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_every_operator_keeps_to_its_own_spec(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module is the network that `build` makes, with affine norms."""
    import tests.models as models

    defined = [op for op in COMPUTED if op.key not in ("sqrt", "rsqrt", "log")]  # for any number
    for text in [*map(sample, defined), AFFINE]:
        spec = cnncalc.loads(text)
        made = partial(cnncalc.build, spec)
        monkeypatch.setattr(models, "made", made, raising=False)
        found = hold(spec, "tests.models:made", device=device)
        assert found.ok, (text, found.diagnostics)


LAST_BUT_ONE = """
    def forward(self, x):
        for layer in self:
            x, before = layer(x), x
        return before
"""


def test_the_right_tensor_is_returned(folder: Path) -> None:
    (folder / "net.yaml").write_text(SWAPPED)
    done = held(folder, code=SWAPS + LAST_BUT_ONE)
    assert done.returncode == 1
    assert "output 1 of the module is not `softmax1`" in done.stderr


def test_parallel_branches_may_be_called_in_any_order(folder: Path) -> None:
    done = held(
        folder, "x = self.body(x) + self.f(x)", "y = self.f(x)\n        x = y + self.body(x)"
    )
    assert done.returncode == 0
    assert "in a different order than the spec" in done.stdout


def test_loose_lets_activations_differ(folder: Path) -> None:
    assert held(folder, "F.relu(self.a(x))", "F.silu(self.a(x))", "--loose").returncode == 0
    assert held(folder, "F.max_pool2d(x, 2)", "F.avg_pool2d(x, 2)", "--loose").returncode == 1


def test_lazy_layers_learn_their_shapes_first(folder: Path) -> None:
    assert held(folder, "nn.Linear(8, classes)", "nn.LazyLinear(classes)").returncode == 0


def test_arguments_reach_the_module(folder: Path) -> None:
    assert held(folder, "", "", "--args", "classes=10", "--args", "width=8").returncode == 0
    assert held(folder, "", "", "--args", "10").returncode == 0
    dropping = CODE.replace("super().__init__()", "super().__init__(); self.drop = nn.Dropout(p)")
    arguments = ("classes=10, width=8", "classes=10, width=8, p=0.1")
    half = held(folder, *arguments, "--args", "p=0.5", code=dropping)
    assert half.returncode == 0, half.stderr
    assert held(folder, "", "", "--args", "width=").returncode == 2
    done = held(folder, "", "", "--args", "width=4")
    assert done.returncode == 1 and "`a` should be conv → 8×16×16" in done.stderr
    factory = "def make(): return Net()\nnet = None\nclass Net"
    assert held(folder, "class Net", factory, target="own:make").returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "target", "code", "said"),
    [
        ("", "", "own", "CNN403", "--module takes package.module:Net or model.py:Net, not `own`"),
        (
            "",
            "",
            "owm:Net",
            "CNN403",
            "importing `owm` fails: ModuleNotFoundError: No module named 'owm'",
        ),
        ("", "", "own:Nat", "CNN403", "`own` has no `Nat`"),
        (
            "import torch\n",
            "import torch\n1 / 0\n",
            "own:Net",
            "CNN403",
            "importing `own` fails: ZeroDivisionError: division by zero (own.py:3)",
        ),
        (
            "import torch\n",
            "import torch\nraise SystemExit(3)\n",
            "own:Net",
            "CNN403",
            "importing `own` fails: SystemExit",
        ),
        (
            "import torch\n",
            "import torch\nprint('loading'\n",
            "own:Net",
            "CNN403",
            "importing `own` fails: SyntaxError",
        ),
        (
            "super().__init__()",
            "super().__init__(); self.x = y",
            "own:Net",
            "CNN403",
            "`own:Net` fails: NameError: name 'y' is not defined (own.py:8)",
        ),
        (
            "class Net",
            "def make(): return 3\nclass Net",
            "own:make",
            "CNN403",
            "`own:make` makes an object of type `int`, not a torch.nn.Module",
        ),
        ("class Net", "net = [1]\nclass Net", "own:net", "CNN403", "`own:net` is of type `list`"),
        (
            "F.max_pool2d(x, 2)",
            "x.view(3, 5, 7)",
            "own:Net",
            "CNN404",
            "forward fails on an input of 1×3×16×16: RuntimeError",
        ),
        ("x.mean((2, 3))", "x.mean((2, 3)) / 0 * 0", "own:Net", "CNN404", "returns NaN"),
        (
            "F.relu(self.a(x))",
            "F.relu(self.a(x)) if x.sum() > 0 else self.a(x)",
            "own:Net",
            "CNN404",
            "depends on the values of its input",
        ),
        (
            "x = F.max_pool2d(x, 2)",
            "import sys; sys.exit(0)",
            "own:Net",
            "CNN404",
            "the module's forward fails on an input of 1×3×16×16: SystemExit",
        ),
        (
            "return self.head(x.mean((2, 3)))",
            "return 'done'",
            "own:Net",
            "CNN404",
            "returns no tensors, but an object of type `str`",
        ),
    ],
)
def test_code_that_cannot_be_compared_is_reported(
    folder: Path, old: str, new: str, target: str, code: str, said: str
) -> None:
    done = held(folder, old, new, "--format", "json", target=target)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert f"[{code}]" in done.stderr and said in done.stderr
    assert done.stderr.count("error[") == 1 and "Traceback" not in done.stderr


def test_what_a_module_prints_does_not_reach_the_json(folder: Path) -> None:
    forward = "    def forward(self, x):\n"
    printing = forward + "        print('called')\n"
    done = held(folder, forward, printing, "--format", "json")
    assert json.loads(done.stdout)["ok"]
    assert "called" in done.stderr


# These are like smaller networks of their families, but longer.
DEEP = ("101", "152", "201", "_b5", "_b6", "_b7", "_v2_l", "gf", "_large_")
# Their twins use other operators, or put norms in other places.
OTHERWISE = {"alexnet_grouped", "lenet5", "lenet5_modern", "zfnet"}


def with_twins() -> list[str]:
    """Return the networks that are compared with their twins."""
    names = (network.name for network in FAMILIES)
    return [n for n in names if n not in NO_TWIN and not any(deep in n for deep in DEEP)]


@pytest.mark.parametrize("name", sampled(with_twins(), 22))
def test_independent_definitions_keep_to_the_bundled_specs(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tests.models as models

    factory, _ = twin(name)
    monkeypatch.setattr(models, "made", factory, raising=False)
    result = hold(cnncalc.load(name), "tests.models:made", device="meta")
    assert result.ok == (name not in OTHERWISE), result.diagnostics


def test_a_changed_kernel_of_alexnet_is_found() -> None:
    command = ("verify", "alexnet", "--module", "tests.models:AlexNet", "--device", "meta")
    assert run(*command).returncode == 0
    done = run(*command, "--args", "kernels=[11, 5, 3, 5, 3]")
    assert done.returncode == 1
    assert "`conv4` should be conv → 384×13×13 with 384×384×3×3 and 384" in done.stderr


def test_a_spec_with_errors_is_refused() -> None:
    spec = cnncalc.loads("input: [3, 8, 8]\nlayers: [{conv: {out: 4, kernel: 9}}]")
    with pytest.raises(Mistake, match="CNN204"):
        hold(spec, "tests.models:AlexNet")


def test_module_needs_one_spec() -> None:
    for arguments in (
        ("a", "b", "--module", "x:y"),
        ("--module", "x:y"),
        ("vgg16", "--args", "3"),
        ("vgg16", "--loose"),
        ("vgg16", "--all"),
        (),
    ):
        done = run("verify", *arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert "error[CNN111]" in done.stderr


NOT_COMPARED = """
from torch import nn

def plain(p=0.5, eps=1e-5, momentum=0.1, slope=0.1):
    norm, dropout = nn.BatchNorm2d(4, eps, momentum), [nn.Dropout(p)] if p else []
    return nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.LeakyReLU(slope), *dropout)
"""
PLAIN = """
input: [3, 8, 8]
layers: [{conv: {out: 4, kernel: 3}}, batchnorm, {leaky_relu: 0.1}, {dropout: 0.5}]
"""


@pytest.mark.parametrize("words", [["p=0"], ["p=0.1"], ["eps=0.1"], ["momentum=0.9"]])
def test_a_note_says_what_is_not_compared(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(NOT_COMPARED)
    (tmp_path / "net.yaml").write_text(PLAIN)
    options = [part for word in words for part in ("--args", word)]
    done = run("verify", "net.yaml", "--module", "plain:plain", *options, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    note = " ".join(done.stdout.partition("note ")[2].split())
    for word in ("training", "dropout", "eps", "momentum", "values of weights"):
        assert word in note
    other = hold(cnncalc.loads(PLAIN), _made(NOT_COMPARED)(slope=0.2))
    assert not other.ok  # other settings are compared


def _made(code: str) -> Any:
    names: dict[str, Any] = {}
    exec(code, names)
    return names["plain"]


IN_A_BLOCK = """
input: [3, 8, 8]
blocks:
  pair:
    params: {out: }
    layers:
      - conv: {out: out, kernel: 3}
      - relu
layers:
  - pair: 4
  - pair: 6
"""


def test_a_difference_inside_a_block_names_where_the_block_is_used() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 6, 5), nn.ReLU()
    first, *_ = hold(cnncalc.loads(IN_A_BLOCK), nn.Sequential(*layers)).diagnostics
    assert (first.code, first.position and first.position.line) == ("CNN405", 7)
    assert first.context == ("block `pair`, used at line 11",)


@pytest.mark.parametrize("written", ["net.py:net", "./nets/net.py:net", "{folder}/nets/net.py:net"])
def test_a_file_in_place_of_a_module_is_imported(written: str, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(PAIRS.format(repeat=2))
    (tmp_path / "nets").mkdir()
    for file in (tmp_path / "net.py", tmp_path / "nets" / "net.py"):
        file.write_text(PAIRED)
    target = written.format(folder=tmp_path)
    options = ("--module", target, "--args", "2")
    done = run("verify", "spec.yaml", *options, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    away = run("verify", "../spec.yaml", *options, folder=elsewhere)
    assert away.returncode == (0 if "{folder}" in written else 2)
    if away.returncode:
        assert f"cannot read {target.partition(':')[0]}: no such file" in away.stderr


def test_a_file_may_have_the_name_of_another_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text(PAIRED)
    monkeypatch.chdir(tmp_path)
    assert len(import_network("json.py:net", [2])) == 2  # type: ignore[arg-type]
    assert sys.modules["json"] is json


PAIRS = """
input: [3, 8, 8]
blocks:
  pair:
    layers: [{{conv: {{out: 3, kernel: 3, padding: 1, bias: false}}}}, batchnorm, relu]
layers:
  - {{pair: , name: stem}}
  - {{pair: , name: body, repeat: {repeat}}}
"""
PAIRED = """
from torch import nn

def pair():
    return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3), nn.ReLU())

def net(repeat):
    return nn.Sequential(pair(), nn.Sequential(*(pair() for _ in range(repeat))))
"""


@pytest.mark.parametrize(
    ("repeat", "said"),
    [
        (6, "the module lacks 3 blocks: `body.3`, `body.4` and `body.5` (9 computations)"),
        (4, "the module lacks `body.3` (3 computations)"),
        (1, "the spec lacks what the module has at the end: 2 blocks: `1.1` and `1.2` (6 "),
    ],
)
def test_missing_blocks_are_named(repeat: int, said: str) -> None:
    names: dict[str, Any] = {}
    exec(PAIRED, names)
    found = hold(cnncalc.loads(PAIRS.format(repeat=repeat)), names["net"](3)).diagnostics
    assert found[0].message.startswith(said)
    # Names of tensors would be guesses: those of every block have the same shapes.
    assert not any("has `" in d.message for d in found)


CHANNELS_LAST = """
input: [3, {h}, {w}]
layers:
  - conv: {{out: 8, kernel: 3, padding: 1}}
  - conv: {{out: 16, kernel: 1, bias: {bias}}}
  - {{leaky_relu: 0.1}}
  - layer_scale
"""


class Pointwise(nn.Module):
    """Its linear layer is a 1×1 convolution, if it is on the channels."""

    def __init__(self, bias: bool = True, axis: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.linear = nn.Linear(8, 16, bias=bias)
        self.scale = nn.Parameter(torch.ones(16))
        self.axis = axis

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.linear(self.conv(x).movedim(self.axis, -1))
        x = nn.functional.leaky_relu(x, 0.1) * self.scale
        return x.movedim(-1, self.axis)


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_on_channels_is_a_convolution(bias: bool) -> None:
    spec = cnncalc.loads(CHANNELS_LAST.format(h=9, w=10, bias=str(bias).lower()))
    found = hold(spec, Pointwise(bias))
    assert found.diagnostics == []
    assert len(found.pairs) == 4  # the bias belongs to its layer


def test_a_linear_layer_on_another_axis_is_no_convolution() -> None:
    spec = cnncalc.loads(CHANNELS_LAST.format(h=9, w=8, bias="true"))
    assert [pair.ok for pair in hold(spec, Pointwise(axis=3)).pairs][:2] == [True, False]


class Uncounted(nn.Module):
    """It has what is not counted or not compared: a kernel, a buffer, a weight in two parts."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = weight_norm(nn.Conv2d(3, 8, 3))
        self.mix = nn.Bilinear(8, 8, 4, bias=False)
        self.register_buffer("table", torch.ones(5, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.conv(x)
        steps = y.flatten(2).permute(2, 0, 1)
        return y if len(self.mix(steps, steps)) else x


def test_what_is_not_counted_is_named() -> None:
    spec = cnncalc.loads("input: [3, 8, 8]\nlayers: [{conv: {out: 8, kernel: 3}}]")
    found = hold(spec, Uncounted())
    notes = "; ".join(found.notes)
    assert "the MACs of `mix` (trilinear) are not counted" in notes
    assert "only the module has `table` 5×6" in notes
    tensors = next(d for d in found.diagnostics if d.message.startswith("parameter tensors"))
    for name in ("`conv.parametrizations.weight.original0` 8×1×1×1", "`mix.weight` 4×8×8"):
        assert name in tensors.message
    assert "`parametrize: weight_norm`" in (tensors.help or "")
    same = "input: [3, 8, 8]\nlayers: [{conv: {out: 8, kernel: 3, parametrize: weight_norm}}]"
    assert hold(cnncalc.loads(same), weight_norm(nn.Conv2d(3, 8, 3))).ok


class Recurrent(nn.Module):
    """Its recurrent layer takes the steps first."""

    def __init__(self, out: int = 4):
        super().__init__()
        self.rnn = nn.GRU(6, out, 2, bidirectional=True)
        self.head = nn.Conv1d(2 * out, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, _ = self.rnn(x.permute(2, 0, 1))
        found: torch.Tensor = self.head(y.permute(1, 2, 0))
        return found


RECURRENT = yaml("""
    input: [6, 9]
    layers:
      - permute: [1, 0]
      - gru: {out: 4, layers: 2, bidirectional: true}
      - permute: [1, 0]
      - conv: {out: 3, kernel: 1}
""")


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_recurrent_layer_is_one_computation(device: str) -> None:
    found = hold(cnncalc.loads(RECURRENT), Recurrent(), device=device)
    assert found.ok and len(found.pairs) == 2
    first, *_ = hold(cnncalc.loads(RECURRENT), Recurrent(5), device=device).diagnostics
    assert first.message.startswith("`gru1` should be gru")


def test_only_what_differs_is_listed(folder: Path) -> None:
    agreed = held(folder).stdout
    assert "all 12 computations agree ✓" in agreed and "conv 8×16×16" not in agreed
    differs = held(folder, "self.e = nn.Conv2d(8, 8, 3, padding=1)", "self.e = nn.Conv2d(8, 8, 1)")
    table = differs.stdout.partition("tensors ")[0]
    assert table.count("✗") == 1 and table.count("✓") == 2
    assert "lines that agree" in table
