"""Every part of the benchmark table runs, on data so small that its figures mean nothing."""

from __future__ import annotations

import importlib.util
import json
import math

import pytest

from benchmarks.__main__ import main
from benchmarks.catalogue import PARTS
from benchmarks.forecast import known
from benchmarks.measure import Rounds, Sample, alternate
from benchmarks.table import Row, as_text, at_least, at_most
from benchmarks.workshop import Workshop

ROWS = {
    "study": 1, "pass": 3, "candidates": 2, "searches": 2, "overhead": 2, "second": 2, "growth": 2, "scale": 1, "engines": 2,
    "joins": 9,
    "memory": 1, "clusters": 5, "neighbors": 2, "logistic": 4, "packed": 1, "wide": 2, "hashed": 3, "extrapolation": 3,
    "fidelity": 12, "fidelity_glm": 2, "few_positives": 5, "ordinary": 14, "shapes": 14,
    "drop_in": 3, "forecast": 1 + len(known()) * (1 if importlib.util.find_spec("statsforecast") is None else 2),
    "trees": 1 if importlib.util.find_spec("lightgbm") is None else 2,
    "topics": 2, "deepar": 2, "factorization": 1,
    "recommend": 2 if importlib.util.find_spec("implicit") is None else 4,
}  # fmt: skip


@pytest.fixture
def shop(tmp_path):
    return Workshop(tmp_path, rows=1_000, repeats=1, trials=3, big_rows=2_000)


@pytest.mark.parametrize("name", PARTS)
def test_a_part_gives_its_rows_and_leaves_only_data_behind(name, shop):
    rows = PARTS[name](shop)
    assert len(rows) == ROWS[name]
    assert all((math.isfinite(row.ratio) and row.ratio >= 0.0) or "difference" in row.what for row in rows)
    assert all(row.ours and row.theirs for row in rows)
    assert {path.suffix for path in shop.folder.iterdir()} <= {".parquet"}


def test_a_second_study_reads_no_row(shop):
    rows = PARTS["second"](shop)
    assert (rows[0].ours, rows[0].theirs, rows[0].reached) == ("0", "1,000", True)


def test_the_command_prints_json_and_says_by_its_exit_code_whether_targets_are_reached(tmp_path, capsys):
    code = main(["--only", "second", "--rows", "2000", "--repeats", "1", "--data", str(tmp_path), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [row["reached"] for row in document["rows"]] == [True, None]
    assert document["machine"]["cores"] >= 1


def test_things_are_run_in_turn():
    order = []
    found = alternate({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, repeats=2)
    assert order == ["a", "b", "a", "b"]
    assert [len(samples) for samples in found.samples.values()] == [2, 2]


def test_only_quiet_rounds_count_where_there_are_any():
    quiet, slow, busy = Sample(1.0, 1.0, 0.01), Sample(4.0, 4.0, 0.02), Sample(9.0, 1.0, 0.8)
    found = Rounds({"a": [quiet, busy, slow], "b": [slow, quiet, busy]})
    assert (found.calm, found.wall("a"), found.ratio("b", "a")) == ((0,), 1.0, 4.0)


def test_without_a_quiet_round_the_calmer_half_counts():
    a = [Sample(wall, 1.0, others) for wall, others in ((9.0, 0.8), (2.0, 0.3), (3.0, 0.4))]
    found = Rounds({"a": a})
    assert (found.calm, found.wall("a"), found.others) == ((1, 2), 2.5, pytest.approx(0.35))


def test_a_row_that_misses_its_target_says_so():
    rows = [Row("slow", "2 s", "1 s", 2.0, at_most(1.5)), Row("fast", "1 s", "2 s", 2.0, at_least(1.7))]
    lines = as_text(rows).splitlines()
    assert lines[2].endswith("| NO      |")
    assert lines[3].endswith("| yes     |")
