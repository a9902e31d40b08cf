"""What the twins do not ask: documented attributes, ranges from the state, degrees of freedom, the cache."""

from __future__ import annotations

import gc
from fractions import Fraction

import numpy as np
import pytest
from sklearn.decomposition import PCA as SkPCA  # noqa: N811
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import BayesianRidge as SkBayesianRidge
from sklearn.linear_model import ElasticNet as SkElasticNet
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as SkRidge
from sklearn.preprocessing import StandardScaler

from algorithms.contract import INDICATOR, LEVEL, OTHER, Batch, Column, Shape, fitted
from algorithms.errors import AlgorithmError, DegenerateTarget, InvalidField
from algorithms.families.design import column_map, design_of
from algorithms.memo import Memo
from algorithms.models.bayesian_ridge import BayesianRidge
from algorithms.models.elastic_net import ElasticNet
from algorithms.models.lasso import Lasso
from algorithms.models.ols import OLS
from algorithms.models.pca import PCA
from algorithms.models.pcr import PCR
from algorithms.models.pls import MOST, PLS
from algorithms.models.ridge import Ridge
from algorithms.preparing.preprocess import Preprocess
from algorithms.ranges import Integer
from algorithms.solvers import coordinate_descent
from algorithms.solvers.partial_least_squares import pls
from algorithms.solvers.spectrum import decompose, least_squares, ridge
from algorithms.summaries.moments import Moments

N = 200


def data(seed=0, d=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, d)) * np.arange(1, d + 1) + 2.0
    return X, X[:, 0] - 2.0 * X[:, 1] + rng.normal(size=N) + 5.0


def state_of(X, y=None, columns=None, weight=None, moments=None):
    moments = moments or Moments()
    columns = columns or tuple(Column(f"x{i}", f"x{i}") for i in range(X.shape[1]))
    shape = Shape(columns, () if y is None else ("y",))
    rows = X if y is None else np.column_stack([X, y])
    return moments.update(moments.init(shape), Batch(np.asfortranarray(rows), X.shape[1], weight))


def model_of(algorithm, X, y=None):
    return fitted(algorithm, state_of(X, y))[-1]


class TestAttributes:
    def test_bayesian_ridge_knows_its_deviation(self):
        X, y = data()
        ours, theirs = model_of(BayesianRidge(standardize=False), X, y), SkBayesianRidge().fit(X, y)
        np.testing.assert_allclose(
            ours.predict(X, return_std=True)[1], theirs.predict(X, return_std=True)[1], rtol=1e-6
        )
        np.testing.assert_allclose(ours.sigma_, theirs.sigma_, rtol=1e-6)
        assert (ours.n_iter_, ours.alpha_) == (theirs.n_iter_, pytest.approx(theirs.alpha_))

    @pytest.mark.parametrize("params", [{"alpha_1": 50.0}, {"alpha_2": 50.0}, {"lambda_1": 50.0}, {"lambda_2": 50.0},
                                        {"lambda_init": 1e3, "max_iter": 1}, {"alpha_init": 1e3, "max_iter": 1}])  # fmt: skip
    def test_every_prior_counts(self, params):
        X, y = data()
        ours, theirs = (
            model_of(BayesianRidge(standardize=False, **params), X, y),
            SkBayesianRidge(**params).fit(X, y),
        )
        np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8)
        assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=1e-8)

    @pytest.mark.parametrize("whiten", [True, False])
    def test_pca(self, whiten):
        X, _ = data()
        ours = model_of(PCA(n_components=2, standardize=False, whiten=whiten), X)
        theirs = SkPCA(2, svd_solver="full", whiten=whiten).fit(X)
        for name in (
            "explained_variance_",
            "explained_variance_ratio_",
            "singular_values_",
            "noise_variance_",
            "mean_",
        ):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-9, err_msg=name)
        np.testing.assert_allclose(
            np.abs(ours.transform(X)), np.abs(theirs.transform(X)), rtol=1e-8, atol=1e-9
        )
        assert ours.score(X) == pytest.approx(theirs.score(X), rel=1e-9)

    def test_linear_regression(self):
        X, y = data()
        ours, theirs = model_of(OLS(standardize=False), X, y), LinearRegression().fit(X, y)
        np.testing.assert_allclose(ours.singular_, theirs.singular_, rtol=1e-9)
        assert ours.rank_ == theirs.rank_

    def test_the_scaler(self):
        X, y = data()
        scaler, theirs = fitted(Ridge(), state_of(X, y))["scale"], StandardScaler().fit(X)
        for name in ("mean_", "scale_", "var_"):
            np.testing.assert_allclose(getattr(scaler, name), getattr(theirs, name), rtol=1e-9, err_msg=name)
        np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(X)), X, rtol=1e-9)

    def test_the_model_says_what_it_was_made_with(self):
        X, y = data()
        assert model_of(Lasso(alpha=0.25), X, y).alpha == 0.25
        assert model_of(ElasticNet(alpha=0.25, l1_ratio=0.75), X, y).get_params()["l1_ratio"] == 0.75
        assert model_of(Ridge(alpha=0.5, positive=True), X, y).positive

    @pytest.mark.parametrize("ours, theirs", [
        (Ridge(alpha=2.0, positive=True, standardize=False), SkRidge(2.0, positive=True)),
        (ElasticNet(alpha=0.1, positive=True, standardize=False), SkElasticNet(alpha=0.1, positive=True)),
        (OLS(positive=True, standardize=False), LinearRegression(positive=True)),
    ])  # fmt: skip
    def test_positive_coefficients(self, ours, theirs):
        X, y = data()
        expected = theirs.fit(X, y).coef_
        assert (expected == 0.0).any()
        np.testing.assert_allclose(model_of(ours, X, y).coef_, expected, rtol=1e-3, atol=1e-4)

    def test_a_collinear_column_shares_the_positive_coefficient_without_overflow(self):
        X, y = data()
        twice = np.column_stack([X[:, :1], X[:, :1]])
        assert model_of(OLS(positive=True, standardize=False), twice, y).coef_.sum() == pytest.approx(
            LinearRegression().fit(X[:, :1], y).coef_[0], rel=1e-6
        )


