"""A sweep as it goes to a worker: specs, settings, the grid, and what is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from ...diagnostic import Diagnostic, Mistake
from ...language.load import from_text
from ...language.spec import Spec
from ...many.split import Split
from ..counting.columns import Column
from ..counting.parts import Question
from ..counting.population import Population
from ..latency.timing import Timing
from ..result import BYTES
from .asked import Asked
from .grid import Grid
from .names import of_parameters, shapes
from .one_by_one import OneByOne, Variants


@dataclass(frozen=True)
class Source:
    """The text of a spec, by which a worker reads it again."""

    file: str
    text: str
    variant: str | None


@dataclass
class Job:
    """Everything that counting a chunk needs.

    Attributes:
        sources: the specs; the first one, unless the grid varies them.
        fixed: parameters that do not vary.
        input: the shapes of inputs that are given, by name.
        batch: the number of images, unless the grid varies it.
        dtype: the type of the values, unless the grid varies it.
        grid: the variants.
        asked: what is asked for.
        optimizer: the one of training.
        timing: the device on which `latency` is a time.
    """

    sources: tuple[Source, ...]
    fixed: Mapping[str, Any]
    input: Mapping[str, Any]
    batch: int
    dtype: str
    grid: Grid
    asked: Asked
    optimizer: str = "sgd"
    timing: Timing | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @cached_property
    def specs(self) -> list[Spec]:
        """The specs, read from their texts."""
        return [from_text(one.text, one.file, one.variant) for one in self.sources]

    @cached_property
    def one_by_one(self) -> OneByOne:
        """Finds figures of single variants."""
        return OneByOne(
            Variants(
                specs=self.specs,
                files=[source.file for source in self.sources],
                grid=self.grid,
                fixed=self.fixed,
                input=self.input,
                batch=self.batch,
                dtype=self.dtype,
                optimizer=self.optimizer,
            )
        )

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The values of each name that varies."""
        return self.grid.columns()

    def questions(self, population: Population) -> Iterator[tuple[Question, Population]]:
        """Yield what is counted for each spec and variant, and for which variants of the grid."""
        open_ = [population]
        while open_:
            one = open_.pop()
            try:
                settings = {
                    name: one.value(self.columns[name])
                    for name in ("spec", "variant")
                    if name in self.columns and not self._is_parameter(name)
                }
                for value in settings.values():
                    value.one() if hasattr(value, "one") else value
            except Split as split:
                open_ += reversed(one.split(split.by))
                continue
            yield self._question(**settings), one

    def _question(self, spec: Any = 0, variant: Any = None) -> Question:
        own = self.specs[self._numbers[spec] if spec else 0]
        columns, others = of_parameters(own, variant, self.fixed, self.columns)
        batch: Any = others.get("batch", self.batch)
        width: Any = BYTES[self.dtype]
        if "dtype" in others:
            dtypes = others["dtype"]
            width = Column(dtypes.axis, [BYTES[str(name)] for name in dtypes.values])
        return Question(
            spec=own,
            variant=variant,
            fixed={name: value for name, value in self.fixed.items() if name not in columns},
            columns=columns,
            input=shapes(own, self.input, others),
            batch=batch,
            width=width,
            figures=self.asked.counted,
            sizes=self.asked.sizes,
            timing=self.timing,
        )

    def list_of(self, name: str) -> tuple[Any, ...]:
        """Return a list of which some entries vary, with columns for those."""
        own, _ = of_parameters(self.specs[0], None, self.fixed, self.columns)
        found: tuple[Any, ...] = own[name]
        return found

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {source.file: n for n, source in enumerate(self.sources)}

    def _is_parameter(self, name: str) -> bool:
        return name in self.specs[0].parameter_names


def refuse_settings(job: Job) -> None:
    """Refuse a batch or dtype that no network has.

    Errors: a Mistake (CNN111).
    """
    for name, column in job.columns.items():
        if name == "dtype" and not job._is_parameter(name):
            for value in column.values:
                if value not in BYTES:
                    known = ", ".join(BYTES)
                    message = f"--over dtype: unknown dtype `{value}`"
                    raise Mistake(Diagnostic("CNN111", message, help=f"known are {known}"))
        if name == "batch" and not job._is_parameter(name):
            for value in column.values:
                if type(value) is not int or not 1 <= value <= 10**9:
                    message = f"--over batch takes numbers from 1 to 1,000,000,000, not {value}"
                    raise Mistake(Diagnostic("CNN111", message))
