"""Rows that a study says it read are the rows that came out of its files: those of the pass, of pilots and of a polish."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hpo
from hpo.data.sources.readers import FileSource
from hpo.report.collect import report_data
from studies.report.text import cost_text

ROWS, FILES = 400, 4
CITIES = pd.DataFrame({"level": list("uvw"), "people": [1.0, 5.0, 2.0]})


@pytest.fixture
def counted(monkeypatch):
    """How many rows were read, of each file but those of dimensions."""
    read, scan = [], FileSource.scan

    def scanned(self, segment, columns, *args, **more):
        for rows in scan(self, segment, columns, *args, **more):
            read.append(rows.batch.num_rows)
            yield rows

    monkeypatch.setattr(FileSource, "scan", scanned)
    return read


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(ROWS, 3)), columns=list("abc"))
    frame["level"] = rng.choice(list("uvw"), ROWS)
    frame["y"] = frame.a * 2 + rng.normal(size=ROWS)
    frame["t"] = np.where(frame.a + rng.normal(size=ROWS) > 0, "p", "q")
    (tmp_path / "data").mkdir()
    for place, part in enumerate(np.array_split(np.arange(ROWS), FILES)):
        frame.iloc[part].to_parquet(tmp_path / "data" / f"{place}.parquet", index=False)
    return str(tmp_path / "data")


@pytest.mark.parametrize(
    ("target", "algorithm", "more"),
    [
        ("y", "ridge", {}),
        ("t", "logistic", {}),
        ("t", "gaussian_nb", {}),
        (None, "kmeans", {}),
        ("y", "linear_regressor", {}),
        ("y", "ridge", {"scoring": "neg_median_absolute_error"}),
        ("y", "sklearn:sklearn.tree.DecisionTreeRegressor", {}),
        ("y", "ridge", {"half_life": 100}),
        ("y", "ridge", {"join": {"city": {"data": CITIES, "on": "level"}}}),
    ],
)
def test_they_are_those_that_came_out_of_the_files(target, algorithm, more, data, counted, tmp_path):
    drop = [name for name in ("y", "t") if name != target]
    options = {"trials": 2, "folds": 2, "progress": False, "n_jobs": 1, "store": tmp_path / "store", "drop": drop}
    result = hpo.tune(data, target, algorithm, **options, **more)
    cost, report = result.cost, report_data(result)
    assert cost.rows_read + cost.pilot_rows == sum(counted)
    assert (report.ledger.rows_read, report.ledger.pilot_rows) == (cost.rows_read, cost.pilot_rows)
    assert f"Before that, {cost.pilot_rows:,} rows were looked at" in cost_text(report.ledger) or not cost.pilot_rows
    counted.clear()
    again = hpo.tune(data, target, algorithm, **options, **more)
    assert again.cost.rows_read + again.cost.pilot_rows == sum(counted)