class TestDegreesOfFreedom:
    def test_ridge_goes_from_rank_to_zero(self):
        X, y = data()
        state, G = state_of(X, y), (X - X.mean(0)).T @ (X - X.mean(0))
        for alpha in (1e-9, 10.0, 1e9):
            made = Ridge(alpha=alpha, standardize=False)
            expected = np.trace(np.linalg.solve(G + alpha * np.eye(4), G))
            assert made.complexity(made.solve(state)) == pytest.approx(expected + 1.0, rel=1e-9)
        no_intercept = Ridge(alpha=1e-9, fit_intercept=False)
        assert no_intercept.complexity(no_intercept.solve(state)) == pytest.approx(4.0)

    def test_elastic_net_counts_active_columns_shrunk_by_its_l2_part(self):
        X, y = data()
        made = ElasticNet(alpha=1.0, l1_ratio=0.3, standardize=False)
        solution = made.solve(state_of(X, y))
        active = np.flatnonzero(solution.coef)
        assert 0 < len(active) < 4
        Z = (X - X.mean(0))[:, active]
        penalty = 1.0 * 0.7 * N
        expected = np.trace(np.linalg.solve(Z.T @ Z + penalty * np.eye(len(active)), Z.T @ Z))
        assert made.degrees(solution) == pytest.approx(expected, rel=1e-9)
        lasso = Lasso(alpha=1.0, standardize=False)
        assert lasso.degrees(lasso.solve(state_of(X, y))) == pytest.approx(len(active), abs=1)

    def test_counted_by_rank_components_and_evidence(self):
        X, y = data()
        X = np.column_stack([X, X[:, 0]])
        state = state_of(X, y)
        for made, expected in (
            (OLS(), 4.0),
            (PCR(n_components=2), 2.0),
            (PLS(n_components=3), 3.0),
            (PCA(n_components=2), 1.0),
        ):
            extra = 1.0
            assert made.complexity(made.solve(state)) == pytest.approx(expected + extra)
        bayes = BayesianRidge(standardize=False)
        solution = bayes.solve(state)
        assert 3.5 < bayes.degrees(solution) <= 4.0


