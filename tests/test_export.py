"""Exported models: of scikit-learn's own classes, equal to the study's, and at home where this package is not."""

from __future__ import annotations

import datetime
import importlib.util
import json
import re
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from differential.compare import _tuned as tuned
from differential.compare import given as given_rows
from differential.settings import examples, splits
from differential.tables import table
from hypothesis import Phase, given, seed, settings
from sklearn.base import clone
from terminal import hpo as ask

import hpo
from algorithms.errors import AlgorithmError
from hpo.errors import ExportError, HpoError
from hpo.findings import export_check, exporting
from hpo.findings.hpo_dates import DateColumns
from hpo.findings.portable import portable

N = 300

ALONE = """
import json, sys
for name in ("hpo", "algorithms", "state_store", "studies", "optuna"):
    sys.modules[name] = None  # as where they are not installed
import pandas as pd
rows = pd.read_pickle(sys.argv[2])
if sys.argv[1].endswith(".joblib"):
    import joblib
    model = joblib.load(sys.argv[1])
else:
    import skops.io
    model = skops.io.load(sys.argv[1], trusted=skops.io.get_untrusted_types(file=sys.argv[1]))
print(json.dumps(model.predict(rows).tolist()))
"""


def rows_of(seed=0, *, dates=False):
    """Numbers far from zero, in nullable integers, booleans, texts with gaps, rare and unseen ones."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "year": rng.normal(size=N) + 2010,
            "cost": rng.normal(size=N) * 1e5,
            "kind": rng.choice(list("abcdefgh"), N, p=[0.3, 0.3, 0.2, 0.1, 0.05, 0.03, 0.01, 0.01]),
            "flag": rng.random(N) < 0.3,
            "few": pd.array(rng.integers(0, 9, N), dtype="Int16"),
            "size": pd.Categorical(rng.choice(["S", "M", "missing"], N)),
            "many": [f"level {i % 90}" for i in range(N)],
        }
    )
    frame.loc[::5, "few"], frame.loc[::7, "year"], frame.loc[::11, "kind"] = pd.NA, np.nan, None
    if dates:
        frame["when"] = pd.date_range("2013-01-05", periods=N, freq="17h")
        frame["zone"] = pd.date_range("2013-01-05", periods=N, freq="31h", tz="Europe/Berlin")
        frame["day"] = pd.date_range("2013-01-05", periods=N).date
        frame["at"] = [datetime.time(i % 24, i % 60) for i in range(N)]
        frame["took"] = pd.to_timedelta(rng.normal(size=N) * 1e5, unit="s")
        frame.loc[::7, "when"], frame.loc[::9, "at"], frame.loc[::13, "took"] = pd.NaT, None, pd.NaT
    return frame


def asked(**options):
    frame = rows_of(**options)
    signal = frame["cost"] / 1e5 + 2.0 * frame["flag"] + (frame["kind"] == "a")
    frame["y"] = signal + np.random.default_rng(1).normal(size=N)
    frame["late"] = np.where(frame["y"] > 1.0, "yes", "no")
    frame["grade"] = np.select([frame["y"] > 1.0, frame["y"] > 0.0], [3, 2], 1)
    return frame


def new(**options):
    """Rows of another draw, with what no row of the study had."""
    frame = rows_of(seed=7, **options)
    frame.loc[3, "kind"], frame.loc[5, "size"], frame.loc[9, "cost"] = "new", np.nan, np.nan
    return frame


def study(algorithm, target, place, frame=None, search=None, **options):
    frame = asked(**options) if frame is None else frame
    frame = frame.drop(columns=[c for c in ("y", "late", "grade") if c != target and c in frame])
    return hpo.tune(frame, target, algorithm, trials=2, store=place / "s", progress=False, n_jobs=1, search=search)


def same(model, made, rows):
    if not hasattr(model, "predict"):
        np.testing.assert_allclose(made.transform(rows), model.transform(rows), rtol=1e-9, atol=1e-12)
        return
    known, found = model.predict(rows), made.predict(rows)
    if known.dtype.kind == "f":
        np.testing.assert_allclose(found, known, rtol=1e-9)
    else:
        assert found.tolist() == known.tolist()
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(made.predict_proba(rows), model.predict_proba(rows), rtol=1e-7, atol=1e-12)


def classes(model):
    """Yield the class of every part of a fitted pipeline."""
    for step in (step for _, step in model.steps):
        yield type(step)
        for _, part, _ in getattr(step, "transformers_", ()):
            if hasattr(part, "steps"):
                yield from classes(part)
            elif not isinstance(part, str):
                yield type(part)


MODELS = [
    ("ridge", "y"), ("lasso", "y"), ("pls", "y"), ("pcr", "y"), ("knn_regressor", "y"), ("linear_regressor", "y"),
    ("gamma", "grade"), ("logistic", "late"), ("logistic", "grade"), ("lda", "grade"), ("qda", "late"),
    ("gaussian_nb", "grade"), ("bernoulli_nb", "late"), ("knn_classifier", "late"), ("linear", "late"),
    ("sklearn:sklearn.ensemble.ExtraTreesRegressor", "y"), ("kmeans", None), ("gaussian_mixture", None), ("pca", None),
]  # fmt: skip


@pytest.mark.parametrize(("algorithm", "target"), MODELS, ids=[f"{a}-{t}" for a, t in MODELS])
def test_a_portable_model_predicts_as_the_study_s_and_is_scikit_learn_s_own(algorithm, target, tmp_path):
    result = study(algorithm, target, tmp_path)
    made = portable(result.model_of(encoded=True))
    same(result.best_model, made, new())
    assert {cls.__module__.partition(".")[0] for cls in classes(made)} == {"sklearn"}


@pytest.mark.parametrize("impute", ["mean", "zero", "indicator"])
@pytest.mark.parametrize("min_frequency", [0.0, 0.03, 0.2])
@pytest.mark.parametrize("select", [None, 5])
def test_every_preprocessing(impute, min_frequency, select, tmp_path):
    search = {"ridge.impute": impute, "ridge.min_frequency": min_frequency, "ridge.select": select}
    result = study("ridge", "y", tmp_path, search=search)
    same(result.best_model, portable(result.model_of(encoded=True)), new())


@pytest.mark.parametrize("algorithm", ["ridge", "knn_regressor", "gaussian_nb", "lda"])
@pytest.mark.filterwarnings("ignore")
def test_any_table(algorithm):
    """The tables of the differential test: every width of numbers, gaps, offsets, units, dates, files or a frame."""
    compared = []

    @seed(7)
    @settings(max_examples=25, database=None, phases=[Phase.generate])
    @given(examples(algorithm))
    def one(example):
        t = table(example.spec)
        folds, _ = splits(example, t)
        with given_rows(example.spec, t) as (data, store):
            try:
                model = tuned(example, t, data, folds, store).model_of(encoded=True)
            except (HpoError, AlgorithmError):
                return
        made = portable(model, DateColumns)
        # the study's columns are encoded about an origin, which rounds by its last digit when it is added again
        farthest = max(abs(column.origin) for column in model["encoder"].columns_)
        scale = model.named_steps["scale"].scale_.min() if "scale" in model.named_steps else 1.0
        off = 4.0 * np.finfo(float).eps * farthest / scale
        for rows in (t.frame[list(t.features)], t.fresh):
            # the same values: of float32 scikit-learn's steps compute in float32
            narrow = [name for name in rows if str(rows[name].dtype).lower() == "float32"]
            frame = rows.astype(dict.fromkeys(narrow, "float64"))
            found, known = made[:-1].transform(frame), model[:-1].transform(frame)
            np.testing.assert_allclose(found, known, rtol=1e-12, atol=off)
            compared.append(len(frame))

    one()
    assert len(compared) >= 30


@pytest.mark.parametrize("algorithm", ["ridge", "knn_regressor"])
def test_dates_by_the_module_beside(algorithm, tmp_path):
    result = study(algorithm, "y", tmp_path, dates=True)
    rows = new(dates=True)
    rows.loc[3, "when"], rows.loc[5, "zone"] = pd.Timestamp("1969-12-31 23:59"), pd.NaT
    same(result.best_model, portable(result.model_of(encoded=True), DateColumns), rows)


@pytest.mark.parametrize("ending", ["joblib", "skops"])
@pytest.mark.parametrize("dates", [False, True], ids=["", "dates"])
def test_a_file_runs_where_nothing_of_this_package_is_installed(ending, dates, tmp_path):
    result = study("ridge", "y", tmp_path, dates=dates)
    files = hpo.export(result, tmp_path / f"model.{ending}")
    assert [file.name for file in files] == [f"model.{ending}", *(["hpo_dates.py"] if dates else [])]
    rows = new(dates=dates)
    rows.to_pickle(tmp_path / "rows.pkl")
    command = [sys.executable, "-W", "ignore", "-c", ALONE, f"model.{ending}", "rows.pkl"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    np.testing.assert_allclose(json.loads(ran.stdout), result.best_model.predict(rows), rtol=1e-9)
    assert "hpo_dates" not in sys.modules


@pytest.mark.parametrize(("algorithm", "target"), [("ridge", "y"), ("logistic", "grade"), ("kmeans", None), ("pca", None)])
def test_onnx(algorithm, target, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    result = study(algorithm, target, tmp_path)
    [file] = hpo.export(result, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"])
    rows = new()
    given = {
        name: (rows[name].astype(object).where(rows[name].notna(), "").to_numpy(object) if name in TEXTS else
               rows[name].to_numpy(float, na_value=np.nan)).reshape(-1, 1)
        for name in rows.columns
    }  # fmt: skip
    found = session.run(None, given)[0]
    model = result.best_model
    known = model.predict(rows) if target or algorithm == "kmeans" else model.transform(rows)
    np.testing.assert_allclose(np.reshape(found, known.shape), known, rtol=1e-6, atol=1e-7)


TEXTS = ("kind", "size", "many")


def test_a_refitted_one_learns_of_new_rows(tmp_path):
    frame = asked().drop(columns=["late", "grade"])
    made = portable(study("ridge", "y", tmp_path, frame).model_of(encoded=True))
    later = asked(seed=3).drop(columns=["late", "grade"])
    before = made.predict(new())
    made.fit(later.drop(columns="y"), later["y"])
    assert not np.allclose(made.predict(new()), before)
    again = clone(made).fit(later.drop(columns="y"), later["y"])
    np.testing.assert_allclose(again.predict(new()), made.predict(new()), rtol=1e-12)


LINEAR = [
    ("ols", "y"), ("ridge", "y"), ("lasso", "y"), ("bayesian_ridge", "y"), ("linear_regressor", "y"), ("poisson", "grade"),
    ("gamma", "grade"), ("logistic", "late"), ("logistic", "grade"), ("lda", "grade"), ("lda", "late"),
]  # fmt: skip


@pytest.mark.parametrize(("algorithm", "target"), LINEAR, ids=[f"{a}-{t}" for a, t in LINEAR])
def test_a_linear_model_is_a_module_of_numpy_and_pandas(algorithm, target, tmp_path):
    result = study(algorithm, target, tmp_path)
    [file] = hpo.export(result, tmp_path / "model.py")
    spec = importlib.util.spec_from_file_location("model", file)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    same(result.best_model, made, new())
    imported = re.findall(r"^(?:import|from) (\w+)", file.read_text(), re.MULTILINE)
    assert imported == ["numpy", "pandas"]


def test_rates_that_overflow_far_from_the_data_are_the_same_on_both_sides(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=N) * 1e-3})
    frame["n"] = rng.poisson(np.exp(1.0 + 500.0 * frame["x"]))
    fixed = {"poisson.alpha": 0.0}
    result = hpo.tune(frame, "n", "poisson", search=fixed, trials=1, folds=3, store=tmp_path / "store", progress=False)
    hpo.export(result, tmp_path / "model.joblib")
    model = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_allclose(model.predict(frame[["x"]]), result.best_model.predict(frame[["x"]]), rtol=1e-12)


def test_answers_that_differ_are_refused_wherever_one_is_infinite():
    known = {"predict": np.array([1.0, np.inf, np.nan])}
    export_check.compare(known, {"predict": known["predict"]}, "these")
    for other in ([1.0, 3.0, np.nan], [1.0, -np.inf, np.nan], [1.0, np.inf, 0.0], [np.inf, np.inf, np.nan]):
        with pytest.raises(ExportError, match="not written"):
            export_check.compare(known, {"predict": np.array(other)}, "these")


class TestWhatIsRefused:
    def test_other_endings_and_places(self, tmp_path):
        result = study("ridge", "y", tmp_path)
        with pytest.raises(ExportError, match=r"'model\.pkl'.*end it in \.joblib, \.skops, \.onnx, \.py"):
            hpo.export(result, tmp_path / "model.pkl")
        with pytest.raises(ExportError, match="make the directory first"):
            hpo.export(result, tmp_path / "none" / "model.joblib")

    def test_what_scikit_learn_has_no_class_for(self, tmp_path):
        with pytest.raises(ExportError, match="numbers the categories of column 'kind'"):
            hpo.export(study("categorical_nb", "late", tmp_path), tmp_path / "model.joblib")
        with pytest.raises(ExportError, match=r"column 'when' \(timestamp\) is a date.*drop=\['when'\]"):
            hpo.export(study("ridge", "y", tmp_path, dates=True), tmp_path / "model.onnx")
        with pytest.raises(ExportError, match=r"\(KNeighborsRegressor\) is not linear.*write \.joblib"):
            hpo.export(study("knn_regressor", "y", tmp_path), tmp_path / "model.py")
        assert not list(tmp_path.glob("*model*"))

    def test_predictions_that_differ(self, tmp_path, monkeypatch):
        result = study("ridge", "y", tmp_path)
        wrong = portable(result.model_of(encoded=True))
        wrong[-1].coef_[0] += 1e-3
        monkeypatch.setattr(exporting, "portable", lambda model, dates: wrong)
        with pytest.raises(ExportError, match=r"not written: predict of scikit-learn's classes is .* here"):
            hpo.export(result, tmp_path / "model.joblib")
        assert not list(tmp_path.glob("*model*"))

    def test_what_is_not_installed(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "skops.io", None)
        with pytest.raises(ExportError, match=r"\.skops needs skops: pip install 'onepass-hpo\[export\]'"):
            hpo.export(study("ridge", "y", tmp_path), tmp_path / "model.skops")


def test_the_command(tmp_path, capsys, monkeypatch):
    (tmp_path / "data").mkdir()
    asked().drop(columns=["late", "grade"]).to_csv(tmp_path / "data" / "rows.csv", index=False)
    monkeypatch.chdir(tmp_path)
    hpo.tune("data", "y", "ridge", trials=2, name="costs", storage="s.journal", progress=False, n_jobs=1)
    where = ("--storage", "s.journal")
    made = ask(capsys, monkeypatch, "export", "costs", "-o", "model.joblib", "--json", *where)
    assert made.code == 0
    assert [name.rpartition("/")[2] for name in json.loads(made.out)["files"]] == ["model.joblib"]
    rows = pd.read_csv("data/rows.csv").drop(columns="y")
    known = hpo.load("costs", storage="s.journal").best_model.predict(rows)
    np.testing.assert_allclose(joblib.load("model.joblib").predict(rows), known, rtol=1e-9)
    wrong = ask(capsys, monkeypatch, "export", "costs", "-o", "model.pkl", *where)
    assert wrong.code and "end it in .joblib, .skops, .onnx, .py" in wrong.err
