"""The fixture `cnn` for pytest: assertions on specs, and on modules and their specs.

The rest of cnncalc is loaded only when the fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


class Cnn:
    """The value of the fixture `cnn`: two assertions."""

    def check(
        self,
        *specs: Any,
        fail_on: str | None = None,
        ignore: tuple[str, ...] = (),
        exclude: tuple[str, ...] = (),
        locked: bool = False,
        baseline: str | Path | None = None,
    ) -> None:
        """Fail the test with the findings of specs, as `cnncalc check` prints them.

        Like the command, it reads ``[tool.cnncalc]`` in the pyproject.toml of the current folder
        or of one above it.

        Accepts:
            specs: files, folders, ``file#variant`` and names of bundled networks; by default the
                current folder.
            fail_on: the lowest severity that fails: error, warning or note; by default what the
                configuration says, or error.
            ignore: further codes that do not count; ``CNN5`` means all codes that begin so.
            exclude: further patterns of files and folders that are not checked; relative to the
                folder of pyproject.toml.
            locked: whether figures that differ from the lock are errors.
            baseline: a file of known findings, instead of the one in the configuration.

        Errors:
            The test fails, also where a file or name does not exist, or a folder has no specs.
        """
        __tracebackhide__ = True
        from .checking.config import configured, level_of
        from .checking.files import some_specs
        from .checking.lock import LOCK_FILE, read_lock
        from .checking.run import Job, check_project
        from .checking.suppress import read_baseline
        from .render.findings.full import render
        from .rules import matching

        with _mistakes_fail():
            config = configured(Path.cwd())
            config = config._replace(
                ignore=config.ignore | matching(ignore),
                fail_on=config.fail_on if fail_on is None else level_of(fail_on),
                exclude=(*config.exclude, *exclude),
            )
            known = baseline or config.baseline
            lock_file = config.lock or LOCK_FILE
            job = Job(
                config=config,
                baseline=read_baseline(str(known)) if known else frozenset(),
                lock=read_lock(lock_file) if locked else None,
                lock_folder=str(Path(lock_file).parent),
            )
            places = [str(spec) for spec in specs] or ["."]
            found = check_project(some_specs(places, config.exclude, config.root), job, lock_file)
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
        """Fail the test where a torch module is not what a spec says.

        Accepts:
            spec: a file, ``file#variant`` or the name of a bundled network.
            module: a torch module, its class, or text such as ``package.module:Net``, which names
                a class or a function that returns a module.
            args: arguments for the class or function.
            variant: the variant of the spec.
            set: values that replace parameters of the spec, by name.
            loose: let activations and sums differ, and do not compare what each layer reads.
            kwargs: further arguments for the class or function, by name.

        Errors:
            The test fails with each difference at its line of the spec, also where the spec has
            errors or the module cannot be run. Where torch is not installed, an ImportError.
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
    """Turn a user's mistake into a failing test."""
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
    """Provide ``cnn.check("net.cnn.yaml")`` and ``cnn.holds("net.cnn.yaml", Net())``."""
    return Cnn()
