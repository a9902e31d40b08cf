"""The report as files: HTML written whole or not at all, JSON and CSV that other programs read."""

from __future__ import annotations

import csv
import io
import json
import os

import pytest

from studies.errors import StudyError
from studies.report.data import ReportData, TrialRow
from studies.report.page import ReportError, render_html, to_csv, to_json, write_html


def test_written_page_is_the_rendered_page(study, tmp_path):
    path = write_html(study, tmp_path / "flights.html")
    assert path.read_text(encoding="utf-8") == render_html(study)
    assert [file.name for file in tmp_path.iterdir()] == ["flights.html"]


def test_equal_studies_give_equal_pages(study):
    assert render_html(study) == render_html(ReportData.from_dict(json.loads(to_json(study))))


def test_missing_directory_is_named(study, tmp_path):
    with pytest.raises(ReportError, match=r"directory .*nowhere does not exist\. Create it"):
        write_html(study, tmp_path / "nowhere" / "flights.html")


def test_directory_in_the_place_of_a_file(study, tmp_path):
    with pytest.raises(StudyError, match=r"is a directory\. Name a file in it"):
        write_html(study, tmp_path)


def test_parent_that_is_a_file(study, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ReportError, match="does not exist"):
        write_html(study, tmp_path / "file" / "flights.html")


def test_failed_write_keeps_the_old_report(study, tmp_path, monkeypatch):
    path = tmp_path / "flights.html"
    path.write_text("old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ReportError, match="No space left on device"):
        write_html(study, path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["flights.html"]


def test_unwritable_place_is_an_error(study):
    with pytest.raises(ReportError, match="Choose a path that you may write to"):
        write_html(study, "/proc/self/flights.html")


def test_json_is_strict_and_complete(awkward):
    plain = json.loads(to_json(awkward), parse_constant=pytest.fail)
    assert len(plain["trials"]) == len(awkward.trials)
    again = ReportData.from_dict(plain)
    assert again.to_dict() == plain


def test_csv_has_one_line_per_trial_and_one_column_per_hyperparameter(study):
    rows = list(csv.DictReader(io.StringIO(to_csv(study))))
    assert [int(row["number"]) for row in rows] == [trial.number for trial in study.trials]
    for row, trial in zip(rows, study.trials, strict=True):
        assert row["value"] == ("" if trial.value is None else repr(trial.value))
        assert float(row["params_alpha"]) == trial.params["alpha"]
        assert ("l1_ratio" in trial.params) == (row["params_l1_ratio"] != "")
        assert [float(s) for s in row["fold_scores"].split()] == trial.fold_scores


def test_csv_keeps_awkward_values_apart():
    trial = TrialRow(0, 'a,"b"\nc', {"p": [1, 2], "q": {"r": float("nan")}}, value=float("nan"))
    row = next(csv.DictReader(io.StringIO(to_csv(ReportData(name="s", trials=[trial])))))
    assert (row["algorithm"], row["value"], row["params_p"], row["params_q"]) == (
        'a,"b"\nc',
        "",
        "[1, 2]",
        '{"r": null}',
    )
