"""Studies in PostgreSQL: opened by many at once, through a server that goes away and comes back, and without a password shown."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from databases import PASSWORD

import hpo
from hpo.trials.tuner import Tuner
from studies.errors import StorageError
from studies.record.storage import describe, open_storage

X = np.random.default_rng(0).normal(size=(100, 2))


@pytest.fixture
def url(postgres) -> str:
    return postgres.database()


def tune(url: str, tmp_path, **how):
    options = {"trials": 12, "folds": 3, "n_jobs": 1, "progress": False, "store": tmp_path / "store", "name": "s", **how}
    return hpo.tune((X, X[:, 0]), algorithm="ridge", storage=url, **options)


def test_a_study_is_kept_goes_on_and_is_opened_again(url, tmp_path):
    first = tune(url, tmp_path)
    more = tune(url, tmp_path, trials=15, resume=True)
    assert len(more.optuna_study.trials) == 15
    assert more.best_value >= first.best_value
    assert hpo.load("s", storage=url).best_params == more.best_params
    assert [study.study_name for study in open_storage(url).get_all_studies()] == ["s"]


def test_eight_open_a_new_database_at_once(url):
    with ThreadPoolExecutor(8) as pool:
        storages = list(pool.map(open_storage, [url] * 8))
    assert [storage.get_all_studies() for storage in storages] == [[]] * 8


def test_a_server_that_goes_away_and_comes_back_costs_no_trial(url, tmp_path, postgres, monkeypatch):
    one, turns = Tuner.propose, iter(range(100))

    def meanwhile(self, turn):
        at = next(turns)
        if at == 4:
            postgres.stop()
        if at == 9:
            postgres.start()
        return one(self, turn)

    monkeypatch.setattr(Tuner, "propose", meanwhile)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that what is claimed could not be kept, at worst
        result = tune(url, tmp_path, trials=40)
    stored = open_storage(url)
    trials = stored.get_all_trials(stored.get_study_id_from_name("s"))
    assert [trial.params for trial in trials] == [trial.params for trial in result.optuna_study.trials]
    assert len(trials) == 40


def test_what_is_wrong_is_said_without_the_password(url, postgres):
    assert PASSWORD not in describe(open_storage(url))
    wrong = "another-secret"
    gone = url.replace(f":{postgres.port}/", ":9/")
    for address, words in ((url.replace(PASSWORD, wrong), "authentication failed"), (gone, "Connection refused"), (url + "x", "does not exist")):
        with pytest.raises(StorageError, match="cannot be opened") as caught:
            open_storage(address)
        assert words in str(caught.value)
        assert wrong not in str(caught.value)
        assert PASSWORD not in str(caught.value)
