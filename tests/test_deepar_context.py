"""How far back a network of series looks by itself: of hours, and of parts of them, a week and a day."""

from __future__ import annotations

import pytest

from algorithms.families.paths import lags_of
from hpo.question.series import search_of
from studies.spec.spec import build


@pytest.mark.parametrize(("freq", "context"), [("h", 193), ("30min", 385), ("15min", 769), ("min", 120), ("M", 36), ("D", 28)])
def test_a_week_is_looked_at_where_a_season_is_a_day(freq, context):
    asked = build({"data": "x.csv", "algorithm": ["deepar", "linear_forecaster"], "time": "t", "freq": freq})
    found = search_of(asked)
    assert found["deepar.context"] == context
    season = found["deepar.season"]
    lags = lags_of(context, season)
    assert (7 * season in lags) == (freq in ("h", "30min", "15min"))
    assert context - max(lags) >= min(season, 12), "a day is left to go over"
    assert found["linear_forecaster.context"] == max(2 * season, min(4 * season, 36), 8)
