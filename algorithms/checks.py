"""Every law and convention of the contract, held against one class: what an algorithm of your own should pass.

>>> from algorithms.models.ridge import Ridge
>>> check_algorithm(Ridge)

Our own tests run it over every registered algorithm. Where something does not hold it raises
:class:`~algorithms.errors.ContractBroken` or :class:`~algorithms.errors.LawBroken`, which name the class, what does
not hold, and what to do.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np

from algorithms import fields, laws, registry
from algorithms.contract import (
    EXACT,
    Algorithm,
    Batch,
    Column,
    Held,
    Shape,
    State,
    Summary,
    as_score,
    complexity_of,
    fitted,
    steps_of,
)
from algorithms.declared import Field
from algorithms.errors import (
    AlgorithmError,
    ContractBroken,
    InvalidField,
    MissingClass,
    NotEnoughRows,
    Unscorable,
)
from algorithms.lazily import sklearn
from algorithms.ranges import Choice, Range
from algorithms.scoring.scorers import scorer_of
from algorithms.summaries.sample import Sample, SampleState
from algorithms.tasks import CLASS, TASKS

COLUMNS = (
    Column("a", "a"), Column("b", "b"), Column("missingindicator_b", "b", "indicator"),
    Column("c_low", "c", "level"), Column("c_other", "c", "other"),
)  # fmt: skip
"""Columns of every kind: numbers, one of which is missing in some rows, and a category."""

ROWS = 120

NEAR = 1e-6
"""Relative difference that a score which states give exactly may have from scikit-learn's."""

Kind = type[Algorithm]


def check_algorithm(kind: Kind, codec: Callable[[State, State], State] | None = None) -> None:
    """Hold a class against every law and convention of the contract.

    Parameters
    ----------
    kind : the class.
    codec : stores a state, and loads it like another one of the same summary, where storing is to be checked.

    Raises
    ------
    ContractBroken, LawBroken
        What does not hold.
    """
    _check_declarations(kind)
    for algorithm in fields.variants(kind):
        _Checked(kind, algorithm, shape_of(kind), codec).run()


def shape_of(kind: Kind) -> Shape:
    """Return the shape of the rows that a class is tried on: numbers, a category, and the target of its task.

    Examples
    --------
    >>> from algorithms.models.lda import LDA
    >>> shape_of(LDA).classes
    ('no', 'perhaps', 'yes')
    """
    task = TASKS[kind.tags.task]
    labels = ("no", "yes") if task.one_class else ("no", "perhaps", "yes")
    return Shape(COLUMNS, () if task.target is None else ("y",), labels if task.target == CLASS else ())


