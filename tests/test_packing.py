"""Arrays are stored in fewer bytes than they take, and come back bit by bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import hpo
from state_store import StateStore
from state_store.blob import decode_blob, encode_blob
from state_store.errors import DamagedBlob
from state_store.packing import compress, pack, unpack

RNG = np.random.default_rng(0)


def symmetric(n, kept):
    half = RNG.normal(size=(n, n))
    half[~kept] = 0.0
    half[:, ~kept] = 0.0
    return half + half.T


CASES = {
    "one triangle": (symmetric(100, np.ones(100, bool)), 0.52),
    "half of the columns": (symmetric(100, np.arange(100) % 2 == 0), 0.17),
    "stacked triangles": (np.stack([symmetric(50, np.ones(50, bool)) for _ in range(3)]), 0.53),
    "counts": (RNG.integers(0, 200, 10_000).astype(np.float64), 0.14),
    "float32 in float64": (RNG.normal(size=10_000).astype(np.float32).astype(np.float64), 0.51),
    "mostly zeros": (np.where(np.arange(10_000) % 50 == 0, np.pi, 0.0), 0.05),
    "places without a row": (np.where(np.arange(4096) < 10, np.arange(4096), 2**64 - 1).astype(np.uint64), 0.05),
    "nothing to save": (RNG.normal(size=10_000), 1.05),
    "one value": (np.full((300, 40), 7.25), 0.02),
}
STRANGE = {
    "nan and infinities": np.array([np.nan, -np.inf, np.inf, 0.0, -0.0] * 40),
    "a nan with a payload": np.array([0x7FF8000000000ABC] * 100, np.uint64).view(np.float64),
    "minus zero": np.full(100, -0.0),
    "minus zeros off the diagonal": np.where(np.eye(20) > 0, 1.0, -0.0),
    "equal but for a sign of zero": np.triu(np.full((20, 20), -0.0)),
    "subnormal": np.full(100, 5e-324),
    "empty": np.zeros((0, 7), np.float32),
    "booleans": np.arange(200) % 3 == 0,
    "large whole numbers": np.full(100, 2.0**60),
    "integers of both signs": np.arange(-100, 100),
    "largest integers": np.array([2**64 - 1, 0] * 50, np.uint64),
    "half precision": RNG.normal(size=100).astype(np.float16),
    "fortran order": np.asfortranarray(RNG.normal(size=(20, 30))),
}


@pytest.mark.parametrize("case", CASES)
def test_a_blob_takes_no_more_than_that_share_of_the_array(case):
    array, share = CASES[case]
    data = encode_blob({"x": array}, {})
    assert len(data) <= share * array.nbytes + 500
    np.testing.assert_array_equal(decode_blob(data).arrays["x"], array)


@pytest.mark.parametrize("case", [*CASES, *STRANGE])
def test_every_bit_comes_back(case):
    array = STRANGE[case] if case in STRANGE else CASES[case][0]
    found = decode_blob(encode_blob({"x": array}, {})).arrays["x"]
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tobytes() == np.ascontiguousarray(array).tobytes()


def test_a_large_payload_that_saves_nothing_is_not_compressed_whole(monkeypatch):
    import pyarrow as pa

    sizes = []
    real = pa.compress
    monkeypatch.setattr(pa, "compress", lambda data, *a, **k: sizes.append(len(data)) or real(data, *a, **k))
    payload = RNG.bytes(10_000_000)
    assert compress(payload) == (payload, 0)
    assert sum(sizes) < 300_000


def test_a_blob_of_the_first_format_is_read(monkeypatch):
    from state_store import blob

    monkeypatch.setattr(blob, "FORMAT", 1)
    monkeypatch.setattr(blob, "pack", lambda arrays: (arrays, {}))
    monkeypatch.setattr(blob, "compress", lambda payload: (payload, 0))
    said = blob.canonical_json
    monkeypatch.setattr(
        blob, "canonical_json", lambda v: said({k: x for k, x in v.items() if k not in ("packed", "size")})
    )
    data = encode_blob({"x": np.eye(20)}, {"rows": 1}, scalars={"n": 3})
    monkeypatch.undo()
    found = decode_blob(data)
    np.testing.assert_array_equal(found.arrays["x"], np.eye(20))
    assert (found.about, found.scalars, found.packed) == ({"rows": 1}, {"n": 3}, {})


def test_a_recipe_that_does_not_fit_is_a_damaged_blob():
    parts, recipes = pack({"x": np.eye(20)})
    with pytest.raises(DamagedBlob, match="cannot be unpacked"):
        unpack({"x": parts["x"]}, recipes)
    with pytest.raises(DamagedBlob, match="cannot be unpacked"):
        unpack({**parts, "x": parts["x"][:3]}, recipes)


ROWS = 4000
TABLES = {
    "floats": RNG.normal(size=(ROWS, 30)),
    "floats of 32 bits": RNG.normal(size=(ROWS, 30)).astype(np.float32),
    "wide": RNG.normal(size=(ROWS // 2, 300)),
    "counts": RNG.poisson(1.0, size=(ROWS, 60)).astype(np.uint8),
}
MOST = {"ridge": 1.0, "pls": 1.0, "pca": 1.0, "lda": 1.0, "gaussian_nb": 0.1, "knn_regressor": 1.3}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", MOST)
def test_a_leaf_takes_no_more_bytes_than_its_rows(name, table, tmp_path):
    """Of samples, a row has a priority and a target besides: 16 bytes more."""
    X = TABLES[table]
    y = np.where(X[:, 0] > 0.5, "b", "a") if name in ("lda", "gaussian_nb") else X[:, 0] + RNG.normal(size=len(X))
    y = None if name == "pca" else y
    hpo.tune((X, y), algorithm=name, trials=1, folds=5, progress=False, store=tmp_path)
    own = [leaf.bytes for leaf in StateStore(tmp_path).list() if "ScoringSample" not in leaf.about["summary"]]
    assert len(own) == 1
    assert own[0] <= MOST[name] * X.nbytes + 17 * len(X)


FEW = {
    "wide": pd.DataFrame(RNG.normal(size=(300, 100))).add_prefix("x"),
    "narrow": pd.DataFrame(RNG.normal(size=(300, 4))).add_prefix("x"),
    "levels": pd.DataFrame(RNG.integers(0, 40, (400, 4)).astype(str)).add_prefix("c"),
    "counts": pd.DataFrame(RNG.poisson(0.1, (300, 80)).astype(np.int16)).add_prefix("n"),
}


@pytest.mark.parametrize("files", [1, 6])
@pytest.mark.parametrize("table", FEW)
@pytest.mark.parametrize("name", ["logistic", "poisson"])
def test_leaves_of_rows_that_take_less_than_a_hessian_are_the_rows(name, table, files, tmp_path):
    """A row has a priority, an importance, a weight, a number and a target besides."""
    (tmp_path / "data").mkdir()
    target = RNG.integers(0, 2, 400).astype(str) if name == "logistic" else RNG.poisson(3.0, 400)
    parts = np.array_split(np.arange(len(FEW[table])), files)
    for i, rows in enumerate(parts):
        FEW[table].iloc[rows].assign(y=target[rows]).to_parquet(tmp_path / "data" / f"{i}.parquet")
    hpo.tune(str(tmp_path / "data"), "y", name, trials=1, folds=5, progress=False, store=tmp_path / "s")
    own = [leaf.bytes for leaf in StateStore(tmp_path / "s").list() if "Curvature" in leaf.about["summary"]]
    assert len(own) == files
    assert sum(own) <= FEW[table].memory_usage(deep=True, index=False).sum() + 40 * len(FEW[table]) + 5000 * files
