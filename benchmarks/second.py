"""A second study of the same data: how many rows it reads, and how long it takes."""

from __future__ import annotations

from typing import Any

from benchmarks.measure import alternate
from benchmarks.table import Row, at_most, seconds
from benchmarks.whole import cold, study
from benchmarks.workshop import Workshop


def second_rows(shop: Workshop) -> list[Row]:
    """Compare a second study with the first."""
    data, store, journal = shop.main_file(), shop.fresh("store"), shop.fresh("journal")
    study(shop, data, store, journal, "first")
    costs: list[Any] = []

    def again() -> None:
        result: Any = study(shop, data, store, journal, f"again-{len(costs)}")
        costs.append(result.cost)

    found = alternate({"again": again, "first": lambda: cold(shop, data)}, shop.repeats, shop.patience)
    shop.remove(store)
    shop.remove(journal)
    rows = max(cost.rows_read for cost in costs)
    return [
        Row("rows that a second study reads", f"{rows:,}", f"{shop.rows:,}", rows / shop.rows, at_most(0.0)),
        Row(
            "second study vs the first", seconds(found.wall("again")), seconds(found.wall("first")),
            found.ratio("again", "first"), None, "", found.others,
        ),
    ]  # fmt: skip
