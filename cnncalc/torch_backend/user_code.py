"""Imports a user's network by its name, and makes it."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any

import torch
from torch import nn

from ..diagnostic import Diagnostic, Mistake, first_line, misspelled


def import_network(
    target: str,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    given_by: str = "--module",
) -> nn.Module:
    """Return the network that ``package.module:Net`` names; messages say what it was `given_by`.

    The name may be that of the network itself, or of a class or function that makes it. The place
    may be a file as well: ``models/net.py:Net``.

    Errors: a Mistake with CNN403 if it cannot be imported, found or made, or is not an nn.Module.
    """
    place, colon, path = target.partition(":")
    if not (place and colon and path):
        raise _mistake(
            f"{given_by} takes package.module:Net or model.py:Net, not `{target}`",
            help=f"for AlexNet in models.py, use {given_by} models.py:AlexNet",
        )
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    found: Any = _imported_file(place) if place.endswith(".py") else _imported(place)
    for name in path.split("."):
        if not hasattr(found, name):
            missing = Diagnostic("CNN403", f"`{place}` has no `{path}`")
            names = [known for known in dir(found) if not known.startswith("_")]
            raise Mistake(misspelled(missing, name, names))
        found = getattr(found, name)
    if not isinstance(found, nn.Module):
        if not callable(found):
            kind = type(found).__name__
            message = (
                f"`{target}` is of type `{kind}`, not a class or function that makes a network"
            )
            raise _mistake(message)
        with run_user_code(f"`{target}`"):
            found = found(*args, **(kwargs or {}))
    if not isinstance(found, nn.Module):
        raise _mistake(
            f"`{target}` makes an object of type `{type(found).__name__}`, not a torch.nn.Module"
        )
    return found


def _imported(name: str) -> ModuleType:
    """Import a module by its name."""
    with run_user_code(f"importing `{name}`"):
        return importlib.import_module(name)


def _imported_file(file: str) -> ModuleType:
    """Import a file: as a part of its package if it is inside the current folder, else alone."""
    if not os.path.isfile(file):
        raise _mistake(f"cannot read {file}: no such file")
    parts = os.path.relpath(file).removesuffix(".py").removesuffix(f"{os.sep}__init__")
    name = parts.replace(os.sep, ".")
    if all(map(str.isidentifier, name.split("."))):
        found = _imported(name)
        if found.__file__ and os.path.samefile(found.__file__, file):
            return found  # otherwise, another module has its name, such as `types`
    folder, base = os.path.split(os.path.abspath(file))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = spec_from_file_location(f"{base.removesuffix('.py')}_file", file)
    assert spec is not None and spec.loader is not None  # it has them for every file of Python
    module = sys.modules[spec.name] = module_from_spec(spec)
    with run_user_code(f"importing {file}"):
        spec.loader.exec_module(module)
    return module


def _mistake(message: str, help: str | None = None) -> Mistake:
    return Mistake(Diagnostic("CNN403", message, help=help))


@contextlib.contextmanager
def run_user_code(what: str) -> Iterator[None]:
    """Run user code: redirect its stdout to stderr, and turn its exceptions into a Mistake.

    The Mistake names the user's line.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (Mistake, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise _mistake(f"{what} fails: {first_line(error)}{user_line(error)}") from error


def user_line(error: BaseException) -> str:
    """Return `` (file:line)`` of the innermost line of user code that an error passed through."""
    not_theirs = (
        os.path.dirname(os.path.dirname(__file__)),
        os.path.dirname(torch.__file__),
        "<frozen",
        "<string>",  # what torch writes and runs
        "<eval_with_key>",
        os.path.dirname(importlib.__file__),
    )
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(not_theirs):
            return f" ({os.path.relpath(frame.filename)}:{frame.lineno})"
    return ""
