"""Lets long work be given up: it asks now and then whether its result is still wanted.

The work is that of analyses and of the search for repairs; an editor gives it up when its user
types on. Without anyone to ask, `pause` does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_IS_UNWANTED: ContextVar[Callable[[], bool] | None] = ContextVar("is_unwanted", default=None)


class GivenUp(BaseException):
    """Ends work whose result nobody wants; no handler of exceptions takes it for a fault."""


@contextmanager
def given_up_when(is_unwanted: Callable[[], bool]) -> Iterator[None]:
    """Let `pause` raise GivenUp as soon as this is true."""
    token = _IS_UNWANTED.set(is_unwanted)
    try:
        yield
    finally:
        _IS_UNWANTED.reset(token)


def pause() -> None:
    """Raise GivenUp if the result is not wanted any more."""
    is_unwanted = _IS_UNWANTED.get()
    if is_unwanted is not None and is_unwanted():
        raise GivenUp
