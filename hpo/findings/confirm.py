"""Raw rows through a model: predictions batch by batch, and scores of rows that were held out."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from algorithms.arrays import Array, Places, Values
from algorithms.batches import Label, label_array
from algorithms.lazily import pandas, sklearn
from algorithms.scoring.scorers import scorer_of
from hpo.data import open_dataset
from hpo.data.encoding.rows import usable_rows
from hpo.data.levels import class_codes
from hpo.data.sources.frames import like
from hpo.data.sources.joins import Join
from hpo.data.sources.text import NAMES, TextFormat
from hpo.data.values import as_numbers
from hpo.errors import DataError, DataWarning
from studies.counting import counted
from studies.spec.habits import our_score
from studies.spec.messages import nearest

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

    from hpo.data import Dataset


ITEMS = 10
"""How many items are recommended where no number is given."""


def predict(model: Pipeline, data: object, options: Mapping[str, object]) -> Any:
    """Return the model's output for every row, in order, as the kind of frame that the rows are."""
    dataset = opened(data, {**options, "features": _features(model)}).exactly(model["encoder"].labelled)
    made = [pandas.DataFrame(outputs(model, pa.Table.from_batches([batch]))) for _, batch in _batches(dataset)]
    predicted = pandas.concat(made, ignore_index=True)
    if options.get("interactions"):
        return predicted.set_axis(users_of(dataset))
    rows = data.data if isinstance(data, Join) else data
    return like(rows[0] if isinstance(rows, tuple) else rows, predicted)


def users_of(dataset: Dataset) -> pd.Index:
    """Return the users of a matrix of interactions, in the order of its rows."""
    name = dataset.schema.names[-1]  # beside the items
    batches = (batch for segment in dataset.segments for batch in dataset.read(segment, [name]))
    found: pd.Index = pandas.Index([u for batch in batches for u in batch.column(name).to_pylist()], name=name)
    return found


def recommended(
    model: Pipeline, data: object, n_items: int, options: Mapping[str, object], *, exclude_seen: bool
) -> pd.DataFrame:
    """Return the items of largest score for every row: ``row`` or the user, ``rank``, ``item``, ``score``."""
    dataset = opened(data, {**options, "features": _features(model)}).exactly(model["encoder"].labelled)
    made = []
    for _, batch in _batches(dataset):
        rows = model[:-1].transform(pa.Table.from_batches([batch]))
        places, scores = model[-1].best_of(rows, n_items, exclude_seen=exclude_seen)
        made.append((model[-1].feature_names_out_[places], scores))
    items, scores = (np.concatenate(parts) for parts in zip(*made, strict=True))
    finite = np.isfinite(scores)
    if unknown := np.count_nonzero(finite.any(axis=1) & ~(finite & (scores != 0.0)).any(axis=1)):
        warnings.warn(
            f"{unknown:,} of {counted(len(scores), 'user')} with no item that the model knows: every item scores 0 "
            "for them, and items are recommended in the order of the columns",
            DataWarning,
            stacklevel=3,
        )
    of_users = options.get("interactions")
    index = users_of(dataset) if of_users else pandas.RangeIndex(len(items), name="row")
    k = items.shape[1]
    made_of: pd.DataFrame = pandas.DataFrame({
        index.name: index.repeat(k), "rank": np.tile(np.arange(1, k + 1), len(items)),
        "item": items.ravel(), "score": scores.ravel(),
    })  # fmt: skip
    kept: pd.DataFrame = made_of.loc[np.isfinite(made_of["score"])].reset_index(drop=True)
    return kept


