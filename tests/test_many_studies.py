"""A journal of many studies: what is asked of one study does not read the trials of the others."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

import hpo
from studies.errors import StudyMissing
from studies.record import lazy_trials
from studies.record.editions import load_edition
from studies.record.records import begin, load_study
from studies.record.rows import list_studies
from studies.record.storage import open_storage
from studies.record.study_record import StudyRecord
from studies.record.trial_note import TrialNote

STUDIES, TRIALS = 12, 20


def trial(i, state=optuna.trial.TrialState.COMPLETE):
    space = {"a.x": optuna.distributions.FloatDistribution(0.1, 1e4, log=True), "a.k": optuna.distributions.CategoricalDistribution((True, None, "é\"\\"))}
    params = {"a.x": 0.5 + i, "a.k": ("é\"\\", None, True)[i % 3]}
    value = None if state is not optuna.trial.TrialState.COMPLETE else (-1.0) ** i * i * 1e-3
    return optuna.trial.create_trial(value=value, state=state, params=params, distributions=space, user_attrs=TrialNote(fold_scores=(1.0, 2.0)).encode())


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "j"
    storage = open_storage(path)
    for k in range(STUDIES):
        begin(storage, f"s{k}", direction="maximize" if k % 2 else "minimize", record=StudyRecord({"folds": 5}))
        trials = [trial(i) for i in range(TRIALS)] + [trial(3, optuna.trial.TrialState.FAIL)]
        storage.create_trials(storage.get_study_id_from_name(f"s{k}"), trials)
    plain = JournalStorage(JournalFileBackend(str(path)))
    study_id = plain.get_study_id_from_name("s1")
    plain.set_trial_param(plain.create_new_trial(study_id), "x", 1.0, optuna.distributions.FloatDistribution(0, 2))
    return path


def test_a_named_study_reads_its_own_trials_alone(path, monkeypatch):
    read = []
    real = lazy_trials._read
    monkeypatch.setattr(lazy_trials, "_read", lambda text: read.append(text) or real(text))
    storage = open_storage(path)
    assert len(read) <= TRIALS + 1, "those of the study to whose trials plain Optuna wrote"
    read.clear()
    assert len(list_studies(storage)) == STUDIES
    assert not read, "a list reads no trial in full"
    assert len(load_study(storage, "s3").trials) == TRIALS + 1
    assert len(read) == TRIALS + 1
    load_study(storage, "s3")
    assert len(read) == TRIALS + 1, "each is read once"


def test_what_other_studies_note_is_not_copied_for_a_name_or_a_list(path, monkeypatch):
    monkeypatch.setattr(JournalStorage, "get_all_studies", lambda self: pytest.fail("every note of every study is copied"))
    storage = open_storage(path)
    assert load_edition(storage, "s3").study_name == "s3"
    assert [row.name for row in list_studies(storage)] == sorted(f"s{k}" for k in range(STUDIES))
    with pytest.raises(StudyMissing, match="did you mean"):
        load_edition(storage, "s33")


def test_it_is_what_plain_optuna_reads(path):
    ours, plain = open_storage(path), JournalStorage(JournalFileBackend(str(path)))
    known = {one.study_name: one for one in optuna.get_all_study_summaries(plain, include_best_trial=True)}
    for row in list_studies(ours):
        one = known[row.name]
        assert (row.trials, row.best, row.created) == (one.n_trials, one.best_trial.value, one.datetime_start)
        assert ours.get_all_trials(ours.get_study_id_from_name(row.name)) == plain.get_all_trials(one._study_id)
    for trial_id in range(STUDIES * (TRIALS + 1)):
        assert ours.get_trial(trial_id) == plain.get_trial(trial_id)


def test_what_trials_note_is_read_once_however_much_is_asked_of_them(tmp_path, monkeypatch):
    """A report of many trials costs no more readings than there are trials."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    places = {"storage": str(tmp_path / "a.journal"), "store": tmp_path / "store"}
    hpo.tune((X, X[:, 0]), algorithm="ridge", trials=30, sampler="random", name="s", progress=False, **places)
    read, of = [], TrialNote._of.__func__
    monkeypatch.setattr(TrialNote, "_of", classmethod(lambda cls, attributes: read.append(1) or of(cls, attributes)))
    result = hpo.load("s", **places)
    hpo.write_report(result, tmp_path / "r.html")
    hpo.leaderboard(result)
    assert result.trials_dataframe().accuracy.eq("exact").all()
    assert len(read) == 30
