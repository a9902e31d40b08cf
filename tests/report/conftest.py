"""Synthetic studies for the report's tests: believable, and awkward in every way."""

from __future__ import annotations

import functools
import math
import random
from dataclasses import replace

import pytest
from browser import window

from studies.report.data import Chosen, Curve, Estimate, Ledger, ReportData, SegmentRow, TrialRow

SPEC = """\
name: flights
data: data/flights/*.parquet
target: arr_delay
algorithm: [ridge, elastic_net]
folds: 5
trials: 200
scoring: neg_root_mean_squared_error
search:
  elastic_net.alpha: {low: 0.0001, high: 10, log: true}
"""


def settings(chance: random.Random, algorithm: str) -> dict:
    common = {
        "alpha": 10 ** chance.uniform(-6, 3),
        "standardize": chance.random() < 0.7,
        "impute": chance.choice(["mean", "zero", "most_frequent"]),
        "min_frequency": chance.randint(1, 500),
        "select": chance.choice([None, 10, 20, 40, 80]),
        "fit_intercept": chance.random() < 0.8,
        "tolerance": 10 ** chance.uniform(-8, -3),
    }
    return common if algorithm == "ridge" else {**common, "l1_ratio": chance.random()}


def score(params: dict, algorithm: str) -> float:
    bowl = 0.018 * (math.log10(params["alpha"]) - (0.5 if algorithm == "ridge" else -2.5)) ** 2
    flags = 0.12 * (not params["standardize"]) + 0.3 * (not params["fit_intercept"])
    choices = {"mean": 0.0, "zero": 0.05, "most_frequent": 0.09}[params["impute"]]
    few = 0.8 / (params["select"] or 120) * 10
    ratio = 0.05 * (params.get("l1_ratio", 0.6) - 0.3) ** 2
    return -(38.1 + bowl + flags + choices + few + ratio)


def make_trials(count: int, seed: int = 0) -> list[TrialRow]:
    chance = random.Random(seed)
    rows = []
    for number in range(count):
        algorithm = chance.choices(["ridge", "elastic_net", "lasso"], [5, 6, 2])[0]
        params = settings(chance, algorithm)
        base = score(params, algorithm) + chance.gauss(0, 0.02)
        folds = [base + shift for shift in (-0.31, 0.22, 0.05, 0.35, -0.31)]
        failed = chance.random() < 0.02
        rows.append(
            TrialRow(
                number,
                algorithm,
                params,
                None if failed else base,
                None if failed else 0.142,
                [] if failed else folds,
                chance.uniform(3e-5, 4e-3),
                3 if number == 17 else None,
                "failed" if failed else "complete",
            )
        )
    return rows


def chosen(trial: TrialRow, complexity: float) -> Chosen:
    return Chosen(trial.number, trial.algorithm, trial.params, trial.value, trial.se, complexity)


def make_curves(best: dict) -> list[Curve]:
    powers = [10 ** (-6 + i * 0.375) for i in range(25)]
    bowl = [-(38.2 + 0.02 * (math.log10(x) + 2.5) ** 2) for x in powers]
    ratios = [i / 20 for i in range(21)]
    return [
        Curve("alpha", powers, bowl, [0.14] * 25, log=True, best_x=best["alpha"]),
        Curve("l1_ratio", ratios, [-(38.2 + 0.3 * (x - 0.3) ** 2) for x in ratios], [0.05] * 21, best_x=0.3),
        Curve("standardize", [True, False], [-38.2, -38.34], [0.14, 0.15], best_x=True),
        Curve("impute", ["mean", "zero", "most_frequent"], [-38.2, -38.25, -38.31], [0.1] * 3, best_x="mean"),
        Curve("select", [10, 20, 40, 80], [-39, -38.6, -38.3, -38.2], [0.1] * 4, best_x=80),
    ]


