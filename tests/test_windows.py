"""Studies of some of the files: windows, the last dates, what is left out, what was known on a day."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from terminal import Answer, within

import hpo
from hpo.data.sources.files import list_files
from hpo.data.sources.windows import Window, times_of
from hpo.errors import DataError, TuneError
from studies import StudySpec
from studies.errors import SpecError

MONTHS = [f"2024-{month:02d}" for month in range(1, 13)]


def frame(number: int, rows: int = 200) -> pd.DataFrame:
    """One month: a column that goes up, one with missing values in some months, one of categories."""
    rng = np.random.default_rng(number)
    made = pd.DataFrame(rng.normal(size=(rows, 3)), columns=list("abc"))
    made["day"] = 31.0 * number + rng.uniform(0.0, 31.0, rows)
    made["k"] = rng.choice(["u", "v", "w"], rows)
    made.loc[rng.choice(rows, 9 * (number % 3), replace=False), "c"] = np.nan
    made["y"] = made["a"] - 2.0 * made["b"] + 0.01 * made["day"] + (made["k"] == "u") + rng.normal(size=rows)
    return made


@pytest.fixture
def home(tmp_path):
    """A directory of twelve months."""
    (tmp_path / "in").mkdir()
    for number, month in enumerate(MONTHS):
        frame(number).to_parquet(tmp_path / "in" / f"{month}.parquet")
    return tmp_path


def tune(home, data="in", **options):
    asked = {"target": "y", "algorithm": "ridge", "trials": 3, "store": home / "store"}
    return hpo.tune(home / data, **(asked | options))


WINDOWS = {
    "window": ({"window": "92d"}, MONTHS[9:]),
    "last": ({"last": 2}, MONTHS[10:]),
    "exclude": ({"exclude": ["2024-03.parquet", "2024-1*"]}, [m for m in MONTHS[:9] if m != "2024-03"]),
    "as of": ({"as_of": "2024-04-29"}, MONTHS[:3]),
    "as of an end": ({"as_of": "2024-04-30"}, MONTHS[:4]),
    "all of them": ({"as_of": "2024-06", "last": 3, "exclude": "2024-05.parquet"}, ["2024-03", "2024-04", "2024-06"]),
}


@pytest.mark.parametrize("features", [["a", "b"], ["a", "b", "c", "day"], ["a", "b", "c", "k"]])
@pytest.mark.parametrize("case", WINDOWS)
def test_a_window_of_known_data_reads_no_row_and_answers_as_its_files_alone(case, features, home):
    options, months = WINDOWS[case]
    tune(home, features=features)
    found = tune(home, features=features, search={"ridge.alpha": [0.1, 1.0, 10.0]}, **options)
    assert (found.cost.rows_read, found.cost.states_built, found.cost.pilot_rows) == (0, 0, 0)
    assert [row.name.rpartition("/")[2][:7] for row in found.record.ledger] == months
    (home / "alone").mkdir()
    for month in months:
        (home / "in" / f"{month}.parquet").rename(home / "alone" / f"{month}.parquet")
    alone = tune(home, "alone", features=features, search={"ridge.alpha": [0.1, 1.0, 10.0]}, store=home / "other")
    assert alone.cost.rows_read == 200 * len(months)
    scores = [sorted(fold for c in result.candidates for fold in c.scores.folds) for result in (found, alone)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-12)


def test_the_model_of_a_window_is_that_of_its_rows(home):
    columns = ["a", "b", "day"]
    tune(home, features=columns)
    search = {"ridge.alpha": [1.0], "ridge.standardize": [False]}
    found = tune(home, features=columns, search=search, last=3)
    rows = pd.concat([frame(n) for n in (9, 10, 11)], ignore_index=True)
    own = Ridge(alpha=1.0).fit(rows[columns], rows["y"])
    assert found.cost.rows_read == 0
    assert np.asarray(found.predict(rows)).ravel() == pytest.approx(own.predict(rows[columns]), rel=1e-9)


def test_a_moving_window_reads_what_is_new(home):
    for month in MONTHS[6:]:
        (home / "in" / f"{month}.parquet").rename(home / f"{month}.parquet")
    tune(home, features=["a", "k", "day"], last=4)
    for month in MONTHS[6:]:
        (home / f"{month}.parquet").rename(home / "in" / f"{month}.parquet")
        assert tune(home, features=["a", "k", "day"], last=4).cost.rows_read == 200


def test_a_window_that_comes_first_is_gone_on_with_by_all_of_the_data(home):
    first = tune(home, features=["a", "day"], last=2)
    assert first.cost.rows_read == 400
    assert tune(home, features=["a", "day"]).cost.rows_read == 2_000
    assert tune(home, features=["a", "day"], last=2).cost.rows_read == 0
    assert tune(home, features=["a", "day"]).cost.rows_read == 0


def test_classes_groups_and_approximate_models_keep_their_states(home):
    for file in (home / "in").iterdir():
        made = pd.read_parquet(file)
        made["z"], made["who"] = np.where(made["y"] > 0, "yes", "no"), np.arange(len(made)) % 40
        made.to_parquet(file)
    for options in (
        {"algorithm": "gaussian_nb"},
        {"algorithm": "logistic"},
        {"algorithm": "lda", "folds": {"scheme": "group", "column": "who", "n_splits": 4}},
    ):
        asked = {"target": "z", "features": ["a", "b", "day", "k"], "polish": False, **options}
        tune(home, **asked)
        assert tune(home, **asked, last=3).cost.rows_read == 0, options


def test_a_damaged_file_is_left_out_without_being_opened(home):
    (home / "in" / "2024-07.parquet").write_bytes(b"PAR1 half a file")
    with pytest.raises(DataError, match="damaged"):
        tune(home)
    assert tune(home, exclude="2024-07.parquet").cost.rows_read == 2_200
    assert tune(home, last=3).cost.rows_read == 0


def test_the_study_says_which_files_it_is_of(home):
    found = tune(home, window="61d", name="w", storage=str(home / "studies.journal"))
    said = "2 of 12 files, 2024-11-30 to 2024-12-31, by the dates in their names"
    assert found.record.files == said
    assert hpo.load("w", storage=str(home / "studies.journal")).record.files == said


def test_another_window_is_another_edition(home):
    asked = {"name": "w", "storage": str(home / "studies.journal")}
    assert tune(home, **asked).record.edition.number == 1
    note = tune(home, **asked, last=3).record.edition
    assert (note.number, note.rows, note.rows_before, note.left) == (2, 600, 2_400, 9)


NAMES = {
    "part=2024-01-31/0.parquet": "2024-02-01T00:00",
    "2024-01-31.csv": "2024-02-01T00:00",
    "sales_20240131.csv": "2024-02-01T00:00",
    "2024/01/31.parquet": "2024-02-01T00:00",
    "year=2024/month=1/day=31/x.parquet": "2024-02-01T00:00",
    "year=2024/month=2/x.parquet": "2024-03-01T00:00",
    "date=2024-01-31/hour=05/x.parquet": "2024-01-31T06:00",
    "20240131T0530.csv": "2024-01-31T05:31",
    "2024-02.csv": "2024-03-01T00:00",
    "2024-W05.csv": "2024-02-05T00:00",
    "2024Q1.csv": "2024-04-01T00:00",
    "year=2024/x.parquet": "2025-01-01T00:00",
    "2024-01-01_2024-01-31.csv": "2024-02-01T00:00",
    "2024-02-30.csv": "2024-03-01T00:00",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_end_of_the_period_in_a_name_is_the_time_of_the_file(name, tmp_path):
    place = tmp_path / "in" / name
    place.parent.mkdir(parents=True)
    place.write_text("x\n1\n")
    times, how = times_of(list_files(tmp_path / "in"))
    assert [datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M") for t in times] == [NAMES[name]]
    assert "names" in how


def written(tmp_path, **times):
    (tmp_path / "in").mkdir()
    for name, time in times.items():
        (tmp_path / "in" / f"{name}.csv").write_text("x,y\n" + "1,2\n2,3\n3,5\n" * 5)
        if time is not None:
            os.utime(tmp_path / "in" / f"{name}.csv", (time, time))
    return list_files(tmp_path / "in")


def test_files_without_dates_are_of_when_they_were_written(tmp_path):
    day = 86_400
    files = written(tmp_path, a=100 * day, b=101.5 * day, c=103 * day)
    kept, said = Window(window="2d").choose(files)
    assert [file.name for file in kept] == ["b.csv", "c.csv"]
    assert said == "2 of 3 files, 1970-04-12 12:00 to 1970-04-13, by the times at which they were written"
    assert [f.name for f in Window(as_of="1970-04-11").choose(files)[0]] == ["a.csv"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"window": "1d", "as_of": "2023-05-01"}, r"none of 12 files is left; their times: 2024-01-31 to 2024-12-31"),
        ({"exclude": "2024-3.parquet"}, r"'2024-3.parquet' is not one of the 12 files.*did you mean '2024-\d\d.parquet'"),
        ({"exclude": "*"}, r"exclude=\['\*'\]: no file is left of 12"),
    ],
)
def test_what_leaves_nothing_is_refused(options, why, home):
    with pytest.raises(DataError, match=why):
        tune(home, **options)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"window": "30"}, "'30' is not a duration with a unit"),
        ({"window": "x d"}, "is not a duration"),
        ({"as_of": "yesterday"}, "'yesterday' is not a date"),
        ({"as_of": "2024-02-31"}, "'2024-02-31' is not a date"),
        ({"last": 0}, "last"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, why, home):
    with pytest.raises(SpecError, match=why):
        tune(home, **options)


def test_names_of_which_some_have_dates_are_refused_and_data_in_memory_has_no_files(home):
    frame(13).to_parquet(home / "in" / "more.parquet")
    with pytest.raises(DataError, match=r"1 of 13 files have no date in their names \('more.parquet'\)"):
        tune(home, last=2)
    assert tune(home, last=2, exclude="more.parquet").cost.rows_read == 400
    with pytest.raises(DataError, match="last=2: that chooses among files, and data of type DataFrame is in memory"):
        hpo.tune(frame(1), "y", last=2)
    with pytest.raises(TuneError, match="window='1d': that chooses among files"):
        hpo.Stream.of(StudySpec(data="stream:x", algorithm="ridge", target="y", window="1d"))


def command(home, *words: object) -> Answer:
    return within(*words, env={"HPO_HOME": str(home / "home"), "COLUMNS": "200"}, cwd=home)


def test_windows_from_the_command_line_and_from_the_file(home):
    (home / "s.yaml").write_text("name: s\ndata: in\ntarget: y\nalgorithm: ridge\ntrials: 2\nexclude: 2024-12.parquet\n")
    assert command(home, "run", "s.yaml", "-q").code == 0
    words = ("--window", "61d", "--exclude", "2024-11.parquet", "--as-of", "2024-11-30")
    said = command(home, "run", "s.yaml", *words, "--dry-run")
    of = "1 of 12 files, 2024-10-31, by the dates in their names"
    assert said.out == f"s: edition 2 would begin, beginning with what s found; nothing to read; {of}\n"
    plan = json.loads(command(home, "plan", "s.yaml", *words, "--json").out)
    assert (plan["rows_to_read"], plan["segments"], plan["files"]) == (0, 1, of)
    ran = command(home, "run", "s.yaml", *words, "-q")
    assert ran.code == 0, ran.err
    assert of in " ".join(ran.out.split())
    assert json.loads(command(home, "run", "s.yaml", "--last", 4, "--json").out)["cost"]["rows_read"] == 0