def confirm(
    model: Pipeline,
    data: object,
    scoring: Sequence[str],
    targets: Sequence[str],
    weight: str | None,
    options: Mapping[str, object],
) -> dict[str, float]:
    """Return the scores of held-out rows by scikit-learn's scorers; without a target, likelihood or inertia.

    Rows without a target or of weight zero are left out; a ``weight`` among the options is taken in place of
    the study's.

    Raises
    ------
    DataError
        For a score that the model does not have, or when no row can be used.
    """
    known = _scores(model, targets)
    for name in scoring:
        if name not in known:
            raise DataError(_unknown(model, name, known, targets))
    dataset = opened_for(model, data, targets, weight, options)
    parts = [_scored(model, dataset, batch, where) for where, batch in _batches(dataset)]
    y, w = np.concatenate([part.y for part in parts]), np.concatenate([part.weight for part in parts])
    if not len(y):
        rows = counted(dataset.rows, "row") if dataset.rows else "the rows"
        raise DataError(
            f"no row can be scored: each of {rows} has no value for the target "
            f"{', '.join(map(repr, targets))} or weight zero"
        )
    weights = w if dataset.weight else None
    some = [part.made for part in parts if part.made]
    made = {name: np.concatenate([answers[name] for answers in some]) for name in some[0]}
    if not targets:
        return {name: float(np.average(made[name], weights=weights)) for name in scoring}
    y, made = _of_outliers(model, y, made)
    answered = _answered(model, made)
    return {name: _score(name, answered, y, weights) for name in scoring}


def scored_by(model: Pipeline, scoring: Sequence[str]) -> bool:
    """Return whether a model without a target says the scores of each row."""
    return {*scoring} <= {*_row_scores(model)}


def opened_for(
    model: Pipeline, data: object, targets: Sequence[str], weight: str | None, options: Mapping[str, object]
) -> Dataset:
    """Return the data set of rows that a model is scored on."""
    asked = {"target": list(targets) or None, "weight": weight, "features": _features(model), **options}
    dataset = opened(data, asked)
    if model["encoder"].classes_:
        dataset = dataset.exactly(targets)
    return dataset.exactly(model["encoder"].labelled)


def opened(data: Any, options: Mapping[str, Any]) -> Dataset:
    """Return the data set of some options, those of how CSV files are written among them."""
    others = {name: value for name, value in options.items() if name not in NAMES}
    if isinstance(data, Join):
        others["join"] = None
    return open_dataset(data, text=TextFormat.of(options), **others)


def paths_of(asked: Mapping[str, object]) -> list[str]:
    """Return the paths that a study, or a table that it joins, is described to be of.

    Examples
    --------
    >>> paths_of({"data": "a.csv"}), paths_of({"data": ["a.csv", "b.csv"]}), paths_of({})
    (['a.csv'], ['a.csv', 'b.csv'], [])
    """
    found = asked.get("data", [])
    return [found] if isinstance(found, str) else list(map(str, found)) if isinstance(found, list | tuple) else []


def _scores(model: Pipeline, targets: Sequence[str]) -> list[str]:
    return list(sklearn.metrics.get_scorer_names()) if targets else list(_row_scores(model))


def _unknown(model: Pipeline, name: object, known: Sequence[str], targets: Sequence[str]) -> str:
    """Return why a score is none that rows have by a model, and what to do."""
    if targets or name in sklearn.metrics.get_scorer_names():
        meant = our_score(str(name))
        hint = f"; did you mean {meant!r}?" if meant in known else nearest(str(name), known)
        return f"scoring={name!r} is not a score of this model{hint}"
    if sklearn.base.is_outlier_detector(model):
        what = "name a target that marks outliers when the study is made, and confirm that"
    elif known:
        what = f"of these rows the model has scoring={known[0]!r}"
    else:
        what = "add these rows to the data, and the next edition of the study scores the model on them"
    return f"scoring={name!r} is of the rows of the study, and is not computed of others; {what}"


def _row_scores(model: Pipeline) -> dict[str, Callable[[pa.Table], Values]]:
    """Return what a model without a target says of each row, by the score that is its mean."""
    if sklearn.base.is_outlier_detector(model):
        return {}
    if hasattr(model, "score_samples"):
        return {"log_likelihood": model.score_samples}
    if sklearn.base.is_clusterer(model):
        return {"neg_inertia": lambda rows: -(np.min(model.transform(rows), axis=1) ** 2)}
    return {}


def _features(model: Pipeline) -> list[str]:
    return [str(name) for name in model["encoder"].feature_names_in_]


def _batches(dataset: Dataset) -> Iterator[tuple[str, pa.RecordBatch]]:
    return ((segment.id, batch) for segment in dataset.segments for batch in dataset.read(segment))