def make_data(count: int = 200) -> ReportData:
    trials = make_trials(count)
    scored = sorted((t for t in trials if t.value is not None), key=lambda t: -t.value)
    best, simple = scored[0], scored[min(8, len(scored) - 1)]
    chance = random.Random(5)
    months = [f"flights-2013-{m:02d}.parquet" for m in range(1, 13)]
    segments = [
        SegmentRow(name, 336_776 if i == 11 else 27_000 + 113 * i, 610_000, "read" if i == 11 else "reused")
        for i, name in enumerate(months)
    ]
    return ReportData(
        name="flights",
        created="2026-05-04 09:30 UTC",
        data="data/flights/*.parquet, 12 files",
        target="arr_delay",
        scoring="neg_root_mean_squared_error",
        folds="5 folds by hash, seed 0",
        sampler="tpe",
        seed=0,
        n_rows=336_776,
        n_columns=161,
        trials=trials,
        best=chosen(best, 80),
        simplest=chosen(simple, 20),
        nested=Estimate(-38.33, 0.151),
        importances={
            "alpha": 0.46,
            "fit_intercept": 0.21,
            "select": 0.17,
            "standardize": 0.08,
            "impute": 0.05,
            "l1_ratio": 0.02,
            "min_frequency": 0.007,
            "tolerance": 0.003,
        },
        validation=make_curves(best.params),
        learning=Curve(
            "rows",
            [67_000, 135_000, 202_000, 269_000],
            [-38.9, -38.52, -38.37, -38.3],
            [0.31, 0.22, 0.17, 0.14],
        ),
        coefficients=[
            (f"{'dest' if i % 3 else 'carrier'}={chance.choice('ABCDEFG')}{i}", chance.gauss(0, 6))
            for i in range(60)
        ],
        ledger=Ledger(336_776, 340_143_760, 7_340_032, 0.41, 0.78, 24, 132, 20_000, segments=segments),
        spec_yaml=SPEC,
        notes=["9,430 rows have no arr_delay and were left out."],
        dropped_rows=9_430,
    )


@pytest.fixture(scope="session")
def study():
    """A believable study of 200 trials; the tests change it with dataclasses.replace."""
    return make_data()


def two_goals() -> ReportData:
    """The believable study with R² as a second objective, which the best by the first is not the best by."""
    chance, usual = random.Random(2), make_data()
    trials = [
        t if t.value is None else replace(t, metrics={"r2": Estimate(chance.uniform(0.1, 0.4), 0.01)})
        for t in usual.trials
    ]
    scored = sorted((t for t in trials if t.value is not None), key=lambda t: -t.value)
    best = [t.metrics["r2"].mean for t in scored]
    front = [t for i, t in enumerate(scored) if best[i] > max(best[:i], default=0.0)]
    names = ["neg_root_mean_squared_error", "r2"]
    pareto = [replace(chosen(t, 10), metrics=t.metrics) for t in front]
    return replace(
        usual, trials=trials, metrics=names, objectives=names, pareto=pareto, best=None, simplest=None, nested=None,
        learning=None, coefficients=[],
    )  # fmt: skip


@pytest.fixture(scope="session")
def goals():
    return two_goals()


@pytest.fixture(scope="session")
def big_study():
    return make_data(1000)


@pytest.fixture(scope="module")
def huge_study():
    return make_data(10_000)


def hostile_study() -> ReportData:
    wild = "</script><script>alert(1)</script>&\"'\x00\x1b[31m\ud800 \u202e {{7*7}} 数据 ]]>"
    trials = [
        TrialRow(
            i,
            wild,
            {wild: wild if i % 2 else "b" * 300, "x": i},
            -float(i),
            0.1,
            [-1.0, -2.0],
            0.1,
            None,
            wild,
        )
        for i in range(6)
    ]
    pick = Chosen(0, wild, trials[0].params, -0.0, 0.1, 1.0)
    curve = Curve(wild, [wild, "b" * 300], [-1.0, -2.0], [0.1, 0.1], best_x=wild)
    return ReportData(
        name=wild,
        created=wild,
        data=wild,
        target=wild,
        scoring=wild,
        folds=wild,
        sampler=wild,
        trials=trials,
        best=pick,
        simplest=pick,
        importances={wild: 1.0},
        validation=[curve],
        learning=curve,
        coefficients=[(wild, -1.0)],
        ledger=Ledger(segments=[SegmentRow(wild, 1)]),
        spec_yaml=wild,
        notes=[wild],
    )


def many_parameters(count: int = 40, trials: int = 1000) -> ReportData:
    chance = random.Random(1)
    rows = [
        TrialRow(
            i, "ridge", {f"parameter_{k:02d}": chance.random() for k in range(count)}, -chance.random(), 0.01
        )
        for i in range(trials)
    ]
    return replace(make_data(30), trials=rows, importances={f"parameter_{k:02d}": k for k in range(count)})


