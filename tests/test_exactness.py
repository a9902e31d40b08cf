"""The same cv gives GridSearchCV's fold scores to 1e-8, and its best setting, on real data."""

from __future__ import annotations

import numpy as np
import pytest
from flights import flights
from sklearn.datasets import load_diabetes, load_linnerud
from sklearn.decomposition import PCA
from sklearn.linear_model import ElasticNet, Lasso, Ridge
from sklearn.model_selection import GridSearchCV, KFold, RepeatedKFold, ShuffleSplit, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from hpo.states.learned.deals import dealt

TIGHT = {"tol": 1e-12, "max_iter": 1_000_000}
ALPHAS = [1e-3, 1e-2, 0.1, 1.0, 10.0]
GRIDS = {
    "ridge": (Ridge(), {"alpha": [0.01, 1.0, 30.0, 1000.0]}),
    "lasso": (Lasso(**TIGHT), {"alpha": ALPHAS}),
    "elastic_net": (ElasticNet(**TIGHT), {"alpha": ALPHAS, "l1_ratio": [0.2, 0.8]}),
}


def diabetes():
    return load_diabetes(return_X_y=True)


def linnerud(i):
    X, Y = load_linnerud(return_X_y=True)
    return X, Y[:, i]


def flights_by_encoder():
    frame = flights().dropna(subset=["arr_delay"]).iloc[::100]
    X = frame[["month", "day", "carrier", "origin", "distance", "sched_dep_time", "dep_delay"]]
    return hpo.Encoder().fit(X).transform(X), frame["arr_delay"].to_numpy()


DATA = {
    "diabetes": diabetes,
    "linnerud-weight": lambda: linnerud(0),
    "linnerud-waist": lambda: linnerud(1),
    "linnerud-pulse": lambda: linnerud(2),
    "flights": flights_by_encoder,
}
SPLITTERS = {
    "kfold": KFold(5, shuffle=True, random_state=0),
    "repeated": RepeatedKFold(n_splits=3, n_repeats=2, random_state=1),
    "shuffle": ShuffleSplit(4, train_size=0.5, test_size=0.2, random_state=2),
    "time": TimeSeriesSplit(3),
}


def ours(X, y, algorithm, grid, cv, metric, tmp_path, **constants):
    search = {f"{algorithm}.{k}": list(v) for k, v in grid.items()}
    fixed = {f"{algorithm}.{k}": v for k, v in constants.items()}
    space = int(np.prod([len(v) for v in grid.values()]))
    return hpo.tune(
        (X, y), algorithm=algorithm, search={**search, **fixed}, folds=cv, scoring=metric,
        sampler="grid", trials=space, store=tmp_path / "store",
    )  # fmt: skip


def fold_table(result):
    """Fold scores by setting."""
    table = {}
    for _, row in result.trials_dataframe().iterrows():
        key = tuple(sorted((c.split(".")[-1], row[c]) for c in row.index if c.startswith("params_")))
        table[key] = row["fold_scores"]
    return table


def theirs_table(search, k):
    found = {}
    for i, params in enumerate(search.cv_results_["params"]):
        key = tuple(sorted((name.split("__")[-1], value) for name, value in params.items()))
        found[key] = [search.cv_results_[f"split{j}_test_score"][i] for j in range(k)]
    return found


CASES = [(d, cv) for d in DATA for cv in SPLITTERS if d == "diabetes" or cv == "kfold"]


