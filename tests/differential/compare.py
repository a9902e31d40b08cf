"""One question, asked of the product and of the oracle, and what came of it."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.pipeline import Pipeline

import hpo
from algorithms.contract import fitted
from algorithms.errors import AlgorithmError
from differential import classifiers, forests, generalized, packs, rows
from differential.agreement import SAME, SIX_DIGITS, Disagreement, Fold, WithinBound, alike, squared
from differential.designs import Design
from differential.extended import CERTAIN, Long, Undefined
from differential.oracles import LINES, REPEATED, Line, line_of
from differential.settings import Example, splits
from differential.tables import CENTS, Spec, Table, table
from hpo.data import make_folds, open_dataset
from hpo.errors import HpoError
from hpo.findings.noted import without_score
from hpo.states.learned.deals import dealt
from hpo.states.learned.labels import classes_of
from state_store import StateStore

NUMERIC = r"digits|rounding|precision|is not finite|is singular"
"""Refusals that say that the numbers cannot be trusted: legitimate where the problem is badly conditioned."""
ROUNDED, SHAKEN, DRAWS = 4.0 * float(np.finfo(float).eps), 3.0, 4
"""What rounding of a product is taken for, how many times what it moves, and in how many draws."""
FARTHEST = 1e12
"""Deviations of the training rows that a row may be from their mean: what is between has no digit at that scale."""
SPANNED = 1e-6
"""Share of a row that training rows do not make up, from which it is none of their kind; directions that are known to
nine digits or fewer are none that these make up."""
AWAY = 1e6
"""Deviations of the training rows that held-out rows lie away from which such a refusal is taken: those have but the
sentinels of a column, whose origin is that of its usual values (``docs/design.md``)."""
HARD = 1e5
"""Condition from which such a refusal is taken, and a bound that a score tells of its rounding."""
CANCELLING = 1e-2
"""What the sum of a prediction's parts, beside the target, counts for in that condition: where condition times sum is 1e7,
floats know a prediction to about 1e-9."""
REFUSALS = (
    r"cannot train \w+: it has (no row|\d+ rows?) to train on of the class",
    r"there is nothing to learn",
    r"there are no two classes to distinguish",  # as in scikit-learn
    r"needs rows of two classes, and all are",  # likewise
    r"has one row to test on, and R² needs two",
    r"cannot be computed on held-out rows: Input contains (NaN|infinity)",  # what scikit-learn predicts there, too
    r"cannot be computed on held-out rows: y_true",  # as in scikit-learn: a fold without rows of some class
    r"(only outliers|no outlier) among \d+ sampled held-out rows",
    r"needs (at least|more than) \d+ rows?\b",
    r"needs as many rows, and the sample",
    r"holds -?[\d.e+-]+, and \w+ takes counts",
    r"needs a column of categories",
    r"more than the \d+ rows",
    r"has an empty side|no rows",
    r"there are fewer rows|rows and \d+ (folds|splits)",
)
"""Refusals that any table may meet."""


@dataclass(frozen=True)
class Outcome:
    """What came of a question: ``"agreed"``, ``"refused"``, ``"undefined"``, and why."""

    what: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" if self.why else self.what


def ask(example: Example) -> Outcome:
    """Ask both, and return what came of it; raises Disagreement."""
    t = table(example.spec)
    folds, pairs = splits(example, t)
    kept = t.weight > 0
    with given(example.spec, t) as (data, store), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pairs = [(a[kept[a]], b[kept[b]]) for a, b in pairs or _dealt(example, t, data, folds, store)]
            if any(not len(a) or not len(b) for a, b in pairs):
                return Outcome("undefined", "a split without rows")
            result = _tuned(example, t, data, folds, store)
        except (HpoError, AlgorithmError) as error:
            return _refused(example, t, pairs, str(error), early=True)
        if without_score(result.run):
            return _refused(example, t, pairs, without_score(result.run))
        try:
            oracle, note = oracle_of(example, t), ""
            for k, (train, test) in enumerate(pairs):
                try:
                    own = partial(_trained, result, k)
                    oracle.score(example, t, train, test, Fold(result.best.scores, k, example.scoring, own))
                except WithinBound:
                    if not _hard(example, t, (train, test)):
                        raise
                    note = "within the bound of rounding that is reported, where a refusal would be taken too"
            try:
                model = result.model_of(encoded=True)  # of float32 columns scikit-learn's own steps compute in float32
            except AlgorithmError as error:
                every = np.flatnonzero(kept)
                return _refused(example, t, [(every, every)], str(error))
            oracle.predictions(example, t, model)
        except Undefined as why:
            return Outcome("undefined", str(why))
    return Outcome("agreed", note)


def _dealt(example: Example, t: Table, data: Any, folds: Any, store: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the rows of each split as the product deals them."""
    dataset = open_dataset(data, **_roles(example, t))
    classify = example.spec.target == "class"
    scheme = make_folds(folds, dataset, seed=0, classify=classify)
    known = StateStore(store)
    scheme = dealt(scheme, dataset, known, classes_of(dataset, known) if classify else ())
    columns, cells = tuple(dict.fromkeys([*dataset.columns, *scheme.columns])), []
    for segment in dataset.segments:
        assign, first = scheme.assigner(segment), 0
        for batch in dataset.read(segment, columns):
            cells.append(assign(batch, first))
            first += batch.num_rows
    cell = np.concatenate(cells)
    return [(np.flatnonzero(cell != i), np.flatnonzero(cell == i)) for i in range(example.spec.parts)]


