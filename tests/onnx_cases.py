"""Small ONNX networks, each with the layers that it is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = tuple[int, ...]
Node = tuple[str, str, Mapping[str, Any]]  # operator, inputs, attributes
# What a node reads beside the one before it: the shape of random weights, or values.
Constant = Shape | Sequence[int] | float | np.ndarray


class Case(NamedTuple):
    """Nodes in a row, each of which reads the one before it first, unless it says what it reads."""

    name: str
    x: Shape
    nodes: Sequence[Node]
    keys: str  # of the layers
    constants: Mapping[str, Constant] = {}
    opset: int = 17


def written(case: Case, path: Path, batch: int = 2, **settings: Any) -> Path:
    """Write a case as a file."""
    made = [_array(name, given) for name, given in case.constants.items()]
    nodes, before = [], "x"
    for n, (op, inputs, attributes) in enumerate(case.nodes):
        read = [before if name == "_" else name.strip("-") for name in (inputs or "_").split()]
        after = f"t{n}"
        nodes.append(helper.make_node(op, read, [after], name=f"{op}_{n}", **attributes))
        before = after
    return saved(nodes, {"x": (batch, *case.x)}, [before], made, path, case.opset, **settings)


def saved(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Sequence[str],
    constants: Sequence[onnx.TensorProto],
    path: Path,
    opset: int = 17,
    inferred: bool = True,
) -> Path:
    """Write a network as a file, with the shapes that onnx infers."""
    given = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()]
    returned = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(nodes, "net", given, returned, list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    if inferred:
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    onnx.save(model, path)
    return path


def _array(name: str, given: Constant) -> onnx.TensorProto:
    if isinstance(given, tuple):
        given = random_weights(name, given)
    elif isinstance(given, float):
        given = np.array(given, np.float32)
    elif not isinstance(given, np.ndarray):
        given = np.array(given, np.int64)
    return numpy_helper.from_array(given, name)


def random_weights(name: str, shape: Shape) -> np.ndarray:
    """Return weights; a name that begins with `v` is that of positive ones, for variances."""
    generator = np.random.default_rng(sum(map(ord, name)) + len(shape))
    found = generator.uniform(-0.5, 0.5, shape).astype(np.float32)
    return np.abs(found) + 0.5 if name.startswith("v") else found


def one(op: str, keys: str, inputs: str = "", x: Shape = (4, 9, 8), opset: int = 17,
        name: str = "", **given: Any) -> Case:  # fmt: skip
    """Return a case with a single node. Constants are named w, b, v… or by a capital letter."""
    constants = {n: v for n, v in given.items() if n in _CONSTANTS}
    attributes = {n: v for n, v in given.items() if n not in _CONSTANTS}
    return Case(name or keys, x, [(op, inputs, attributes)], keys, constants, opset)


_CONSTANTS = (
    *("w", "b", "m", "v", "low", "high", "values", "more", "empty", "fill"),
    *("image", "window"),
)
_HALF = np.array([0.5], np.float32)
_E = np.array([], np.float32)


def chain(
    name: str, keys: str, *nodes: Node, x: Shape = (4, 9, 8), opset: int = 17, **constants: Any
) -> Case:
    """Return a case with several nodes."""
    return Case(name, x, nodes, keys, constants, opset)


WINDOWS = [
    one("Conv", "conv", "_ w b", w=(5, 4, 3, 3), b=(5,), name="conv"),
    one("Conv", "conv", "_ w", w=(6, 2, 3, 1), group=2, strides=[2, 1], pads=[1, 0, 2, 0],
        name="conv uneven"),
    one("Conv", "conv", "_ w", w=(4, 1, 3, 3), group=4, dilations=[2, 2], name="conv depthwise"),
    one("Conv", "conv", "_ w", w=(5, 4, 4, 3), auto_pad="SAME_UPPER", strides=[2, 2],
        name="conv same upper"),
    one("Conv", "conv", "_ w", w=(5, 4, 4, 3), auto_pad="SAME_LOWER", strides=[2, 2],
        name="conv same lower"),
    one("Conv", "conv", "_ w", w=(5, 4, 3), x=(4, 9), auto_pad="VALID", name="conv 1-D"),
    one("Conv", "conv", "_ w", w=(5, 4, 3, 3, 3), x=(4, 5, 6, 5), pads=[1] * 6, name="conv 3-D"),
    one("ConvTranspose", "conv_transpose", "_ w b", w=(4, 5, 3, 3), b=(5,), strides=[2, 2],
        pads=[1, 1, 1, 1], output_padding=[1, 1], name="transposed"),
    one("ConvTranspose", "conv_transpose", "_ w", w=(4, 3, 4, 4), group=2, strides=[2, 2],
        auto_pad="SAME_UPPER", name="transposed same"),
    one("ConvTranspose", "conv_transpose", "_ w", w=(4, 5, 3, 3), strides=[2, 2],
        output_shape=[18, 16], name="transposed to a size"),
    one("MaxPool", "maxpool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    one("MaxPool", "maxpool", kernel_shape=[2, 3], name="maxpool of stride 1"),
    one("MaxPool", "maxpool", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1,
        name="maxpool ceil"),
    one("MaxPool", "maxpool", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER",
        name="maxpool same"),
    chain("maxpool after its padding", "maxpool", ("Pad", "_ P V", {}),
          ("MaxPool", "_", {"kernel_shape": [3, 3], "strides": [2, 2]}),
          P=np.array([0, 0, 1, 0, 0, 0, 1, 1]), V=np.array(-np.inf, np.float32)),
    one("AveragePool", "avgpool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    one("AveragePool", "avgpool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1,
        name="avgpool with padding"),
    one("GlobalAveragePool", "globalavgpool"),
    one("GlobalMaxPool", "globalmaxpool"),
    one("LpPool", "lppool", kernel_shape=[2, 2], strides=[2, 2], p=2, opset=18),
]  # fmt: skip

NORMS = [
    one("BatchNormalization", "batchnorm", "_ w b m v", w=(4,), b=(4,), m=(4,), v=(4,),
        epsilon=1e-3, momentum=0.99),
    one("InstanceNormalization", "instancenorm", "_ w b", w=(4,), b=(4,), epsilon=1e-5),
    one("GroupNormalization", "groupnorm", "_ w b", w=(4,), b=(4,), num_groups=2, opset=21),
    one("LayerNormalization", "layernorm", "_ w b", w=(4, 9, 8), b=(4, 9, 8), axis=1),
    one("LayerNormalization", "layernorm", "_ w b", w=(8,), b=(8,), name="layernorm of the last"),
    one("LRN", "lrn", size=3, alpha=0.01, beta=0.7, bias=2.0),
    one("Dropout", "dropout", "_ fill", fill=np.array(0.3, np.float32)),
]  # fmt: skip

_SIXTH = 1 / 6
ACTIVATIONS = [
    *(one(op, op.lower()) for op in ("Relu", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus", "Abs",
                                     "Softsign", "Neg", "Exp", "Floor", "Ceil", "Round", "Sign")),
    one("HardSwish", "hardswish"),
    one("Mish", "mish", opset=18),
    one("LeakyRelu", "leaky_relu", alpha=0.2),
    one("Elu", "elu", alpha=0.7, name="elu 0.7"),
    one("Celu", "celu", alpha=0.7),
    one("Gelu", "gelu", opset=20),
    one("Gelu", "gelu", opset=20, approximate="tanh", name="gelu tanh"),
    one("PRelu", "prelu", "_ w", w=(4, 1, 1)),
    one("PRelu", "prelu", "_ w", w=(1,), name="prelu of one"),
    one("HardSigmoid", "hardsigmoid", alpha=_SIXTH, beta=0.5),
    one("HardSigmoid", "scale shift clamp", name="hard sigmoid of Keras"),
    one("ThresholdedRelu", "threshold", alpha=0.2),
    one("Shrink", "hardshrink", lambd=0.2),
    one("Shrink", "softshrink", lambd=0.2, bias=0.2),
    one("Clip", "relu6", "_ low high", low=0.0, high=6.0),
    one("Clip", "relu6", min=0.0, max=6.0, opset=9, name="relu6 of older files"),
    one("Clip", "relu", "_ low", low=0.0, name="relu as clip"),
    one("Clip", "clamp", "_ low high", low=-0.2, high=0.3),
    one("Softmax", "softmax", axis=1),
    one("Softmax", "softmax", axis=1, opset=11, x=(4,), name="softmax of older files"),
    one("LogSoftmax", "log_softmax", axis=1),
    one("Pow", "square", "_ fill", fill=2.0),
    chain("roots", "abs sqrt reciprocal pow log", ("Abs", "", {}), ("Sqrt", "", {}),
          ("Reciprocal", "", {}), ("Pow", "_ fill", {}), ("Log", "", {}), fill=1.5),
]  # fmt: skip

CHAINS = [
    chain("silu", "silu", ("Sigmoid", "x", {}), ("Mul", "x _", {})),
    chain("mish in steps", "mish", ("Softplus", "x", {}), ("Tanh", "", {}), ("Mul", "x _", {})),
    chain("gelu in steps", "gelu", ("Div", "_ b", {}), ("Erf", "", {}), ("Add", "_ m", {}),
          ("Mul", "x _", {}), ("Mul", "_ v", {}), b=2**0.5, m=1.0, v=0.5),
    chain("gelu by tanh", "gelu", ("Pow", "x low", {}), ("Mul", "_ high", {}), ("Add", "x _", {}),
          ("Mul", "_ fill", {}), ("Tanh", "", {}), ("Add", "_ m", {}), ("Mul", "x _", {}),
          ("Mul", "_ v", {}), low=3.0, high=0.044715, fill=(2 / np.pi) ** 0.5, m=1.0, v=0.5),
    chain("hardswish in steps", "hardswish", ("Add", "x b", {}), ("Clip", "_ low high", {}),
          ("Mul", "x _", {}), ("Div", "_ high", {}), b=3.0, low=0.0, high=6.0),
    chain("layernorm in steps", "layernorm", ("ReduceMean", "x", {"axes": [-1]}),
          ("Sub", "x _", {}), ("Pow", "_ low", {}), ("ReduceMean", "_", {"axes": [-1]}),
          ("Add", "_ fill", {}), ("Sqrt", "", {}), ("Div", "t1 _", {}), ("Mul", "_ w", {}),
          ("Add", "_ b", {}), low=2.0, fill=1e-5, w=(8,), b=(8,)),
    chain("layernorm over channels", "layernorm", ("ReduceMean", "x", {"axes": [1]}),
          ("Sub", "x _", {}), ("Pow", "_ low", {}), ("ReduceMean", "_", {"axes": [1]}),
          ("Add", "_ fill", {}), ("Sqrt", "", {}), ("Div", "t1 _", {}), ("Mul", "_ w", {}),
          ("Add", "_ b", {}), low=2.0, fill=1e-5, w=(4, 1, 1), b=(4, 1, 1)),
    chain("linear in two", "linear", ("MatMul", "_ w", {}), ("Add", "_ b", {}), x=(6,), w=(6, 5),
          b=(5,)),
    chain("conv and bias", "conv", ("Conv", "_ w", {}), ("Add", "_ b", {}), w=(5, 4, 3, 3),
          b=(1, 5, 1, 1)),
    chain("blocks of positions", "pixel_unshuffle", ("Reshape", "_ values", {}),
          ("Transpose", "", {"perm": [0, 1, 3, 5, 2, 4]}), ("Reshape", "_ more", {}),
          x=(3, 4, 6), values=[2, 3, 2, 2, 3, 2], more=[2, 12, 2, 3]),
]  # fmt: skip

VIEWS = [
    one("Flatten", "flatten", axis=1),
    one("Reshape", "reshape", "_ values", values=[0, 2, -1, 8]),
    one("Transpose", "permute", perm=[0, 2, 3, 1]),
    chain("transposes that cancel", "relu", ("Transpose", "", {"perm": [0, 2, 3, 1]}),
          ("Relu", "", {}), ("Transpose", "", {"perm": [0, 3, 1, 2]})),
    chain("axes of 1", "globalavgpool flatten linear", ("GlobalAveragePool", "", {}),
          ("Squeeze", "_ values", {}), ("Gemm", "_ w b", {"transB": 1}), values=[2, 3], w=(5, 4),
          b=(5,)),
    one("Slice", "slice", "_ low high values more", low=[1], high=[9999], values=[2], more=[2]),
    one("Gather", "slice slice concat", "_ values", axis=1, values=[3, 0, 1]),
    one("Concat", "concat", "_ x", axis=2),
    chain("halves", "slice slice concat", ("Slice", "x low high more", {}),
          ("Slice", "x high values more", {}), ("Concat", "_ t0", {"axis": 1}), low=[0], high=[2],
          values=[4], more=[1]),
    one("Pad", "pad", "_ values fill", values=[0, 0, 1, 2, 0, 0, 3, 0], fill=0.5),
    one("Pad", "pad", "_ values", values=[0, 0, 1, 2, 0, 0, 1, 2], mode="reflect",
        name="pad mirrored"),
    one("DepthToSpace", "pixel_shuffle", x=(8, 3, 3), blocksize=2, mode="CRD"),
    one("DepthToSpace", "channel_shuffle pixel_shuffle", x=(8, 3, 3), blocksize=2,
        name="depth first"),
    one("SpaceToDepth", "pixel_unshuffle channel_shuffle", x=(3, 4, 6), blocksize=2),
    chain("computed sizes", "flatten", ("Shape", "x", {}), ("Gather", "_ low", {}),
          ("Unsqueeze", "_ values", {}), ("Concat", "_ high", {"axis": 0}), ("Reshape", "x _", {}),
          low=np.array(0), values=[0], high=[4, -1]),
]  # fmt: skip

RESIZES = [
    one("Resize", "upsample", "_ empty fill", empty=_E, fill=np.array([1, 1, 2, 2], np.float32),
        mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    one("Resize", "upsample", "_ empty fill", empty=_E, fill=np.array([1, 1, 3, 2], np.float32),
        mode="nearest", name="upsample of centres"),
    one("Resize", "upsample", "_ empty fill", empty=_E, fill=np.array([1, 1, 2, 2], np.float32),
        mode="linear", name="upsample linear"),
    one("Resize", "upsample", "_ empty empty values", empty=_E, values=[2, 4, 12, 13],
        mode="linear", coordinate_transformation_mode="align_corners", name="upsample to a size"),
    one("Resize", "upsample", "_ empty empty values", empty=_E, values=[2, 4, 18, 16], mode="cubic",
        name="upsample cubic"),
    one("Upsample", "upsample", "_ fill", fill=np.array([1, 1, 2, 2], np.float32), opset=9,
        name="upsample of older files"),
]  # fmt: skip

ARITHMETIC = [
    one("Add", "add", "_ x"),
    one("Mul", "scale", "_ fill", fill=0.3),
    one("Sub", "neg shift", "fill _", fill=0.3),
    one("Div", "abs_", "fill _", fill=1.0)._replace(
        nodes=[("Exp", "", {}), ("Div", "fill _", {})], keys="exp reciprocal"),
    one("Mul", "scale", "_ w", w=(4, 1, 1), name="scale by channels"),
    one("Add", "shift", "_ w", w=(1, 4, 9, 8), name="shift by values"),
    chain("joins", "square mul maximum minimum sub div", ("Mul", "x x", {}), ("Max", "x _", {}),
          ("Min", "_ t0", {}), ("Exp", "", {}), ("Sub", "_ x", {}), ("Div", "_ t3", {})
          )._replace(keys="mul maximum minimum exp sub div"),
    one("ReduceMean", "globalavgpool", axes=[2, 3]),
    one("ReduceMean", "reduce", axes=[1]),
    one("ReduceMax", "globalmaxpool flatten", axes=[2, 3], keepdims=0),
    one("ReduceSum", "reduce", "_ values", values=[1, 2, 3]),
    one("MatMul", "linear", "_ w", x=(6,), w=(6, 5)),
    one("Gemm", "linear", "_ w b", x=(6,), w=(6, 5), b=(5,)),
    chain("matmul", "matmul", ("Transpose", "x", {"perm": [0, 2, 1]}), ("MatMul", "x _", {}),
          x=(5, 6))._replace(keys="permute matmul"),
]  # fmt: skip

PLACED = [
    one("Col2Im", "fold", "_ image window", x=(12, 20), image=[5, 6], window=[2, 2], opset=18),
    one("Col2Im", "fold", "_ image window", x=(18, 9), image=[5, 6], window=[3, 3], opset=18,
        strides=[2, 2], pads=[1, 1, 1, 1], dilations=[1, 1], name="fold of strided windows"),
    *(
        chain(f"samples, {mode}, {outside}", "reshape affine_grid grid_sample",
              ("Reshape", "_ matrix", {}),
              ("AffineGrid", "_ size", {"align_corners": corners}),
              ("GridSample", "x t1",
               {"mode": mode, "padding_mode": outside, "align_corners": corners}),
              x=(1, 3, 2), opset=20, matrix=[-1, 2, 3], size=[2, 1, 5, 6])
        for mode, outside, corners in (
            ("linear", "zeros", 0), ("nearest", "border", 1), ("cubic", "reflection", 0),
        )
    ),
]  # fmt: skip

CASES = [*WINDOWS, *NORMS, *ACTIVATIONS, *CHAINS, *VIEWS, *RESIZES, *ARITHMETIC, *PLACED]
