"""Every example in the room runs, and every public thing is described."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import state_store

MODULES = [
    "state_store",
    *(f"state_store.{module.name}" for module in pkgutil.iter_modules(state_store.__path__)),
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0
    assert result.attempted > 0 or name.endswith((".errors", ".shelf", ".members"))


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_is_described(name):
    module = importlib.import_module(name)
    own = [item for item in vars(module).values() if getattr(item, "__module__", None) == name]
    public = [item for item in own if callable(item) and not item.__name__.startswith("_")]
    assert module.__doc__
    assert [item.__name__ for item in public if not inspect.getdoc(item)] == []