def _roles(example: Example, t: Table) -> dict[str, Any]:
    target = None if example.spec.target == "none" else "y"
    return {"target": target, "features": list(t.features), "weight": "w" if "w" in t.frame else None}


def _tuned(example: Example, t: Table, data: Any, folds: Any, store: Path) -> Any:
    search = {f"{example.algorithm}.{k}": v for k, v in example.setting}
    return hpo.tune(
        data, algorithm=example.algorithm, trials=1, folds=folds, scoring=example.scoring, search=search, store=store,
        progress=False, n_jobs=1, polish=False, **_roles(example, t),
    )  # fmt: skip


def _trained(result: Any, k: int) -> Pipeline:
    """Return the pipeline that a study trained for a split, the encoder before it."""
    made = fitted(result.best.algorithm, result.best.states.train[k])
    return Pipeline([("encoder", result.model_of(encoded=True)["encoder"]), *made.steps])


def _refused(example: Example, t: Table, pairs: Any, why: str, *, early: bool = False) -> Outcome:
    """Return a refusal that is documented, and legitimate here; raises Disagreement otherwise."""
    brief = re.sub(r"'[^']*'|[-\d.,]+(e[+-]?\d+)?", "…", why)
    if any(re.search(known, why) for known in REFUSALS):
        return Outcome("refused", brief)
    if re.search(NUMERIC, why):
        try:
            oracle = oracle_of(example, t)
            if "is not finite" in why and _without_end(example, t, pairs):
                return Outcome("refused", f"{brief} (the oracle's is not, either)")
            worst = max(oracle.condition(example, t, train) for train, _ in pairs)
            if worst >= HARD or _target_is_rounding(example.spec, t) or _farthest(example, t, pairs) >= AWAY:
                return Outcome("refused", brief)
            if _moved_by_last_digits(example, t, pairs, SIX_DIGITS):
                return Outcome("refused", f"{brief} (the last digits of raw values decide it)")
            if _decided_by_centring(example, t, pairs):
                return Outcome("refused", f"{brief} (scikit-learn's own centring leaves no eight digits)")
        except Undefined as undefined:
            return Outcome("refused", f"{brief} ({undefined})")
        raise Disagreement(f"refused at a condition of {worst:.2g}: {why}")
    raise Disagreement(f"refused: {why}")


@dataclass(frozen=True)
class _Heard(Fold):
    """A fold that keeps what the oracle expects."""

    expected: list[float] = field(default_factory=list)

    def agree(self, expected: float, scale: float, same: float = SAME) -> None:
        self.expected.append(float(expected))


def _without_end(example: Example, t: Table, pairs: Any) -> bool:
    """Return whether the oracle's score of some fold is not finite."""
    heard = _Heard(None, 0, example.scoring)
    with np.errstate(all="ignore"):
        for train, test in pairs:
            oracle_of(example, t).score(example, t, train, test, heard)
    return not np.isfinite(heard.expected).all()


def _hard(example: Example, t: Table, pair: tuple[np.ndarray, np.ndarray]) -> bool:
    """Return whether eight digits are more than the raw values say of a split's score, but for a few roundings.

    That is so at a large condition, in rows far away, and where the last digits of the raw values move the score by an
    eighth of what it may be off.
    """
    if oracle_of(example, t).condition(example, t, pair[0]) >= HARD or _farthest(example, t, [pair]) >= AWAY:
        return True
    return _moved_by_last_digits(example, t, [pair], SAME / 8.0)


