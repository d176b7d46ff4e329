"""`verify --memory` with frozen parts, checkpoints, and gradients in evaluation mode."""

from __future__ import annotations

import pytest
import torch

import cnncalc
from cnncalc.analysis.memory.checkpoints import checkpoint
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.summary import summary
from cnncalc.diagnostic import Mistake
from cnncalc.torch_backend.build import assemble
from cnncalc.torch_backend.verify.memory import verify_memory
from cnncalc.torch_backend.verify.memory_measured import saved_by_layer
from cnncalc.torch_backend.verify.memory_step import MemoryStep

from .allocated import measured, predicted
from .command import run
from .measured.memory import COMMANDS
from .samples import yaml
from .test_timeline import NEAR
from .test_verify_memory import SPEC, differing

CPU = torch.device("cpu")
CHAINS = yaml("""
    input: [3, 16, 16]
    layers:
      - chain: [{conv: {out: 8, kernel: 3}}, batchnorm, relu]
        name: stem
      - chain: [{conv: {out: 8, kernel: 3}}, dropout: 0.5, sigmoid]
        name: body
      - dropout: 0.5
      - flatten
      - {linear: 10, name: head}
""")
CHANGES = {
    "frozen": {"frozen": ["stem"]},
    "head": {"trained_only": ["head"]},
    "both": {"trained_only": ["stem", "head"], "frozen": ["stem.conv1"]},
    "checkpoints": {"checkpoints": ["stem", "body"]},
    "range": {"checkpoints": ["stem.batchnorm1..body.conv1"]},
    "all": {"frozen": ["stem"], "checkpoints": ["body"]},
}


def totals(found) -> dict[str, tuple[int, int]]:
    """Return the figures of the network, as predicted and as measured."""
    return {check.what: (check.predicted, check.measured) for check in found.totals}


@pytest.mark.parametrize("amp", [None, "bfloat16"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_is_predicted_and_measured(change: str, amp) -> None:
    spec = cnncalc.loads(CHAINS)
    how = Run("training", optimizer="adam", amp=amp)
    plain = totals(verify_memory(spec, batch=8, run=how))
    found = verify_memory(spec, batch=8, run=how, **CHANGES[change])
    assert found.ok, [d.message for d in found.diagnostics]
    for side in (0, 1):
        assert totals(found)["saved"][side] < plain["saved"][side]
    frozen = any("parameters are frozen" in note for note in found.notes)
    assert frozen == (change not in ("checkpoints", "range"))


def test_a_network_that_is_not_frozen_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = cnncalc.loads(SPEC)
    trained = assemble(spec.graph())
    monkeypatch.setattr("cnncalc.torch_backend.verify.built.zeros", lambda *given: (trained, {}))
    wrong = differing(verify_memory(spec, batch=2, trained_only=["head"]))
    assert {("first", "saved"), ("", "saved"), ("", "training_peak")} <= wrong


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"frozen": ["stme"]}, "CNN111", "`stme`"),
        ({"trained_only": ["flatten1"]}, "CNN111", "`flatten1` has no parameters to train"),
        ({"checkpoints": ["head..stem"]}, "CNN111", "`stem` runs before `head`"),
        ({"checkpoints": ["stem", "stem.conv1"]}, "CNN103", "two checkpoints"),
    ],
)
def test_a_wrong_path_is_one_mistake(changes: dict, code: str, said: str) -> None:
    with pytest.raises(Mistake) as found:
        verify_memory(cnncalc.loads(CHAINS), **changes)
    (fault,) = found.value.diagnostics
    assert fault.code == code and said in fault.message


def test_the_command_takes_paths() -> None:
    options = ("verify", "-", "--memory", "--batch", "2", "--freeze", "stem", "--checkpoint")
    done = run(*options, "body", stdin=CHAINS)
    assert done.returncode == 0, done.stderr
    assert "figures agree ✓" in done.stdout and "240 of 12,354 parameters are frozen" in done.stdout
    head = ("verify", "lenet5_modern", "--memory", "--train-only")
    assert run(*head, "output").returncode == 0
    near = run(*head, "outputs")
    assert near.returncode == 2 and "did you mean `output`?" in near.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--freeze", "stem"), "--freeze needs --memory"),
        (("--train-only", "stem"), "--train-only needs --memory"),
        (("--checkpoint", "stem"), "--checkpoint needs --memory"),
        (("--memory", "--checkpoint", "auto"), "--checkpoint takes paths here"),
        (("--memory", "--freeze", "stem,"), "--freeze takes paths such as stem,stage1"),
    ],
)
def test_options_that_say_nothing_are_refused(options: tuple[str, ...], said: str) -> None:
    done = run("verify", "-", *options, stdin=CHAINS)
    assert done.returncode == 2 and said in done.stderr and done.stderr.count("error[") == 1


@pytest.mark.parametrize("text", [SPEC, CHAINS], ids=["norms", "dropout"])
def test_gradients_in_evaluation_mode_keep_less(text: str) -> None:
    """There, batch norm keeps no statistics of the batch, and dropout is a view."""
    graph = cnncalc.loads(text).graph()
    training = Run("training", 3, device="cpu")
    evaluating = training._replace(evaluating=True)
    kept = {}
    for how in (training, evaluating):
        kept[how] = saved_by_layer(MemoryStep(assemble(graph), graph, how, CPU))
        assert summary(graph, how).kept == kept[how]
        assert predicted(graph, how).differ(measured(graph, how)) <= NEAR
    assert sum(kept[evaluating].values()) < sum(kept[training].values())


def test_what_a_dead_branch_kept_is_not_counted_though_the_input_stays() -> None:
    layers = "[{conv: {out: 2, kernel: 1}, name: dead}, {sigmoid: , from: input}, flatten]"
    text = f"input: [3, 8, 8]\nlayers: {layers[:-1]}, {{linear: 2}}]"
    graph = cnncalc.loads(text).graph()
    how = Run("training", 2, device="cpu")
    found = saved_by_layer(MemoryStep(assemble(graph), graph, how, CPU))
    assert found == summary(graph, how).kept
    assert [graph.nodes[n].path for n in found] == ["linear1"]


def test_a_checkpoint_over_several_chains_keeps_what_is_predicted() -> None:
    graph = cnncalc.loads(CHAINS).graph()
    checkpoint(graph, ["stem..body"])
    how = Run("training", 2, device="cpu")
    found = saved_by_layer(MemoryStep(assemble(graph), graph, how, CPU))
    assert found == summary(graph, how).kept


def test_the_script_that_compares_many_networks_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert COMMANDS["saved"](["lenet5_modern"]) == 0
    assert "saved bytes: 5 agree, 0 differ" in capsys.readouterr().out
    assert COMMANDS["peaks"](["three_conv"]) == 0
    assert "42 agree, 0 differ" in capsys.readouterr().out