class TestRanges:
    def test_of_the_penalty_reach_from_no_shrinkage_to_nothing_left(self):
        X, y = data()
        state = state_of(X, y)
        free, all_ = Ridge().bounds(state)["alpha"].low, Ridge().bounds(state)["alpha"].high
        assert Ridge(alpha=free).degrees(Ridge(alpha=free).solve(state)) == pytest.approx(4.0, abs=1e-4)
        assert Ridge(alpha=all_).degrees(Ridge(alpha=all_).solve(state)) < 0.8
        high = ElasticNet().bounds(state)["alpha"].high
        assert not ElasticNet(alpha=high).solve(state).coef.any()
        assert Lasso(alpha=Lasso().bounds(state)["alpha"].low).solve(state).coef.all()

    def test_of_components_end_at_the_rank(self):
        X, y = data()
        X = np.column_stack([X, X[:, 0]])
        for made in (PCR(), PLS()):
            assert made.bounds(state_of(X, y))["n_components"] == Integer(1, 4)
        assert PCA().bounds(state_of(X))["n_components"] == Integer(1, 3)

    def test_leave_out_what_has_no_effect(self):
        X, y = data()
        columns = (
            Column("a", "a"),
            Column("missing_a", "a", INDICATOR),
            Column("k_u", "k", LEVEL),
            Column("k_other", "k", OTHER),
        )
        nothing = np.column_stack([X[:, 0], np.zeros(N), np.zeros(N), np.zeros(N)])
        something = np.column_stack([X[:, 0], np.arange(N) % 2, np.arange(N) % 2, np.arange(N) % 2])
        assert {k for k, v in Ridge().bounds(state_of(nothing, y, columns)).items() if v is None} == {
            "impute",
            "min_frequency",
        }
        assert None not in Ridge().bounds(state_of(something, y, columns)).values()

    def test_a_target_constant_to_rounding_is_refused(self):
        X, _ = data()
        y = np.full(N, 0.1) + np.where(np.arange(N) % 2, 1e-17, 0.0)
        for target in (y, y * 1e8, np.zeros(N)):
            with pytest.raises(DegenerateTarget, match="nothing to learn"):
                Ridge().check(state_of(X, target))
        Ridge().check(state_of(X, 1e8 + np.arange(N) * 1e-3))

    def test_of_the_l1_share(self):
        X, y = data()
        for share in (-0.1, 1.1, np.nan):
            with pytest.raises(InvalidField, match="l1_ratio"):
                ElasticNet(l1_ratio=share).solve(state_of(X, y))
        with pytest.raises(InvalidField, match="alpha"):
            ElasticNet(alpha=0.0).solve(state_of(X, y))


