"""An algorithm of one's own: checked, tuned without an entry point, and as an installed package of another."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import OrthogonalMatchingPursuit
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import hpo
from algorithms import registry
from algorithms.checks import check_algorithm
from algorithms.contract import EXACT, Algorithm, Held, Shape, State, Summary, Tags
from algorithms.errors import AlgorithmError, ContractBroken, LawBroken, NotEnoughRows
from algorithms.models.kmeans import KMeans
from algorithms.models.lda import LDA
from algorithms.models.ridge import Ridge
from algorithms.ranges import Integer, Legal, Uniform
from algorithms.summaries.moments import Moments
from hpo.findings.scored import leaders, searched
from state_store.codec import flatten, restore

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "docs" / "omp"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


FOREIGN = ("linear_model.Ridge", "tree.DecisionTreeClassifier", "ensemble.IsolationForest")


@pytest.mark.parametrize("name", [*registry.names(), *(f"sklearn:sklearn.{path}" for path in FOREIGN)])
def test_every_registered_algorithm_keeps_the_contract(name):
    check_algorithm(registry.get(name), lambda state, like: restore(*flatten(state), like))


@dataclass(frozen=True, kw_only=True)
class OneColumn(Ridge):
    """Ridge on the single best column."""

    select: Annotated[int | None, Legal(ge=1), Integer(1, 1, searched=False)] = 1


def test_a_class_is_tuned_without_an_entry_point(tmp_path):
    check_algorithm(OneColumn)
    how = {"store": tmp_path / "s", "storage": tmp_path / "j"}
    result = hpo.tune(load_diabetes(return_X_y=True), algorithm=OneColumn, trials=4, name="own", **how)
    assert "OneColumn.alpha" in searched(result)
    assert len(result.best_model["model"].coef_) == 1
    again = hpo.load("own", **how)
    assert again.best_params == result.best_params
    hpo.write_report(result, tmp_path / "report.html")
    assert "OneColumn" in (tmp_path / "report.html").read_text()


def test_an_instance_is_a_template_whose_values_are_constants():
    data = load_diabetes(return_X_y=True)
    plain = hpo.tune(data, algorithm=Ridge(alpha=2.0, standardize=False), trials=3, store=None)
    assert not searched(plain)
    assert plain.best.algorithm == Ridge(alpha=2.0, standardize=False)
    some = hpo.tune(data, algorithm=Ridge(alpha=2.0, standardize=False), search={"Ridge.alpha": [1.0, 3.0]}, trials=2,
                    sampler="grid", store=None)  # fmt: skip
    assert {c.algorithm for c in some.candidates} == {Ridge(alpha=a, standardize=False) for a in (1.0, 3.0)}
    passing = hpo.tune(data, algorithm=Ridge(summary=Moments("qr")), trials=1, store=None)
    assert passing.best.algorithm.summary == Moments("qr")


def test_templates_of_several_algorithms_stand_side_by_side():
    from sklearn.datasets import load_wine

    found = hpo.tune(load_wine(return_X_y=True), algorithm=[LDA(shrinkage="auto"), "qda"], trials=6, store=None)
    assert set(leaders(found)) == {"LDA", "qda"}
    assert leaders(found)["LDA"].algorithm.shrinkage == "auto"


def test_a_template_of_another_session_is_asked_for(tmp_path, monkeypatch):
    how = {"store": tmp_path / "s", "storage": tmp_path / "j"}
    hpo.tune(load_diabetes(return_X_y=True), algorithm=Ridge(alpha=3.0), trials=1, folds=2, name="r", **how)
    monkeypatch.setattr(registry, "_OBJECTS", {})
    with pytest.raises(AlgorithmError, match="was a Python object of another session; give the same object again"):
        hpo.load("r", **how)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package of the docs, installed in a directory of its own."""
    source, target = tmp_path_factory.mktemp("source") / "omp", tmp_path_factory.mktemp("installed")
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__"))
    words = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--target", target, source]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return target


def test_the_package_of_the_docs_is_under_sixty_lines():
    assert sum(len(path.read_text().splitlines()) for path in PACKAGE.glob("*.*")) < 60


