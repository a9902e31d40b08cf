"""Whoever catches an error of this package finds it in ``hpo.errors``, whichever room raises it."""

from __future__ import annotations

import inspect

import pytest

import algorithms.errors
import hpo.errors
import state_store.errors
import studies.errors


@pytest.mark.parametrize("module", [algorithms.errors, state_store.errors, studies.errors])
def test_every_error_of_a_room_is_in_hpo_errors(module):
    raised = {name for name, one in inspect.getmembers(module, inspect.isclass) if issubclass(one, Exception)}
    own = {name for name in raised if getattr(module, name).__module__ == module.__name__}
    assert len(own) > 5
    assert all(getattr(hpo.errors, name, None) is getattr(module, name) for name in own)


def test_what_it_exports_is_there_and_nothing_is_forgotten():
    classes = {name for name, one in inspect.getmembers(hpo.errors, inspect.isclass) if issubclass(one, BaseException)}
    assert set(hpo.errors.__all__) == classes
