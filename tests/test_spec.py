"""Descriptions of studies: what is accepted, what is refused, and how a person is informed."""

from __future__ import annotations

import math
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studies.errors import SpecError
from studies.spec.definition import definition_digest, differences
from studies.spec.fields import FoldScheme
from studies.spec.form import dump, load, loads
from studies.spec.ranges import Range
from studies.spec.spec import StudySpec, build
from studies.spec.yaml_reader import read

BASE = "data: x.csv\nalgorithm: [ridge, elastic_net]\n"
KNOWN = {"ridge": ["alpha", "standardize"], "elastic_net": ["alpha", "l1_ratio"]}


def fault(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        loads(text)
    return str(caught.value)


def test_a_whole_file_is_read_as_written():
    spec = loads(
        BASE
        + "name: flights\nsearch:\n  ridge.alpha: {low: 1e-4, high: 10, log: true}\n"
        + "  ridge.standardize: [true, false]\n"
        + "  elastic_net.alpha: 0.5\n  elastic_net.l1_ratio: {low: 1, high: 5}\n"
        + "folds: {scheme: time, column: day, n_splits: 4}\ntimeout: 10m\nsampler: tpe\n"
    )
    assert spec.search["ridge.alpha"] == Range(low=1e-4, high=10, log=True)
    assert not spec.search["ridge.alpha"].whole
    assert spec.search["elastic_net.l1_ratio"].whole
    assert spec.search["ridge.standardize"] == (True, False)
    assert spec.search["elastic_net.alpha"] == 0.5
    assert spec.folds == FoldScheme(scheme="time", column="day", n_splits=4)
    assert spec.timeout == 600
    assert spec.data == ("x.csv",)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("trails: 5", "line 3: unknown key 'trails'; did you mean 'trials'?"),
        ("trials: many", "line 3: trials: should be a valid integer (got 'many')"),
        ("trials: 0", "line 3: trials: should be greater than or equal to 1 (got 0)"),
        ("trials: true", "line 3: trials: should be a valid integer (got True)"),
        ("folds: 1", "line 3: folds: should be greater than or equal to 2 (got 1)"),
        ("folds: {scheme: group}", "line 3: folds: the scheme 'group' needs a 'column'"),
        ("folds: {shceme: group}", "line 3: unknown key 'shceme' in 'folds'; did you mean 'scheme'?"),
        ("sampler: tpp", "line 3: sampler: unknown sampler 'tpp'; did you mean 'tpe'?"),
        ("timeout: soon", "line 3: timeout: 'soon' is not a duration; write seconds (600) or text"),
        ("search: {ridge.alpha: {low: 2, high: 1}}", "search.ridge.alpha: low 2 is greater than high 1"),
        ("search: {ridge.alpha: {low: 0, high: 1, log: true}}", "a log range needs low > 0; got 0"),
        ("search: {ridge.alpha: {low: 1, high: 2, log: true, step: 1}}", "log and step 1 exclude each other"),
        ("search: {ridge.alpha: {low: 1}}", "line 3: 'search.ridge.alpha.high' is missing"),
        (
            "search: {ridge.alpha: {low: 1, hihg: 2}}",
            "unknown key 'hihg' in 'search.ridge.alpha'; did you mean",
        ),
        ("search: {ridge.alpha: []}", "an empty list leaves nothing to try"),
        ("search: {ridge.alpha: [1, 1]}", "names a value twice"),
        ("search: {ridge.alpha: .nan}", "nan cannot be tried"),
        ("search: {alpha.: 1}", "line 3: search key 'alpha.' must be 'algorithm.parameter'"),
        ("name: a/b", "line 3: name: 'a/b' is not a study name"),
        ("seed: -1", "line 3: seed: should be greater than or equal to 0 (got -1)"),
        ("data: [a, a]", "line 3: key 'data' is given twice (first on line 1)"),
        ("drop: {a: 1}", "line 3: drop: {'a': 1} is not text or a list of text"),
        ("fingerprint: slow", "line 3: fingerprint: should be 'fast' or 'content' (got 'slow')"),
    ],
)
def test_a_fault_names_its_line_key_value_and_the_nearest_key(line, words):
    assert words in fault(BASE + line + "\n")


def test_all_faults_are_reported_together_in_the_order_of_the_file():
    text = fault("data: x.csv\ntrails: 1\nalgorithm: pca\nfolds: 0\nsampler: nope\n")
    assert [line.strip().split(":")[0] for line in text.splitlines()[1:]] == ["line 2", "line 4", "line 5"]


def test_missing_keys_are_named():
    assert "'data' is missing" in fault("algorithm: pca\n")


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text", "null"])
def test_a_file_that_is_no_mapping_is_refused(text):
    assert "expected 'key: value' lines" in fault(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1, 2\nb: 3\n", "line 2: not valid YAML"),
        ("a:\n\t- b\n", "line 2: not valid YAML"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("a: &x [*x]\n", "levels"),
        ("[" * 3000, "levels"),
        ("a: *nowhere\n", "line 1: not valid YAML"),
        ("a: \x00\n", "not valid YAML"),
        ("a: " + "9" * 5000, "line 1: "),
    ],
    ids=["syntax", "tab", "two documents", "self", "deep", "alias", "control", "digits"],
)
def test_hostile_text_is_refused_with_a_line(text, words):
    assert words in fault(text)


