"""What a result holds, and the functions over it."""

from __future__ import annotations

import gc
import weakref

import numpy as np

import hpo


def small() -> hpo.Result:
    X = np.random.default_rng(0).normal(size=(60, 3))
    return hpo.tune((X, X @ [1.0, 2.0, 0.0]), algorithm="ridge", trials=4, store=None, progress=False)


def test_a_result_has_at_most_twenty_members(hpo_home):
    result = small()
    public = {n for n in (*dir(type(result)), *vars(result)) if not n.startswith("_")}
    assert len(public) <= 20, sorted(public)


def test_what_is_computed_once_goes_with_the_result(hpo_home):
    result = small()
    assert hpo.nested_score(result) is hpo.nested_score(result)
    gone = weakref.ref(result)
    del result
    gc.collect()
    assert gone() is None
