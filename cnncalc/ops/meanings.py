"""What words and calls of other frameworks mean here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})


def _any_body(body: Any) -> bool:
    return True


class Meaning(NamedTuple):
    """What a layer of another framework is here, where its body is written differently.

    `bare` is the field that a bare value sets there, if not the operator's main one; `settings`
    are fields that the word implies. `note` says what else is different in the bodies for which
    `differs` is true: a person has to rewrite these.
    """

    bare: str | None = None
    settings: Mapping[str, Any] = NO_SETTINGS
    note: str | None = None
    differs: Callable[[Any], bool] = _any_body


SAME_BODY = Meaning()


class UserCode(NamedTuple):
    """A class of the user's own, ``package.module:Class``, with its keyword arguments.

    It is imported only where a network is built, and only if the user allows code to run.
    """

    target: str
    arguments: Mapping[str, Any]


class Dispatched(NamedTuple):
    """The name of an operator in torch's dispatcher, with the arguments that go with it."""

    name: str
    arguments: Mapping[str, Any] = NO_SETTINGS
