"""What ``hpo init`` takes rows for: steps of series, by names and types of columns, and by what is there twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from terminal import hpo as run

from hpo.data import open_dataset
from hpo.question.row_guesses import layout_of

MONTHS = pd.date_range("2010-01-01", periods=120, freq="MS")


def sales(**columns):
    rng = np.random.default_rng(0)
    return pd.DataFrame({**columns, "sold": 100.0 + rng.normal(size=len(next(iter(columns.values()))))})


@pytest.mark.parametrize(
    ("frame", "time", "series"),
    [
        (sales(ds=MONTHS), "ds", None),
        (sales(month=MONTHS.strftime("%Y-%m")), "month", None),
        (sales(start=MONTHS, kind=["a", "b"] * 60), "start", None),
        (sales(unique_id=np.repeat(["a", "b"], 120), ds=[*MONTHS, *MONTHS]), "ds", ["unique_id"]),
        (sales(note=["x"] * 240, shop=np.repeat(["a", "b"], 120), day=[*MONTHS, *MONTHS]), "day", ["shop"]),
        (
            sales(shop=np.repeat(["a", "b"], 240), ware=np.tile(np.repeat(["c", "d"], 120), 2), year=[*range(120)] * 4),
            "year", ["shop", "ware"],
        ),
        (sales(date=["soon", "later"] * 9), None, None),
    ],
    ids=["nixtla", "text", "no series", "series", "the column that tells series", "two columns", "no time"],
)  # fmt: skip
def test_times_and_series_are_found(frame, time, series):
    found = layout_of("forecasting", open_dataset(frame), "sold")
    assert found.get("time", (None,))[0] == time
    assert found.get("series", (None,))[0] == series


def test_a_file_of_series_is_written_and_runs(tmp_path, monkeypatch, capsys):
    """It named no column of times, and did not run."""
    monkeypatch.chdir(tmp_path)
    frame = sales(region=np.repeat(["north", "south"], 120), month=[*MONTHS, *MONTHS])
    frame.to_csv("sales.csv", index=False)
    done = run(capsys, monkeypatch, "init", "sales.csv", "--algorithm", "linear_forecaster")
    assert done.code == 0 and "series: ['region'], a guess" in done.err, done
    text = Path("study.yaml").read_text()
    assert "\ntime: month" in text and "\nseries: [region]" in text and "\nfolds: 3" in text
    Path("study.yaml").write_text(text.replace("trials: 200", "trials: 2"))
    done = run(capsys, monkeypatch, "run", "study.yaml", "--no-progress")
    assert done.code == 0 and "3 splits in time" in done.out, done


def test_rows_of_other_tasks_are_taken_as_they_are():
    frame = pd.DataFrame({"user": ["a"], "item": ["b"], "ds": MONTHS[:1]})
    assert layout_of("regression", open_dataset(frame), None) == {}
    assert layout_of("recommendation", open_dataset(frame[["user"]]), None) == {}
    assert layout_of("topics", open_dataset(pd.DataFrame({"tea": [1.0]})), None) == {}
