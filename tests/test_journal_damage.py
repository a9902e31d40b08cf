"""Journals as disks, editors and strangers leave them: what is damaged is noticed, and the rest continues."""

from __future__ import annotations

import json
import os
import random
import sys
import warnings

import forked
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from test_record import facts, grow, start

from studies.errors import RecordWarning, StudyError
from studies.record.journal_repair import repair
from studies.record.listing import listed
from studies.record.records import load_study, record_of
from studies.record.rows import list_studies
from studies.record.storage import open_storage
from studies.record.trial_note import TrialNote
from studies.record.write_behind import WriteBehind

MUTANTS = int(os.environ.get("HPO_MUTANTS", "300"))
"""Journals that are changed at random; ``make fuzz`` asks for 20,000."""


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture
def journal(tmp_path):
    """A journal of the studies a and b, of six trials each, in turns."""
    path = tmp_path / "studies.journal"
    for _ in range(2):
        for name in ("a", "b"):
            storage = open_storage(path)
            study = start(storage, name)
            with WriteBehind(storage, name) as writer:
                grow(study, 3, writer)
    return path


def loaded(path, name="a"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordWarning)
        return load_study(open_storage(path), name)


def lines_of(path):
    return path.read_bytes().splitlines(keepends=True)


def trial_lines(path, study_id=0):
    return [i for i, line in enumerate(lines_of(path)) if b'"params"' in line and json.loads(line)["study_id"] == study_id]


@pytest.mark.parametrize("old", [b'"value":-', b'"ridge.alpha":', b'"fold_scores":['])
def test_a_changed_number_is_noticed_and_the_other_trials_go_on(journal, old):
    before, other = facts(loaded(journal).trials), facts(loaded(journal, "b").trials)
    place = next(i for i in trial_lines(journal) if old in lines_of(journal)[i])
    changed, places = lines_of(journal), trial_lines(journal)
    changed[place] = changed[place].replace(old, old + b"9", 1)
    journal.write_bytes(b"".join(changed))
    with pytest.warns(RecordWarning, match=rf"line {place + 1} is damaged and set aside \(1 trial counts as failed\)"):
        study = load_study(open_storage(journal), "a")
    lost = places.index(place)
    assert study.trials[lost].state is TrialState.FAIL
    assert study.trials[lost].user_attrs["error"] == f"line {place + 1} of the journal is damaged"
    assert [f for i, f in enumerate(facts(study.trials)) if i != lost] == [f for i, f in enumerate(before) if i != lost]
    assert facts(loaded(journal, "b").trials) == other


@pytest.mark.parametrize("junk", [b"\n", b"@@@\n", b"\x00\xff\n", b"[" * 100_000 + b"\n", b"{}\n", b"7\n", b"\n\n\n", b"@\n@\n"])
@pytest.mark.parametrize("where", ["middle", "end"])
def test_junk_between_and_after_the_lines_locks_no_study_out(journal, junk, where):
    before, lines = facts(loaded(journal).trials), lines_of(journal)
    place = len(lines) // 2 if where == "middle" else len(lines)
    journal.write_bytes(b"".join([*lines[:place], junk, *lines[place:]]))
    assert facts(loaded(journal).trials) == before
    for name, trials in (("a", 8), ("new", 2)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RecordWarning)
            storage = open_storage(journal)
        study = start(storage, name)
        with WriteBehind(storage, name) as writer:
            grow(study, 2, writer)
        assert len(loaded(journal, name).trials) == trials


def test_a_line_that_is_written_twice_counts_once(journal):
    before, lines = facts(loaded(journal).trials), lines_of(journal)
    first, second = trial_lines(journal)[:2]
    journal.write_bytes(b"".join([*lines[:second], lines[first], *lines[second:]]))
    with pytest.warns(RecordWarning, match="damaged and set aside"):
        open_storage(journal)
    assert facts(loaded(journal).trials) == before


