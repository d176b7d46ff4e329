"""Words of torch, Keras, TensorFlow, ONNX and Caffe get an answer: a meaning, or that none fits.

torch itself is the oracle: every module in its list gets an answer, and a layer written in its
words is repaired, built, and compared with its module, value by value.
"""

from __future__ import annotations

import inspect
import random
import re
import string
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import cnncalc  # noqa: E402
from cnncalc.checking.fix import apply_fixes  # noqa: E402
from cnncalc.diagnostic import Diagnostic, clear_misspelling  # noqa: E402
from cnncalc.language.foreign_words import Advice, meaning_of  # noqa: E402
from cnncalc.language.names import NEEDLESS  # noqa: E402
from cnncalc.language.yaml_flow import in_yaml  # noqa: E402
from cnncalc.ops import BY_KEY  # noqa: E402
from cnncalc.ops.words import Translation, plain_forms  # noqa: E402

from .cases import COMPUTED  # noqa: E402
from .samples import plain, sample  # noqa: E402
from .words import CAFFE, KERAS, ONNX, TENSORFLOW  # noqa: E402

MODULES = [
    name
    for name, value in vars(nn).items()
    if isinstance(value, type) and issubclass(value, nn.Module)
]
TRANSLATED = [  # the unpools need a pool before them: see test_unpool.py
    name
    for name in MODULES
    if isinstance(meaning_of(name), Translation) and not name.startswith("MaxUnpool")
]
CONV = {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 1}

# torch's arguments for each class, without the number of axes and `Lazy`.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Conv": CONV | {"bias": False, "groups": 2, "dilation": 2, "padding_mode": "zeros"},
    "ConvTranspose": CONV | {"output_padding": 1},
    "Linear": {"in_features": 4, "out_features": 3, "bias": False},
    "MaxPool": {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    "AvgPool": {"kernel_size": 3, "count_include_pad": False, "padding": 1},
    "Unfold": {"kernel_size": (3, 2), "padding": 1},
    "Fold": {"output_size": (3, 4), "kernel_size": 2},
    "FractionalMaxPool": {"kernel_size": 2, "output_size": 3},
    "LPPool": {"norm_type": 2.0, "kernel_size": 2},
    "AdaptiveAvgPool": {"output_size": 3},
    "AdaptiveMaxPool": {"output_size": 3},
    "BatchNorm": {"num_features": 4, "eps": 0.01},
    "SyncBatchNorm": {"num_features": 4},
    "InstanceNorm": {"num_features": 4, "affine": True},
    "GroupNorm": {"num_groups": 2, "num_channels": 4},
    "LayerNorm": {"normalized_shape": (4, 8, 8)},
    "LocalResponseNorm": {"size": 3, "alpha": 0.1},
    "CrossMapLRN": {"size": 3, "alpha": 0.1},
    "LeakyReLU": {"negative_slope": 0.2},
    "ELU": {"alpha": 0.5},
    "GELU": {"approximate": "tanh"},
    "Hardtanh": {"min_val": -0.5, "max_val": 0.25},
    "Softmax": {"dim": 1},
    "LogSoftmax": {"dim": 1},
    "Softmin": {"dim": 1},
    "GLU": {"dim": 1},
    "Softplus": {"beta": 2.0, "threshold": 0.5},
    "CELU": {"alpha": 0.5},
    "Threshold": {"threshold": 0.1, "value": 0.2},
    "Hardshrink": {"lambd": 0.3},
    "Softshrink": {"lambd": 0.3},
    "MultiheadAttention": {"num_heads": 2},
    "Embedding": {"num_embeddings": 9, "embedding_dim": 5},
    "LSTM": {"hidden_size": 5, "num_layers": 2, "bidirectional": True, "proj_size": 2},
    "GRU": {"hidden_size": 5, "num_layers": 2},
    "RNN": {"hidden_size": 5, "nonlinearity": "relu"},
    "Dropout": {"p": 0.3},
    "ChannelShuffle": {"groups": 2},
    "PixelShuffle": {"upscale_factor": 2},
    "PixelUnshuffle": {"downscale_factor": 2},
    "Unflatten": {"dim": 1, "unflattened_size": (2, 2)},
    "Upsample": {"scale_factor": 2, "mode": "nearest"},
    "UpsamplingNearest": {"scale_factor": 2},
    "UpsamplingBilinear": {"scale_factor": 2},
    "ZeroPad": {"padding": 2},
    "ConstantPad": {"padding": 2, "value": 3.0},
    "ReflectionPad": {"padding": 2},
    "ReplicationPad": {"padding": 2},
    "CircularPad": {"padding": 2},
}
# Arguments that are not fields, and what the answer says to write by hand.
BY_HAND = {
    "LayerNorm": "",
    "Softmax": "",
    "Softmax2d": "",
    "LogSoftmax": "",
    "Softmin": "",
    "GLU": "",
    "Unflatten": "[2, 2, 8, 8]",
}
DIFFERENT = ("Unflatten", "CrossMapLRN2d")  # written by hand, as the answer says