class TestDesign:
    def test_a_column_constant_to_rounding_is_not_scaled(self):
        X, y = data()
        X[:, 1] = 1e6 + np.where(np.arange(N) % 2, 1e-10, 0.0)
        scaler = fitted(Ridge(), state_of(X, y))["scale"]
        np.testing.assert_array_equal(scaler.scale_ == 1.0, StandardScaler().fit(X).scale_ == 1.0)
        assert scaler.scale_[1] == 1.0

    def test_a_level_of_exactly_the_least_share_is_kept(self):
        columns = (Column("k_u", "k", LEVEL), Column("k_v", "k", LEVEL), Column("k_other", "k", OTHER))
        codes = np.array([0] * 150 + [1] * 50)
        X = np.eye(3)[codes]
        state = state_of(X, data()[1], columns)
        assert column_map(state, "mean", 0.25).names == ("k_u", "k_v")
        assert column_map(state, "mean", 0.2500001).names == ("k_u", "k_other")
        both = column_map(
            state_of(np.eye(3)[codes[::-1] + np.arange(N) % 2], data()[1], columns), "mean", 0.4
        )
        assert both.pick is None
        assert both.matrix.toarray().sum(axis=1).tolist() == [1.0, 1.0, 1.0]

    def test_a_number_of_zeros_is_kept_as_simple_imputer_does_and_a_level_of_no_row_is_not(self):
        X, y = data()
        X[:, 1] = X[:, 3] = 0.0
        X[:, 2] = np.where(np.arange(N) % 2, 1.0, -1.0)
        columns = (*(Column(f"x{j}", f"x{j}") for j in range(3)), Column("c_a", "c", LEVEL))
        assert column_map(state_of(X, y, columns), "mean", 0.0).names == ("x0", "x1", "x2")

    def test_a_number_that_every_row_lacks_is_left_out(self):
        X, y = data()
        X[:, 0], X[:, 1] = 0.0, 1.0
        columns = (Column("a", "a"), Column("missing_a", "a", INDICATOR), Column("b", "b"), Column("c", "c"))
        assert column_map(state_of(X, y, columns), "mean", 0.0).names == ("b", "c")

    def test_selected_columns_stand_in_their_old_order_ties_to_the_last(self):
        X, y = data()
        X[:, 0], X[:, 3] = X[:, 1], y
        chosen = design_of(state_of(X, y), Preprocess(False, "mean", 0.0, 2, True))
        assert chosen.columns.names == ("x1", "x3")

    @pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
    def test_of_mirrored_columns_the_last_are_selected_as_by_selectkbest(self, k):
        rng = np.random.default_rng(k)
        yes = rng.random((300, 3)) < [0.2, 0.5, 0.7]
        X = np.empty((300, 6))
        X[:, ::2], X[:, 1::2] = yes, ~yes
        y = yes @ [1.0, 0.5, 2.0] + rng.normal(size=300)
        exact = SelectKBest(lambda X, y: np.round(f_regression(X, y)[0], 9), k=k).fit(X, y)
        chosen = design_of(state_of(X, y), Preprocess(True, "mean", 0.0, k, True))
        assert chosen.columns.names == tuple(f"x{j}" for j in exact.get_support(indices=True))

    def test_a_column_that_does_not_vary_is_the_last_to_be_selected(self):
        X, y = data()
        X[:, 2] = 7.0
        with np.errstate(all="raise"):
            chosen = design_of(state_of(X, y), Preprocess(True, "mean", 0.0, 3, True))
        assert chosen.columns.names == ("x0", "x1", "x3")

    def test_the_picked_columns_are_those_of_the_matrix(self):
        X, y = data()
        X[:, 1] = 0.0
        levels = (Column("x0", "x0"), Column("c_a", "c", LEVEL), Column("x2", "x2"), Column("x3", "x3"))
        columns = column_map(state_of(X, y, levels), "mean", 0.0)
        assert columns.pick.tolist() == [0, 2, 3]
        np.testing.assert_array_equal(columns.matrix.toarray(), np.eye(4)[:, [0, 2, 3]])

    def test_the_fill_is_the_mean_of_what_is_there(self):
        gaps = np.arange(N) % 4 == 0
        value = np.where(gaps, 0.0, 6.0)
        columns = (Column("a", "a"), Column("missing_a", "a", INDICATOR))
        state = state_of(np.column_stack([value, gaps]), data()[1], columns)
        assert column_map(state, "mean", 0.0).matrix.toarray().tolist() == [[1.0], [6.0]]
        assert column_map(state, "zero", 0.0).matrix.toarray().tolist() == [[1.0], [0.0]]
        assert column_map(state, "indicator", 0.0).matrix.toarray().tolist() == [[1.0, 0.0], [6.0, 1.0]]

    @pytest.mark.parametrize("categories", [False, True])
    def test_what_it_sums_is_what_the_matrix_says(self, categories):
        """T of four numbers, two with gaps; beside categories, of which the rare ones are one column."""
        rng, gaps = np.random.default_rng(1), np.arange(N) % 4 == 0
        columns = [Column("a", "a"), Column("missing_a", "a", INDICATOR), Column("b", "b")]
        columns += [Column("c", "c"), Column("missing_c", "c", INDICATOR), Column("d", "d")]
        a, c = np.where(gaps, 0.0, rng.normal(6.0, 1.0, N)), np.where(~gaps, 0.0, rng.normal(-3.0, 1.0, N))
        X = np.column_stack([a, gaps, rng.normal(size=N), c, ~gaps, rng.normal(size=N)])
        if categories:
            columns += [Column(f"k_{v}", "k", LEVEL) for v in "uvwz"]
            X = np.column_stack([X, np.eye(4)[np.repeat(np.arange(4), [N - 9, 3, 3, 3])]])
        made = column_map(state_of(X, data()[1], tuple(columns)), "mean", 0.2)
        T = made.matrix.toarray()
        assert made.pick is None and (made.filled is None) == categories
        x, v = rng.normal(size=X.shape[1]), np.r_[0.0, rng.random(X.shape[1] - 1)]
        np.testing.assert_allclose(made.mean(x), T.T @ x, rtol=1e-14)
        np.testing.assert_allclose(made.parts(v), np.sqrt((T * T).T @ v), rtol=1e-14)
        some = np.arange(T.shape[1])[::-2]
        np.testing.assert_array_equal(made.take(some).matrix.toarray(), T[:, some])
        np.testing.assert_allclose(made.rows(X), X @ T, rtol=1e-14)
        exact = (X @ T)[:, :4].var(axis=0)
        np.testing.assert_allclose(made.spread(X.mean(axis=0), X.var(axis=0))[:4], exact, rtol=1e-12)


