"""The fixture `cnn` for pytest: assertions on specs, and on modules beside their specs.

Nothing else of cnncalc is loaded before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


class Cnn:
    """What the fixture gives."""

    def check(self, *specs: Any, fail_on: str = "error", ignore: tuple[str, ...] = ()) -> None:
        """Fail with the findings of specs: files, folders, ``file#variant``, bundled names.

        Findings below the severity `fail_on` do not fail; `ignore` lists codes, or what they begin
        with, that are left out.
        """
        __tracebackhide__ = True
        from .checking.config import Config, level_of
        from .checking.run import check_specs
        from .render.findings.full import render
        from .rules import matching

        with _mistakes_fail():
            config = Config(ignore=matching(ignore), fail_on=level_of(fail_on))
            found = check_specs(*specs, config=config)
        if any(file.fails for file in found):
            pytest.fail(render(found).written(), pytrace=False)

    def holds(
        self,
        spec: str | Path,
        module: Any,
        *args: Any,
        variant: str | None = None,
        set: Mapping[str, Any] | None = None,
        loose: bool = False,
        **kwargs: Any,
    ) -> None:
        """Fail where a module is not what a spec says.

        The module is one of torch, a class with its arguments, or ``package.module:Net``.
        """
        __tracebackhide__ = True
        from .language.load import load
        from .render.diagnostics import lines_of
        from .render.formats.lines import joined

        with _mistakes_fail():
            loaded = load(spec)
            from .torch_backend.hold.hold import hold

            made = module(*args, **kwargs) if isinstance(module, type) else module
            held = hold(loaded, made, args, kwargs, variant=variant, set=set, loose=loose)
        if held.diagnostics:
            sources = {loaded.file: loaded.text}
            found = joined(lines_of(diagnostic, sources) for diagnostic in held.diagnostics)
            pytest.fail(found.written(), pytrace=False)


@contextmanager
def _mistakes_fail() -> Iterator[None]:
    """Turn a user's mistake into the failure of a test."""
    __tracebackhide__ = True
    from .diagnostic import Mistake
    from .render.diagnostics import lines_of
    from .render.formats.lines import joined

    failure = None
    try:
        yield
    except Mistake as mistake:
        failure = joined(lines_of(d, mistake.sources) for d in mistake.diagnostics).written()
    if failure is not None:
        pytest.fail(failure, pytrace=False)


@pytest.fixture(scope="session")
def cnn() -> Cnn:
    """Give ``cnn.check("net.cnn.yaml")`` and ``cnn.holds("net.cnn.yaml", Net())``."""
    return Cnn()
