"""The fixture `cnn` for pytest: a spec, or a module against its spec, as an assertion.

Nothing of cnncalc is loaded before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest


class Cnn:
    """What the fixture gives."""

    def check(self, *specs: Any, fail_on: str = "error", ignore: tuple[str, ...] = ()) -> None:
        """Fails with the findings of specs (files, folders, ``file#variant``, bundled names) of at least that severity."""
        __tracebackhide__ = True
        from .checking.config import Config, level_of
        from .checking.run import check_specs
        from .render.findings.full import render
        from .rules import matching

        with told():
            config = Config(ignore=matching(ignore), fail_on=level_of(fail_on))
            found = check_specs(*specs, config=config)
        if any(file.fails for file in found):
            pytest.fail(render(found), pytrace=False)

    def holds(
        self,
        spec: Any,
        module: Any,
        *args: Any,
        variant: str | None = None,
        set: Mapping[str, Any] | None = None,
        loose: bool = False,
        **kwargs: Any,
    ) -> None:
        """Fails where a torch module, a class with its arguments, or ``package.module:Net`` is not what the spec says."""
        __tracebackhide__ = True
        from .language.load import load
        from .render.diagnostics import render

        with told():
            loaded = load(spec)
            from .torch_backend.hold.hold import hold

            made = module(*args, **kwargs) if isinstance(module, type) else module
            found = hold(
                loaded, made, args, kwargs, variant=variant, set=set, loose=loose
            ).diagnostics
        if found:
            pytest.fail(
                "\n".join(render(d, {loaded.file: loaded.text}) for d in found), pytrace=False
            )


@contextmanager
def told() -> Iterator[None]:
    """A user's mistake as the failure of a test."""
    __tracebackhide__ = True
    from .diagnostic import Mistake
    from .render.diagnostics import render

    said = None
    try:
        yield
    except Mistake as mistake:
        said = "\n".join(render(d, mistake.sources) for d in mistake.diagnostics)
    if said is not None:
        pytest.fail(said, pytrace=False)


@pytest.fixture(scope="session")
def cnn() -> Cnn:
    """Assertions on convolutional networks: ``cnn.check("net.cnn.yaml")``, ``cnn.holds("net.cnn.yaml", Net())``."""
    return Cnn()