class State:
    """Something to derive from."""


class TestMemo:
    def test_the_least_recently_used_go_when_it_is_full(self):
        memo, state, made = Memo(budget=24), State(), []

        def get(key):
            return memo.get(state, key, lambda: made.append(key) or np.zeros(1))

        for key in "abcadb":
            get(key)
        assert made == ["a", "b", "c", "d", "b"]  # d drove out b, the oldest use; then b drives out c
        assert memo.nbytes == 24

    def test_one_value_always_fits(self):
        memo, state = Memo(budget=8), State()
        big = memo.get(state, "big", lambda: np.zeros(100))
        assert memo.get(state, "big", lambda: np.zeros(100)) is big

    def test_what_belonged_to_a_state_that_is_gone_is_forgotten(self):
        memo, state = Memo(), State()
        memo.get(state, "x", lambda: np.zeros(10))
        assert memo.nbytes == 80
        del state
        gc.collect()
        assert memo.nbytes == 0
        assert not memo._entries

    def test_states_do_not_share_values(self):
        memo, a, b = Memo(), State(), State()
        assert memo.get(a, "x", lambda: np.zeros(1)) is not memo.get(b, "x", lambda: np.ones(1))

    def test_another_state_at_the_same_address_gets_a_value_of_its_own(self):
        memo, state, other = Memo(), State(), State()
        memo.get(state, "x", lambda: np.zeros(1))
        memo._entries[id(other), "x"] = memo._entries[id(state), "x"]
        assert memo.get(other, "x", lambda: np.ones(1))[0] == 1.0


def in_fractions(G, b, alpha):
    """Solve (G + αI)w = b by Gauss-Jordan elimination without rounding."""
    n = len(b)
    rows = [
        [Fraction(G[i, j]) + (i == j) * Fraction(alpha) for j in range(n)] + [Fraction(b[i])]
        for i in range(n)
    ]
    for i in range(n):
        for k in set(range(n)) - {i}:
            factor = rows[k][i] / rows[i][i]
            rows[k] = [x - factor * y for x, y in zip(rows[k], rows[i], strict=True)]
    return [float(rows[i][n] / rows[i][i]) for i in range(n)]


class TestSolvers:
    def test_ridge_keeps_its_digits_on_badly_scaled_columns(self):
        """Against exact fractions; without the refinement the eigenvectors lose half of the digits."""
        rng = np.random.default_rng(0)
        Z = rng.normal(size=(60, 4)) @ np.diag([1.0, 1e4, 1e-4, 1.0])
        Z[:, 3] += Z[:, 0]
        G, b = Z.T @ Z, Z.T @ rng.normal(size=60)
        np.testing.assert_allclose(ridge(decompose(G, b), 1e-3), in_fractions(G, b, 1e-3), rtol=1e-11)

    def test_rounding_is_no_direction(self):
        rng = np.random.default_rng(0)
        Z = rng.normal(size=(60, 3))
        Z = np.column_stack([Z, Z.sum(axis=1)])
        G, b = Z.T @ Z, Z.T @ rng.normal(size=60)
        s = decompose(G, b)
        assert s.rank == 3
        np.testing.assert_allclose(
            least_squares(s, tol=0.0), np.linalg.pinv(Z) @ np.linalg.pinv(Z.T) @ b, rtol=1e-7
        )

    def test_components_beyond_what_is_kept_are_found_when_asked_for(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(300, MOST + 10)) @ rng.normal(size=(MOST + 10, MOST + 10))
        y = X @ rng.normal(size=MOST + 10) + rng.normal(size=300)
        state = state_of(X, y)
        few, many = PLS(n_components=2).solve(state), PLS(n_components=MOST + 10).solve(state)
        assert (few.extra["components"], many.extra["components"]) == (2, MOST + 10)
        np.testing.assert_allclose(many.coef, OLS().solve(state).coef, rtol=1e-4, atol=1e-6)

    def test_components_end_where_nothing_is_left(self):
        X, _ = data()
        exact = X @ np.array([1.0, 0.0, 0.0, 0.0])
        assert PLS(n_components=4, standardize=True).solve(state_of(X[:, :1], exact)).extra["components"] == 1
        round_ = np.eye(4) * 5.0 + 1e-16 * np.arange(16.0).reshape(4, 4)
        assert pls(round_, np.array([0.1, 0.7, 1.3, 2.9]), 4).k == 1


