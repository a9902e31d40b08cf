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
from studies.errors import RecordTooNew
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
    said = r"'s' was recorded by a later version of onepass-hpo \(layout 2; this one reads up to 1\); install"
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
        (1, 3), 4, ((2, {"alpha": 0.1}),),
    )  # fmt: skip
    assert TrialNote.of(note.encode()) == note
    differing = [f.name for f in dataclasses.fields(note) if getattr(note, f.name) == getattr(TrialNote(), f.name)]
    assert not differing, "each field of the note is given a value here"


def test_a_study_of_another_program_has_no_record():
    assert StudyRecord.of({}, "s") is None and StudyRecord.of({ONEPASS: {"version": "x"}}, "s") is None
    assert TrialNote.of({"anything": object()}) == TrialNote()
