"""A network of the user's own held to its spec: what passes, and what is found.

Also what is said of code that does not run.
"""

from __future__ import annotations

import json
import subprocess
from functools import partial
from pathlib import Path

import pytest

import cnncalc
from cnncalc.diagnostic import Mistake
from cnncalc.ops import OPS
from cnncalc.torch_backend.hold.hold import hold

from .command import run
from .samples import BUNDLED, sample, yaml
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
    """`cnncalc verify net.yaml --module own:Net`, with one place of the module changed."""
    assert old in code
    (folder / "own.py").write_text(code.replace(old, new) if old else code)
    return run("verify", "net.yaml", "--module", target, *options, folder=folder)


def test_a_module_that_keeps_to_its_spec(folder: Path) -> None:
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
            ["`sum.body.conv1` and `sum.body.conv2` are swapped", "`e` and `d` change places"],
        ),
        ("x.mean((2, 3))", "x.amax((2, 3))", ["`globalavgpool1` should be mean", "mean, not amax"]),
        ("F.max_pool2d(x, 2)", "F.avg_pool2d(x, 2)", ["`pool` should be maxpool"]),
        (
            "self.body(x) + self.f(x)",
            "self.body(x)",
            [
                "the module lacks `sum.shortcut.conv1`",
                "forward never reads `f.weight` and another tensor of the module, 72 values",
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
def test_settings_and_swaps(folder: Path, old: str, new: str, said: str) -> None:
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
    """The network that we build ourselves, affine norms and all."""
    import tests.models as models

    for text in [*map(sample, OPS), AFFINE]:
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
    assert "in another order than in the spec" in done.stdout


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
        ("", "", "own", "CNN403", "--module takes package.module:Net, not `own`"),
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
            "`own:make` makes int, not a torch.nn.Module",
        ),
        ("class Net", "net = [1]\nclass Net", "own:net", "CNN403", "`own:net` is a list"),
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
            "computes other things for other values",
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
            "returns a str without tensors",
        ),
    ],
)
def test_code_that_cannot_be_held(
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


# As their smaller relatives, but longer.
DEEP = ("101", "152", "201", "_b5", "_b6", "_b7", "_v2_l", "gf", "_large_")
# The twins write these with other operators, or norms in another place.
OTHERWISE = {"alexnet_grouped", "lenet5", "lenet5_modern", "zfnet"}


def with_twins() -> list[str]:
    """The networks that are held to their twins."""
    names = (network.name for network in BUNDLED)
    return [n for n in names if n not in NO_TWIN and not any(deep in n for deep in DEEP)]


@pytest.mark.parametrize("name", with_twins())
def test_independent_definitions_keep_to_the_bundled_specs(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tests.models as models

    factory, _ = twin(name)
    monkeypatch.setattr(models, "made", factory, raising=False)
    result = hold(cnncalc.load(name), "tests.models:made", device="meta")
    assert result.ok == (name not in OTHERWISE), result.diagnostics


def test_the_issues_example() -> None:
    command = ("verify", "alexnet", "--module", "tests.models:AlexNet", "--device", "meta")
    assert run(*command).returncode == 0
    done = run(*command, "--args", "kernels=[11, 5, 3, 5, 3]")
    assert done.returncode == 1
    assert "`conv4` should be conv → 384×13×13 with 384×384×3×3 and 384" in done.stderr


def test_a_spec_with_errors_is_no_contract() -> None:
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
