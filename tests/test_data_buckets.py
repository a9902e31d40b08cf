"""Data in buckets: read as from a disk, also where answers fail or break off; what is wrong is said."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import obstore
import pandas as pd
import pytest
from endpoints import BUCKET, KEY, SECRET, environment
from obstore.store import S3Store
from sklearn.linear_model import LinearRegression

import hpo
from hpo.data.sources import files as sources
from hpo.errors import DataError

ROWS, FILES = 300, 3


@pytest.fixture
def bucket(endpoint, monkeypatch):
    for name, value in environment(endpoint).items():
        monkeypatch.setenv(name, value)
    return S3Store(BUCKET, client_options={"allow_http": True})


@pytest.fixture
def data(bucket, tmp_path) -> tuple[str, Path]:
    folder, prefix = tmp_path / "data", tmp_path.name
    folder.mkdir()
    for i in range(FILES):
        add(bucket, folder, prefix, i)
    return f"s3://{BUCKET}/{prefix}", folder


def add(bucket: S3Store, folder: Path, prefix: str, i: int) -> None:
    rng = np.random.default_rng(i)
    X = rng.normal(size=(ROWS, 3))
    table = pd.DataFrame(X, columns=list("abc")).assign(y=X @ [1.0, 2.0, 0.0] + rng.normal(size=ROWS))
    table.to_parquet(folder / f"{i}.parquet")
    table.to_csv(folder / f"{i}.csv", index=False)
    for path in sorted(folder.glob(f"{i}.*")):
        obstore.put(bucket, f"{prefix}/{path.name}", path)


def tune(data: object, **how):
    return hpo.tune(data, "y", "ridge", trials=4, folds=3, progress=False, **how)


@pytest.mark.parametrize("pattern", ["/*.parquet", "/*.csv", "/1.parquet"])
@pytest.mark.parametrize("layer", ["Arrow", "obstore"])
def test_rows_of_a_bucket_are_those_of_the_disk(data, pattern, layer, monkeypatch):
    uri, folder = data
    if layer == "obstore":  # the way of az://
        monkeypatch.setattr(sources, "_ARROW_SCHEMES", frozenset())
        monkeypatch.setattr(sources, "_BUCKET_SCHEMES", frozenset({"s3"}))
    result = hpo.tune(uri + pattern, "y", "ols", trials=1, folds=3, progress=False)
    read = pd.read_csv if pattern.endswith("csv") else pd.read_parquet
    rows = pd.concat([read(path) for path in sorted(folder.glob(pattern[1:]))])
    fitted = LinearRegression().fit(rows[["a", "b", "c"]], rows["y"])
    assert result.cost.rows_read == len(rows)
    assert np.allclose(result.best_model.predict(rows), fitted.predict(rows[["a", "b", "c"]]), rtol=0, atol=1e-10)


@pytest.mark.parametrize("layer", ["Arrow", "obstore"])
def test_a_file_that_came_or_changed_is_read_and_no_other(data, bucket, tmp_path, layer, monkeypatch):
    uri, folder = data
    if layer == "obstore":
        monkeypatch.setattr(sources, "_ARROW_SCHEMES", frozenset())
        monkeypatch.setattr(sources, "_BUCKET_SCHEMES", frozenset({"s3"}))
    assert tune(f"{uri}/*.parquet").cost.rows_read == FILES * ROWS
    assert tune(f"{uri}/*.parquet").cost.rows_read == 0
    add(bucket, folder, tmp_path.name, FILES)
    assert tune(f"{uri}/*.parquet").cost.rows_read == ROWS


def test_data_and_store_in_one_bucket(data, tmp_path, monkeypatch):
    uri, _ = data
    assert tune(f"{uri}/*.parquet", store=f"{uri}/states").cost.rows_read == FILES * ROWS
    monkeypatch.setenv("HPO_HOME", str(tmp_path / "another home"))
    assert tune(f"{uri}/*.parquet", store=f"{uri}/states").cost.rows_read == 0


@pytest.mark.parametrize("fault", [500, 503, 429, "reset", "truncate"])
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_what_passes_is_waited_for(data, proxy, monkeypatch, fault, ending):
    uri, _ = data
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    proxy.first(2, fault)
    assert tune(f"{uri}/*.{ending}").cost.rows_read == FILES * ROWS


@pytest.mark.parametrize(
    ("case", "words"),
    [("missing", "there is no bucket 'nobody'"), ("empty", "no file matches"), ("forbidden", "ACCESS_DENIED"),
     ("unreachable", "connect")],
)  # fmt: skip
def test_what_cannot_be_read_is_said(data, monkeypatch, case, words):
    uri = "s3://nobody" if case == "missing" else data[0]
    if case == "forbidden":
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "bad")
    if case == "unreachable":
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(DataError, match=words) as caught:
        tune(f"{uri}/*.{'nothing' if case == 'empty' else 'parquet'}")
    assert time.monotonic() - began < 30
    assert KEY not in str(caught.value)
    assert SECRET not in str(caught.value)
