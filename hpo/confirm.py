"""Raw rows through a model: predictions batch by batch, and scores of rows that were held out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from hpo.data import open_dataset
from hpo.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline


def predict(model: Pipeline, data: Any, options: Mapping[str, Any]) -> pd.DataFrame:
    """Return the model's output for every row, in order."""
    import pandas as pd

    dataset = open_dataset(data, features=_features(model), **options)
    batches = (b for segment in dataset.segments for b in dataset.read(segment))
    outputs = [np.asarray(_apply(model, batch)) for batch in batches]
    made: np.ndarray[Any, Any] = np.concatenate(outputs) if outputs else np.zeros(0)
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
    """Return the scores of held-out rows by scikit-learn's scorers; rows without a target are left out.

    Raises
    ------
    DataError
        For an unknown scorer, or when no row has a target.
    """
    if not targets:
        return _confirm_decomposition(model, data, scoring, options)
    dataset = open_dataset(data, target=list(targets), weight=weight, features=_features(model), **options)
    read = (batch for segment in dataset.segments for batch in dataset.read(segment))
    parts = [_scored(model, batch, targets[0], weight) for batch in read]
    y, prediction, w = (np.concatenate([part[i] for part in parts]) for i in range(3))
    if not len(y):
        raise DataError(f"no row of the data to confirm on has a value for the target {targets[0]!r}")
    return {name: _score(name, y, prediction, w if weight else None) for name in scoring}


def _features(model: Pipeline) -> list[str]:
    return [str(name) for name in model["encoder"].feature_names_in_]


def _apply(model: Pipeline, batch: pa.RecordBatch) -> Any:
    table = pa.Table.from_batches([batch])
    return model.predict(table) if hasattr(model, "predict") else model.transform(table)


def _scored(model: Pipeline, batch: pa.RecordBatch, target: str, weight: str | None) -> tuple[Any, Any, Any]:
    y = batch.column(target).cast(pa.float64()).to_numpy(zero_copy_only=False)
    w = np.ones(len(y))
    if weight is not None:
        w = batch.column(weight).cast(pa.float64()).to_numpy(zero_copy_only=False)
    kept = ~np.isnan(y) & (w > 0.0)
    rows = batch.filter(pa.array(kept))
    prediction = np.asarray(_apply(model, rows)) if rows.num_rows else np.zeros(0)
    return y[kept], prediction, w[kept]


def _score(name: str, y: Any, prediction: Any, weight: Any) -> float:
    from sklearn.metrics import get_scorer, get_scorer_names

    if name not in get_scorer_names():
        from studies.located import nearest

        raise DataError(f"scoring={name!r} is no scorer of scikit-learn{nearest(name, get_scorer_names())}")
    scorer: Any = get_scorer(name)
    return float(scorer._sign * scorer._score_func(y, prediction, sample_weight=weight, **scorer._kwargs))


def _confirm_decomposition(
    model: Pipeline, data: Any, scoring: Sequence[str], options: Mapping[str, Any]
) -> dict[str, float]:
    dataset = open_dataset(data, features=_features(model), **options)
    total, rows = 0.0, 0
    for batch in _batches(dataset):
        total += float(np.sum(model.score_samples(pa.Table.from_batches([batch]))))
        rows += batch.num_rows
    return dict.fromkeys(scoring, total / rows)


def _batches(dataset: Any) -> Iterator[pa.RecordBatch]:
    return (batch for segment in dataset.segments for batch in dataset.read(segment))
