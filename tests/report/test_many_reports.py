"""Reports written over and over, as beside a watcher: none of them leaves anything behind."""

from __future__ import annotations

import gc

import numpy as np

import hpo


def test_what_a_report_needed_is_let_go_of(tmp_path):
    x = np.random.default_rng(0).normal(size=(200, 3))
    result = hpo.tune((x, x @ [1.0, 2.0, 0.0]), algorithm="ridge", trials=10, store=tmp_path)

    def held() -> int:
        hpo.importances(result)
        gc.collect()
        return sum(type(thing).__name__ == "_FanovaTree" for thing in gc.get_objects())

    assert held() == held() == 0