@functools.cache
def awkward_studies() -> dict[str, ReportData]:
    usual = make_data(30)
    return {
        "empty": ReportData(name="empty"), "40 parameters": many_parameters(trials=60), "hostile": hostile_study(),
        "two goals": two_goals(), "many trials": make_data(5000), "extreme": of_extreme_values(usual),
        **of_few_scores(usual), **of_odd_parameters(usual), **of_odd_curves(usual), **of_odd_passes(usual),
    }  # fmt: skip


def of_extreme_values(usual: ReportData) -> ReportData:
    nan, inf = float("nan"), float("inf")
    values = [1e308, -1e308, 1e-308, 5e-324, 0.0, nan, inf, -inf, None]
    extreme = [
        TrialRow(i, "ridge", {"alpha": abs(v) if v else v, "c": v}, v, v, [v, v] if v else [])
        for i, v in enumerate(values)
    ]
    return replace(
        usual,
        trials=extreme,
        importances={"alpha": nan},
        coefficients=[("a", 1e308), ("b", -5e-324)],
        nested=Estimate(nan, nan),
        learning=Curve("rows", [1, 2], [1e308, -1e308], [1e308, inf]),
    )


def of_few_scores(usual: ReportData) -> dict[str, ReportData]:
    row, flat = usual.trials[0], [replace(t, value=-38.0, se=0.0) for t in usual.trials]
    return {
        "one trial": replace(usual, trials=[row], best=chosen(row, 1), simplest=chosen(row, 1)),
        "equal values": replace(
            usual, trials=flat, validation=[Curve("alpha", [1, 1], [-1, -1], [0, 0], True, 1)]
        ),
        "all failed": replace(
            usual, trials=[replace(t, value=None, se=None) for t in usual.trials], best=None, simplest=None
        ),
        "negative R²": replace(
            usual, scoring="r2", trials=[replace(t, value=-(10.0**t.number)) for t in usual.trials]
        ),
    }


def of_odd_parameters(usual: ReportData) -> dict[str, ReportData]:
    odd = [1, 0.5, "sqrt", None, True, (1, 2), {"a": 1}, float("nan"), "", -3]
    mixed = [replace(t, params={"p": v}) for t, v in zip(usual.trials, odd, strict=False)]
    long = [replace(t, params={"kind": f"{'long ' * 20}{t.number}"}) for t in usual.trials]
    return {
        "no parameters": replace(usual, trials=[replace(t, params={}) for t in usual.trials], importances={}),
        "long categories": replace(usual, trials=long),
        "mixed kinds": replace(usual, trials=mixed),
    }


def of_odd_curves(usual: ReportData) -> dict[str, ReportData]:
    means = [-0.5] * 6 + [float("nan")] + [-1e9] * 6
    wide = Curve("alpha", [10.0**k for k in range(-9, 4)], means, [0.1] * 13, True, 1e-3)
    short = Curve("alpha", [1, 2, 3], [-1.0, -2.0], [])
    return {
        "12 decades": replace(
            usual, validation=[wide, replace(wide, x=[0.0, *wide.x[1:]]), replace(wide, best_x=7)]
        ),
        "short curve lists": replace(usual, validation=[short], learning=Curve("n", [1], [-1.0])),
    }


def of_odd_passes(usual: ReportData) -> dict[str, ReportData]:
    segments = [
        SegmentRow(f"part-{i:05d}.parquet", i % 7, 0, "read" if i % 3 else "reused") for i in range(20_000)
    ]
    return {
        "20,000 segments": replace(usual, ledger=replace(usual.ledger, segments=segments)),
        "nothing read": replace(usual, ledger=Ledger(0, 340_143_760, 0, 0.0, 0.7, 0, 132)),
    }


@pytest.fixture(params=list(awkward_studies()))
def awkward(request):
    return awkward_studies()[request.param]


@pytest.fixture(scope="session")
def wide_study():
    return many_parameters()


@pytest.fixture(scope="session")
def hostile():
    return hostile_study()


@pytest.fixture(scope="module")
def screen():
    """One browser for the pages of a module."""
    with window() as opened:
        yield opened
