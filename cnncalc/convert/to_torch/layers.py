"""Writes operators and uses of blocks: what is one module, and one call in `forward`."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from re import sub
from typing import Any

from ...language.steps import REQUIRED, BlockSteps, Step
from ...ops.torch_call import TorchCall
from . import modules
from .constructor import Constructor, is_varied
from .expressions import constant, name, names_in, python, replaced, translated
from .flows import Flow, Inexpressible, Layer, WrittenClass, safe
from .statements import Call, Set, Statement
from .uses import Use

# Arguments of torch's modules that count what enters.
_CHANNELS = frozenset(
    (
        "in_channels", "num_features", "in_features", "num_channels", "num_parameters",
        "normalized_shape", "channels", "features", "input_size", "embed_dim",
    )
)  # fmt: skip


class Layers(Constructor):
    """Writes layers that are one module."""

    def __init__(
        self,
        blocks: Mapping[str, BlockSteps],
        calls: Mapping[int, TorchCall],
        classes: Mapping[int, WrittenClass],
        *arguments: Any,
    ):
        """`calls` are by node, and `classes` are those of blocks, by their uses."""
        self.blocks, self.calls, self.classes = blocks, calls, classes
        super().__init__(*arguments)
        self.modules: dict[int, str] = {}  # where the module of a step is
        self.helpers: set[str] = set()
        self.imports: set[tuple[str, str]] = set()

    def module(self, layer: Layer) -> str:
        """Return the source of the module of an operator or block."""
        return self.operator(layer) if layer.step.kind == "op" else self.block_call(layer)

    def operator(self, layer: Layer) -> str:
        """Return the source of an operator's module, without what runs before and after it."""
        use = layer.present[0]
        op = self.graph.nodes[use.numbers[-1]].op
        if op is not None and op.code is not None:
            return self.users_class(use, op.code.target, op.code.arguments)
        if op is not None and op.declared:
            raise Inexpressible(use, "it is declared only, and no class says how to make it")
        calls = [self.calls[use.numbers[-1]] for use in layer.present]
        if len(set(map(modules.structure, calls))) > 1:
            raise Inexpressible(use, "its copies are other modules")
        return self.made(layer, calls)

    def made(self, layer: Layer, calls: Sequence[TorchCall]) -> str:
        """Return the source of modules that are one call in the class."""
        step = layer.step
        assert step.op is not None
        fields = {key for key, value in step.body.items() if is_varied(value, layer.names)}
        fields |= {key for key, field in step.op.field_aliases.items() if field in fields}
        found = modules.module(calls, self.finder(layer), self.py, fields)
        self.helpers |= found.helpers
        return found.source

    def finder(self, layer: Layer) -> modules.Find:
        """Return what finds the expression of an argument of an operator's module."""
        step, present, op = layer.step, layer.present, layer.step.op
        assert op is not None

        def written(field: str) -> ast.expr | None:
            if step.each is not None and field in present[0].row:
                return layer.names[field]
            return translated(step.body[field], layer.names) if field in step.body else None

        def find(key: str, wanted: Sequence[Any], any_axis: bool) -> ast.expr:
            candidates = [layer.flow.channels] if key in _CHANNELS else []
            candidates.append(written(op.field_aliases.get(key, key)))
            found = self.choose(wanted, present, candidates)
            if found is None and any_axis:
                found = self.for_all_axes(wanted, present, candidates)
            if found is not None and not isinstance(found, ast.Constant):
                return found
            others = [layer.flow.channels, *map(written, op.fields())]
            is_one = all(value == wanted[0] for value in wanted)
            return self.quantity(wanted, present, [] if is_one else others, key, any_axis)

        return find

    def users_class(self, use: Use, target: str, arguments: Mapping[str, Any]) -> str:
        """Return the call of a class of the user's own, which the file imports."""
        package, _, cls = target.partition(":")
        if package.endswith(".py") or "." in cls:
            raise Inexpressible(use, "its class is in no package that can be imported")
        self.imports.add((package, cls))
        given = (f"{key}={python(constant(value))}" for key, value in arguments.items())
        return f"{cls}({', '.join(given)})"

    def hooks(self, layer: Layer) -> tuple[TorchCall | None, TorchCall | None]:
        """Return what runs before and after the module of a layer."""
        if layer.step.kind != "op":
            return None, None
        call = self.calls[layer.present[0].numbers[-1]]
        return call.before, call.after

    def with_hooks(self, layer: Layer) -> None:
        """Write an operator with what runs on its input before it, and on its output after it."""
        inputs = (layer.flow.name, *self.further_inputs(layer))
        if layer.step.share is not None:
            self.run(layer._replace(where=self.lent(layer)), None, inputs)
        else:
            self.run(layer, self.operator(layer), inputs)
            self.freeze(layer.step, layer.where, layer.names)

    def run(self, layer: Layer, source: str | None, inputs: tuple[str, ...]) -> None:
        """Write the call of an operator's module, which is made of `source` unless it is there."""
        before, after = self.hooks(layer)
        rank = len(self.graph.nodes[layer.present[0].x].shape) + 1
        if before is not None and before.name == "WithSize":
            inputs = (inputs[0], f"output_size={inputs[1]}.shape[2:]")
        elif before is not None and modules.is_inline(before):
            inputs = (modules.inline(before, inputs[0], rank), *inputs[1:])
        elif before is not None:
            self.hook(layer, "padding", [self.calls[n].before for n in _nodes(layer)], inputs)
            inputs = (layer.target,)
        if source is not None:
            self.assign(layer.where, source)
        if after is not None and modules.is_inline(after):
            text = modules.inline(after, f"{layer.where}({', '.join(inputs)})", rank)
            layer.out.append(Set(layer.target, text))
            return
        layer.out.append(Call(layer.target, layer.where, inputs))
        if after is not None:
            hooks = [self.calls[n].after for n in _nodes(layer)]
            self.hook(layer, "trim", hooks, (layer.target,))

    def hook(
        self,
        layer: Layer,
        word: str,
        calls: Sequence[TorchCall | None],
        inputs: tuple[str, ...],
    ) -> None:
        """Write what runs before or after a module as a module of its own."""
        where = f"{layer.where}_{word}"
        if layer.step.share is not None or not where.rpartition(".")[2].isidentifier():
            path = sub(r"\W+", "_", layer.present[0].path)
            where = f"self.{safe(path)}_{word}"
        self.assign(where, self.made(layer, [call for call in calls if call is not None]))
        layer.out.append(Call(layer.target, where, inputs))

    def class_of(self, use: Use) -> WrittenClass:
        """Return the class that a use of a block is made of."""
        cls = self.classes.get(id(use))
        if cls is None or any(cls.outside.values()):
            raise Inexpressible(use, "what is inside it is read or used outside")
        return cls

    def lent(self, layer: Layer) -> str:
        """Return the module whose weights a layer uses."""
        use = layer.present[0]
        for known in use.instance.inside():
            lender = known.step
            if lender is None or lender.name != layer.step.share or known is use:
                continue
            if id(lender) in self.modules and lender.kind in ("op", "block"):
                return self.modules[id(lender)]
        raise Inexpressible(use, "it shares the weights of a layer that is no single module here")

    def block_call(self, layer: Layer) -> str:
        """Return the call that makes the module of a block."""
        present, names = layer.present, layer.names
        cls = self.class_of(present[0])
        if any(self.class_of(use).name != cls.name for use in present):
            raise Inexpressible(present[0], "its copies differ too much to be one class")
        given = self.block_arguments(layer.step, names)
        bare: list[str] = []
        named: list[str] = []
        if cls.takes_c:
            wanted = self.channels_at(use.x for use in present)
            channels = self.quantity(wanted, present, [layer.flow.channels], "channels")
            bare.append(self.py(channels))
        for spec, text in cls.parameters.items():
            if spec in given:
                wanted = [use.values[spec] for use in present]
                value = self.py(self.choose(wanted, present, [given[spec]]) or given[spec])
                is_main = spec == self.blocks[layer.step.key].main
                (bare if is_main else named).append(value if is_main else f"{text}={value}")
        for spec in sorted(cls.passed):
            named.append(f"{safe(spec)}={self.py(self.names[spec])}")
        for key, by_use in cls.measured.items():
            measured = [use for use in present if id(use) in by_use]  # the others do not read it
            wanted = [by_use[id(use)] for use in measured] or [None]
            found = self.quantity(wanted, measured, [layer.flow.channels], key)
            named.append(f"{key}={self.py(found)}")
        return f"{cls.name}({', '.join([*bare, *named])})"

    def block_arguments(self, step: Step, names: Mapping[str, ast.expr]) -> dict[str, ast.expr]:
        """Return the arguments that a use of a block gives, by the block's parameters."""
        found = {key: translated(value, names) for key, value in step.body.items()}
        return found | {key: names[f"row {key}"] for key in row_keys(step)}

    def block_channels(self, layer: Layer) -> ast.expr | None:
        """Return the channels of a block's output, from the arguments of its use."""
        cls = self.class_of(layer.present[0])
        if cls.channels is None:
            return None
        known: dict[str, ast.expr] = {safe(key): self.names[key] for key in cls.passed}
        if layer.flow.channels is not None:
            known["c"] = layer.flow.channels
        given = self.block_arguments(layer.step, layer.names)
        params = self.blocks[layer.step.key].params
        for key, default in params.items():
            if key in given:
                known[safe(key)] = given[key]
            elif default is not REQUIRED:
                outer = {spec: known.get(safe(spec), name(spec)) for spec in params}
                outer |= {"c": known["c"]} if "c" in known else {}
                known[safe(key)] = translated(default, {**self.names, **outer})
        if not names_in(cls.channels) <= known.keys():
            return None
        return replaced(cls.channels, known)

    def further_inputs(self, layer: Layer) -> tuple[str, ...]:
        """Return the names of what a layer reads beside its input."""
        step, use = layer.step, layer.present[0]
        if step.kind == "block":
            outside = use.external()
            words = self.class_of(use).further
            return tuple(self.name_of(word, outside[word]) for word in words)
        if step.kind == "op" and step.op is not None and step.op.layers_named:
            end = "_places" if step.op.reads_places else ""
            places = {word: self.place(word, use) for word in use.fields}
            return tuple(f"{self.name_of(word, place)}{end}" for word, place in places.items())
        return ()

    def note_places(self, layer: Layer, out: list[Statement]) -> None:
        """Keep where a pool found its maxima, if another layer reads that."""
        if layer.step.kind == "op" and layer.present[0].numbers[-1] in self.graph.places:
            out.append(Set(f"{layer.target}_places", f"{layer.where}.places"))

    def after(self, layer: Layer, others: Sequence[Flow] = ()) -> Flow:
        """Return the result of a layer: its name, and its channels if an expression has them.

        The channels may be those of `others`.
        """
        step, uses, flow = layer.step, layer.uses, layer.flow
        wanted = self.channels_at(use.result for use in uses)
        candidates = [other.channels for other in (*others, flow)]
        if step.kind == "op" and step.each is not None and "out" in uses[0].row:
            candidates.insert(0, layer.names.get("out"))
        elif step.kind == "op" and "out" in step.body:
            candidates.insert(0, translated(step.body["out"], layer.names))
        elif step.kind == "block":
            candidates.insert(0, self.block_channels(layer))
        if len(set(wanted)) == 1:
            candidates.append(constant(wanted[0]))
        known = sorted(self.values(uses[0]).keys() - self.locals)
        candidates += map(name, known)
        if flow.channels is not None:
            candidates += self.multiples(wanted, uses, [flow.channels])
        return Flow(layer.target, self.choose(wanted, uses, candidates))


def row_keys(step: Step) -> list[str]:
    """Return the keys of the rows of `each`, in order."""
    found: dict[str, None] = {}
    for row in step.each or ():
        found |= dict.fromkeys(row)
    return list(found)


def _nodes(layer: Layer) -> list[int]:
    return [use.numbers[-1] for use in layer.present]
