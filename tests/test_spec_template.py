"""The commented study.yaml: it loads as it is, and with its search lines uncommented."""

from __future__ import annotations

import re

import pytest

from studies.spec.form import loads
from studies.spec.ranges import Range
from studies.spec.template import ColumnNote, template

RANGES = {
    "ridge.alpha": Range(low=1e-6, high=1e6, log=True),
    "ridge.standardize": [True, False],
    "ridge.k": 3,
}


def text(**changes) -> str:
    given = {
        "name": "flights",
        "data": "flights/*.parquet",
        "target": "arr_delay",
        "algorithms": ["ridge", "lasso"],
        "scoring": "r2",
        "targets": {"arr_delay": "number", "dep_delay": "number"},
        "columns": [ColumnNote("carrier", "text", 0.0123, ["AA", "UA"]), ColumnNote("day", "date")],
        "ranges": RANGES,
    }
    return template(**(given | changes))


def test_it_loads_as_it_is():
    spec = loads(text())
    assert (spec.name, spec.data, spec.target, spec.search) == (
        "flights",
        ("flights/*.parquet",),
        "arr_delay",
        {},
    )
    assert spec.algorithm == ("ridge", "lasso")


def test_its_search_lines_load_once_uncommented():
    lines = re.sub(r"^# (search:|  ridge)", r"\1", text(), flags=re.MULTILINE)
    assert loads(lines).search == {k: tuple(v) if isinstance(v, list) else v for k, v in RANGES.items()}


def test_what_is_searched_of_algorithms_without_ranges_stands_beside_them():
    both = text(search={"boosted.n_estimators": {"low": 20, "high": 400}}, offer="auto+trees\nevil: 1")
    assert loads(both).search == {"boosted.n_estimators": Range(low=20, high=400)}
    lines = re.sub(r"^#   ridge", "  ridge", both, flags=re.MULTILINE)
    assert set(loads(lines).search) == {"boosted.n_estimators", *RANGES}
    assert "#   auto+trees evil: 1" in both


def test_columns_and_candidates_stand_in_comments():
    assert "#   carrier  text  1.2%  AA, UA" in text()
    assert "#   could also be: dep_delay (number)" in text()


@pytest.mark.parametrize(
    "name", ["a: b", "x # y", "- q", "'", '"', "é 日本", "null", "1e5", "{a}", "*x", "a\\b"]
)
def test_any_column_name_survives(name):
    spec = loads(
        text(target=name, data=[name, "z"], columns=[ColumnNote(name + "\nevil: 1", name, 0.5, [name])])
    )
    assert spec.target == name
    assert spec.data == (name, "z")


def test_a_decomposition_has_no_target():
    assert loads(text(target=None, algorithms=["pca"], ranges={})).target is None
