"""Makes texts that try to be more than text, and gives them to the command line in every way.

Commands, parameters and formats come from the command line itself, so new ones are tried too.
"""

from __future__ import annotations

import inspect
import io
import json
import os
import random
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from enum import Enum
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints
from unittest.mock import patch

from cnncalc.cli.app import COMMANDS
from cnncalc.cli.main import main

PIECES = (
    "\x1b[2J\x1b[35m",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x9b31m\x85\x90",
    "\x7f\x08\x0c\x0b\x00",
    "\n::error file=x,line=1::pwned",
    "\r::warning::x",
    "\n  ::stop-commands::x",
    "::add-mask::x",
    "::",
    "\n\u3000::notice::x",
    "##[error]x",
    "\n##[add-mask]x",
    "##vso[task.complete]",
    "\u202eabc\u2066\u2069",
    "\u200b\u2060\ufeff\xad",
    "\u2028::error::x",
    "\u2029",
    "\udcff\udc80",
    "\ud800",
    "\U000e0041\U000e007f",
    "\u0338\u0301\u0301\u0301\u0301\u0301\u0301",
    "[red]x[/red][link=http://evil.example]y[/link]",
    "[bold",
    "<img src=//evil.example/x onerror=alert(1)>",
    "<script>alert(1)</script><!--",
    "</failure>]]><![CDATA[",
    "&lt;b&gt;&#60;&colon;",
    "[link](http://evil.example)",
    "![image](//evil.example/x)",
    "[a][b]\n\n[b]: http://evil.example",
    "<http://evil.example>",
    "https://evil.example www.evil.example me@evil.example",
    "@someone #1 :smile:",
    "``",
    "`",
    "```\n<b>x</b>\n```",
    "\n\n# heading\n\n- item\n\n> quote\n\n---\n\n    code",
    "| a | b |\n|---|---|",
    "\\|<b>x</b>",
    "\\",
    "`\\|<b>x</b>`",
    "*a* _b_ **c** ~~d~~ $x$",
    '=HYPERLINK("http://evil.example")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "-2+3",
    "\t=1",
    '","',
    "%0A::error::x%",
    "\\n\\x1b[31m",
    "'\"",
    "$(touch pwned) ; `touch pwned`",
    "--help",
    "{0} {x}",
    "é你×👩‍💻",
)
HONEST = "é 你好 × 👩‍💻 ❤️‍🔥 e\u0301 नमस्ते می‌خواهم"


def hostile_text(rng: random.Random, file: bool = False) -> str:
    """Return some hostile pieces in a row. With `file`, a file may have the text as its name."""
    text = "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 3)))
    if rng.random() < 0.5:
        text = rng.choice(("conv", "a ", "x_")) + text
    if not file:
        return text
    kept = text.replace("/", "∕").replace("\0", "").replace("\ud800", "")
    return os.fsdecode(os.fsencode(kept)[:120])


class Text(NamedTuple):
    """The text of a spec, and the name that the spec has in it."""

    text: str
    name: str


def spec(rng: random.Random, hostile: bool) -> Text:
    """Return a spec whose free texts are hostile. With `hostile`, something else is hostile too."""

    def foreign() -> str:
        return re.sub(r"[\ud800-\udfff]", "", hostile_text(rng))  # YAML cannot hold surrogates

    name = foreign()
    data: dict[str, Any] = {
        "cnncalc": 1,
        "name": name,
        "source": foreign(),
        "input": [3, 16, 16],
        "params": {"p": 2},
        "blocks": {"block": {"params": {"q": 1}, "layers": ["batchnorm", "relu"]}},
        "layers": [
            {"conv": {"out": 8, "kernel": 3, "padding": "1 + 0"}, "name": "first"},
            {"block": {"q": "p"}, "when": "p > 1", "repeat": 2},
            {"add": {"body": ["relu"], "shortcut": []}},
            {"concat": ["add1", "first"], "expect": [16, 14, "_"]},
            {"conv": {"out": 8, "kernel": 3}, "from": "first", "share": "first", "when": False},
        ],
        "outputs": ["concat1"],
        "variants": {foreign(): {}, foreign(): {"params": {"p": 3}}},
        "budget": {"params": "< 1", "receptive_field": {"max": 3}},
        "published": [
            {"what": "params", "value": 1, "source": foreign(), "erratum": foreign()},
            {"what": "macs", "at": "first", "value": "2", "source": foreign()},
        ],
    }
    if hostile:
        _change(rng.choice(list(_containers(data))), foreign(), rng)
    text = json.dumps(data, indent=1, ensure_ascii=False)
    escaped = (
        r"[\x7f-\x9f\u2028\u2029\ufeff]" if rng.random() < 0.5 else r"[^\x00-\x7e]"
    )  # as few escapes as YAML needs, or ASCII only
    text = re.sub(escaped, lambda match: f"\\U{ord(match[0]):08x}", text)
    if hostile and rng.random() < 0.2:
        comment = f" # cnncalc: ignore[{foreign()}]".replace("\n", " ")
        text = text.replace("\n", f"{comment}\n", 1)
    if hostile and rng.random() < 0.1:
        text = text.replace("kernel", foreign(), 1)  # however YAML reads it
    return Text(text, name)


