"""The report as Markdown and as a picture, and the command that writes each."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from browser import CHROMIUM
from typer.testing import CliRunner

import hpo
from hpo.cli.app import app
from studies.report import pictures
from studies.report.data import Baseline, ReportData
from studies.report.markdown import to_markdown
from studies.report.page import ReportError


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    place = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc")).assign(y=lambda d: d["a"] + d["b"])
    options = {"store": str(place / "store"), "storage": str(place / "studies.journal")}
    hpo.tune(rows, target="y", algorithm=["ridge", "lasso"], trials=12, name="rows", **options)
    return [f"--{key}={value}" for key, value in options.items()]


@pytest.fixture(scope="module")
def small():
    X = np.random.default_rng(0).normal(size=(60, 2))
    return hpo.tune((X, X[:, 0]), algorithm="ridge", trials=2, folds=2, store=None)


def ask(home, *words):
    return CliRunner().invoke(app, ["report", "rows", *words, *home])


def test_markdown_says_what_the_page_says(study):
    text = to_markdown(replace(study, baseline=Baseline(-41.5, 0.1, answer="the mean of the target"), warnings=study.notes))
    assert text.startswith("# flights\n\n**38.19 ± 0.14** root mean squared error, in the unit of arr\\_delay")
    assert "| without a model | 41.5 | always predicting the mean of the target |" in text
    assert "| expected on new data | 38.33 ± 0.15 |" in text
    assert "> ⚠ 9,430 rows have no arr\\_delay and were left out." in text
    assert "```yaml\nalgorithm: elastic_net" in text
    assert "−38" not in text.split("```")[0]
    assert len(text) < 6_000


def test_markdown_takes_no_markup_from_names(hostile):
    text = to_markdown(hostile)
    outside = "".join(text.split("```")[::2])
    assert "<script" not in outside
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    tables = [line for line in outside.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in tables}) <= 2


def test_markdown_of_nothing_says_so(awkward):
    assert to_markdown(awkward).startswith("# ")
    assert "No trial has a score." in to_markdown(ReportData(name="empty"))


def test_the_command_prints_and_writes_each_format(home, tmp_path):
    printed = ask(home, "--format", "markdown")
    assert printed.exit_code == 0 and printed.stdout.startswith("# rows\n")
    assert json.loads(ask(home, "--format", "json").stdout)["name"] == "rows"
    for kind, begins in (("html", "<!doctype html>"), ("markdown", "# rows"), ("json", "{")):
        path = tmp_path / f"report.{kind}"
        done = ask(home, "--format", kind, "-o", str(path))
        assert done.exit_code == 0, done.output
        assert path.read_text(encoding="utf-8").lstrip().startswith(begins)


@pytest.mark.parametrize(("ending", "begins"), [("html", "<!doctype html>"), ("HTM", "<!doctype"), ("md", "# rows"), ("json", "{")])
def test_the_ending_of_a_file_says_its_format(home, tmp_path, ending, begins):
    path = tmp_path / f"report.{ending}"
    done = ask(home, "-o", str(path))
    assert done.exit_code == 0, done.output
    assert path.read_text(encoding="utf-8").lstrip().startswith(begins)


@pytest.mark.parametrize(
    ("ending", "begins"), [("", "<!doctype"), ("html", "<!doctype"), ("MD", "# unnamed"), ("markdown", "# unnamed"), ("json", "{")]
)
def test_write_report_follows_the_ending_too(small, tmp_path, ending, begins):
    path = tmp_path / f"report.{ending}".rstrip(".")
    hpo.write_report(small, path)
    assert path.read_text(encoding="utf-8").lstrip().startswith(begins)
    with pytest.raises(ReportError, match="does not exist"):
        hpo.write_report(small, tmp_path / "none" / path.name)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--format", "html"], "--format html needs -o FILE"),
        (["--format", "png"], "--format png needs -o FILE"),
        (["-o", "report"], "needs --format"),
        (["-o", "report.txt"], "needs --format"),
        (["-o", "report.json", "--json"], "--json prints, and -o report.json writes; leave one out"),
        (["--format", "markdown", "--csv", "-"], "two answers would go to standard output"),
        (["--format", "html", "-o", "x.html", "--json"], "would both be the answer"),
    ],
)
def test_what_cannot_be_meant_is_refused(home, words, why):
    done = ask(home, *words)
    assert done.exit_code != 0
    assert why in str(done.exception) + done.output


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome is installed")
def test_a_picture_shows_the_whole_page(study, tmp_path):
    path = pictures.write_png(study, tmp_path / "report.png")
    head = path.read_bytes()[:24]
    width, height = struct.unpack(">II", head[16:24])
    assert head.startswith(b"\x89PNG")
    assert width == pictures.WIDTH and height > 3_000


def test_without_a_browser_a_picture_is_refused_with_what_to_do(study, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures.shutil, "which", lambda name: None)
    with pytest.raises(ReportError, match=r"needs Chromium or Chrome.*html or markdown"):
        pictures.write_png(study, tmp_path / "report.png")