def test_the_installed_package_is_among_the_algorithms(installed, tmp_path):
    code = """
import hpo
from hpo.findings.scored import leaders
from algorithms import registry
from algorithms.checks import check_algorithm
from sklearn.datasets import load_diabetes
check_algorithm(registry.get("omp"))
found = hpo.tune(load_diabetes(return_X_y=True), algorithm=["omp", "ridge"], trials=8, store=None, progress=False)
assert leaders(found)["omp"].algorithm.n_nonzero_coefs >= 1
print(sorted(leaders(found)))
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), str(ROOT)]), "HPO_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['omp', 'ridge']"


@pytest.mark.parametrize("k", [1, 3, 10])
def test_its_models_and_scores_are_scikit_learns(k):
    OMP = load(PACKAGE / "omp_onepass.py").OMP
    X, y = load_diabetes(return_X_y=True)
    cv = list(KFold(4, shuffle=True, random_state=0).split(X))
    result = hpo.tune((X, y), algorithm=OMP(n_nonzero_coefs=k), folds=cv, trials=1, store=None)
    twin = make_pipeline(StandardScaler(), OrthogonalMatchingPursuit(n_nonzero_coefs=k))
    expected = cross_val_score(twin, X, y, cv=cv, scoring="r2")
    np.testing.assert_allclose(result.best.scores.folds, expected, rtol=1e-8)
    np.testing.assert_allclose(result.best_model["model"].coef_, twin.fit(X, y)[-1].coef_, rtol=1e-6, atol=1e-8)


def test_pages_show_the_code_as_it_is():
    tool = load(ROOT / "tools" / "pages.py")
    for page in tool.PAGES:
        text = page.read_text()
        assert tool.written(text) == text, f"{page.name} is not what tools/pages.py writes: run 'make docs'"
    shown = (ROOT / "docs" / "own_algorithm.md").read_text()
    assert "class Ridge(Regression):" in shown
    assert "class OMP(Regression):" in shown


# what the checks notice ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Silent(Ridge):
    """Forgets the checks of its fields."""

    def __post_init__(self):
        pass


@dataclass(frozen=True, kw_only=True)
class Wrong(Ridge):
    """Tells scores that are not the model's."""

    def score(self, solution, held, metric):
        found = super().score(solution, held, metric)
        return None if found is None else replace(found, value=found.value + 0.1)


@dataclass(frozen=True, kw_only=True)
class Unscored(Ridge):
    """Tells no score that its tags name."""

    def score(self, solution, held: Held, metric):
        return None


@dataclass(frozen=True, kw_only=True)
class Wide(Ridge):
    """Bounds a field by what is not legal."""

    def bounds(self, state):
        return {"select": Integer(0, 3)}


@dataclass(frozen=True, kw_only=True)
class Careless(Ridge):
    """Accepts a state without rows."""

    def check(self, state):
        pass


@dataclass(frozen=True, kw_only=True)
class Hazy(Ridge):
    """Solves another problem each time."""

    def model(self, solution):
        model = super().model(solution)
        model.coef_ = model.coef_ + np.random.default_rng().normal(size=len(model.coef_))
        return model


class Undocumented(Ridge):
    pass


Undocumented.__doc__ = ""


@dataclass(frozen=True)
class Forgetful(Moments):
    """Loses rows where states are merged."""

    def merge(self, a, b):
        return replace(super().merge(a, b), rows=b.rows)


@dataclass(frozen=True, kw_only=True)
class OnForgetful(Ridge):
    """Ridge of a summary that loses rows."""

    summary: Moments = Forgetful()


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        (Silent, ContractBroken, r"Silent\(\w+=-1\) is taken, and not legal: .* must call super\(\).__post_init__\(\)"),
        (Wrong, ContractBroken, "score of 'r2' is .* by the state and .* by scikit-learn"),
        (Unscored, ContractBroken, "score of 'r2' is None, and exact="),
        (Wide, ContractBroken, "bounds of 'select' hold what is not legal: select=0: must be at least 1"),
        (Careless, ContractBroken, "check accepts a state without rows: raise NotEnoughRows"),
        (Hazy, ContractBroken, "predict of two models of one state differ"),
        (Undocumented, ContractBroken, "Undocumented has no docstring"),
        (OnForgetful, LawBroken, "field 'rows' differs"),
    ],
)
def test_the_checks_notice_what_does_not_hold(kind, error, words):
    with pytest.raises(error, match=words):
        check_algorithm(kind)