def _moved_by_last_digits(example: Example, t: Table, pairs: Any, share: float) -> bool:
    """Return whether the oracle's score of some fold moves by such a share where raw floats are off by their last digit."""
    known = _expected(example, t, pairs)
    for draw in range(DRAWS):
        rng, frame = np.random.default_rng(draw), t.frame.copy()
        for name in t.features:
            if frame[name].dtype == np.float64:
                frame[name] = np.nextafter(frame[name].to_numpy(), rng.choice([-np.inf, np.inf], len(frame)))
        other = _expected(example, replace(t, frame=frame), pairs)
        if (np.abs(other - known) > share * np.maximum(np.abs(known), 1e-300)).any():
            return True
    return False


def _decided_by_centring(example: Example, t: Table, pairs: Any) -> bool:
    """Return whether a line's score of some fold has no eight digits where centred columns are off by a rounding.

    Scikit-learn's has none then, either: it moves by as much with the order of the rows. Only an algorithm that is stable
    row by row (Cox & Higham 1998) would know what small rows say beside one of 10¹⁰ times their size.
    """
    if example.algorithm not in LINES:
        return False
    known = _expected(example, t, pairs)
    others = (_expected(example, t, pairs, _InFloats(draw)) for draw in range(DRAWS))
    return any((np.abs(other - known) > SAME * np.maximum(np.abs(known), 1e-300)).any() for other in others)


def _expected(example: Example, t: Table, pairs: Any, oracle: Any = None) -> np.ndarray:
    """Return the oracle's score of each fold."""
    heard, oracle = _Heard(None, 0, example.scoring), oracle or oracle_of(example, t)
    for train, test in pairs:
        oracle.score(example, t, train, test, heard)
    return np.array(heard.expected)


def _farthest(example: Example, t: Table, pairs: Any) -> float:
    """Return how many deviations of its training rows the farthest held-out row of any split is away."""
    made = [rows.designed(example, t, train, [rows.features(t, test)]) for train, test in pairs]
    centred = example.values.get("fit_intercept", True)
    return max((far_from(one) if centred else max(far_from(one), _from_zero(one)) for one in made), default=0.0)


def _from_zero(made: Design) -> float:
    """Return how many lengths of a training row's value those of the others are, of columns that are not centred.

    Of a column whose training rows are all zero, and others are not, they are without end: less the origin of the others,
    zero is any number below its last digit, a sentinel of -1 say, and that may have a coefficient of any size.
    """
    here, there = (np.abs(made.placed(i, centred=False)).astype(float) for i in (0, 1))
    length, most = np.sqrt((here**2).mean(axis=0)), there.max(axis=0, initial=0.0)
    with np.errstate(divide="ignore"):
        return float(np.max(np.divide(most, length, out=np.zeros_like(most), where=most > 0), initial=0.0))


def _target_is_rounding(spec: Spec, t: Table) -> bool:
    """Return whether the target's own floats leave residuals less than six digits."""
    if spec.target != "number":
        return False
    y = t.y[t.weight > 0]
    return bool(64.0 * np.finfo(float).eps * np.abs(y).max() > 1e-6 * y.std() * min(1.0, spec.noise))


