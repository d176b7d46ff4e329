"""Writes a spec as a Python file of torch: a class for each block, and one for the network."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from ...analysis.memory.in_place import written_over
from ...diagnostic import Diagnostic, Mistake
from ...graph import Graph
from ...language.spec import Spec
from ...language.steps import BlockSteps
from ...ops.torch_call import TorchCall
from ...wording import shape_text
from .classes import ClassWriter
from .flows import Inexpressible, WrittenClass, fresh
from .helpers import IMPORTS, helpers_for
from .inlined import Inlined
from .layout import on_one_line
from .modules import structure
from .unrolled import UnrolledWriter
from .uses import Use, recorded

_STANDARD = ("math", "operator", "collections", "functools")  # modules of Python itself


def torch_source(
    spec: Spec,
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
) -> str:
    """Return a Python file that defines the network of a spec, and needs torch alone.

    Its modules have the names that `build` gives them, so it loads the same `state_dict`.

    Errors: a Mistake with the errors of the spec; with CNN414 for a layer that cannot be written.
    """
    root, graph = recorded(spec, variant, set, input)
    try:
        return _File(spec, variant or spec.variant, root, graph, set).text()
    except Inexpressible as error:
        step = error.use.step
        path = (error.use.scope.prefix if error.use.scope else "") + (step.name if step else "")
        message = f"`{path or spec.file}` cannot be written as source: {error.reason}"
        place = step.place if step else None
        raise Mistake(Diagnostic("CNN414", message, place)) from None


class _File:
    """The file of one network."""

    def __init__(
        self,
        spec: Spec,
        variant: str | None,
        root: Use,
        graph: Graph,
        set: Mapping[str, Any] | None,
    ):
        self.spec, self.variant, self.root, self.graph = spec, variant, root, graph
        self.values = spec.parameter_values(variant, set)
        self.calls = _calls(graph)
        self.classes: dict[int, WrittenClass] = {}
        self.names: dict[str, None] = {}
        self.written: list[WrittenClass] = []
        self.imports: dict[tuple[str, str], None] = {}

    def text(self) -> str:
        """Return the file."""
        network = self.spec.title(self.variant)
        title = _class_name(network, "Network")
        self.names[title] = None
        self._blocks()
        self._class(title, None, [self.root])
        helpers = {name for cls in self.written for name in cls.helpers}
        functions = {name for cls in self.written for name in cls.functions}
        body = [*helpers_for(helpers, functions), *(cls.source for cls in self.written)]
        imports = _imports("\n".join(body), sorted(self.imports))
        apart = [""] * (1 if body[0].startswith(tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) else 2)
        inputs = ", ".join(shape_text(node.shape) for node in self.graph.inputs)
        outputs = ", ".join(shape_text(node.shape) for node in self.graph.returned)
        about = on_one_line(f"{network}: {inputs} -> {outputs}")
        return "\n".join([f'"""{about}"""', "", *imports, *apart, _apart(body), ""])

    def _blocks(self) -> None:
        """Write the classes of the uses of blocks, those inside others first."""
        inlined = Inlined(self.graph)
        pending = {id(use): use for use in self.root.all_inside() if use.is_block}
        pending = {key: use for key, use in pending.items() if not inlined.has(use)}
        blocks = _in_order(self.spec.blocks)
        while pending:
            for name, block in blocks:
                ready = [use for use in pending.values() if _is_use(use, name)]
                ready = [u for u in ready if not any(id(v) in pending for v in u.all_inside())]
                for group in self._groups(ready):
                    self._class(_class_name(name, "Block"), block, group)
                for use in ready:
                    del pending[id(use)]

    def _groups(self, uses: list[Use]) -> list[list[Use]]:
        """Group the uses of a block that one class can stand for."""
        groups: list[tuple[dict[int, Any], list[Use]]] = []
        for use in uses:
            own = self._structure(use)
            for known, members in groups:
                if all(known.get(key, value) == value for key, value in own.items()):
                    known |= own
                    members.append(use)
                    break
            else:
                groups.append((own, [use]))
        return [members for _, members in groups]

    def _structure(self, use: Use) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for inner in use.inside():
            if not inner.present or inner.step is None:
                continue
            if inner.source is not None:
                found[id(inner.step.source)] = inner.source
            if inner.step.kind == "op" and len(inner.numbers):
                rank = len(self.graph.nodes[inner.x].shape)
                found[id(inner.step)] = (rank, structure(self.calls[inner.numbers[-1]]))
            elif inner.step.kind == "block" and id(inner) in self.classes:
                found[id(inner.step)] = self.classes[id(inner)].name
        return found

    def _class(self, title: str, block: BlockSteps | None, uses: list[Use]) -> None:
        """Write the class of some uses, or several if one class cannot stand for all."""
        try:
            self._add(title, uses, self._with_parameters(block, uses))
        except Inexpressible:
            for cls, alike in self._unrolled(block, uses):
                self._add(title, alike, cls)

    def _with_parameters(self, block: BlockSteps | None, uses: list[Use]) -> WrittenClass:
        """Return a class with parameters."""
        writer = ClassWriter(*self._arguments(block, uses))
        steps = block.layers if block else self.spec.steps
        outputs = self._outputs(uses[0]) if block is None else []
        cls = writer.write("", steps, [node.path for node in self.graph.inputs], outputs)
        self.imports |= dict.fromkeys(writer.imports)
        return cls

    def _unrolled(
        self, block: BlockSteps | None, uses: list[Use]
    ) -> Iterator[tuple[WrittenClass, list[Use]]]:
        """Yield classes for each use of a block alone, and the uses that are alike."""
        found: dict[str, tuple[WrittenClass, list[Use]]] = {}
        for use in uses:
            if use.is_borrowed:
                continue  # it has no module of its own
            writer = UnrolledWriter(*self._arguments(block, [use]))
            cls = writer.write("")
            self.imports |= dict.fromkeys(writer.imports)
            known, alike = found.setdefault(cls.source, (cls, []))
            known.outside.update(cls.outside)
            alike.append(use)
        yield from found.values()

    def _arguments(self, block: BlockSteps | None, uses: list[Use]) -> tuple[Any, ...]:
        blocks, graph = self.spec.blocks, self.graph
        return blocks, self.calls, self.classes, block, uses, graph, self.values

    def _add(self, title: str, uses: list[Use], cls: WrittenClass) -> None:
        """Give a class its name."""
        is_network = self.root in uses
        name = title if is_network else fresh(title, self.names)
        self.names[name] = None
        cls = cls._replace(name=name, source=cls.source.replace("class (", f"class {name}(", 1))
        self.written.append(cls)
        for use in uses:
            self.classes[id(use)] = cls

    def _outputs(self, root: Use) -> list[str]:
        """Return the names of the layers that are outputs, without those that are not there."""
        found = []
        tops = {use.step.name for use in root.children if use.step}
        for name in self.spec.document.outputs or ():
            if name not in tops and "." in name:
                raise Inexpressible(root, f"the output `{name}` is inside a block")
            start, end, _ = self.graph.groups[name] if name in tops else (0, 1, 0)
            if end > start:
                found.append(name)
        return found


def _is_use(use: Use, name: str) -> bool:
    return use.is_block and use.step is not None and use.step.key == name


def _in_order(blocks: Mapping[str, BlockSteps]) -> list[tuple[str, BlockSteps]]:
    """Return the blocks so that each comes after those that it uses."""
    found: dict[str, BlockSteps] = {}

    def add(name: str, around: tuple[str, ...] = ()) -> None:
        if name in found:
            return
        if name in around:
            return
        for other in sorted(blocks[name].uses, key=list(blocks).index):
            add(other, (*around, name))
        found[name] = blocks[name]

    for name in blocks:
        add(name)
    return list(found.items())


def _calls(graph: Graph) -> dict[int, TorchCall]:
    """Return the torch modules of a graph's nodes, as `build` makes them."""
    found: dict[int, TorchCall] = {}
    over = written_over(graph)
    for n, node in enumerate(graph.nodes):
        if node.op is None:
            continue
        xs = graph.shapes_into(node)
        call = node.op.torch(*xs)
        if n in graph.places:
            call = call._replace(name=f"Placed{call.name}")
        if node.op.storage_in_training(*xs) == "inplace" and n not in over:
            call = call._replace(arguments={**call.arguments, "inplace": False})
        found[n] = call
    return found