def outputs(model: Pipeline, table: pa.Table) -> dict[str, Values]:
    """Return what a model says of some rows, by the column it belongs in.

    ``prediction``, and for a classifier or a mixture that has them ``probability_<label>``; for a
    decomposition one ``component_<i>`` each; of what recommends ``item_<i>``, the best first.
    """
    if hasattr(model[-1], "recommend"):
        best = model[-1].recommend(model[:-1].transform(table), ITEMS)
        return {f"item_{i + 1}": best[:, i] for i in range(best.shape[1])}
    if not hasattr(model, "predict"):
        made = np.asarray(model.transform(table))
        return {f"component_{i}": made[:, i] for i in range(made.shape[1])}
    found = {"prediction": np.asarray(model.predict(table)).reshape(table.num_rows)}
    if hasattr(model, "predict_proba"):
        shares = np.asarray(model.predict_proba(table))
        labels = getattr(model, "classes_", range(shares.shape[1]))
        found |= {f"probability_{label}": shares[:, i] for i, label in enumerate(labels)}
    return found


@dataclass(frozen=True, eq=False)
class _Rows:
    """Usable rows: their targets, what the model answers to each of its methods, and their weights."""

    y: Values
    made: dict[str, Values]
    weight: Array


def _scored(model: Pipeline, dataset: Dataset, batch: pa.RecordBatch, where: str) -> _Rows:
    """Return what the scores of a batch need; for without a target, the score of each of its rows."""
    classes = model["encoder"].classes_
    keep = usable_rows(batch, dataset.targets, dataset.weight, where, classes).keep
    rows = batch if keep is None else batch.filter(pa.array(keep))
    w = (
        as_numbers(rows.column(dataset.weight)).astype(np.float64)
        if dataset.weight
        else np.zeros(rows.num_rows)
    )
    y = _target(rows, dataset.targets[0], classes) if dataset.targets else np.zeros(rows.num_rows)
    if not rows.num_rows:
        return _Rows(y, {}, w)
    table = pa.Table.from_batches([rows])
    methods = {m: getattr(model, m) for m in _ANSWERS if hasattr(model, m)}
    asked = methods if dataset.targets else _row_scores(model)
    return _Rows(y, {name: np.asarray(method(table)) for name, method in asked.items()}, w)


_ANSWERS = ("predict", "predict_proba", "decision_function")


def _target(rows: pa.RecordBatch, name: str, classes: Sequence[Label]) -> Values:
    column = rows.column(name)
    if classes:
        labels: Values = label_array(classes)[class_codes(column, classes).astype(np.intp)]
        return labels
    return as_numbers(column).astype(np.float64)


def _of_outliers(
    model: Pipeline, y: Values, made: dict[str, Values]
) -> tuple[Values, dict[str, Values]]:
    """Return, for a model of outliers, 1 where a row is one, as labelled and as predicted; else what was given."""
    label = getattr(model[-1], "outlier_label_", None)
    if label is None:
        return y, made
    answers = {
        "predict": np.less(made["predict"], 0).astype(np.intp),
        "decision_function": np.negative(made["decision_function"]),
    }
    return (y == label).astype(np.intp), answers


def _answered(model: Pipeline, made: Mapping[str, Values]) -> BaseEstimator:
    """Return an estimator of the model's kind whose rows are the places of answers already given."""

    def answer(name: str, values: Values) -> Callable[[object, Places], Values]:
        def method(self: object, X: Places) -> Values:  # noqa: ARG001 -- a method
            return values[X]

        method.__name__ = name
        return method

    outliers = hasattr(model[-1], "outlier_label_")
    base = sklearn.base
    kind = base.ClassifierMixin if outliers or base.is_classifier(model) else base.RegressorMixin
    found = type(
        "Answered", (kind, base.BaseEstimator), {name: answer(name, values) for name, values in made.items()}
    )()
    found.fitted_ = True
    if outliers:
        found.classes_ = np.array([0, 1])
    elif hasattr(model, "classes_"):
        found.classes_ = model.classes_
    return found


def _score(name: str, model: BaseEstimator, y: Values, weight: Array | None) -> float:
    weights = {} if weight is None else {"sample_weight": weight}
    try:
        scorer = scorer_of(name, list(getattr(model, "classes_", ())))
        return float(scorer(model, np.arange(len(y)), y, **weights))
    except (AttributeError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"scoring={name!r} cannot be computed from these predictions: {reason}") from error