@pytest.mark.parametrize(("data", "cv"), CASES)
@pytest.mark.parametrize("algorithm", GRIDS)
def test_fold_scores_and_best_setting_equal_grid_search(data, algorithm, cv, tmp_path):
    X, y = DATA[data]()
    estimator, grid = GRIDS[algorithm]
    splitter = SPLITTERS[cv]
    metric = "neg_root_mean_squared_error"
    model = make_pipeline(StandardScaler(), estimator)
    name = model.steps[-1][0]
    search = GridSearchCV(model, {f"{name}__{k}": v for k, v in grid.items()}, cv=splitter, scoring=metric)
    search.fit(X, y)
    tight = {} if algorithm == "ridge" else TIGHT
    result = ours(X, y, algorithm, grid, splitter, metric, tmp_path, standardize=True, impute="mean",
                  min_frequency=0.0, **tight)  # fmt: skip
    expected = theirs_table(search, splitter.get_n_splits(X))
    made = fold_table(result)
    assert made.keys() == expected.keys()
    for key, scores in expected.items():
        np.testing.assert_allclose(made[key], scores, rtol=1e-8, err_msg=str(key))
    best = {k.split("__")[-1]: v for k, v in search.best_params_.items()}
    assert {k.split(".")[-1]: result.best_params[f"{algorithm}.{k}"] for k in grid} == best
    np.testing.assert_allclose(result.best_model.predict(X[:50]), search.predict(X[:50]), rtol=1e-6)


def test_pca_scores_equal_grid_search(tmp_path):
    X, _ = load_diabetes(return_X_y=True)
    cv = KFold(5, shuffle=True, random_state=0)
    search = GridSearchCV(PCA(svd_solver="full"), {"n_components": [1, 2, 4, 7]}, cv=cv).fit(X)
    result = hpo.tune(
        X, algorithm="pca", search={"pca.n_components": [1, 2, 4, 7], "pca.standardize": False}, folds=cv,
        sampler="grid", trials=4, store=tmp_path,
    )  # fmt: skip
    expected = theirs_table(search, 5)
    for key, scores in fold_table(result).items():
        np.testing.assert_allclose(scores, expected[key], rtol=1e-8)
    assert result.best_params["pca.n_components"] == search.best_params_["n_components"]


def test_all_of_the_flights_from_files_give_the_best_setting_of_grid_search(tmp_path):
    """Monthly Parquet, hashed folds: the same rows and folds, handed to scikit-learn, choose the same."""
    from flights import write_months

    columns = ["month", "day", "distance", "sched_dep_time", "dep_delay", "arr_delay"]
    folder = write_months(tmp_path / "data", columns=columns)
    alphas = [1.0, 1e3, 1e5, 1e6, 1e7]
    result = hpo.tune(
        folder, "arr_delay", "ridge", search={"ridge.alpha": alphas, "ridge.standardize": True}, sampler="grid",
        trials=5, scoring="neg_root_mean_squared_error", store=tmp_path / "store",
    )  # fmt: skip
    dataset = hpo.open_dataset(folder, target="arr_delay")
    scheme = dealt(hpo.HashFolds(5, seed=0), dataset, hpo.StateStore(tmp_path / "other store"))
    cells, rows = [], []
    for segment in dataset.segments:
        first, assign = 0, scheme.assigner(segment)
        for batch in dataset.read(segment):
            cells.append(assign(batch, first))
            rows.append(batch.to_pandas())
            first += batch.num_rows
    import pandas as pd

    frame, cell = pd.concat(rows), np.concatenate(cells)
    kept = frame["arr_delay"].notna().to_numpy()
    frame, cell = frame[kept], cell[kept]
    X, y = frame[columns[:-1]].to_numpy(dtype=float), frame["arr_delay"].to_numpy(dtype=float)
    cv = [(np.flatnonzero(cell != k), np.flatnonzero(cell == k)) for k in range(5)]
    search = GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": alphas}, cv=cv,
                          scoring="neg_root_mean_squared_error").fit(X, y)  # fmt: skip
    assert result.best_params["ridge.alpha"] == search.best_params_["ridge__alpha"]
    for key, scores in fold_table(result).items():
        np.testing.assert_allclose(scores, theirs_table(search, 5)[key], rtol=1e-8)
    assert result.cost.rows_read == 336_776
    assert result.cost.rows_without_target == 336_776 - kept.sum()