@contextmanager
def given(spec: Spec, t: Table) -> Iterator[tuple[Any, Path]]:
    """Yield the table as ``hpo.tune`` takes it, a frame or files in a directory, and a place for states."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        data = Path(folder) / "data"
        data.mkdir()
        if spec.source != "frame":
            _write(spec, t, data)
        frame = t.frame.assign(group=t.group)
        yield frame if spec.source == "frame" else data, Path(folder) / "store"


def _write(spec: Spec, t: Table, folder: Path) -> None:
    whole = written(spec, t)
    for k in range(spec.files):
        some = whole.filter(pa.array(t.file == k))
        if some.num_rows and spec.source == "parquet":
            pq.write_table(some, folder / f"{k}.parquet", row_group_size=64)
        elif some.num_rows:
            wide = [pa.float64() if f.type == pa.float32() else f.type for f in some.schema]
            exact = some.cast(
                pa.schema(zip(some.column_names, wide, strict=True))
            )  # digits of float32 are not its value
            exact.to_pandas(types_mapper=pd.ArrowDtype).to_csv(folder / f"{k}.csv", index=False)


def written(spec: Spec, t: Table) -> pa.Table:
    """Return the table as it is written, a date as a date, and the part and group that a row belongs to."""
    whole = pa.Table.from_pandas(t.frame.assign(part=t.part.astype("int32"), group=t.group), preserve_index=False)
    for j, col in enumerate(spec.cols):
        at = whole.schema.get_field_index(f"x{j}")
        if col.kind == "date":
            whole = whole.set_column(at, f"x{j}", whole.column(at).cast(pa.date32()))
        elif col.dtype == CENTS and spec.source == "parquet":
            cents = [None if x is None else Decimal(round(x * 100)).scaleb(-2) for x in whole.column(at).to_pylist()]
            whole = whole.set_column(at, f"x{j}", pa.array(cents, pa.decimal128(20, 2)))
    return whole


def oracle_of(example: Example, t: Table) -> Any:
    """Return the oracle of an algorithm."""
    if example.algorithm == "pca":
        return classifiers.Components()
    if example.algorithm in generalized.NAMES:
        return generalized.Generalized()
    if example.algorithm == "isolation_forest":
        return forests.Forest()
    if example.algorithm in packs.NAMES:
        return packs.Packs()
    return Regression() if example.algorithm in LINES else classifiers.oracle_of(example.algorithm)


class Regression:
    """A linear prediction of a number."""

    def fitted(
        self, example: Example, t: Table, train: np.ndarray, others: list[pd.DataFrame]
    ) -> tuple[Line, Design, np.ndarray]:
        """Return the line, and the rows and targets that it is of."""
        made = self.designed(example, t, train, others)
        y = t.y[train]
        if example.algorithm in REPEATED and (made.weight != 1).any():
            times = made.weight.astype(int)
            made = replace(
                made,
                rows=(np.repeat(made.rows[0], times, axis=0), *made.rows[1:]),
                weight=np.ones(times.sum()),
            )
            y = np.repeat(y, times)
        if far_from(made) > FARTHEST:
            raise Undefined("rows that no training row is like, by all the digits of a number")
        return line_of(LINES[example.algorithm], made, y, example.values), made, y

    def designed(self, example: Example, t: Table, train: np.ndarray, others: list[pd.DataFrame]) -> Design:
        """Return the model's columns of training rows and of others, less their means."""
        return rows.designed(example, t, train, others)

    def condition(self, example: Example, t: Table, train: np.ndarray) -> float:
        """Return the condition of the problem: of columns that are not centred, also how far from zero they lie.

        Levels make up an intercept, and what is left of such a column beside it is so much less than the column. And
        where the parts of predictions cancel, the best algorithm in floats (scikit-learn's by SVD, whose answer changes
        with the order of the rows) is off by the roundings of these parts: see ``CANCELLING``.
        """
        line, made, y = self.fitted(example, t, train, [])
        parts = np.sqrt((made.placed(0, centred=line.centred) ** 2).sum(axis=0)) @ np.abs(line.coef)
        reach = float(parts) / max(float(np.linalg.norm(y - float(line.centre))), 1e-300)
        apart = np.sqrt((made.rows[0] ** 2).sum(axis=0))
        whole = np.sqrt((made.placed(0, centred=line.centred) ** 2).sum(axis=0)) * made.scale
        far = np.where(apart > 0, whole / np.where(apart > 0, apart, 1), 0)
        return max(line.condition, float(far.max(initial=0.0)), CANCELLING * reach * line.condition)

    def score(self, example: Example, t: Table, train: np.ndarray, test: np.ndarray, fold: Fold) -> None:
        """Compare the score of a fold."""
        line, made, _ = self.fitted(example, t, train, [rows.features(t, test)])
        y = t.y[test].astype(Long) - line.centre
        residual = y - line.residual_free(made, 1)
        w = t.weight[test].astype(Long)
        expected = squared(example.scoring, y, residual, w, float(np.nanmax(np.abs(t.y))))
        fold.agree(*expected)

    def predictions(self, example: Example, t: Table, model: Any) -> None:
        """Compare predictions of the raw rows and of fresh ones by the model of all rows."""
        every = np.flatnonzero(t.weight > 0)
        frames = [rows.features(t, every), t.fresh]
        line, made, y = self.fitted(example, t, every, frames)
        for i, frame in enumerate(frames, 1):
            expected = line.residual_free(made, i) + line.centre
            parts = np.abs(made.placed(i, centred=False) * line.coef).max(axis=1, initial=0) + np.abs(
                (made.mean / made.scale) @ np.abs(line.coef)
            )
            scale = max(float(np.std(y)), float(np.abs(expected - line.centre).max()))
            lost = 32 * np.finfo(float).eps * (parts + np.abs(expected) + np.abs(y).max()).astype(float)
            found = np.ravel(model.predict(frame)) - float(line.centre)
            if i == 2 and (np.abs(found - (expected - line.centre)) > SAME * scale + lost).any():
                lost = lost + np.where(beyond(made, line), self.shaken(example, made, y, line), 0.0)
            alike("prediction" if i == 1 else "prediction of fresh rows,", found, expected - line.centre, scale, lost)

    def shaken(self, example: Example, made: Design, y: np.ndarray, line: Line) -> np.ndarray:
        """Return how far predictions of the last rows move where training rows and their products are off by rounding.

        A column is off by ``ROUNDED`` of its length; a product of two, or with the target, by as much of both lengths,
        and its eigenvectors as if by that of the largest eigenvalue. Rows that have such products are A + A⁺ᵀE(1 - ½A⁺A),
        and b + A⁺ᵀe, to first order. What a few draws show is taken ``SHAKEN`` times.
        """
        rng, moved = np.random.default_rng(0), np.zeros(len(made.rows[-1]))
        root = np.sqrt(made.weight)[:, None]
        A = np.asarray(made.placed(0, centred=line.centred) * root, float)
        about = (made.weight @ y) / made.weight.sum() if made.standardize else line.centre
        b, expected = (y.astype(Long) - about) * root[:, 0], line.residual_free(made, len(made.rows) - 1)
        n, q = A.shape
        lengths, length = np.sqrt((A * A).sum(axis=0)), float(np.sqrt(b @ b))
        unit = A / np.where(lengths > 0, lengths, 1)
        inverse = np.linalg.pinv(unit, rcond=CERTAIN) / np.where(lengths > 0, lengths, 1)[:, None]
        largest = np.linalg.norm(A, 2) ** 2 / np.sqrt(q) if q else 0.0

        def signs(*shape: int) -> np.ndarray:
            return ROUNDED * rng.choice([-1.0, 1.0], shape)

        for _ in range(DRAWS):
            E = np.triu(signs(q, q) * np.multiply.outer(lengths, lengths) + signs(q, q) * largest)
            E = (E + np.triu(E, 1).T) * np.multiply.outer(lengths > 0, lengths > 0)
            off = inverse.T @ (E - 0.5 * (E @ inverse) @ A) + signs(n, q) * lengths / np.sqrt(n)
            target = inverse.T @ (signs(q) * lengths * length) + signs(n) * length / np.sqrt(n)
            shaken = replace(made, rows=(made.rows[0] + off * made.scale / root, *made.rows[1:]))
            other = line_of(
                LINES[example.algorithm], shaken, y.astype(Long) + target / root[:, 0], example.values
            )
            there = other.residual_free(made, len(made.rows) - 1)
            moved = np.maximum(moved, np.abs(there - expected).astype(float))
        return SHAKEN * moved