def test_a_tag_is_refused_and_runs_nothing(tmp_path):
    target = tmp_path / "made"
    text = fault(f"data: !!python/object/apply:os.mkdir [{target}]\nalgorithm: pca\n")
    assert not target.exists()
    assert "line 1: the tag 'tag:yaml.org,2002:python" in text
    assert "the tag '!evil' is not allowed" in fault("data: !evil x\nalgorithm: pca\n")


def test_aliases_cannot_explode():
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
    )
    assert "expands to more than" in fault(bomb)


def test_size_is_limited():
    assert "larger than 1,000,000 bytes" in fault("#" * 1_000_001)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4), ("1E5", 1e5), ("-1.5e+3", -1500.0), (".5", 0.5), ("3", 3), ("0x1f", 31), ("0o17", 15),
        ("true", True), ("yes", "yes"), ("off", "off"), ("1_000", "1_000"), ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"), ("~", None), ("", None), (".inf", math.inf), ("-.inf", -math.inf),
        ("'1'", "1"), ("e5", "e5"), ("007", 7),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text, value):
    found = read(f"a: {text}\n", "here").value["a"]
    assert found == value
    assert type(found) is type(value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SpecError, match=r"absent\.yaml: there is no such file; hpo init DATA writes one"):
        load(tmp_path / "absent.yaml")
    bad = tmp_path / "latin.yaml"
    bad.write_bytes(b"data: x.csv\nname: caf\xe9\n")
    with pytest.raises(SpecError, match=r"latin\.yml: there is no such file; did you mean 'latin\.yaml'\?"):
        load(tmp_path / "latin.yml")
    with pytest.raises(SpecError, match="line 2: is not UTF-8"):
        load(bad)


def test_names_are_checked_against_what_is_known():
    spec = loads("data: x.csv\nalgorithm: [ridge, elasticnet]\nsearch:\n  ridge.alhpa: 1\n  lasso.alpha: 2\n")
    with pytest.raises(SpecError) as caught:
        spec.validate(KNOWN)
    assert [str(p) for p in caught.value.problems] == [
        "line 2: unknown algorithm 'elasticnet'; did you mean 'elastic_net'?",
        "line 4: 'ridge.alhpa': 'ridge' has no parameter 'alhpa'; did you mean 'alpha'?",
        "line 5: 'lasso.alpha': 'lasso' is not among this study's algorithms; known: 'elasticnet', 'ridge'",
    ]
    loads(BASE).validate(KNOWN)


def test_an_unknown_metric_is_reported_with_the_nearest():
    with pytest.raises(SpecError, match="line 3: unknown scoring 'r3'; did you mean 'r2'"):
        loads(BASE + "scoring: r3\n").validate(KNOWN, metrics=["r2", "neg_mean_squared_error"])


def test_a_word_that_begins_a_metric_is_pointed_to_that_one_and_not_one_with_its_letters():
    with pytest.raises(SpecError, match="unknown scoring 'acc'; did you mean 'accuracy'"):
        loads(BASE + "scoring: acc\n").validate(KNOWN, metrics=["jaccard", "accuracy", "balanced_accuracy"])


def test_for_a_mapping_that_is_no_range_the_message_shows_one():
    text = "search:\n  ridge.alpha: {hi: 2, lo: 1}\n"
    with pytest.raises(
        SpecError, match=r"line 4: search.ridge.alpha: \{'hi': 2, 'lo': 1\} has neither 'low' nor 'high'"
    ):
        loads(BASE + text)
    with pytest.raises(SpecError, match=r"unknown key 'lo' .*; did you mean 'low'"):
        loads(BASE + "search:\n  ridge.alpha: {lo: 1, high: 2}\n")


def test_unknown_keys_from_python_are_reported_too():
    with pytest.raises(SpecError, match="study: unknown key 'algoritm'; did you mean 'algorithm'"):
        build({"data": "x", "algoritm": "pca", "algorithm": "pca"})


def test_optuna_and_scipy_distributions_are_taken():
    import optuna
    import scipy.stats

    spec = build(
        {
            "data": "x",
            "algorithm": "ridge",
            "search": {
                "ridge.alpha": optuna.distributions.FloatDistribution(1e-3, 1, log=True),
                "ridge.k": optuna.distributions.IntDistribution(1, 9, step=2),
                "ridge.c": optuna.distributions.CategoricalDistribution(["a", None]),
                "ridge.l": scipy.stats.loguniform(1e-3, 10),
            },
        }
    )
    assert spec.search == {
        "ridge.alpha": Range(low=1e-3, high=1.0, log=True),
        "ridge.k": Range(low=1, high=9, step=2),
        "ridge.c": ("a", None),
        "ridge.l": Range(low=1e-3, high=10.0, log=True),
    }


