"""Studies that continue as their data changes: new segments alone are read, what was found is scored again, and one stands."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import forked
import numpy as np
import pandas as pd
import pytest
from terminal import Answer, within

import hpo
from hpo.cli.compare import compare
from hpo.cli.watch import watch
from hpo.errors import Interrupted, TuneError
from hpo.findings.editions import words
from hpo.report.collect import report_data
from hpo.states.evaluate import Scores
from hpo.trials import editions
from hpo.trials.tuner import Tuner
from studies.errors import StudyMissing, StudyTaken
from studies.report.page import render_html


def month(number: int, rows: int = 300, shift: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(number)
    frame = pd.DataFrame(rng.normal(size=(rows, 4)), columns=list("abcd"))
    frame["a"] += shift
    frame["k"] = rng.choice(["u", "v"], rows, p=[0.5, 0.5] if not shift else [0.9, 0.1])
    frame["y"] = frame["a"] - 2.0 * frame["b"] + rng.normal(size=rows)
    return frame


@pytest.fixture
def home(tmp_path):
    """A directory of months, and where studies are kept."""
    (tmp_path / "in").mkdir()
    for number in (1, 2):
        month(number).to_parquet(tmp_path / "in" / f"{number}.parquet")
    return tmp_path


def tune(home, **options):
    asked = {"algorithm": ["ridge", "lasso"], "trials": 12, "name": "daily", "store": home / "store"}
    return hpo.tune(home / "in", "y", storage=str(home / "studies.journal"), **(asked | options))


def add(home, number: int, **options) -> None:
    month(number, **options).to_parquet(home / "in" / f"{number}.parquet")


def test_grown_data_makes_the_next_edition_and_reads_what_is_new(home):
    first = tune(home)
    add(home, 3)
    second = tune(home)
    note = second.record.edition
    assert (note.number, note.before, note.rows, note.rows_before) == (2, "daily", 900, 600)
    assert (note.came, note.left) == (1, 0)
    assert second.cost.rows_read == 300
    again = [t for t in second.optuna_study.trials if t.user_attrs.get("warm_start") == "daily"]
    assert 0 < note.carried == len(again) < 12
    assert len(second.optuna_study.trials) == note.carried + 12
    assert first.best_params in [second.params_of(c) for c in second.candidates]
    assert note.score_before == first.best_value


def test_what_was_carried_scores_as_it_does_on_the_new_data(home):
    tune(home)
    add(home, 3)
    second = tune(home)
    name = next(iter(second.best_params)).partition(".")[0]
    alone = hpo.tune(home / "in", "y", name, trials=1, store=home / "other", search=second.best_params)
    assert alone.best_value == pytest.approx(second.best_value, rel=1e-12)


def test_editions_are_compared_on_the_folds_that_scored_both_settings(home, capsys):
    tune(home, trials=3)
    add(home, 3)
    kept = tune(home, trials=40, replace="always")
    note, best = kept.record.edition, kept.best
    old = next(c for c in kept.candidates if c.number == note.was)
    gap = float(np.mean(np.subtract(best.scores.folds, old.scores.folds)))
    compare(["daily@1", "daily@2"], str(home / "studies.journal"), as_json=True)
    (pair,) = json.loads(capsys.readouterr().out)["pairs"]
    assert (pair["on"], pair["comparable"]) == ("daily@2", False)
    assert pair["difference"] == pytest.approx(gap) and 0.0 <= pair["p"] <= 1.0
    compare(["daily@1", "daily@2"], str(home / "studies.journal"))
    printed = " ".join(capsys.readouterr().out.split())
    assert "daily@1 and daily@2 cannot be compared: they read different data. On the data of daily@2 the setting of" in printed


def test_the_best_of_before_stands_unless_another_is_better_by_a_standard_error(home):
    tune(home, trials=3)
    add(home, 3)
    kept = tune(home, trials=40)
    note, best = kept.record.edition, max(kept.candidates, key=lambda c: c.scores.mean)
    old = next(c for c in kept.candidates if c.number == note.was)
    apart = Scores(tuple(np.subtract(best.scores.folds, old.scores.folds).tolist()))
    assert (note.gain, note.se or 0.0) == pytest.approx((apart.mean, apart.se if np.isfinite(apart.se) else 0.0))
    better = apart.mean > 0 and apart.mean > apart.se
    assert kept.best.number == note.standing == (best.number if better else old.number)


@pytest.mark.parametrize("how", ["always", "never"])
def test_always_and_never_are_what_they_say(how, home):
    tune(home, trials=2, search={"ridge.alpha": [1e4, 1e5]}, algorithm="ridge")
    add(home, 3)
    found = tune(home, trials=2, search={"ridge.alpha": [1e4, 1e5]}, algorithm="ridge", replace=how)
    best = max(found.candidates, key=lambda c: c.scores.mean)
    assert found.best.number == (best.number if how == "always" else found.record.edition.was)
    assert hpo.write_report(found).stands == (found.best.scores.mean < best.scores.mean)


def test_shrunk_data_is_an_edition_too_and_reads_nothing(home):
    add(home, 3)
    tune(home)
    (home / "in" / "1.parquet").unlink()
    second = tune(home)
    assert (second.record.edition.came, second.record.edition.left) == (0, 1)
    assert second.cost.rows_read == 0
    assert second.record.edition.drift == ()


def test_columns_that_moved_are_named_with_how_far(home):
    tune(home)
    add(home, 3, shift=1.5)
    drift = dict(tune(home).record.edition.drift)
    old, new = pd.concat([month(1), month(2)]), month(3, shift=1.5)
    for name in ("a", "y"):
        assert drift[name] == pytest.approx((new[name].mean() - old[name].mean()) / old[name].std(ddof=0), rel=1e-9)
    share = (old["k"] == "u").mean()
    assert drift["k_u"] == pytest.approx(((new["k"] == "u").mean() - share) / np.sqrt(share * (1 - share)), rel=1e-9)
    assert "c" not in drift


def test_the_same_data_goes_on_and_another_question_is_another_study(home):
    tune(home, trials=4)
    again = tune(home, trials=9)
    assert again.record.edition.number == 1
    assert len(again.optuna_study.trials) == 9
    add(home, 3)
    with pytest.raises(StudyTaken, match=r'"n_splits": 5.*now.*"n_splits": 4'):
        tune(home, folds=4)
    with pytest.raises(TuneError, match="what follows @ is the edition"):
        tune(home, name="daily@2")


def test_editions_are_opened_by_number_and_the_last_by_name(home):
    values = [tune(home, trials=5).best_value]
    for number in (3, 4):
        add(home, number)
        values.append(tune(home, trials=5).best_value)
    storage = str(home / "studies.journal")
    for name, value in (("daily@1", values[0]), ("daily@2", values[1]), ("daily@3", values[2]), ("daily", values[2])):
        assert hpo.load(name, storage=storage).best_value == pytest.approx(value, rel=1e-12)
    with pytest.raises(StudyMissing, match="'daily' has no edition 7; it has 1, 2, 3"):
        hpo.load("daily@7", storage=storage)


def test_while_an_edition_begins_the_one_before_it_is_opened(home, monkeypatch):
    first = tune(home)
    add(home, 3)

    def opened(*args):
        """Another process opens the study when the trials are about to begin."""
        seen.append(hpo.load("daily", storage=str(home / "studies.journal")).best_value)
        return carried(*args)

    seen, carried = [], editions.carried
    monkeypatch.setattr("hpo.trials.run.carried", opened)
    tune(home)
    assert seen == [first.best_value]


def test_an_interrupted_edition_goes_on(home):
    tune(home, trials=4)
    add(home, 3)
    part = tune(home, trials=3)
    whole = tune(home, trials=8)
    assert whole.record.edition.number == 2
    assert len(whole.optuna_study.trials) == part.record.edition.carried + 8
    assert whole.record.edition.carried == part.record.edition.carried


def test_a_report_shows_the_score_of_each_edition(home):
    found = [tune(home)]
    for number in (3, 4):
        add(home, number)
        found.append(tune(home, fresh=number == 4))
    assert found[0].record.edition.earlier == ()
    last = hpo.load("daily", storage=str(home / "studies.journal"))
    data = report_data(last)
    known = [(n + 1, 600 + 300 * n, one.best_value) for n, one in enumerate(found)]
    assert [(one.number, one.rows, one.score) for one in data.editions] == known
    page = render_html(data)
    assert 'id="editions"' in page and all(f"{one.best_value:.3g}" in page for one in found)
    assert 'id="editions"' not in render_html(report_data(found[0]))


def test_several_objectives_carry_their_pareto_front(home):
    asked = {"scoring": ["r2", "neg_mean_squared_error"], "refit": False, "trials": 8}
    first = tune(home, **asked)
    add(home, 3)
    second = tune(home, **asked)
    params = [second.params_of(c) for c in second.candidates]
    assert all(first.params_of(c) in params for c in first.pareto)
    assert second.record.edition.standing is None


STUDY = "name: daily\ndata: in\ntarget: y\nalgorithm: ridge\ntrials: 5\n"


def command(home, *words: object) -> Answer:
    return within(*words, env={"HPO_HOME": str(home / "home"), "COLUMNS": "100"}, cwd=home)


@pytest.fixture
def daily(home):
    (home / "daily.yaml").write_text(STUDY)
    first = command(home, "run", "daily.yaml", "--quiet")
    assert first.code == 0, first.err
    return home


def test_the_nightly_run_makes_editions_and_says_what_has_changed(daily):
    add(daily, 3, shift=1.0)
    said = command(daily, "run", "daily.yaml", "--dry-run")
    assert said.out == "daily: edition 2 would begin, beginning with what daily found; 1 segment to read\n"
    ran = command(daily, "run", "daily.yaml", "--quiet")
    assert ran.code == 0, ran.err
    said = " ".join(ran.out.split())
    assert "Edition 2: 600 → 900 rows (1 segment new); " in said
    assert "The setting that stood scores R² " in said
    assert "New rows differ most, in standard deviations, in a (+" in said
    again = command(daily, "run", "daily.yaml", "--quiet")
    assert again.code == 1
    assert "continue with resume=True" in again.err
    said = command(daily, "run", "daily.yaml", "--dry-run", "--json")
    assert json.loads(said.out)["due"] is False
    fresh = json.loads(command(daily, "run", "daily.yaml", "--fresh", "--json").out)
    assert (fresh["edition"]["number"], fresh["edition"]["before"], fresh["trials"]) == (3, None, 5)
    assert fresh["cost"]["rows_read"] == 0


def test_an_edition_that_begins_afresh_says_which_segments_came_and_left_too(home):
    tune(home)
    add(home, 3, shift=1.5)
    (home / "in" / "1.parquet").unlink()
    fresh = tune(home, fresh=True)
    note = fresh.record.edition
    assert (note.before, note.carried, note.was) == (None, 0, None)
    assert (note.rows_before, note.rows, note.came, note.left) == (600, 600, 1, 1)
    assert "a" in dict(note.drift)
    said = words(fresh.record)[0]
    assert said == (
        "Edition 2: 600 → 600 rows (1 segment new, 1 segment gone); begun without what the last edition found."
    )


def test_editions_are_shown_compared_predicted_with_and_removed(daily):
    add(daily, 3)
    assert command(daily, "run", "daily.yaml", "--quiet").code == 0
    shown = command(daily, "studies", "show", "daily")
    assert "editions" in shown.out
    assert "+1 -0" in shown.out
    found = json.loads(command(daily, "studies", "show", "daily", "--json").out)
    assert [e["number"] for e in found["editions"]] == [1, 2]
    listed = [line.split() for line in shown.out.partition("editions\n")[2].splitlines()]
    first, second = (hpo.load(f"daily@{n}", storage=str(daily / "home" / "studies.journal")) for n in (1, 2))
    note = second.record.edition
    assert [e["value"] for e in found["editions"]] == [first.best_value, second.best_value]
    assert [line[2] for line in listed if line[:1] == ["1"]] == [f"{first.best_value:.6g}"]
    cells = [f"{value:.6g}" for value in (second.best_value, note.score_before, note.score)]
    assert [line[4:7] for line in listed if line[:1] == ["2"]] == [cells]
    compared = command(daily, "studies", "compare", "daily@1", "daily@2")
    assert compared.code == 0, compared.err
    for number in (1, 2):
        out = daily / f"{number}.csv"
        done = command(daily, "predict", "daily", "in/3.parquet", "-o", out, "--edition", number)
        assert done.code == 0, done.err
    assert (daily / "1.csv").read_text() != (daily / "2.csv").read_text()
    gone = command(daily, "predict", "daily", "in/3.parquet", "-o", daily / "x.csv", "--edition", 3)
    assert (gone.code, "has no edition 3; it has 1, 2" in gone.err) == (1, True)
    assert command(daily, "report", "daily@1", "--json").code == 0
    removed = command(daily, "studies", "rm", "daily", "--yes")
    assert removed.out == "removed daily, 5 trials\nremoved daily@2, " + removed.out.partition("daily@2, ")[2]
    assert "daily" not in command(daily, "studies", "ls").out


def test_watch_once_makes_an_edition_only_where_the_data_has_changed(daily):
    still = command(daily, "watch", "daily.yaml", "--once")
    assert still.code == 0, still.err
    assert "nothing has changed since edition 1" in still.out
    add(daily, 3)
    moved = command(daily, "watch", "daily.yaml", "--once")
    assert moved.code == 0, moved.err
    assert "daily: Edition 2: 600 → 900 rows" in moved.out
    assert len(moved.out.splitlines()) == 1
    (daily / "in" / "4.parquet").write_bytes(b"PAR1 half a file")
    broken = command(daily, "watch", "daily.yaml", "--once")
    assert broken.code == 1
    assert "Traceback" not in broken.err


def test_a_watcher_that_waits_holds_nothing_of_the_editions_it_ran(daily, monkeypatch):
    """What refers to itself stayed until Python looked for it, a few megabytes more with each dozen editions."""
    monkeypatch.chdir(daily)
    monkeypatch.setenv("HPO_HOME", str(daily / "home"))
    held = []

    def asleep(_seconds):
        held.append(sum(isinstance(each, hpo.Result | Tuner) for each in gc.get_objects()))
        if len(held) == 3:
            raise KeyboardInterrupt
        add(daily, 2 + len(held))

    monkeypatch.setattr("hpo.cli.watch.time.sleep", asleep)
    gc.collect()
    before = sum(isinstance(each, hpo.Result | Tuner) for each in gc.get_objects())
    monkeypatch.setattr(gc, "isenabled", lambda: False)  # nobody turns it on again meanwhile
    gc.disable()
    try:
        with pytest.raises(KeyboardInterrupt):
            watch(Path("daily.yaml"), every="1s")
    finally:
        gc.enable()
    assert held[1:] == [before, before], "two editions were run"


def test_a_watcher_that_is_killed_and_started_again_goes_on(daily):
    environment = os.environ | {"HPO_HOME": str(daily / "home")}
    words = [sys.executable, "-m", "hpo.cli", "watch", "daily.yaml", "--every", "0.2s"]
    for number in (3, 4):
        with forked.Popen(words, cwd=daily, env=environment, stdout=subprocess.PIPE, text=True) as process:
            add(daily, number)
            line = process.stdout.readline()
            process.kill()
        assert f"Edition {number - 1}: " in line
    notes = json.loads(command(daily, "studies", "show", "daily", "--json").out)["editions"]
    assert [(e["number"], e["rows"]) for e in notes] == [(1, 600), (2, 900), (3, 1200)]


def test_watchers_at_the_same_moment_share_an_edition(daily):
    add(daily, 3)
    environment = os.environ | {"HPO_HOME": str(daily / "home")}
    words = [sys.executable, "-m", "hpo.cli", "watch", "daily.yaml", "--once", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    watching = [forked.Popen(words, cwd=daily, env=environment, **pipes) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in watching]
    assert [process.returncode for process in watching] == [0, 0], said
    found = [json.loads(out) for out, _ in said]
    ran = [one for one in found if "edition" in one]  # who came too late says that nothing has changed
    assert ran and all("nothing has changed since edition 2" in one["says"] for one in found if one not in ran)
    assert sum(one["cost"]["rows_read"] for one in ran) == 300
    shown = json.loads(command(daily, "studies", "show", "daily", "--json").out)
    assert [e["number"] for e in shown["editions"]] == [1, 2]
    assert len(shown["trials"]) == shown["editions"][1]["carried"] + 5
    settings = [json.dumps(trial["params"], sort_keys=True) for trial in shown["trials"]]
    assert len(set(settings)) == len(settings)


def test_a_watcher_waits_for_a_storage_that_is_away(daily, monkeypatch, capsys):
    monkeypatch.chdir(daily)
    kept, away = daily / "home" / "studies.journal", daily / "away"
    monkeypatch.setenv("HPO_HOME", str(daily / "home"))
    kept.rename(away)
    kept.mkdir()
    looks = []

    def asleep(_seconds):
        looks.append(capsys.readouterr().out)
        if len(looks) == 2:
            kept.rmdir()
            away.rename(kept)
            add(daily, 3)
        elif len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("hpo.cli.watch.time.sleep", asleep)
    with pytest.raises(KeyboardInterrupt):
        watch(Path("daily.yaml"), every="1s")
    assert str(kept) in looks[0] and "looking again every 1s" in looks[0]
    assert looks[1] == "", "once is enough"
    assert "Edition 2: 600 → 900 rows" in looks[2]


def test_ctrl_c_in_an_edition_ends_the_watch_too(daily, monkeypatch):
    monkeypatch.chdir(daily)
    monkeypatch.setenv("HPO_HOME", str(daily / "home"))
    add(daily, 3)
    one = Tuner.propose

    def interrupted(self, turn):
        os.kill(os.getpid(), signal.SIGINT)
        return one(self, turn)

    monkeypatch.setattr(Tuner, "propose", interrupted)
    with pytest.raises(Interrupted, match="edition 2 of daily continues when the watch is started again"):
        watch(Path("daily.yaml"), every="1h")


def test_confirm_and_pareto_from_the_command_line(daily):
    held = month(9)
    held.to_parquet(daily / "held.parquet")
    found = json.loads(command(daily, "confirm", "daily", "held.parquet", "--scoring", "r2", "--json").out)
    result = hpo.load("daily", storage=str(daily / "home" / "studies.journal"))
    assert found["scores"]["r2"] == pytest.approx(hpo.confirm(result, held, scoring="r2")["r2"])
    shown = command(daily, "confirm", "daily", "held.parquet")
    assert shown.code == 0, shown.err
    assert "cross-validated" in shown.out
    several = STUDY.replace("daily", "several") + "scoring: [r2, neg_mean_absolute_error]\nrefit: false\n"
    (daily / "several.yaml").write_text(several)
    assert command(daily, "run", "several.yaml", "-q").code == 0
    front = json.loads(command(daily, "pareto", "several", "--json").out)
    assert front["objectives"] == ["r2", "neg_mean_absolute_error"]
    assert front["pareto"]
    assert command(daily, "pareto", "several").code == 0