def test_equal_trials_of_optuna_are_two_trials(journal):
    study = optuna.load_study(study_name="a", storage=open_storage(journal))
    for _ in range(2):
        study.enqueue_trial({"ridge.alpha": 1.0})
        study.add_trial(study.trials[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_study(open_storage(journal), "a").trials) == 10


def test_a_damaged_study_keeps_the_places_of_the_others(journal):
    lines = lines_of(journal)
    place = next(i for i, line in enumerate(lines) if b'"study_name":"a"' in line)
    journal.write_bytes(b"".join([*lines[:place], lines[place].replace(b'"a"', b'"c"'), *lines[place + 1 :]]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordWarning)
        names = [row.name for row in list_studies(open_storage(journal))]
    assert names == ["b", f"damaged (line {place + 1})"]
    assert len(loaded(journal, "b").trials) == 6


def test_lines_of_other_programs_have_no_digest_and_are_believed(journal):
    plain = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.load_study(study_name="a", storage=plain)
    study.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0), n_trials=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_study(open_storage(journal), "a").trials) == 8


def test_repair_makes_a_journal_that_optuna_itself_reads(journal):
    before, lines = facts(loaded(journal).trials), lines_of(journal)
    place = trial_lines(journal)[1]
    damaged = b"".join([*lines[:place], b"@@@\n", lines[place][:150] + b"\n", *lines[place + 1 :]])
    journal.write_bytes(damaged)
    assert [one.line for one in repair(journal)] == [place + 1, place + 2]
    assert journal.with_name("studies.journal.damaged").read_bytes() == damaged
    assert repair(journal) == []
    theirs = optuna.load_study(study_name="a", storage=JournalStorage(JournalFileBackend(str(journal))))
    kept = {f[0]: f for f in facts(theirs.trials) if f[1] is TrialState.COMPLETE}
    assert kept == {f[0]: f for f in before if f[0] != 1}


def test_the_command_line_verifies_and_repairs(journal):
    def hpo(*more):
        command = [sys.executable, "-m", "hpo.cli", "studies", *more, "--storage", str(journal)]
        return forked.run(command, text=True)

    assert (hpo("verify").returncode, "every line is whole" in hpo("verify").stdout) == (0, True)
    journal.write_bytes(journal.read_bytes().replace(b'"value":-', b'"value":-1', 1))
    found = hpo("verify", "--json")
    assert found.returncode == 3
    assert [one["why"] for one in json.loads(found.stdout)["damaged"]] == ["its digest is of other bytes"]
    assert "1 damaged line replaced" in hpo("repair").stdout
    assert hpo("verify").returncode == 0
    other = [sys.executable, "-m", "hpo.cli", "studies", "verify", "--storage", f"sqlite:///{journal}.db"]
    assert "is not a journal file" in forked.run(other, text=True).stderr


def test_no_mutant_of_a_journal_raises_anything_but_an_error_in_words(journal, tmp_path):
    rng, whole, path = random.Random(7), journal.read_bytes(), tmp_path / "mutant.journal"
    plain = b"".join(line.split(b',"digest"')[0] + b"}\n" for line in whole.splitlines())
    refused = 0
    for _ in range(MUTANTS):
        text = bytearray(rng.choice([whole, plain]))
        for _ in range(rng.choice([1, 1, 2, 8])):
            at = rng.randrange(len(text))
            match rng.randrange(5):
                case 0:
                    text[at] = rng.randrange(256)
                case 1:
                    text[at : at + rng.randrange(1, 60)] = b""
                case 2:
                    text[at:at] = text[at : at + rng.randrange(1, 400)]
                case 3:
                    text[at : at + 1] = str(rng.choice([-1, 0, 9, 10**30, "null", '"x"', "{}", "[]"])).encode()
                case 4:
                    other = rng.randrange(len(text))
                    text[at : at + 30], text[other : other + 30] = text[other : other + 30], text[at : at + 30]
        path.write_bytes(text)
        for aside in tmp_path.glob("mutant.journal.*"):
            aside.unlink()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RecordWarning)
                rows = listed(path)
                storage = open_storage(path)
                assert rows in (None, list_studies(storage))
                for row in list_studies(storage):
                    study = load_study(storage, row.name)
                    record_of(study)
                    for trial in study.trials:
                        TrialNote.of(trial.user_attrs)
        except StudyError:
            refused += 1
    print(f"{MUTANTS} mutants: {refused} refused in words, the others read")
