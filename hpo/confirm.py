"""Raw rows through a model: predictions batch by batch, and scores of rows that were held out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from sklearn.base import BaseEstimator, RegressorMixin

from hpo.data import open_dataset
from hpo.data.rows import usable_rows
from hpo.data.values import as_numbers
from hpo.errors import DataError
from studies.located import nearest

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from hpo.data import Dataset


def predict(model: Pipeline, data: Any, options: Mapping[str, Any]) -> pd.DataFrame:
    """Return the model's output for every row, in order."""
    import pandas as pd

    dataset = open_dataset(data, features=_features(model), **options)
    made = np.concatenate([np.asarray(_apply(model, batch)) for _, batch in _batches(dataset)])
    if made.ndim == 1:
        return pd.DataFrame({"prediction": made})
    return pd.DataFrame(made, columns=[f"component_{i}" for i in range(made.shape[1])])


def confirm(
    model: Pipeline,
    data: Any,
    scoring: Sequence[str],
    targets: Sequence[str],
    weight: str | None,
    options: Mapping[str, Any],
) -> dict[str, float]:
    """Return the scores of held-out rows by scikit-learn's scorers, or the likelihood of a decomposition.

    Rows without a target or of weight zero are left out; a ``weight`` among the options is taken in place of
    the study's.

    Raises
    ------
    DataError
        For a score that the model does not have, or when no row can be used.
    """
    known = _scores(targets)
    for name in scoring:
        if name not in known:
            raise DataError(f"scoring={name!r} is no score of this model{nearest(name, known)}")
    asked = {"target": list(targets) or None, "weight": weight, "features": _features(model), **options}
    dataset = open_dataset(data, **asked)
    parts = [_scored(model, dataset, batch, where) for where, batch in _batches(dataset)]
    y, made, w = (np.concatenate([part[i] for part in parts]) for i in range(3))
    if not len(made):
        raise DataError(
            f"no row can be scored: each of {dataset.rows or 'the'} rows has no value for the target "
            f"{', '.join(map(repr, targets))} or weight zero"
        )
    weights = w if dataset.weight else None
    if not targets:
        return dict.fromkeys(scoring, float(np.average(made, weights=weights)))
    return {name: _score(name, y, made, weights) for name in scoring}


def _scores(targets: Sequence[str]) -> list[str]:
    from sklearn.metrics import get_scorer_names

    return list(get_scorer_names()) if targets else ["log_likelihood"]


def _features(model: Pipeline) -> list[str]:
    return [str(name) for name in model["encoder"].feature_names_in_]


def _batches(dataset: Dataset) -> Iterator[tuple[str, pa.RecordBatch]]:
    return ((segment.id, batch) for segment in dataset.segments for batch in dataset.read(segment))


def _apply(model: Pipeline, batch: pa.RecordBatch) -> Any:
    table = pa.Table.from_batches([batch])
    return model.predict(table) if hasattr(model, "predict") else model.transform(table)


def _scored(model: Pipeline, dataset: Dataset, batch: pa.RecordBatch, where: str) -> tuple[Any, Any, Any]:
    """Return targets, predictions (without a target, the rows' log-likelihoods) and weights of usable rows."""
    keep = usable_rows(batch, dataset.targets, dataset.weight, where).keep
    rows = batch if keep is None else batch.filter(pa.array(keep))
    none = np.zeros(rows.num_rows)
    y = as_numbers(rows.column(dataset.targets[0])).astype(np.float64) if dataset.targets else none
    w = as_numbers(rows.column(dataset.weight)).astype(np.float64) if dataset.weight else none
    if not rows.num_rows:
        return y, none, w
    if dataset.targets:
        return y, np.asarray(_apply(model, rows)), w
    return y, model.score_samples(pa.Table.from_batches([rows])), w


class _Predicted(RegressorMixin, BaseEstimator):
    """A regressor whose rows are their predictions already."""

    def predict(self, X: Any) -> Any:
        return X


def _score(name: str, y: Any, prediction: Any, weight: Any) -> float:
    from sklearn.metrics import get_scorer

    weights = {} if weight is None else {"sample_weight": weight}
    try:
        return float(get_scorer(name)(_Predicted(), prediction, y, **weights))
    except (AttributeError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"scoring={name!r} cannot be told of these predictions: {reason}") from error
