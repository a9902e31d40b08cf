"""The index beside a journal: it saves reading, and never changes what is read."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import warnings

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from studies.errors import RecordWarning, StudyError
from studies.record import journal, journal_index, replay
from studies.record.journal_index import index_path
from studies.record.journal_repair import damaged, repair
from studies.record.lines import seal, unsealed
from studies.record.listing import listed
from studies.record.records import begin, load_study
from studies.record.rows import list_studies
from studies.record.storage import open_storage
from studies.record.study_record import StudyRecord

MUTANTS = int(os.environ.get("HPO_MUTANTS", "300"))


@pytest.fixture(autouse=True)
def _always(monkeypatch):
    monkeypatch.setattr(journal_index, "AFTER", 1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def trial(value, state=TrialState.COMPLETE):
    space = {"x": optuna.distributions.FloatDistribution(-10, 1e6)}
    return create_trial(value=value if state is TrialState.COMPLETE else None, state=state, params={"x": float(value)}, distributions=space)


def grow(storage, name, trials, first=0):
    study = storage.get_study_id_from_name(name)
    return storage.create_trials(study, [trial(first + i) for i in range(trials)])


@pytest.fixture
def path(tmp_path):
    """A journal of three studies, made by two processes, and its index."""
    path = tmp_path / "j"
    for name in "abc":
        storage = open_storage(path)
        begin(storage, name, direction="minimize", record=StudyRecord({"folds": 5}))
        grow(storage, name, 5)
    for name in "ab":
        storage = open_storage(path)
        grow(storage, name, 3, first=7)
        storage.set_study_user_attr(storage.get_study_id_from_name(name), "more", [name])
    open_storage(path)
    assert index_path(path).is_file()
    return path


def said(storage):
    """Return all that a storage says, by the interface of Optuna."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordWarning)
        studies = {s.study_name: (s._study_id, s.directions, s.user_attrs, s.system_attrs) for s in storage.get_all_studies()}
        return studies, {name: storage.get_all_trials(key) for name, (key, *_) in studies.items()}


def test_a_named_study_reads_neither_lines_nor_notes_of_the_others(path, monkeypatch):
    read, real = [], replay.read
    monkeypatch.setattr(replay, "read", lambda line, number: read.append(line) or real(line, number))
    monkeypatch.setattr(journal, "read", lambda *_: pytest.fail("a line that the index is of was read again"))
    storage = open_storage(path)
    assert len(read) == 3, "the line that made each study"
    assert len(load_study(storage, "b").trials) == 8
    assert len(read) == 3 + 8 + 2, "its trials, and the two notes that stand"
    read.clear()
    rows = list_studies(open_storage(path))
    assert [(row.name, row.trials, row.best) for row in rows] == [("a", 8, 0.0), ("b", 8, 0.0), ("c", 5, 0.0)]
    assert not any(b'"params"' in line for line in read)


def test_it_says_what_plain_optuna_says_whatever_was_written_in_whatever_order(tmp_path):
    rng = random.Random(3)
    for case in range(12):
        path = tmp_path / f"j{case}"
        ours = open_storage(path)
        ours.create_new_study([StudyDirection.MAXIMIZE], "s0")
        for step in range(40):
            plain = JournalStorage(JournalFileBackend(str(path)))
            studies = plain.get_all_studies()
            one = rng.choice(studies)._study_id if studies else None
            storage = rng.choice([ours, plain, open_storage(path)])
            match rng.randrange(9) if studies else 0:
                case 0:
                    directions = [rng.choice([StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE])] * rng.choice([1, 1, 2])
                    storage.create_new_study(directions, f"s{case}-{step}")
                case 1 | 2 | 3:
                    made = [trial(rng.choice([1, 2.5, -3]), rng.choice([TrialState.COMPLETE, TrialState.FAIL])) for _ in range(4)]
                    ours.create_trials(one, made) if len(plain.get_study_directions(one)) == 1 else None
                case 4:
                    storage.set_study_user_attr(one, rng.choice("kl"), step)
                case 5:
                    storage.set_study_system_attr(one, rng.choice("kl"), step)
                case 6 if rng.random() < 0.3:
                    storage.delete_study(one)
                case 7:
                    key = plain.create_new_trial(one)
                    plain.set_trial_param(key, "x", 1.0, optuna.distributions.FloatDistribution(-10, 1e6))
                    plain.set_trial_user_attr(key, "note", step)
                    if rng.random() < 0.5:
                        plain.set_trial_state_values(key, TrialState.COMPLETE, [float(step)] * len(plain.get_study_directions(one)))
                case 8:
                    rng.choice([index_path(path).unlink, lambda missing_ok: None])(missing_ok=True)
        plain = JournalStorage(JournalFileBackend(str(path)))
        indexed = open_storage(path)
        assert said(indexed) == said(plain) == said(ours)
        assert listed(path) in (None, list_studies(indexed))
        for row in list_studies(indexed):
            summary = next(s for s in optuna.get_all_study_summaries(plain) if s.study_name == row.name)
            assert row.trials == summary.n_trials
            if len(plain.get_study_directions(summary._study_id)) == 1:
                assert row.best == (summary.best_trial and summary.best_trial.value)
        key = ours.create_new_study([StudyDirection.MINIMIZE], "last")
        assert indexed.create_trials(key, [trial(1)]) == plain_ids(path, key), "trials continue with the same ids"


