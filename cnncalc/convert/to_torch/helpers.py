"""The source of modules that torch.nn does not have, taken from where a built network has them.

Types and comments are left out, so that a file which includes them stays short.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from .expressions import bare, python
from .layout import INDENT, wrapped
from .signatures import REQUIRED

_HOME = Path(__file__).parents[2]
_NUMBERS = _HOME / "num.py"
_MODULES = sorted((_HOME / "ops" / "torch_modules").glob("[!_]*.py"))
_OF_NUMBERS = ("ceil_div", "slide_offset", "slide")  # what the modules use of `num.py`
_FUNCTIONS = '''
def ceil_div(a, b):
    """Divide and round up."""
    return ceil(a / b)


def make_divisible(value, divisor=8, smallest=None):
    """Round to a multiple of the divisor, but not to less than 90 % of the value."""
    near = max(smallest or divisor, floor(value + divisor / 2) // divisor * divisor)
    return near + divisor if 10 * near < 9 * value else near


def ceil_sqrt(value):
    """Return the smallest whole number whose square is at least the value."""
    whole = ceil(value)
    return isqrt(whole - 1) + 1 if whole > 0 else 0
'''
IMPORTS = {  # names that the source may use, with the line that imports them
    "ceil": "from math import",
    "floor": "from math import",
    "isqrt": "from math import",
    "operator": "import operator",
    "namedtuple": "from collections import",
    "reduce": "from functools import",
    "torch": "import torch",
    "nn": "from torch import",
    "F": "from torch.nn import functional as F",
    "register_parametrization": "from torch.nn.utils.parametrize import",
    "parametrizations": "from torch.nn.utils import",
}


class Helper(NamedTuple):
    """A definition with its source, and the names that it uses."""

    source: str
    uses: frozenset[str]


def is_helper(name: str) -> bool:
    """Return whether a class or function is one of ours."""
    return name in _modules()


def defaults_of(name: str) -> dict[str, Any]:
    """Return the parameters of one of our classes with their defaults, REQUIRED without one."""
    node = _classes().get(name)
    if node is None:
        return {}
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            names = [argument.arg for argument in part.args.args[1:]]
            values = [ast.literal_eval(default) for default in part.args.defaults]
            missing = [REQUIRED] * (len(names) - len(values))
            return dict(zip(names, [*missing, *values]))
    return {}


@cache
def _classes() -> dict[str, ast.ClassDef]:
    bodies = (ast.parse(file.read_text("utf-8")).body for file in _MODULES)
    nodes = (node for body in bodies for node in body)
    return {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}


def helpers_for(names: Iterable[str], functions: Iterable[str] = ()) -> list[str]:
    """Return the sources of helpers with all that they need.

    `names` are classes and functions of `ops/torch_modules`, `functions` are those of the
    language of specs.
    """
    known = _modules()
    wanted = _closed(names, known)
    own = _functions()
    called = _closed((name for name in functions if name in own), own)
    found = [known[name] for name in known if name in wanted]
    found += [own[name] for name in own if name in called and name not in wanted]
    return [helper.source for helper in found]


def of_numbers(names: Iterable[str]) -> list[str]:
    """Return the sources of functions of numbers, by their names in the language of specs."""
    known = _functions()
    wanted = _closed(names, known)
    return [helper.source for name, helper in known.items() if name in wanted]


def _closed(names: Iterable[str], known: dict[str, Helper]) -> set[str]:
    found: set[str] = set()
    open_ = list(names)
    while open_:
        name = open_.pop()
        if name in known and name not in found:
            found.add(name)
            open_ += known[name].uses
    return found


@cache
def _functions() -> dict[str, Helper]:
    return dict(_definitions(_FUNCTIONS))


@cache
def _modules() -> dict[str, Helper]:
    numbers = dict(_definitions(_NUMBERS.read_text("utf-8")))
    found = {name: numbers[name] for name in _OF_NUMBERS}
    for file in _MODULES:
        found |= _definitions(file.read_text("utf-8"))
    plain = _functions()  # of numbers alone, where ours also take symbols and arrays
    return {name: plain.get(name, helper) for name, helper in found.items()}


def _definitions(text: str) -> Iterator[tuple[str, Helper]]:
    """Yield what a file defines at its top level, in order."""
    for node in ast.parse(text).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            name = node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        else:
            continue
        plain = _Untyped().visit(node)
        read = {part.id for part in ast.walk(plain) if isinstance(part, ast.Name)}
        yield name, Helper("\n".join(_lines(plain, 0)), frozenset(read - {name}))


class _Untyped(ast.NodeTransformer):
    """Removes types."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.Assign | None:
        if node.value is None:
            return None
        return ast.Assign([node.target], self.visit(node.value), lineno=0)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.stmt:
        if any(isinstance(base, ast.Name) and base.id == "NamedTuple" for base in node.bases):
            fields = [part.target.id for part in node.body if isinstance(part, ast.AnnAssign)]  # type: ignore[union-attr]
            text = f"{node.name} = namedtuple({node.name!r}, {', '.join(fields)!r})"
            return ast.parse(text).body[0]
        self.generic_visit(node)
        return node


def formatted(definition: ast.stmt) -> str:
    """Write a definition as ruff formats it."""
    return "\n".join(_lines(definition, 0))


def _lines(node: ast.stmt, depth: int) -> Iterator[str]:
    """Write a statement, each line of at most 88 columns."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        yield from wrapped(_header(node), depth)
        yield from _body(node.body, depth + 1, apart=isinstance(node, ast.ClassDef))
    elif isinstance(node, ast.For):
        yield from wrapped(f"for {bare(node.target)} in {python(node.iter)}:", depth)
        yield from _body(node.body, depth + 1)
    elif isinstance(node, ast.If):
        yield from wrapped(f"if {python(node.test)}:", depth)
        yield from _body(node.body, depth + 1)
        if node.orelse:
            yield f"{INDENT * depth}else:"
            yield from _body(node.orelse, depth + 1)
    else:
        yield from wrapped(python(node), depth)


def _header(node: ast.ClassDef | ast.FunctionDef) -> str:
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(map(python, node.bases))
        return f"class {node.name}({bases}):" if bases else f"class {node.name}:"
    # ast.unparse writes no spaces around the default of a parameter without a type, as ruff does
    return f"def {node.name}({python(node.args)}):"


def _body(body: list[ast.stmt], depth: int, apart: bool = False) -> Iterator[str]:
    for n, part in enumerate(body):
        text = ast.get_docstring(ast.Module(body, [])) if n == 0 else None
        if n and (apart or isinstance(part, ast.FunctionDef)):
            yield ""
        if text is not None:
            yield from _docstring(text, depth)
        else:
            yield from _lines(part, depth)


def _docstring(text: str, depth: int) -> Iterator[str]:
    """Write the first paragraph of a docstring."""
    lines = text.partition("\n\n")[0].splitlines()
    space = INDENT * depth
    if len(lines) == 1:
        yield f'{space}"""{lines[0]}"""'
        return
    yield f'{space}"""{lines[0]}'
    yield from (f"{space}{line}".rstrip() for line in lines[1:])
    yield f'{space}"""'