def bare(name: str) -> str:
    """Return the name of a class without its number of axes and `Lazy`."""
    return re.sub(r"[123]d$", "", name.removeprefix("Lazy"))


def arguments(name: str) -> dict[str, Any]:
    return {} if name == "Softmax2d" else ARGUMENTS.get(bare(name), {})


def shape_for(name: str) -> tuple[int, ...]:
    """Return a small input with the number of axes that the class takes."""
    if name.endswith("Linear"):
        return (4,)
    if name == "Fold":
        return (8, 6)
    if name in ("LSTM", "GRU", "RNN", "MultiheadAttention"):
        return (4, 8)
    axes = re.search(r"([123])d$", name)
    return (4, *(8,) * int(axes[1] if axes else 2))


def given_to(name: str, needed: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments for torch's class; sequences have their axes as ours do."""
    if name == "MultiheadAttention":
        return {"embed_dim": 8, "batch_first": True, **given}
    if name in ("LSTM", "GRU", "RNN"):
        return {"input_size": 8, "batch_first": True, **given}
    return needed if name.startswith("Lazy") else given


def returned(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return the output of a module, without its state or scores."""
    xs = (x, x, x) if isinstance(module, nn.MultiheadAttention) else (x,)
    y = module(*xs)
    return y[0] if isinstance(y, tuple) else y


def repaired(text: str) -> str:
    """Return the text after all fixes of its words, as `--fix-all` makes them."""
    for _ in range(8):
        fixes = [d.fix for d in cnncalc.loads(text).diagnostics if d.fix]
        if not fixes:
            return text
        text = apply_fixes(text, fixes)
    raise AssertionError(text)


def answer(key: str, body: str = "") -> Diagnostic:
    """Return what is reported about a layer with this key."""
    spec = cnncalc.loads(f"input: [4, 8, 8]\nlayers:\n  - {in_yaml(key)}:{body and ' '}{body}\n")
    found = [d for d in spec.diagnostics if d.code == "CNN104"]
    assert len(found) == 1, (key, spec.diagnostics)
    return found[0]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_of_torch_has_an_answer(name: str) -> None:
    meaning = meaning_of(name)
    assert meaning is not None
    if name.lower() in BY_KEY:
        return
    said = answer(name)
    assert "did you mean" not in (said.help or "")
    if isinstance(meaning, Translation):
        assert f"`{meaning.op.key}`" in (said.help or "")
    else:
        assert said.help == meaning.text
        assert (said.fix is None) == (meaning.key is None)


@pytest.mark.parametrize("name", TRANSLATED)
def test_a_layer_in_torchs_words_is_repaired_to_one_that_computes_the_same(name: str) -> None:
    given = arguments(name)
    needed = {k: v for k, v in given.items() if k not in NEEDLESS}
    theirs = getattr(nn, name)(**given_to(name, needed, given)).eval()
    body = BY_HAND.get(name, in_yaml(needed) if needed else "")
    x = torch.randn(2, *shape_for(name))
    shape = str(list(x.shape[1:]))
    if name == "Embedding":
        x, shape = torch.randint(9, (2, 7)), "{shape: [7], dtype: integer}"
    torch.manual_seed(0)  # some layers draw random numbers at inference too
    expected = returned(theirs, x)
    said = answer(name, body) if name.lower() not in BY_KEY else None
    key = meaning_of(name).op.key if name in DIFFERENT and said and said.fix is None else name
    text = f"input: {shape}\nlayers:\n  - {key}: {body}\n"
    network = cnncalc.build(cnncalc.loads(repaired(text))).eval()
    if name == "CrossMapLRN2d":  # it sums different channels than its documentation says
        assert network(x).shape == expected.shape and "sums other" in (answer(name).help or "")
        return
    ours, given_state = network.state_dict(), theirs.state_dict()
    assert [tuple(t.shape) for t in ours.values()] == [tuple(t.shape) for t in given_state.values()]
    network.load_state_dict(dict(zip(ours, given_state.values())))
    torch.manual_seed(0)
    torch.testing.assert_close(network(x.clone()), expected)


def test_every_class_of_torch_that_an_operator_builds_leads_to_it() -> None:
    for op in COMPUTED:
        graph = cnncalc.loads(sample(op)).graph()
        (node,) = [node for node in graph.nodes if node.path == "it"]
        call = node.op.torch(*graph.shapes_into(node))
        if hasattr(nn, call.name) and call.before is None:
            meaning = meaning_of(call.name)
            assert isinstance(meaning, Translation)
            assert meaning.op is op or issubclass(meaning.op, op)  # the global pools are adaptive


def test_arguments_by_position_are_torchs() -> None:
    checked = 0
    for op in COMPUTED:
        for stem, order in op.signatures.items():
            classes = [name for name in MODULES if bare(name) == stem and name[:4] != "Lazy"]
            assert classes, stem
            for name in classes:
                parameters = list(inspect.signature(getattr(nn, name)).parameters)
                assert parameters[: len(order)] == list(order), name
                checked += 1
    assert checked > 30


@pytest.mark.parametrize("words", [KERAS, ONNX, TENSORFLOW, CAFFE])
def test_no_word_of_a_framework_is_answered_by_its_letters(words: list[str]) -> None:
    for word in words:
        if word.lower() in BY_KEY:
            continue
        said, meaning = answer(word), meaning_of(word)
        assert "did you mean" not in (said.help or ""), (word, said.help)
        written = said.fix.edits[0].text if said.fix else ""
        if isinstance(meaning, Translation):
            assert written.partition(":")[0] in ("", meaning.op.key), (word, written)
        else:
            assert written in ("", "chain"), (word, written)


@pytest.mark.parametrize(
    ("key", "body", "right"),
    [
        ("transpose", "[1, 0]", "permute: [1, 0]"),
        ("Dense", "10", "linear: 10"),
        ("BatchNorm2d", "16", "batchnorm"),
        ("nn.BatchNorm2d", "16", "batchnorm"),
        ("batch_norm_2d", "", "batchnorm:"),
        ("Sequential", "[relu]", "chain: [relu]"),
        ("lrelu", "0.2", "leaky_relu: 0.2"),
        ("reflection_pad", "1", "pad: {amount: 1, mode: reflect}"),
        ("Cropping2D", "[[1, 2], [0, 1]]", "crop: {amount: [[1, 2], [0, 1]]}"),
        ("Resizing", "32", "upsample: {size: 32}"),
        ("AdaptiveAvgPool2d", "1", "adaptiveavgpool: 1"),
        ("deconv", "{out: 4, kernel: 2}", "conv_transpose: {out: 4, kernel: 2}"),
        ("cnov", "{out: 4, kernel: 2}", "conv: {out: 4, kernel: 2}"),
        ("batchnrom", "", "batchnorm:"),
    ],
)
def test_certain_words_are_repaired(key: str, body: str, right: str) -> None:
    said = answer(key, body)
    assert said.fix is not None and said.fix.certain
    text = f"input: [4, 8, 8]\nlayers:\n  - {key}:{body and ' '}{body}\n"
    assert apply_fixes(text, [said.fix]).splitlines()[-1] == f"  - {right}"


CONV_TEXT = "conv: {out: 8, kernel: 3, stride: 2, padding: 1, bias: false}"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("AdaptiveAvgPool2d(1)", "adaptiveavgpool: 1"),
        ("nn.ReLU()", "relu"),
        ("nn.ReLU(inplace=True)", "relu: {inplace: true}"),
        ("nn.BatchNorm2d(16)", "batchnorm"),
        ("nn.Conv2d(in_channels=3, out_channels=8, kernel_size=3)", "conv: {out: 8, kernel: 3}"),
        ("layers.Dense(10)", "linear: 10"),
        ("nn.Conv2d(3, 8, 3, 2, 1, bias=False)", CONV_TEXT),
        ("nn.Linear(512, 10)", "linear: 10"),
        ("nn.ReLU(True)", "relu: {inplace: true}"),
        ("nn.MaxPool2d(3, 2)", "maxpool: {kernel: 3, stride: 2}"),
        ("nn.MaxPool2d(2)", "maxpool: 2"),
        ("nn.Upsample(2)", "upsample: {size: 2}"),
        ("nn.LPPool2d(2, 3)", "lppool: {norm: 2, kernel: 3}"),
        ("nn.GroupNorm(2, 8)", "groupnorm: 2"),
        ("nn.BatchNorm2d(8, 1e-3)", "batchnorm: {eps: 0.001}"),
        ("nn.LeakyReLU(0.2, True)", "leaky_relu: {slope: 0.2, inplace: true}"),
        ("nn.ReflectionPad2d(1)", "pad: {amount: 1, mode: reflect}"),
    ],
)
def test_calls_are_layers(text: str, right: str) -> None:
    spec = f"input: [4, 8, 8]\nlayers:\n  - {text}\n"
    (said, *_) = cnncalc.loads(spec).diagnostics
    assert said.fix is not None and said.fix.certain
    assert apply_fixes(spec, [said.fix]).splitlines()[-1] == f"  - {right}"


@pytest.mark.parametrize(
    ("key", "body", "word"),
    [
        ("scaling", "2", "norms"),
        ("softpool", "2", "no such operator"),
        ("pool", "2", "`maxpool` or `avgpool`"),
        ("einsum", "", "`matmul` multiplies two branches as matrices"),
        ("maxpoolwithargmax", "2", "`maxunpool: NAME`"),
        ("Dropout1d", "0.5", "three kinds of dropout"),
        ("rrelu", "", "no such activation"),
        ("tan", "", "no such operator"),
        ("wibble", "", "`cnncalc ops` lists"),
        ("layers.Conv2D(8, 3)", "", "conv: {out: …, kernel: …}"),
        ("nn.Softmax(dim=1)", "", "softmax"),
    ],
)
def test_other_words_get_help_without_a_repair(key: str, body: str, word: str) -> None:
    said = answer(key, body)
    assert word in (said.help or "") and said.fix is None


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("view", "[-1, 256]"),
        ("transpose", "[0, 1]"),
        ("transpose", "[1, 2]"),
        ("UpSampling2D", "{size: 2}"),
        ("Upsample", "2"),
        ("Softmax", "1"),
        ("ReflectionPad2d", "[1, 2, 3, 4]"),
        ("GlobalAveragePooling2D", ""),
        ("DepthToSpace", "2"),
    ],
)
def test_what_differs_in_its_body_is_for_a_person_to_judge(key: str, body: str) -> None:
    said = answer(key, body)
    assert said.fix is None
    assert ";" in (said.help or "")  # the note


def test_a_misspelling_is_one_slip_and_not_a_word_of_a_framework() -> None:
    rng = random.Random("slips")
    known = [*BY_KEY, "chain"]
    others = [*KERAS, *ONNX, *CAFFE, *MODULES]
    told = tried = 0
    for _ in range(3000):
        key = rng.choice(known)
        at, letter = rng.randrange(len(key)), rng.choice(string.ascii_lowercase)
        slips = [
            key[:at] + key[at + 1 :],
            key[:at] + letter + key[at:],
            key[:at] + letter + key[at + 1 :],
            key[:at] + key[at : at + 2][::-1] + key[at + 2 :],
        ]
        word = rng.choice(slips)
        found = clear_misspelling(word, known)
        if key[at].isalpha() and word not in known and word not in others:
            assert found in (None, key), (word, key, found)
            if len(key) > 3:  # a slip in a shorter one may mean several
                tried += 1
                told += found == key
    assert told > 0.95 * tried
    for word in others:
        for form in plain_forms(word):
            assert meaning_of(word) is not None or clear_misspelling(form, known) is None, word


def test_the_bodies_of_the_samples_survive_their_torch_names() -> None:
    """An operator's sample under torch's name for it is repaired to the same network."""
    for op in COMPUTED:
        words = [w for w in (*vars(op).get("aliases", ()),) if w not in BY_KEY]
        for word in words:
            text = sample(op)
            renamed = text.replace(f"- {op.key}:", f"- {word}:")
            assert renamed != text
            again = repaired(renamed)
            assert plain(cnncalc.analyze(cnncalc.loads(again)).totals) == plain(
                cnncalc.analyze(cnncalc.loads(text)).totals
            )


def test_advice_names_no_operator_that_does_not_exist() -> None:
    for word in [*MODULES, *KERAS, *ONNX, *TENSORFLOW, *CAFFE]:
        meaning = meaning_of(word)
        if isinstance(meaning, Advice):
            for first in re.findall(r"`([a-z_]+)(?::[^`]*)?`", meaning.text):
                known = {*BY_KEY, "chain", "input", "outputs", "blocks", "when", "from", "groups"}
                assert first in known | {"kernel", "dilation", "cnncalc"}, (word, first)