def plain_ids(path, study):
    return [t._trial_id for t in JournalStorage(JournalFileBackend(str(path))).get_all_trials(study)]


def test_a_change_anywhere_in_the_journal_is_noticed(path):
    whole, index = path.read_bytes(), index_path(path).read_bytes()
    lines = whole.splitlines(keepends=True)
    for number, line in enumerate(lines):
        path.write_bytes(b"".join([*lines[:number], line.replace(b'"serial":', b'"serial":1'), *lines[number + 1 :]]))
        index_path(path).write_bytes(index)
        with pytest.warns(RecordWarning, match=rf"line {number + 1} is damaged"):
            open_storage(path)
        assert index_path(path).read_bytes() == index, "no index is made of a damaged journal"
        assert [one.line for one in damaged(path)] == [number + 1]


def test_a_repaired_journal_has_no_index_of_the_damaged_one(path):
    before = said(open_storage(path))
    path.write_bytes(path.read_bytes().replace(b'"value":7', b'"value":9', 1))
    assert len(repair(path)) == 1
    assert not index_path(path).exists()
    after = said(open_storage(path))
    assert after[0] == before[0]
    assert [t.state for t in after[1]["a"]].count(TrialState.FAIL) == 1


@pytest.mark.parametrize("after", [1, 10_000], ids=["an index", "none"])
def test_studies_are_listed_without_optuna_as_with_it(path, after, monkeypatch):
    monkeypatch.setattr(journal_index, "AFTER", after)
    if after > 1:
        index_path(path).unlink()
    for change in range(6):
        rows = listed(path)
        assert rows == list_studies(open_storage(path))
        storage = open_storage(path)
        match change:
            case 0:
                grow(storage, "c", 3, first=-4)
            case 1:
                begin(storage, "d", direction="maximize", record=StudyRecord({"folds": 5, "algorithm": "ridge", "data": ["x"]}))
            case 2:
                grow(storage, "d", 4)
                storage.create_trials(storage.get_study_id_from_name("d"), [trial(9, TrialState.FAIL)])
            case 3:
                storage.delete_study(storage.get_study_id_from_name("b"))
            case 4:
                storage.create_new_study([StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE], "e")
    assert [(row.name, row.trials, row.best) for row in rows] == [("a", 8, 0.0), ("c", 8, -4.0), ("d", 5, 3.0), ("e", 0, None)]
    assert rows[2].algorithms == ("ridge",)


def test_what_only_the_storage_can_say_is_left_to_it(path, tmp_path):
    assert listed(path) is not None
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    twice = next(line for line in lines if b'"params"' in line)
    torn, damaged_line = lines[-1][:-9], lines[-1].replace(b'"serial":', b'"serial":1')
    other = b'{"op_code":0,"worker_id":"w","study_name":"a","directions":[1]}\n'
    for behind in (torn, damaged_line, twice, other, b"\n", b"@@@\n"):
        path.write_bytes(whole + behind)
        assert listed(path) is None
    for damage in (whole.replace(b'"value":7', b'"value":9', 1), b"study: x\n", b"x"):
        index_path(path).unlink(missing_ok=True)
        path.write_bytes(damage)
        assert listed(path) is None
    path.write_bytes(whole)
    JournalStorage(JournalFileBackend(str(path))).create_new_trial(0)
    assert listed(path) is None
    assert listed(tmp_path) is None and listed(tmp_path / "none") is None and listed("sqlite:///a.db") is None


