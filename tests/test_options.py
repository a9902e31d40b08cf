"""Every field of StudySpec is an option everywhere: signature, docstring, YAML, template, command line."""

from __future__ import annotations

import importlib.util
import inspect
import re
from pathlib import Path

import pytest
import yaml

import hpo
from hpo.cli.options import _described
from studies.spec.form import loads
from studies.spec.option import docstrings_of
from studies.spec.spec import OPTIONS, StudySpec
from studies.spec.template import template
from studies.spec.yaml_reader import CoreDumper, read

FIELDS = tuple(StudySpec.model_fields)
ROOT = Path(__file__).parent.parent
TEXT = template(name="s", data="x.csv", target="y", algorithms=["ridge"], scoring="r2")


def generator():
    """Return the module that writes the signature."""
    spec = importlib.util.spec_from_file_location("options", ROOT / "tools" / "options.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", FIELDS)
def test_the_signature_and_the_docstring_of_tune_hold_it(name):
    assert name in inspect.signature(hpo.tune).parameters
    entry = re.search(rf"^    {name} : (.*?)(?=^    \w+ :|\n\n)", hpo.tune.__doc__, re.MULTILINE | re.DOTALL)
    said = " ".join(entry[1].split())
    assert said[1:] == docstrings_of(StudySpec)[name][1:]


@pytest.mark.parametrize("name", FIELDS)
def test_the_template_holds_it_and_its_example_is_read(name):
    line = next(one for one in TEXT.splitlines() if re.match(rf"(# )?{name}: ", one))
    assert line.endswith(f"# {OPTIONS[name].note}")
    value = read(line.removeprefix("# "), "a line").value[name]
    asked = {"data": "x.csv", "algorithm": "ridge", "scoring": ["r2", "max_error"], name: value}
    spec = loads(yaml.dump(asked, Dumper=CoreDumper))
    assert name in spec.model_fields_set


def test_tune_takes_nothing_else_but_how_to_run():
    assert set(inspect.signature(hpo.tune).parameters) - set(FIELDS) == {"progress", "resume", "fresh"}


def test_the_source_of_tune_is_as_it_is_generated():
    text = (ROOT / "hpo" / "api.py").read_text()
    assert generator().written(text) == text, "run: make options"


def test_an_option_that_defines_a_study_is_in_its_definition():
    spec = StudySpec(
        data="x.csv", algorithm="ridge", scoring=["r2", "max_error"], refit="r2", fidelity="halving", replay=0.5,
        early_stopping_rounds=5, one_std_err=True,
        hash_columns="auto", sep=";", encoding="cp1252", decimal=",", thousands=".", symbols=["%"], date_format="%d.%m.%Y",
        na_values="?",
        layout="layout.zip", half_life=1000, time="day", series="shop", freq="D",
        documents="text", futr_exog_list="price", hist_exog_list="visits", stat_exog_list="kind",
        join={"shop": {"data": "shops.csv", "on": "shop"}}, interactions={"user": "who", "item": "what"},
    )  # fmt: skip
    assert set(spec.definition()) == {n for n in FIELDS if OPTIONS[n].defines}


def test_the_command_line_describes_options_as_the_study_does():
    assert _described("{trials} [default: 1].") == f"T{OPTIONS['trials'].note[1:]} [default: 1]."


def test_a_field_must_declare_itself():
    from studies.spec.option import options_of
    from studies.spec.ranges import Strict

    class Bare(Strict):
        trials: int = 1

    with pytest.raises(TypeError, match="'trials' needs an Option"):
        options_of(Bare)