class TestMoments:
    def test_float32_is_multiplied_in_float64_only_when_asked(self):
        rng = np.random.default_rng(0)
        X = (rng.normal(size=(500, 2)) + 1e3).astype(np.float32)
        exact = np.cov(X.astype(float), rowvar=False, bias=True) * 500
        errors = {
            p: np.abs(state_of(X, moments=Moments(p)).scatter - exact).max() for p in ("data", "double")
        }
        assert errors["double"] <= 1e-9 * np.abs(exact).max() < errors["data"] <= 1e-4 * np.abs(exact).max()

    def test_the_shift_of_float32_leaves_no_trace(self):
        X = np.float32(1e6) + np.arange(7, dtype=np.float32)[:, None] / 3
        state = state_of(X)
        values = X[:, 0].astype(float)
        assert state.mean[0] == pytest.approx(values.mean(), rel=1e-12)
        assert state.scatter[0, 0] == pytest.approx(((values - values.mean()) ** 2).sum(), rel=1e-6)

    def test_weights_are_those_of_numpy(self):
        X, _ = data()
        w = np.random.default_rng(1).uniform(0.1, 5.0, N)
        state = state_of(X, weight=w)
        np.testing.assert_allclose(state.mean, np.average(X, axis=0, weights=w), rtol=1e-12)
        np.testing.assert_allclose(
            state.scatter, np.cov(X, rowvar=False, aweights=w, bias=True) * w.sum(), rtol=1e-10
        )

    def test_its_size_is_what_it_says(self):
        X, y = data()
        state = state_of(X, y)
        assert Moments().nbytes(state.shape) == 2 * state.mean.nbytes + state.inner.nbytes + state.within.nbytes + 32
        state = state_of(X, y, moments=Moments("qr"))
        assert Moments("qr").nbytes(state.shape) == 2 * state.mean.nbytes + 2 * state.inner.nbytes + state.within.nbytes + 32

    def test_its_precision_is_one_of_four(self):
        with pytest.raises(AlgorithmError, match="precision='half'"):
            Moments("half")


@pytest.mark.parametrize("alpha", [1e-3, 0.3])
@pytest.mark.parametrize("positive", [False, True])
def test_descent_called_directly_gives_the_bits_of_the_public_path(alpha, positive):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 8)) + rng.normal(size=(200, 1))
    y = X @ rng.normal(size=8) + rng.normal(size=200)
    how, start = coordinate_descent.Descent(positive=positive), np.full(8, 0.1)
    problem = (X.T @ X / 200, X.T @ y / 200, y @ y / 200, alpha, 0.4, how, start)
    one, other = coordinate_descent.directly(*problem), coordinate_descent.by_path(*problem)
    np.testing.assert_array_equal(one[0], other[0])
    assert one[1:] == other[1:]
    np.testing.assert_array_equal(start, np.full(8, 0.1))
    assert coordinate_descent._solver() is coordinate_descent.directly


def test_where_the_compiled_descent_changed_the_public_path_is_taken(monkeypatch):
    monkeypatch.setattr(coordinate_descent, "directly", lambda *_: (np.zeros(3), 1, 0.0))
    assert coordinate_descent._solver.__wrapped__() is coordinate_descent.by_path
