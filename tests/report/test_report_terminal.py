"""The terminal's summary: the facts, at any width, without colour or Unicode where there is none."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from studies.report.data import Baseline
from studies.report.terminal import render_summary, sparkline


def printed(data, width: int, encoding: str = "utf-8", **options) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    render_summary(data, Console(file=stream, width=width, **options))
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [80, 140])
def test_facts_are_there(study, width):
    text = printed(study, width)
    for fact in (
        "38.19 ± 0.14",
        "38.26 ± 0.14",
        "38.33 ± 0.15",
        "lower is better",
        "0.03817",
        "elastic_net",
        "It read 336,776 rows once; retraining would have read 340 million: 1,010×.",
    ):
        assert fact in text
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [20, 40, 80, 140])
def test_no_line_is_wider_than_the_terminal(study, width):
    assert max(map(len, printed(study, width).splitlines())) <= width


def test_wide_terminal_puts_tables_beside_each_other(study):
    def line_of(text, word):
        return next(i for i, line in enumerate(text.splitlines()) if word in line)

    narrow, wide = printed(study, 80), printed(study, 140)
    assert line_of(narrow, "Settings") < line_of(narrow, "Algorithms")
    assert line_of(wide, "Settings") == line_of(wide, "Algorithms")


def test_a_best_setting_that_is_no_better_than_no_model_is_said_to_be(study):
    better, equal = (replace(study, baseline=Baseline(mean, answer="the mean of the target")) for mean in (-41.5, study.best.value))
    assert "always predicting the mean of the target" in printed(better, 80)
    assert "no better than that" not in printed(better, 80)
    assert "the best setting is no better than that" in printed(equal, 80)


def test_every_study_can_be_printed(awkward):
    assert awkward.name[:3] in printed(awkward, 80)


def test_names_bring_no_escape_codes(hostile):
    assert not any(code in printed(hostile, 80) for code in ("\x1b", "\x00", "\u202e"))


def test_names_are_not_markup(study):
    assert "[red]x[/red]" in printed(replace(study, name="[red]x[/red]"), 80)


def test_ascii_terminal_gets_ascii(awkward):
    assert printed(awkward, 80, encoding="ascii").isascii()


def test_no_color_has_no_colour(study, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = printed(study, 80, force_terminal=True)
    assert "\x1b[1m" in text
    assert not any(f"{code}m" in text for code in (31, 32, 33, 34, 35, 36))


def test_sparkline_of_equal_and_extreme_values():
    assert sparkline([2.0, 2.0], 10) == "██"
    assert sparkline([-1e308, 1e308], 10) == "▁█"
    assert sparkline([], 10) == ""
