"""Records on disk: those of the first layout are read for good, those of a later one are refused in words."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import hpo
from hpo.trials.notes import notes
from studies.errors import RecordTooNew, StorageError
from studies.record.compare import compare
from studies.record.record_parts import PolishNote
from studies.record.records import load_study, record_of
from studies.record.rows import list_studies
from studies.record.storage import open_storage
from studies.record.study_record import ONEPASS, VERSION, StudyRecord
from studies.record.trial_note import ScoreNote, TrialNote

FIRST = Path(__file__).parent / "records" / "version1.journal"
"""Written by the program as it was when records had no types; never written again."""

NAMES = ("exact", "failing", "sampled")


@pytest.fixture
def journal(tmp_path):
    return shutil.copy(FIRST, tmp_path / "studies.journal")


def table() -> pa.Table:
    i = np.arange(120)
    a, c = (i * 37 % 101) / 8, ["x" if k % 3 else "y" for k in i.tolist()]
    columns = {"a": a, "b": (i * 53 % 97) / 16, "c": pa.array(c, pa.string()), "y": 2 * a + (i * 29 % 89) / 4}
    return pa.table(columns)


@pytest.mark.parametrize("name", NAMES)
def test_a_record_of_the_first_layout_is_read_and_written_as_it_was(journal, name):
    study = load_study(open_storage(journal), name)
    record = record_of(study)
    old = study.user_attrs[ONEPASS]
    assert StudyRecord.of({ONEPASS: record.encode()}, name) == record
    assert {k: v for k, v in record.encode().items() if k in old} == old
    assert record.metric == "r2" and record.cost.rows_read == 120 and record.ledger[0].rows == 120
    for trial, note in zip(study.trials, notes(study), strict=True):
        written = {k: v for k, v in note.encode().items() if k in trial.user_attrs}
        assert written == trial.user_attrs


def test_notes_of_the_first_layout(journal):
    storage = open_storage(journal)
    failing, sampled = notes(load_study(storage, "failing")), notes(load_study(storage, "sampled"))
    assert any("must be an int in the range [1, inf)" in (note.error or "") for note in failing)
    assert any(note.repeated for note in [*failing, *notes(load_study(storage, "exact"))])
    assert all(len(note.scores["neg_median_absolute_error"].fold_scores) == 3 for note in sampled)
    assert [row.name for row in list_studies(storage)] == list(NAMES)
    assert compare([load_study(storage, name) for name in ("exact", "failing")]).pairs[0].comparable


@pytest.mark.filterwarnings("ignore")
def test_a_study_of_the_first_layout_is_opened_and_goes_on(journal, tmp_path):
    """States are made anew, since their own versions may rise; the record and its trials stay."""
    options = {"folds": 3, "seed": 1, "store": tmp_path / "store", "progress": False}
    asked = {"trials": 4, "scoring": ["r2", "neg_median_absolute_error"], "scoring_rows": 20, "sampler": "random"}
    before = [t.values for t in load_study(open_storage(journal), "sampled").trials]
    went_on = hpo.tune(table(), "y", "ridge", name="sampled", storage=journal, **asked, **options)
    assert [t.values for t in went_on.optuna_study.trials] == before
    loaded = hpo.load("sampled", storage=journal, store=tmp_path / "store")
    new = hpo.tune(table(), "y", "ridge", **asked, **options)
    assert loaded.best_params == new.best_params
    assert loaded.best.scores.folds == pytest.approx(new.best.scores.folds, rel=1e-9)


def test_a_record_without_its_store_says_what_to_do(journal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(hpo.errors.TuneError, match="give store= where it is now, or run the study again"):
        hpo.load("exact", storage=journal)


@pytest.mark.filterwarnings("ignore")
def test_a_later_layout_is_refused_in_words_and_listed(tmp_path):
    storage = open_storage(tmp_path / "log")
    options = {"store": tmp_path / "store", "progress": False}
    hpo.tune(table(), "y", trials=2, name="s", storage=tmp_path / "log", **options)
    study_id = storage.get_study_id_from_name("s")
    later = storage.get_study_user_attrs(study_id)[ONEPASS] | {"version": VERSION + 1}
    storage.set_study_user_attr(study_id, ONEPASS, later)
    said = r"'s' was recorded by a later version of onepass-hpo \(layout 3; this one reads up to 2\); install"
    with pytest.raises(RecordTooNew, match=said):
        hpo.load("s", storage=tmp_path / "log")
    with pytest.raises(RecordTooNew, match=said):
        hpo.tune(table(), "y", trials=3, name="s", storage=tmp_path / "log", **options)
    assert [row.name for row in list_studies(storage)] == ["s"]


def test_every_field_survives_a_round_trip():
    record = StudyRecord(
        {"folds": 5}, segments=("a",), metrics=("r2",), refined=("why",), scored_rows=(1, 2), weight="w",
        polish=PolishNote(3, 0.1, None, 1, "ab", ""), models={"k": ("sample", 1, 2)}, plan=(((0,), (1,)),),
    )  # fmt: skip
    assert StudyRecord.of({ONEPASS: record.encode()}, "s") == record
    note = TrialNote(
        "k", 0.1, 0, "why", 3, "other", False, 1 / 27, ((60.0, (0.1, 0.2)),), (1.0, 2.0), 0.5, (0.1, 0.2), 0.25,
        {"r2": ScoreNote((None, 1.0), None, None, (0.1,))}, ((10, 0.5, None), (20, 0.6, 0.1)),
        (1, 3), 4, ((2, {"alpha": 0.1}),), 7,
    )  # fmt: skip
    assert TrialNote.of(note.encode()) == note
    differing = [f.name for f in dataclasses.fields(note) if getattr(note, f.name) == getattr(TrialNote(), f.name)]
    assert not differing, "each field of the note is given a value here"


def test_a_study_of_another_program_has_no_record():
    assert StudyRecord.of({}, "s") is None and StudyRecord.of({ONEPASS: {"version": "x"}}, "s") is None
    assert TrialNote.of({"anything": object()}) == TrialNote()


BEFORE_NATIVE = FIRST.with_name("before_native.journal")
"""Written before estimators took missing values and categories as they are; never written again."""

BOOSTED = "HistGradientBoostingRegressor"


def gappy(n=120) -> pa.Table:
    i = np.arange(n)
    a, kinds = (i * 37 % 101) / 8, i * 7 % 6
    gaps = pa.array([None if k % 5 == 0 else float(v) for k, v in enumerate(a)], pa.float64())
    c = pa.array(["xyzuvw"[k] for k in kinds], pa.string())
    return pa.table({"a": gaps, "c": c, "y": 2 * a + (i * 29 % 89) / 4 + kinds**2})


def boosted(data, tmp_path, name=None, **search):
    """The study on record; without a name the same one, begun today."""
    search |= {"max_iter": 9, "random_state": 0, "min_samples_leaf": [4, 8]}
    return hpo.tune(
        data, "y", f"sklearn:sklearn.ensemble.{BOOSTED}", search={f"{BOOSTED}.{k}": v for k, v in search.items()},
        name=name, storage=tmp_path / "studies.journal" if name else None, store=tmp_path / "store", folds=3, seed=1,
        trials=2, sampler="grid", progress=False,
    )  # fmt: skip


def test_a_study_keeps_the_encoding_that_it_was_begun_with(tmp_path):
    """What was recorded before there was a choice is opened, goes on and meets new rows as it was computed."""
    journal = shutil.copy(BEFORE_NATIVE, tmp_path / "studies.journal")
    before = [t.values for t in load_study(open_storage(journal), "boosted").trials]
    encoded, native = (boosted(gappy(), tmp_path, encoding=how) for how in ("one_hot", "native"))
    assert [t.values for t in encoded.optuna_study.trials] == before != [t.values for t in native.optuna_study.trials]
    went_on = boosted(gappy(), tmp_path, "boosted")
    loaded = hpo.load("boosted", storage=journal, store=tmp_path / "store")
    for result in (went_on, loaded):
        assert np.array_equal(result.predict(gappy()), encoded.predict(gappy()))
    assert not np.array_equal(encoded.predict(gappy()), native.predict(gappy()))

    grown = gappy(150)
    edition = boosted(grown, tmp_path, "boosted")
    asked = boosted(grown, tmp_path, encoding="one_hot")
    assert {t.values[0] for t in edition.optuna_study.trials} == {t.values[0] for t in asked.optuna_study.trials}
    again = hpo.load("boosted", storage=journal, store=tmp_path / "store")
    assert again.record.begun_with == {BOOSTED: {"encoding": "one_hot"}} and again.record.edition.number == 2
    assert np.array_equal(again.predict(grown), asked.predict(grown))


def test_a_study_of_today_says_which_encoding_it_was_begun_with(tmp_path):
    made = boosted(gappy(), tmp_path, "new")
    storage = open_storage(tmp_path / "studies.journal")
    record = record_of(load_study(storage, "new"))
    assert record.begun_with == {BOOSTED: {"encoding": "native"}} and record.version == VERSION
    loaded = hpo.load("new", storage=tmp_path / "studies.journal", store=tmp_path / "store")
    assert np.array_equal(loaded.predict(gappy()), made.predict(gappy()))
    assert StudyRecord({"folds": 5}).version < VERSION


@pytest.mark.parametrize("values", [{"definition": 3}, {"definition": {}, "cost": 5}, {"definition": {}, "version": "x"}])
def test_a_record_that_makes_no_sense_says_what_to_do(values):
    with pytest.raises(StorageError, match=r"record of the study 'a' cannot be read .*`hpo studies rm a`"):
        StudyRecord.of({ONEPASS: values}, "a")