def test_credentials_are_neither_shown_nor_written_nor_part_of_the_definition():
    spec = build(
        {
            "data": "s3://me:s3cret@bucket/x",
            "algorithm": "pca",
            "storage": "postgresql://me:s3cret@host/db",
            "storage_options": {"secret": "s3cret"},
        }
    )
    assert "s3cret" not in repr(spec)
    assert "s3cret" not in str(spec)
    assert "storage_options" not in dump(spec)
    assert "storage_options" not in spec.definition()
    assert "s3cret" not in fault(BASE + "storage_options: s3cret\n")


def test_the_definition_holds_what_makes_a_study_the_same():
    spec = loads(BASE)
    free = {"trials": 3, "timeout": 5, "patience": 9, "n_jobs": 2, "store": "a", "storage": "b", "name": "c"}
    assert definition_digest(spec.but(**free)) == definition_digest(spec)
    bound = {
        "data": "y", "target": "t", "weight": "w", "features": ["a"], "drop": ["b"], "algorithm": "ridge",
        "search": {"ridge.alpha": 1}, "folds": 3, "scoring": "r2", "seed": 1, "sampler": "qmc",
        "max_categories": 3, "fingerprint": "content", "hash_columns": "auto",
    }  # fmt: skip
    digests = {definition_digest(spec.but(**{k: v})) for k, v in bound.items()} | {
        definition_digest(spec)
    }
    assert len(digests) == len(bound) + 1


def test_differences_of_recorded_counts_are_in_the_right_number():
    before, after = {"state of the data": "1 segments, 5 rows"}, {"state of the data": "2 segments, 9 rows"}
    assert differences(before, after) == ['state of the data: "1 segment, 5 rows", now "2 segments, 9 rows"']


def test_differences_are_stated_in_words():
    spec = loads(BASE)
    other = spec.but(folds=10, search={"ridge.alpha": Range(low=1, high=2)})
    assert differences(spec, other) == [
        "folds: 5, now 10",
        'search of ridge.alpha: not given, now {"low": 1, "high": 2}',
    ]
    assert differences(spec, spec) == []


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12),
    st.sampled_from(
        ["1e-4", "yes", "null", "0x1", "1_0", "2024-01-01", "12:30", "#", "a: b", "- a", "&a", "*a", "!t"]
    ),
)
RANGES = st.tuples(st.floats(1e-6, 1), st.floats(1, 1e6), st.booleans()).map(
    lambda r: Range(low=r[0], high=r[1], log=r[2])
)
SEARCHED = st.one_of(
    SCALARS, RANGES, st.lists(SCALARS, min_size=1, max_size=4, unique_by=lambda v: (type(v), v))
)


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,5}\.[a-z]{1,5}", fullmatch=True), SEARCHED, max_size=4), SCALARS
)
def test_what_is_dumped_is_read_back_equal(search, target):
    values = {
        "data": ["a", "b"],
        "algorithm": "ridge",
        "search": search,
        "folds": {"scheme": "group", "column": "g"},
    }
    spec = build(values | ({"target": target} if isinstance(target, str) else {}))
    again = loads(dump(spec))
    assert again == spec
    assert definition_digest(again) == definition_digest(spec)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_as_a_spec_error(text):
    try:
        loads(text)
    except SpecError as error:
        assert error.problems


def test_the_room_is_imported_without_its_heavy_parts():
    heavy = "'optuna', 'pandas', 'yaml', 'pydantic', 'numpy'"
    code = f"import studies, sys; print([m for m in ({heavy}) if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_found():
    import studies

    assert all(getattr(studies, name) is not None for name in studies.__all__)
    assert set(studies.__all__) == set(studies._HOME)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = studies.nothing


def test_a_spec_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        StudySpec(data="x", algorithm="pca").trials = 3


@pytest.mark.parametrize(("given", "threads"), [(None, None), (-1, None), (2, 2)])
def test_minus_one_threads_are_all_of_them(given, threads):
    assert build({"data": "x.csv", "algorithm": "pca", "n_jobs": given}).n_jobs == threads


def test_no_threads_are_refused():
    with pytest.raises(SpecError, match=r"n_jobs"):
        build({"data": "x.csv", "algorithm": "pca", "n_jobs": 0})


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (["a"], "is the name of one column, not a list; write 'a'"),
        (["a", "b"], "one column is predicted, and 2 were given ('a', 'b'); make a study for each"),
        (list("abcd"), "4 were given ('a', 'b', 'c', …)"),
        (b"a", "is the name of a column as text, not bytes (b'a'); write 'a'"),
        ({"a": 1}, "is the name of a column as text, and dict was given: {'a': 1}"),
        (1.5, "is the name of a column as text, and float was given: 1.5"),
    ],
)
def test_several_targets_are_refused_with_what_to_do(target, said):
    with pytest.raises(SpecError, match=re.escape(said)):
        build({"data": "d.csv", "target": target, "algorithm": "ridge"})