def rows_of(shape: Shape, n: int = ROWS, seed: int = 0) -> Batch:
    """Return rows that every kind of algorithm takes: no negative number, a gap, a category, every class.

    They are steps of three series, those of each seed steps of their own.

    Examples
    --------
    >>> rows_of(shape_of(registry.get("ridge")), 10).values.shape
    (10, 6)
    """
    rng = np.random.default_rng(seed)
    rows = np.zeros((n, shape.p), order="F")
    rows[:, :2] = rng.exponential(size=(n, 2)).round(3)
    rows[:, 2] = rng.random(n) < 0.2
    rows[:, 1] *= rows[:, 2] == 0.0
    category = rng.choice(3, n, p=[0.4, 0.3, 0.3])
    rows[:, 3], rows[:, 4] = category == 0, category == 1
    signal = rows[:, 0] + 0.3 * rows[:, 3] + 2.0 * rng.exponential(size=n)
    if shape.classes:
        rows[:, shape.d] = np.argsort(np.argsort(signal)) * len(shape.classes) // n
    elif shape.targets:
        rows[:, shape.d] = signal + 0.1
    place = np.arange(n)
    return Batch(
        rows, shape.d, priority=rng.integers(2**63, size=n).astype(np.uint64),
        clock=np.floor(place / 3.0) + ROWS * seed, series=(place % 3).astype(np.uint64),
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Checked:
    """One algorithm, and what it is tried on."""

    kind: Kind
    algorithm: Algorithm
    shape: Shape
    codec: Callable[[State, State], State] | None

    def run(self) -> None:
        summary, batch = self.ready(), rows_of(self.shape)
        self.check_summary(self.algorithm.summary)
        self.check_laws(summary)
        state = laws.lift(summary, self.shape, batch)
        self.check_state(summary, state)
        solution = self.algorithm.solve(state)
        self.check_solution(state, solution)
        self.check_model(state, batch)
        self.check_scores(solution, state, batch)
        self.check_refusals(summary, batch)

    def ready(self) -> Summary:
        """Return the summary as a pass uses it: what must be learned is learned of a few rows."""
        learning = self.algorithm.summary.learning
        if learning is None:
            return self.algorithm.summary
        return self.algorithm.summary.knowing(learning.learn(self.shape, rows_of(self.shape, 50, seed=1)))

    def check_summary(self, summary: Summary) -> None:
        name = type(summary).__name__
        for one in ("version", "tolerance", "family"):
            if not hasattr(summary, one):
                self.broken(f"its summary {name} says no {one}: write {one}: ClassVar[…] = …")
        if summary.family not in laws.PROMISES:
            self.broken(f"{name}.family={summary.family!r}: must be one of {', '.join(laws.PROMISES)}")
        other = dataclasses.replace(summary)
        if summary != other or hash(summary) != hash(other):
            self.broken(
                f"{name} is not equal to a copy of itself: states are shared by equality of summaries"
            )

    def check_laws(self, summary: Summary) -> None:
        parts = [rows_of(self.shape, n, seed) for seed, n in enumerate((1, 7, 12), start=3)]
        laws.identity(summary, self.shape, parts[1])
        laws.associativity(summary, self.shape, parts)
        laws.commutativity(summary, self.shape, parts[:2])
        laws.purity(summary, self.shape, parts[:2])
        laws.bounded_size(summary, self.shape, parts)
        if "split" in laws.PROMISES[summary.family]:
            cut = [parts[2].part(slice(0, 5)), parts[2].part(slice(5, 12))]
            laws.split_invariance(summary, self.shape, parts[2], cut)
        if summary.ordered:
            laws.order(summary, self.shape, rows_of(self.shape, 60))
        whole, ends = rows_of(self.shape), ((0, 1), (1, 2), (2, 5), (5, ROWS))
        laws.any_time(self.algorithm, self.shape, [whole.part(slice(*pair)) for pair in ends], summary)
        if (codec := self.codec) is not None:
            like = summary.init(self.shape)
            laws.round_trip(summary, self.shape, parts[2], lambda state: codec(state, like))
            laws.resume(summary, self.shape, parts, lambda state: codec(state, like))

    def check_state(self, summary: Summary, state: object) -> None:
        if not isinstance(state, State):
            self.broken(
                f"the state {type(state).__name__} is not an algorithms.contract.State: derive it from State"
            )
        if state.rows != ROWS or not math.isclose(state.weight, ROWS):
            self.broken(f"the state of {ROWS} rows says rows={state.rows}, weight={state.weight}")
        if summary.nests != state.nests:
            self.broken(
                f"{type(summary).__name__}.nests={summary.nests}, and {type(state).__name__}.nests={state.nests}"
            )
        known = state.class_rows
        if known is not None and len(known) != len(self.shape.classes):
            self.broken(
                f"class_rows has {len(known)} numbers, and there are {len(self.shape.classes)} classes"
            )

    def check_solution(self, state: State, solution: object) -> None:
        size = self.algorithm.complexity(solution)
        if not (math.isfinite(size) and size >= 0.0):
            self.broken(f"complexity is {size!r}: must be a finite number of at least 0")
        if not math.isclose(size, complexity_of(self.algorithm, state)):
            self.broken("complexity_of(state) is not complexity(solve(state))")
        if not isinstance(self.algorithm.converged(solution), (bool, np.bool_)):
            self.broken("converged must return True or False")
        known = fields.fields_of(self.kind)
        for name, range_ in fields.bounds_of(self.algorithm, self.kind, state).items():
            if range_ is not None:
                self.check_range(known[name], range_)
        self.algorithm.check(state)
        for name in known:
            self.algorithm.check_field(name, state)

    def check_range(self, field: Field, range_: Range) -> None:
        ends = range_.values if isinstance(range_, Choice) else (range_.low, range_.high)
        for value in ends:
            try:
                field.check(value)
            except InvalidField as error:
                self.broken(f"bounds of {field.name!r} hold what is not legal: {error}")

    def check_model(self, state: State, batch: Batch) -> None:
        model = fitted(self.algorithm, state)
        if not isinstance(model, sklearn.base.BaseEstimator):
            self.broken(f"estimator returns {type(model).__name__}, which is not a scikit-learn estimator")
        sklearn.utils.validation.check_is_fitted(model)
        if (last := steps_of(model)[-1][0]) != "model":
            self.broken(f"the last step of its pipeline is named {last!r}: name it 'model'")
        again, X = fitted(self.algorithm, state), batch.values[:, : self.shape.d]
        if self.algorithm.summary.ordered:  # a window of past values is a row
            X = np.tile(batch.values[:, :1], steps_of(model)[-1][1].n_features_in_)
        for answer in [name for name in ("predict", "transform") if hasattr(model, name)][:1]:
            one, two = (np.asarray(getattr(m, answer)(X)) for m in (model, again))
            if len(one) != len(X) or not np.array_equal(one, two):
                self.broken(f"{answer} of two models of one state differ, or are not of every row")

    def check_scores(self, solution: object, state: State, batch: Batch) -> None:
        own = self.algorithm.summary.sampling(ROWS, [])
        sample = laws.lift(Sample(size=ROWS), self.shape, batch)
        drawn = sample if own is None else laws.lift(own, self.shape, batch)
        for metric in (*self.algorithm.exact, "no such score"):
            try:
                found = as_score(self.algorithm.score(solution, Held(state), metric))
            except Unscorable:
                continue
            if (found is None) != (metric == "no such score"):
                self.broken(f"score of {metric!r} is {found}, and exact={self.algorithm.exact}")
            if found is not None:
                self.check_score(metric, found.value, found.bound, state, sample)
        for metric in self.algorithm.tags.sampled:
            try:
                rows = as_score(self.algorithm.score(solution, Held(state, drawn), metric))
            except Unscorable:
                continue
            if rows is None or not math.isfinite(rows.value):
                self.broken(f"score of {metric!r} on sampled rows is {rows}, and tags.sampled names it")

    def check_score(self, metric: str, value: float, bound: float, state: State, sample: SampleState) -> None:
        """Compare a score that a state gives exactly with scikit-learn's, where it has one of that name."""
        task, family = TASKS[self.kind.tags.task], self.algorithm.summary.family
        if not math.isfinite(value):
            self.broken(f"score of {metric!r} is {value}")
        if task.target is None or task.one_class or family != EXACT or self.algorithm.summary.ordered:
            return
        try:
            scorer = scorer_of(metric, self.shape.classes)
        except ValueError:
            return
        expected = float(scorer(fitted(self.algorithm, state), sample.X, sample.y))
        if not math.isclose(value, expected, rel_tol=NEAR, abs_tol=NEAR + bound):
            self.broken(
                f"score of {metric!r} is {value:.12g} by the state and {expected:.12g} by scikit-learn"
            )

    def check_refusals(self, summary: Summary, batch: Batch) -> None:
        try:
            self.algorithm.check(summary.init(self.shape))
        except NotEnoughRows:
            pass
        except AlgorithmError as error:
            self.broken(f"check of a state without rows must raise NotEnoughRows, and raised {error!r}")
        else:
            self.broken("check accepts a state without rows: raise NotEnoughRows")
        if self.shape.classes and self.kind.tags.needs_every_class:
            some = Batch(np.asfortranarray(batch.values[batch.values[:, self.shape.d] > 0.0]), batch.d)
            some = dataclasses.replace(some, priority=np.arange(some.n, dtype=np.uint64))
            try:
                self.algorithm.check(laws.lift(summary, self.shape, some))
            except MissingClass:
                return
            self.broken("tags.needs_every_class, and check accepts rows without a class: raise MissingClass")

    def broken(self, why: str) -> NoReturn:
        raise ContractBroken(f"{self.algorithm!r}: {why}")


def _check_declarations(kind: Kind) -> None:
    """Refuse a class whose tags, docstring or fields are not what the contract asks."""
    name = kind.__name__
    if not (isinstance(kind, type) and issubclass(kind, Algorithm)):
        raise ContractBroken(f"{kind!r} is not a subclass of algorithms.contract.Algorithm")
    if inspect.isabstract(kind):
        raise ContractBroken(f"{name} lacks {', '.join(sorted(kind.__abstractmethods__))}")
    if not (kind.__doc__ or "").strip():
        raise ContractBroken(f"{name} has no docstring: its first line is what 'hpo algorithms' shows")
    other = kind.tags.stand_in
    if other is not None and registry.get(other).tags.task != kind.tags.task:
        raise ContractBroken(f"{name}: its stand-in {other!r} does another task")
    for field in fields.fields_of(kind).values():
        _check_field(kind, field)


def _check_field(kind: Kind, field: Field) -> None:
    """Refuse a field of which a value that is not legal is taken, or the default is not."""
    if field.legal is None:
        return
    for value in (-1, -1.0, 1e300, "no such value"):
        try:
            field.check(value)
        except InvalidField:
            pass
        else:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                fields.build(kind, {field.name: value})
            except InvalidField:
                continue
        raise ContractBroken(
            f"{kind.__name__}({field.name}={value!r}) is taken, and not legal: a __post_init__ of the class, or of "
            "its summary, must call super().__post_init__()"
        )


__all__: Sequence[str] = ("check_algorithm", "rows_of", "shape_of")
