"""A study over sites: each sends the sums of its rows, and the answer is that of the pooled rows."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score
from test_windows import command

import hpo
from hpo.errors import DataError, TuneError
from state_store import StateStore
from state_store.archive import import_states
from studies import StudySpec

SITES = ("east", "north", "south")
SEGMENT = {"scheme": "segment"}
SEARCH = {"ridge.alpha": [0.5, 5.0, 50.0], "ridge.standardize": [False]}


def rows(site: str) -> pd.DataFrame:
    number = SITES.index(site)
    rng = np.random.default_rng(number)
    n = 100 + 50 * number
    made = pd.DataFrame({"age": rng.normal(60.0 + 40 * number, 4.0, n), "bmi": rng.normal(size=n)})
    made["sex"] = rng.choice(["f", "m"], n)
    made["year"] = 2000 + rng.integers(0, 20, n)
    made["y"] = 0.2 * made["age"] - made["bmi"] + (made["sex"] == "f") + rng.normal(size=n)
    made["ill"] = np.where(made["y"] + rng.normal(size=n) > np.median(made["y"]), "yes", "no")
    return made


@pytest.fixture
def home(tmp_path):
    for site in SITES:
        (tmp_path / site).mkdir()
        half = len(rows(site)) // 2
        rows(site)[:half].to_parquet(tmp_path / site / "a.parquet")
        rows(site)[half:].reset_index(drop=True).to_parquet(tmp_path / site / "b.parquet")
    return tmp_path


def spec(home, site, **options):
    asked = {
        "name": "trial", "data": str(home / site), "target": "y", "algorithm": "ridge", "drop": ["ill"], "folds": SEGMENT,
        "store": str(home / f"store-{site}"),
    }  # fmt: skip
    return StudySpec(**(asked | options))


def gathered(home, sites=SITES, **options):
    """The store of a place to which every site sent its states."""
    hpo.export_layout(spec(home, sites[0], **options), home / "layout.zip")
    store = StateStore(home / "centre")
    for site in sites:
        layout = {} if site == sites[0] else {"layout": str(home / "layout.zip")}
        sent = hpo.export_site(spec(home, site, **options, **layout), home / f"{site}.zip", site)
        assert sent.rows == len(rows(site))
        import_states(store, home / f"{site}.zip")
    return store


def pooled(target="y"):
    made = pd.concat([rows(site).assign(site=site) for site in SITES], ignore_index=True)
    x = pd.get_dummies(made[["age", "bmi", "sex", "year"]], columns=["sex"]).astype(float)
    return x, made[target], made["site"]


def test_leaving_a_site_out_is_scored_as_with_the_rows_in_one_place(home):
    store = gathered(home)
    found = hpo.tune("sites:trial", "y", "ridge", search=SEARCH, folds=SEGMENT, trials=3, store=store, scoring="r2")
    x, y, site = pooled()
    assert found.cost.rows_read == 0
    assert found.best.states.whole.rows == len(y)
    for candidate in found.candidates:
        alpha = found.params_of(candidate)["ridge.alpha"]
        own = cross_val_score(Ridge(alpha=alpha), x, y, groups=site, cv=LeaveOneGroupOut(), scoring="r2")
        assert candidate.scores.folds == pytest.approx(own, rel=1e-10)
    new = rows("north")
    model = Ridge(alpha=found.best_params["ridge.alpha"]).fit(x, y)
    assert np.asarray(found.predict(new)).ravel() == pytest.approx(model.predict(x[site == "north"]), rel=1e-10)


def test_it_equals_our_own_tuning_of_the_pooled_files(home):
    store = gathered(home)
    found = hpo.tune("sites:trial", "y", ["ridge", "lasso"], trials=20, store=store, seed=3)
    (home / "all").mkdir()
    for site in SITES:
        rows(site).to_parquet(home / "all" / f"{site}.parquet")
    own = hpo.tune(
        home / "all", "y", ["ridge", "lasso"], drop=["ill"], folds=SEGMENT, trials=20, store=home / "other", seed=3
    )
    assert found.best_value == pytest.approx(own.best_value, rel=1e-10)
    assert found.record.folds == own.record.folds == "3 folds, a file each"


@pytest.mark.parametrize("folds", [5, {"scheme": "time", "column": "year", "n_splits": 3}])
def test_other_folds_are_those_that_the_sites_dealt(folds, home):
    store = gathered(home, folds=folds)
    found = hpo.tune("sites:trial", "y", "ridge", search=SEARCH, trials=3, store=store)
    assert len(found.best.scores.folds) == (5 if folds == 5 else 3)
    assert found.best.states.whole.rows == 450
    with pytest.raises(TuneError, match="the sites dealt theirs as"):
        hpo.tune("sites:trial", "y", "ridge", folds=4, store=store)


@pytest.mark.parametrize("algorithm", ["lda", "gaussian_nb", "multinomial_nb"])
def test_classes_are_those_of_every_site(algorithm, home):
    options = {
        "target": "ill", "drop": ["y", "bmi"], "algorithm": algorithm, "scoring": "log_likelihood", "folds": SEGMENT,
    }  # fmt: skip
    store = gathered(home, **options)
    found = hpo.tune("sites:trial", "ill", algorithm, scoring="log_likelihood", trials=8, store=store, seed=1)
    (home / "all").mkdir()
    for site in SITES:
        rows(site).to_parquet(home / "all" / f"{site}.parquet")
    own = hpo.tune(home / "all", **options, trials=8, store=home / "other", seed=1)
    assert found.best_params == pytest.approx(own.best_params)
    assert found.best.scores.folds == pytest.approx(own.best.scores.folds, rel=1e-10)
    with pytest.raises(TuneError, match=r"this study needs ScoringSample\(.*a score that needs rows"):
        hpo.tune("sites:trial", "ill", algorithm, scoring="accuracy", trials=1, store=store)


def test_a_study_that_keeps_no_sums_sends_nothing(home):
    with pytest.raises(TuneError, match=r"this study keeps Sample.*sums alone leave a site"):
        hpo.export_site(spec(home, "north", algorithm="knn_regressor"), home / "north.zip", "north")


def test_no_row_no_path_and_no_file_leaves_a_site(home):
    hpo.export_site(spec(home, "north"), home / "north.zip", "north")
    with zipfile.ZipFile(home / "north.zip") as archive:
        data = b"".join(archive.read(name) for name in archive.namelist())
        names = archive.namelist()
    assert str(home).encode() not in data
    assert b"parquet" not in data
    assert sum(name.startswith("leaves/") for name in names) == 1
    assert sum(name.startswith("documents/") for name in names) == 1
    value = rows("north")["bmi"].to_numpy()
    assert not any(one.tobytes() in data for one in value)


def test_what_a_site_sends_again_takes_the_place_of_what_it_sent(home):
    store = gathered(home)
    asked = {"search": SEARCH, "trials": 3, "store": store, "name": "all", "storage": str(home / "studies.journal")}
    hpo.tune("sites:trial", "y", "ridge", **asked)
    rows("north").to_parquet(home / "south" / "c.parquet")
    hpo.export_site(spec(home, "south", layout=str(home / "layout.zip")), home / "south.zip", "south")
    import_states(store, home / "south.zip")
    again = hpo.tune("sites:trial", "y", "ridge", **asked)
    note = again.record.edition
    assert (note.number, note.rows, note.rows_before) == (2, 600, 450)
    assert hpo.load("all", storage=str(home / "studies.journal")).best_value == pytest.approx(again.best_value)


def test_what_does_not_go_together_is_refused_in_words(home):
    store = StateStore(home / "centre")
    with pytest.raises(TuneError, match="has no states of sites for the study 'trial'; import what they sent"):
        hpo.tune("sites:trial", "y", "ridge", store=store)
    for site in ("north", "south"):
        import_states(store, hpo.export_site(spec(home, site), home / f"{site}.zip", site).file.path)
    with pytest.raises(TuneError, match="'north' and 'south' lay their columns or folds out differently"):
        hpo.tune("sites:trial", "y", "ridge", store=store)
    with pytest.raises(TuneError, match="it has sites:trial"):
        hpo.tune("sites:other", "y", "ridge", store=store)
    hpo.export_layout(spec(home, "north"), home / "layout.zip")
    with pytest.raises(DataError, match="has also 'ill'"):
        hpo.export_site(spec(home, "south", drop=[], layout=str(home / "layout.zip")), home / "x.zip", "south")
    with pytest.raises(TuneError, match="a group may be at several sites"):
        folds = {"scheme": "group", "column": "sex", "n_splits": 2}
        hpo.export_site(spec(home, "south", folds=folds), home / "x.zip", "south")
    store = gathered(home)
    with pytest.raises(TuneError, match="this study needs"):
        hpo.tune("sites:trial", "y", "knn_regressor", store=store)
    with pytest.raises(TuneError, match="features: the sites chose their rows and columns"):
        hpo.tune("sites:trial", "y", "ridge", features=["age"], store=store)


def test_from_the_command_line(home):
    study = "name: trial\ndata: {site}\ntarget: y\nalgorithm: ridge\ndrop: ill\nfolds: {{scheme: segment}}\n{more}"
    for site in SITES:
        more = "" if site == "east" else "layout: layout.zip\n"
        (home / f"{site}.yaml").write_text(study.format(site=site, more=more))
    done = command(home, "states", "export", "layout.zip", "--only-layout", "--study", "east.yaml")
    assert "say layout: layout.zip in the study of the other sites" in done.out, done.err
    for site in SITES:
        words = ("--only-moments", "--site", site, "--study", f"{site}.yaml", "--store", f"store-{site}")
        done = command(home, "states", "export", f"{site}.zip", *words)
        assert f"the sums of {len(rows(site))} rows of {site}" in done.out, done.err
    came = command(home, "states", "import", *(f"{site}.zip" for site in SITES), "--store", "centre", "--json")
    assert json.loads(came.out)["added"] == 2 * len(SITES), came.err
    (home / "all.yaml").write_text("name: all\ndata: sites:trial\ntarget: y\nalgorithm: ridge\ntrials: 3\nstore: centre\n")
    plan = json.loads(command(home, "plan", "all.yaml", "--json").out)
    assert (plan["rows_to_read"], plan["files"]) == (0, "3 sites: east, north, south")
    ran = command(home, "run", "all.yaml", "-q")
    assert ran.code == 0, ran.err
    assert "3 sites: east, north, south" in ran.out
    bad = command(home, "states", "export", "x.zip", "--only-moments", "--study", "east.yaml")
    assert "needs the name of this site" in bad.err
    gone = command(home, "states", "forget", "site:north", "--store", "centre")
    assert "removed 1 leaf" in gone.out
    assert json.loads(command(home, "plan", "all.yaml", "--json").out)["files"] == "2 sites: east, south"