def test_the_command_lists_a_journal_without_loading_optuna(path):
    code = "import sys; sys.modules['optuna'] = None; sys.argv = ['hpo', *sys.argv[1:]]; import hpo.cli; hpo.cli.main()"
    done = subprocess.run([sys.executable, "-c", code, "studies", "ls", "--json", "--storage", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [(row["name"], row["trials"]) for row in json.loads(done.stdout)] == [("a", 8), ("b", 8), ("c", 5)]


@pytest.mark.parametrize("other", ["shorter", "another", "empty"])
def test_an_index_of_another_journal_is_passed_over(path, tmp_path, other):
    index = index_path(path).read_bytes()
    if other == "shorter":
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:9]))
    else:
        path.unlink()
        storage = open_storage(path)
        if other == "another":
            begin(storage, "z", direction="minimize", record=StudyRecord({"folds": 3}))
            grow(storage, "z", 60)
    index_path(path).write_bytes(index)
    assert said(open_storage(path)) == said(JournalStorage(JournalFileBackend(str(path))))


def test_a_line_that_the_index_is_of_is_not_believed_twice(path):
    line = next(each for each in path.read_bytes().splitlines(keepends=True) if b'"params"' in each)
    before = said(open_storage(path))
    with path.open("ab") as file:
        file.write(line)
    with pytest.warns(RecordWarning, match="damaged and set aside"):
        storage = open_storage(path)
    assert said(storage) == before
    assert damaged(path)[0].why == "it is written twice"


def test_where_no_index_can_be_written_the_journal_is_read(path):
    before = said(open_storage(path))
    index_path(path).unlink()
    index_path(path).mkdir()
    assert said(open_storage(path)) == before
    with path.open("r+b") as file:
        file.write(file.read()[:0])
    assert said(open_storage(path)) == before


def test_a_small_journal_has_none(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_index, "AFTER", 256)
    storage = open_storage(tmp_path / "j")
    begin(storage, "a", direction="minimize", record=StudyRecord({"folds": 5}))
    grow(storage, "a", 200)
    open_storage(tmp_path / "j")
    assert not index_path(tmp_path / "j").exists()
    grow(storage, "a", 60)
    open_storage(tmp_path / "j")
    assert index_path(tmp_path / "j").exists()


def test_many_unfinished_trials_of_plain_optuna_are_read_as_ever(path, monkeypatch):
    monkeypatch.setattr(replay, "MOST_OTHERS", 6)
    plain = JournalStorage(JournalFileBackend(str(path)))
    for _ in range(7):
        plain.create_new_trial(0)
    lines = json.loads(index_path(path).read_bytes())["of"][0]
    assert said(open_storage(path)) == said(plain)
    assert json.loads(index_path(path).read_bytes())["of"][0] == lines, "of the lines before them"


def test_what_changes_while_it_is_read_is_an_error_in_words(path):
    storage = open_storage(path)
    path.write_bytes(path.read_bytes().replace(b'"value":7', b'"value":9', 1))
    with pytest.raises(StudyError, match="run the command again"):
        load_study(storage, "a")


def test_no_mutant_of_an_index_changes_what_a_journal_says(path):
    rng, index, before = random.Random(5), index_path(path).read_bytes(), said(open_storage(path))
    _, text = unsealed(index)
    refused, rows = 0, list_studies(open_storage(path))
    for _ in range(MUTANTS):
        mutant = bytearray(index)
        at = rng.randrange(len(mutant))
        match rng.randrange(3):
            case 0:
                mutant[at] = rng.randrange(256)
            case 1:
                del mutant[at : at + rng.randrange(1, 60)]
            case 2:
                mutant[at:at] = mutant[at : at + rng.randrange(1, 99)]
        index_path(path).write_bytes(mutant)
        assert said(open_storage(path)) == before
        assert listed(path) in (None, rows)
        forged = bytearray(text + b"}")
        at = rng.choice([i for i, byte in enumerate(forged) if chr(byte).isdigit()])
        forged[at : at + 1] = rng.choice([b"-1", b"0", b"7", b"9999999", b"null", b'"x"', b"[]", b"1.5", b"[[[[1]]]]"])
        index_path(path).write_bytes(seal(bytes(forged)))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RecordWarning)
                listed(path)
                storage = open_storage(path)
                list_studies(storage)
                said(storage)
        except StudyError:
            refused += 1
    print(f"{MUTANTS} mutants of an index without effect; of as many forged ones {refused} refused in words")
