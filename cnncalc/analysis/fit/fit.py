"""The question of a fit: which values are best under budgets, and what proves it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic, Mistake
from ...language.spec import Spec
from ..analyze import refuse_settings
from ..figures import LATENCY, ONE_BY_ONE
from ..latency.timing import Timing, refuse_no_device
from ..sweep.asked import FIGURES, Condition, condition, divided, known_name
from ..undeclared import undeclared
from .search import MOST_TRIED, Objective, TooMany, searched
from .trial import Trial, Trials, excess
from .varied import Varied, read_vary


class Fitted(NamedTuple):
    """The best values, and what proves that they are.

    Attributes:
        name: the name of the network, or of its variant.
        file: what messages call its spec.
        variant: the name of the variant; None for the base.
        varied: what varies.
        conditions: the budgets, and ties between what varies.
        objective: what is best where it is largest, or smallest.
        best: the best trial; None if none meets all conditions.
        next: trials just beyond the best one, which do not meet the conditions or are not better.
        nearest: the trial that comes closest, where none meets all budgets.
        how: how it was found.
        total: how many combinations of values there are.
    """

    name: str
    file: str
    variant: str | None
    varied: list[Varied]
    conditions: list[Condition]
    objective: Objective
    best: Trial | None
    next: list[Trial]
    nearest: Trial | None
    how: str
    total: int


def fit(
    spec: Spec,
    vary: Sequence[str],
    budgets: Sequence[str],
    *,
    maximize: str | None = None,
    minimize: str | None = None,
    ties: Sequence[str] = (),
    variant: str | None = None,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    batch: int = 1,
    dtype: str = "float32",
    optimizer: str = "sgd",
    timing: Timing | None = None,
) -> Fitted:
    """Find the best values of parameters, sizes or settings under budgets.

    Accepts:
        spec: what `load` or `loads` returned.
        vary: names such as ``width``, with values as in ``width=0.5:2:0.05``.
        budgets: conditions on figures, such as ``macs < 300M`` or ``training_peak < 8GiB``.
        maximize: the figure or name that is best where it is largest.
        minimize: the one that is best where it is smallest.
        ties: conditions on the names that vary.
        variant: a name in `spec.variants`; by default the one that the spec was loaded for.
        set: values that replace parameters of the spec.
        input: a shape for the first input, or shapes by name.
        batch: the number of images.
        dtype: the type of the values.
        optimizer: the optimizer of the training whose memory is meant.
        timing: the device on which `latency` is a time.

    Errors:
        A Mistake (CNN111) for what cannot be asked.
    """
    refuse_settings(batch, dtype)
    variant = variant or spec.variant
    if not spec.ok:
        raise Mistake(*(d for d in spec.diagnostics if d.severity == "error"))
    if maximize is not None and minimize is not None:
        raise Mistake(Diagnostic("CNN111", "only one figure can be best: maximize or minimize one"))
    wrong = [d for d in spec.graph(variant, set, input).diagnostics if d.code == "CNN111"]
    if wrong:
        raise Mistake(*wrong)
    names = _names(vary)
    known = (*FIGURES, *names)
    conditions = [condition(text, known, "--budget") for text in budgets]
    conditions += [condition(text, known, "--tie") for text in ties]
    goal = maximize or minimize or names[0]
    objective = Objective(known_name(goal, known, "figure"), minimize is None)
    read = {name for one in conditions for name in one.names} | {objective.name}
    _refuse_unknown(spec, variant, set, read)
    trials = Trials(
        spec,
        variant,
        set or {},
        input,
        batch,
        dtype,
        optimizer,
        frozenset(read & {*ONE_BY_ONE, LATENCY}),
        timing,
    )
    if LATENCY in read:
        refuse_no_device(timing)
    varied = read_vary(vary, spec, variant, set or {}, trials)
    found = _Search(spec, variant, set or {}, varied, conditions, objective, trials)
    return found.run()


def _refuse_unknown(
    spec: Spec, variant: str | None, set: Mapping[str, Any] | None, read: Collection[str]
) -> None:
    """Refuse figures that layers do not declare: no value is known to be within a budget.

    Errors: a Mistake (CNN308).
    """
    graph = spec.graph(variant, set)
    if not graph.nodes:  # its input leaves sizes open
        graph = spec.symbolic_graph(variant, set)
    for figure, why in undeclared(graph).reasons(sorted(read)).items():
        message = f"{figure} is unknown, so nothing can be found by it: {why}"
        help = "declare the figure in the layer"
        raise Mistake(Diagnostic("CNN308", message, help=help))


def _names(vary: Sequence[str]) -> list[str]:
    """Return the names in `--vary`, in order."""
    if not vary:
        raise Mistake(Diagnostic("CNN111", "nothing varies", help="--vary width"))
    listed = [name.strip() for text in vary for name in text.partition("=")[0].split(",")]
    return list(dict.fromkeys(listed))


class _Search:
    """One search."""

    def __init__(
        self,
        spec: Spec,
        variant: str | None,
        set: Mapping[str, Any],
        varied: list[Varied],
        conditions: list[Condition],
        objective: Objective,
        trials: Trials,
    ):
        self._spec, self._variant, self._set = spec, variant, set
        self._varied, self._conditions = varied, conditions
        self._objective, self._trials = objective, trials

    def run(self) -> Fitted:
        """Search one row of values by bisection if possible, and else all combinations."""
        total = prod(len(one.values) for one in self._varied)
        if len(self._varied) == 1:
            try:
                return self._along(self._varied[0], total)
            except TooMany:
                pass
        return self._all(total)

    def _along(self, one: Varied, total: int) -> Fitted:
        """Search the values of one name, or of names that share them.

        Errors: TooMany if only trying all values would tell.
        """

        def at(n: int) -> Trial:
            return self._trials.trial(dict.fromkeys(one.names, one.values[n]))

        start = self._present(one)
        parts = [part for condition in self._conditions for part in divided(condition)]
        found = searched(at, total, start, parts, self._objective, self._excess)
        beyond = [] if found.beyond is None else [at(found.beyond)]
        return self._fitted(
            best=None if found.best is None else at(found.best),
            next=beyond,
            nearest=found.nearest,
            how=found.how,
            total=total,
        )

    def _present(self, one: Varied) -> int:
        """Return the place of the present value of a parameter; 0 if it is not among the values."""
        name = one.names[0]
        if name not in self._spec.parameter_names:
            return 0
        value = self._spec.parameter_values(self._variant, self._set)[name]
        return next((n for n, other in enumerate(one.values) if other == value), 0)

    def _all(self, total: int) -> Fitted:
        """Search all combinations: by one sweep, or one by one if memory or fields decide."""
        read = {name for one in self._conditions for name in one.names} | {self._objective.name}
        if total <= MOST_TRIED and len(self._varied) == 1 or not read.isdisjoint(ONE_BY_ONE):
            return self._one_by_one(total)
        from ..sweep.sweep import sweep  # many at once needs numpy

        over = {",".join(one.names): one.values for one in self._varied}
        rows = sweep(
            self._spec,
            over,
            show=[self._objective.name] if self._objective.name in FIGURES else [],
            where=[one.text for one in self._conditions],
            sort=self._objective.name,
            reverse=self._objective.largest,
            top=1,
            **self._trials.options,
        )
        how = f"all {total:,} combinations were counted"
        for row in rows:
            best = self._trials.trial(
                {name: row[name] for one in self._varied for name in one.names}
            )
            return self._fitted(
                best=best, next=self._beside(best), nearest=None, how=how, total=total
            )
        return self._fitted(best=None, next=[], nearest=self._nearest(over), how=how, total=total)

    def _one_by_one(self, total: int) -> Fitted:
        """Try all combinations.

        Errors: a Mistake if there are too many.
        """
        if total > MOST_TRIED:
            message = f"{total:,} combinations are too many for figures of memory or fields"
            help = f"narrow the ranges to at most {MOST_TRIED:,} combinations"
            raise Mistake(Diagnostic("CNN111", message, help=help))
        best: Trial | None = None
        nearest: Trial | None = None
        for values in product(*(one.values for one in self._varied)):
            settings = {
                name: value for one, value in zip(self._varied, values) for name in one.names
            }
            trial = self._trials.trial(settings)
            if nearest is None or self._excess(trial) < self._excess(nearest):
                nearest = trial
            if trial.unmet(self._conditions) or trial.fault:
                continue
            if best is None or self._objective.better(trial, best):
                best = trial
        return self._fitted(
            best=best,
            next=self._beside(best) if best else [],
            nearest=None if best else nearest,
            how=f"all {total:,} combinations were tried",
            total=total,
        )

    def _nearest(self, over: Mapping[str, Sequence[Any]]) -> Trial | None:
        """Return the trial with the smallest value of what the first budget limits."""
        from ..sweep.sweep import sweep

        names = [name for one in self._conditions for name in one.names if name in FIGURES]
        closest: Trial | None = None
        for name in dict.fromkeys(names):
            for reverse in (False, True):
                rows = sweep(
                    self._spec, over, sort=name, reverse=reverse, top=1, **self._trials.options
                )
                for row in rows:
                    trial = self._trials.trial({key: row[key] for key in self._flat()})
                    if closest is None or self._excess(trial) < self._excess(closest):
                        closest = trial
        return closest

    def _flat(self) -> list[str]:
        return [name for one in self._varied for name in one.names]

    def _beside(self, best: Trial) -> list[Trial]:
        """Return the trials one value further in each direction in which the objective improves."""
        found = []
        for one in self._varied:
            values = list(one.values)
            at = values.index(best.settings[one.names[0]])
            for other in (at - 1, at + 1):
                if 0 <= other < len(values):
                    shared = dict.fromkeys(one.names, values[other])
                    trial = self._trials.trial({**best.settings, **shared})
                    if not trial.fault and self._objective.better(trial, best):
                        found.append(trial)
        return found

    def _excess(self, trial: Trial) -> float:
        """Return how far a trial is from meeting all conditions: 0 where it meets them."""
        if trial.fault is not None:
            return float("inf")
        return sum(excess(trial, one) for one in trial.unmet(self._conditions))

    def _fitted(
        self,
        best: Trial | None,
        next: list[Trial],
        nearest: Trial | None,
        how: str,
        total: int,
    ) -> Fitted:
        declared = self._variant is None or self._variant in self._spec.variants
        return Fitted(
            name=self._spec.title(self._variant if declared else None),
            file=self._spec.file,
            variant=self._variant,
            varied=self._varied,
            conditions=self._conditions,
            objective=self._objective,
            best=best and self._trials.with_memory(best),
            next=next,
            nearest=nearest,
            how=how,
            total=total,
        )