def _class_name(text: str, otherwise: str) -> str:
    """Return the name of a class, made of the words of a text.

    >>> _class_name("conv_bn", "Block"), _class_name("ResNeXt-50 32×4d", "Network")
    ('ConvBn', 'ResNeXt50_32x4d')
    """
    words = re.findall(r"[A-Za-z0-9]+", text.replace("×", "x").replace(".", "_"))
    found = ""
    for word in words:
        apart = "_" if found[-1:].isdigit() and word[:1].isdigit() else ""
        found += apart + word[:1].upper() + word[1:]
    return found if found[:1].isalpha() else f"{otherwise}{found}"


def _apart(definitions: list[str]) -> str:
    """Put two lines between definitions, and none between constants."""
    text = definitions[0]
    for before, after in pairwise(definitions):
        are_constants = not any(part.startswith(("def ", "class ")) for part in (before, after))
        text += ("\n" if are_constants else "\n\n\n") + after
    return text


def _imports(body: str, users: list[tuple[str, str]]) -> list[str]:
    """Return the lines that import what a file uses, in the order of isort."""
    words = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    names: dict[str, list[str]] = {}
    plain: list[str] = []
    for name, line in IMPORTS.items():
        if name not in words:
            continue
        if line.startswith("import") or " as " in line:
            plain.append(line)
        else:
            names.setdefault(line, []).append(name)
    froms = [f"{line} {', '.join(sorted(found))}" for line, found in names.items()]
    lines = [*plain, *froms, *(f"from {package} import {cls}" for package, cls in users)]
    theirs = [line for line in lines if "torch" in line]
    standard = [
        line
        for line in lines
        if line.split()[1] in ("math", "operator", "collections", "functools")
    ]
    rest = [line for line in lines if line not in theirs and line not in standard]
    found = []
    for part in (standard, theirs, rest):
        if part:
            found += [*sorted(part, key=_order), ""]
    return found[:-1]


def _order(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line