def _containers(data: Any) -> Iterator[Any]:
    """Yield every mapping and list of a spec."""
    if isinstance(data, (dict, list)):
        yield data
        for item in data.values() if isinstance(data, dict) else data:
            yield from _containers(item)


def _change(container: Any, text: str, rng: random.Random) -> None:
    """Put a text into a mapping or list: as a new entry, a key, a value, or in an expression."""
    keys = list(container) if isinstance(container, dict) else list(range(len(container)))
    key = rng.choice(keys) if keys else None
    new = rng.choice((text, {text: 1}, [text], {text: {"out": 3}}, f"p + {text}", json.dumps(text)))
    if key is not None and rng.random() < 0.6:
        container[key] = new
    elif isinstance(container, list):
        container.append(new)
    elif key is not None and rng.random() < 0.5:
        container[text] = container.pop(key)
    else:
        container[text] = 1


class Ran(NamedTuple):
    """What a command wrote."""

    out: str
    err: str
    code: int


@contextmanager
def _surroundings(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        kept = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
        with patch.dict(os.environ, {**kept, **environment}, clear=True):
            yield
    finally:
        os.chdir(before)


class Stream(io.StringIO):
    """A stream that passes for a terminal."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def _ctrl_c() -> Any:
    """Let `watch`, which waits for ever, look at its file once."""
    return patch("time.sleep", side_effect=[None, KeyboardInterrupt])


def called(
    arguments: list[str], folder: Path, terminal: bool = False, stdin: str = "", **environment: str
) -> Ran:
    """Call the command line in this process."""
    out, err = Stream(terminal), Stream(terminal)
    code: Any = 0
    with (
        _surroundings(folder, environment),
        patch.object(sys, "argv", ["cnncalc", *arguments]),
        patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()))),
        redirect_stdout(out),
        redirect_stderr(err),
        _ctrl_c() if "watch" in arguments[:1] else nullcontext(),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return Ran(out.getvalue(), err.getvalue(), code or 0)


class Parameter(NamedTuple):
    """A parameter of a command: its name, its flag ("" if it has none), and its type."""

    name: str
    flag: str
    kind: Any
    required: bool

    @property
    def choices(self) -> list[str]:
        """Return the words that it takes; none if it takes other words too."""
        for kind in (self.kind, *get_args(self.kind)):
            if isinstance(kind, type) and issubclass(kind, Enum):
                return [member.value for member in kind]
        return []

    @property
    def is_text(self) -> bool:
        """Return whether it takes any text."""
        return self.kind is not bool and bool not in get_args(self.kind)


def parameters(command: str) -> list[Parameter]:
    """Return the parameters of a command, from its signature."""
    name = f"{command}_" if iskeyword(command) else command
    function = getattr(import_module(f"cnncalc.cli.{name}"), name)
    hints = get_type_hints(function, include_extras=True)
    declared = inspect.signature(function).parameters.values()
    # what typer itself passes, such as the context, is not annotated
    return [_parameter(p, hints[p.name]) for p in declared if get_args(hints[p.name])]


def _parameter(parameter: inspect.Parameter, hint: Any) -> Parameter:
    kind, info, *_ = get_args(hint)
    declared = info.param_decls or ()
    is_option = type(info).__name__ == "OptionInfo"
    flag = next((d for d in declared if d.startswith("--")), "") if is_option else ""
    if is_option and not flag:
        flag = f"--{parameter.name.replace('_', '-')}"
    return Parameter(parameter.name, flag, kind, parameter.default is inspect.Parameter.empty)


def formats(command: str) -> list[list[str]]:
    """Return the options for each format of a command; no options if it has no formats."""
    for parameter in parameters(command):
        if parameter.name == "format":
            return [[parameter.flag, choice] for choice in parameter.choices]
    return [[]]


def needed(command: str, file: str) -> list[str]:
    """Return the arguments that a command needs, for a spec in a file."""
    given = {
        "spec": [file],
        "specs": [file],
        "paths": [file],
        "old": [file],
        "new": [file],
        "layer": ["conv1"],
        "target": [f"{file}:Net"],
        "n": ["7"],
        "kernel": ["3"],
        "over": ["H=8:16:4"],
        "vary": ["H=8:16:4"],
        "budget": ["params < 1M"],
        "maximize": ["params"],
        "to": ["mermaid"],
    }
    words: list[str] = []
    for parameter in parameters(command):
        if parameter.required or parameter.name in ("specs", "paths"):
            value = given[parameter.name]
            words += [parameter.flag, *value] if parameter.flag else value
    return words


ALL = COMMANDS