def test_states_without_rows_are_refused_before_the_trials():
    for kind in (Ridge, KMeans, LDA):
        algorithm = kind()
        summary = algorithm.summary
        from algorithms.checks import rows_of, shape_of

        shape = shape_of(kind)
        if summary.learning is not None:
            summary = summary.knowing(summary.learning.learn(shape, rows_of(shape)))
        with pytest.raises(NotEnoughRows):
            algorithm.check(summary.init(shape))


# an algorithm of a summary of one's own, with nothing but what is required ------------------------------------------


@dataclass(frozen=True, eq=False)
class TotalState(State):
    """The weight and the sum of the target."""

    shape: Shape = field(metadata={"static": True})
    rows: int
    weight: float
    total: float


@dataclass(frozen=True)
class Total(Summary[TotalState]):
    """What a mean is made of."""

    version: ClassVar[int] = 1
    tolerance: ClassVar[float] = 1e-12
    family: ClassVar[str] = EXACT

    def init(self, shape):
        return TotalState(shape, 0, 0.0, 0.0)

    def update(self, state, batch):
        y = batch.dense(state.shape.p)[:, state.shape.d]
        return self.merge(state, TotalState(state.shape, batch.n, batch.total, float(batch.weights @ y)))

    def merge(self, a, b):
        return TotalState(a.shape, a.rows + b.rows, a.weight + b.weight, a.total + b.total)

    def nbytes(self, shape):
        return 24


@dataclass(frozen=True, kw_only=True)
class Mean(Algorithm[TotalState, float]):
    """The mean of the target, shrunk towards zero."""

    shrink: Annotated[float, Legal(ge=0, le=1), Uniform(0.0, 1.0)] = 0.0
    summary: Total = Total()

    tags: ClassVar[Tags] = Tags(task="regression")

    def solve(self, state):
        if not state.rows:
            raise NotEnoughRows("Mean needs at least 1 row, and the state holds none")
        return (1.0 - self.shrink) * state.total / state.weight

    def estimator(self, solution):
        model = DummyRegressor(strategy="constant", constant=solution)
        return model.fit(np.zeros((1, 1)), [0.0])

    def complexity(self, solution):
        return 1.0 - self.shrink

    def check(self, state):
        if not state.rows:
            raise NotEnoughRows("Mean needs at least 1 row, and the state holds none")


def test_what_is_required_is_enough(tmp_path):
    check_algorithm(Mean, lambda state, like: restore(*flatten(state), like))
    X, y = load_diabetes(return_X_y=True)
    how = {"store": tmp_path / "s", "storage": tmp_path / "j"}
    cv = list(KFold(4, shuffle=True, random_state=0).split(X))
    result = hpo.tune((X, y), algorithm=Mean, scoring="neg_mean_squared_error", folds=cv, trials=6, name="mean", **how)
    assert result.cost.rows_read == len(X)
    for candidate in result.candidates:
        shrink = 1.0 - candidate.algorithm.shrink
        expected = [-np.mean((y[test] - shrink * y[train].mean()) ** 2) for train, test in cv]
        np.testing.assert_allclose(candidate.scores.folds, expected, rtol=1e-10)
    again = hpo.tune((X, y), algorithm=Mean, scoring="neg_mean_squared_error", folds=cv, trials=2, name="again", **how)
    assert again.cost.rows_read == 0
    hpo.write_report(result, tmp_path / "report.html")
    assert hpo.load("mean", **how).best_params == result.best_params
    side = hpo.tune((X, y), algorithm=[Mean, "ridge"], trials=8, store=None)
    assert set(leaders(side)) == {"Mean", "ridge"}