@dataclass(frozen=True)
class _InFloats(Regression):
    """The same of columns that are off by a rounding of their largest value: what centring and any SVD make of them."""

    draw: int

    def designed(self, example: Example, t: Table, train: np.ndarray, others: list[pd.DataFrame]) -> Design:
        """Return such a design."""
        made, rng = super().designed(example, t, train, others), np.random.default_rng(self.draw)
        first = made.rows[0]
        off = np.finfo(float).eps * np.abs(first).max(axis=0, initial=0.0) * rng.choice([-0.5, 0.5], first.shape)
        return replace(made, rows=(first + off, *made.rows[1:]))


def beyond(made: Design, line: Line) -> np.ndarray:
    """Return which of the last rows are not combinations of the training rows, which then say less of them.

    Rows are as the model sees them: without an intercept, two columns far from zero are nearly one.
    """
    rows = made.placed(0, centred=line.centred), made.placed(len(made.rows) - 1, centred=line.centred)
    largest = np.abs(rows[0]).max(axis=0, initial=0)
    A, fresh = (np.asarray(each / np.where(largest > 0, largest, 1), float) for each in rows)
    along = fresh @ np.linalg.pinv(A, rcond=SPANNED) @ A
    return np.abs(fresh - along).max(axis=1, initial=0.0) > SPANNED * np.abs(fresh).max(axis=1, initial=0.0)


def far_from(made: Design) -> float:
    """Return how many deviations of the training rows the farthest of the others is from their mean."""
    deviation = np.sqrt((made.rows[0] ** 2).mean(axis=0)) if len(made.rows[0]) else np.zeros(len(made.mean))
    away = np.abs(np.vstack(made.rows[1:])).max(axis=0, initial=0.0) if made.rows[1:] else 0 * deviation
    return float(np.max(np.where(deviation > 0, away / np.where(deviation > 0, deviation, 1), 0), initial=0.0))
