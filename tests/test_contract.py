"""What holds of the contract itself: the hub asks of algorithms and states only what their base classes declare."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
import pytest

import hpo
from algorithms import registry
from algorithms.contract import (
    Algorithm,
    Chained,
    Column,
    Held,
    Polishable,
    Prefixed,
    Shape,
    Summary,
    Tags,
)
from algorithms.errors import AlgorithmError, ContractBroken, InvalidField
from algorithms.fields import bounds_of, fields_of, variants
from algorithms.models.ridge import Ridge
from algorithms.ranges import Legal, Log, Uniform
from algorithms.summaries.coreset import Coreset
from algorithms.tasks import TASKS
from hpo.process.memory import that_fit

ROOT = Path(__file__).resolve().parent.parent

OWN = {
    "summary", "exact", "solve", "estimator", "complexity", "converged", "score", "naive_score", "described",
    "bounds", "check", "check_field", "polishing", "chained", "prefixed",
}  # fmt: skip
"""Every name of an algorithm that the hub may use, but for its tags."""

FOREIGN = {
    "data": "a frame, or another kind of data",
    "X": "a frame or an array",
    "y": "a series or an array",
    "weight": "a series or an array",
    "values": "a series or an array",
    "matrix": "a block of an array, perhaps sparse",
    "cv": "a splitter of scikit-learn",
    "value": "a splitter of scikit-learn",
    "one": "an estimator of scikit-learn",
    "fs": "a file system",
    "backend": "a backend of joblib",
    "client": "a client of Dask",
    "cause": "an error of the system",
    "sys": "a standard stream, which may be closed",
    "model": "a fitted model of scikit-learn",
    "model[-1]": "a fitted model of scikit-learn",
    "self.model": "a fitted model of scikit-learn",
    "last": "a fitted model of scikit-learn",
    "step": "a step of a fitted pipeline",
    "range_": "a search range",
    "field.range": "a search range",
    "question.folds": "a fold scheme",
    "getattr(question.folds, 'dealt', None)": "a fold scheme",
    "found.pilot.folds": "a fold scheme",
    "pafs": "Arrow's file systems, of which a build may lack some",
}
"""Objects without a contract of ours whose attributes the hub may probe."""

PLAIN = {"algorithms.ranges", "algorithms.errors", "algorithms.lazily"}
"""Modules of the room whose classes ``isinstance`` may name: ranges, errors and libraries are not algorithms."""


def probes(path, *names):
    tree = ast.parse(path.read_text())
    calls = (n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name))
    return [call for call in calls if call.func.id in names]


def classes_of_algorithms(path):
    """Names that a module imports from the room of algorithms, but for values."""
    found = (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom))
    rooms = (n for n in found if (n.module or "").startswith("algorithms") and n.module not in PLAIN)
    return {alias.asname or alias.name for n in rooms for alias in n.names} - {"SparseBatch"}


@pytest.mark.parametrize("path", sorted((ROOT / "hpo").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_hub_probes_no_algorithm_summary_solution_or_state(path):
    subjects = {ast.unparse(call.args[0]) for call in probes(path, "getattr", "hasattr")}
    assert {s for s in subjects if not s.startswith("import_module(")} <= FOREIGN.keys()
    kinds = {
        name.id for call in probes(path, "isinstance", "issubclass") for name in ast.walk(call.args[1])
        if isinstance(name, ast.Name)
    }  # fmt: skip
    assert not kinds & classes_of_algorithms(path)


def test_the_contract_of_an_algorithm_is_small():
    names = {n for n in vars(Algorithm) if not n.startswith("_")} | set(Algorithm.__annotations__) - {"tags"}
    assert names | {"summary"} == OWN
    assert len(OWN - {"polishing", "chained", "prefixed"}) <= 12
    assert Algorithm.__abstractmethods__ == {"solve", "estimator", "complexity"}
    assert Summary.__abstractmethods__ == {"init", "update", "merge", "nbytes"}


@pytest.mark.parametrize("name", registry.names())
def test_every_registered_algorithm_is_one_by_its_base_classes(name):
    kind = registry.get(name)
    assert issubclass(kind, Algorithm)
    assert not inspect.isabstract(kind)
    for algorithm in variants(kind):
        assert isinstance(algorithm.summary, Summary)
        assert (algorithm.polishing is not None) == isinstance(algorithm, Polishable)
        assert (algorithm.chained is not None) == isinstance(algorithm, Chained)
        assert (algorithm.prefixed is not None) == isinstance(algorithm, Prefixed)
        scored = kind.naive_score is not Algorithm.naive_score
        assert not scored or TASKS[kind.tags.task].simplest
        assert algorithm.polishing is None or type(algorithm.summary).holding is Summary.holding


def test_tags_are_documented_in_one_table():
    page = (ROOT / "docs" / "design.md").read_text()
    for name in Tags.__annotations__:
        assert f"| `{name}` |" in page


def test_a_misspelt_tag_is_an_error_where_the_class_is_made():
    with pytest.raises(ContractBroken, match="Tags has no 'cosly'; did you mean 'costly'"):

        class Misspelt(Ridge):
            tags: ClassVar[Tags] = Ridge.tags.but(cosly=True)

    with pytest.raises(ContractBroken, match=r"task='regresion'.*did you mean 'regression'"):
        Tags(task="regresion")
    with pytest.raises(ContractBroken, match=r"auto is a tag: write tags"):

        class Astray(Ridge):
            auto: ClassVar[int] = 1

    with pytest.raises(ContractBroken, match=r"elbow=…'alhpa'….*names no field; did you mean 'alpha'"):

        class Elbow(Ridge):
            tags: ClassVar[Tags] = Ridge.tags.but(elbow=("alhpa", "r2"))

    with pytest.raises(ContractBroken, match=r"must be Tags\(task="):

        class Other(Ridge):
            tags: ClassVar = {"task": "regression"}


def test_a_place_in_auto_and_an_equivalent_are_not_inherited():
    @dataclass(frozen=True, kw_only=True)
    class Mine(Ridge):
        pass

    assert Ridge.tags.auto == 1
    assert Mine.tags == Ridge.tags.but(auto=None, equivalent=None)


def test_held_rows_are_for_scores_that_states_do_not_give():
    held = Held("state", rows="rows", exact=frozenset({"r2"}))
    assert held.rows_for("r2") is None
    assert held.rows_for("neg_max_error") == "rows"


@pytest.mark.parametrize(("algorithm", "scoring"), [("lda", "log_likelihood"), ("multinomial_nb", "log_likelihood")])
def test_a_report_counts_classes_as_states_do(algorithm, scoring, tmp_path):
    """The hub looked for an array ``weight``, which no state has, so that exact studies reported no class."""
    from hpo.report.collect import report_data

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.integers(0, 9, 90), "y": np.repeat(["a", "b", "c"], [50, 30, 10])})
    result = hpo.tune(frame, "y", algorithm, scoring=scoring, trials=2, folds=3, store=None)
    classes = report_data(result).classes
    assert [(c.label, c.rows, c.counted) for c in classes] == [("a", 50.0, True), ("b", 30.0, True), ("c", 10.0, True)]
    assert {f.name for f in fields_of(registry.get(algorithm)).values()} >= {"impute"}


@dataclass(frozen=True, kw_only=True)
class Mine(Ridge):
    """Ridge with a field of every kind of limit."""

    share: Annotated[float, Legal(gt=0, le=0.5, also=("auto",), hint="or leave it out"), Uniform(0.1, 0.5)] = 0.5
    kind: Annotated[str | None, Legal("a", "b")] = None
    many: Annotated[int, Legal(ge=1)] = 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"share": 0.0}, r"share=0.0: must be 'auto', or above 0 and at most 0.5; or leave it out"),
        ({"share": float("nan")}, r"share=nan: must be"),
        ({"kind": "c"}, r"kind='c': must be one of 'a', 'b'"),
        ({"many": 0}, r"many=0: must be at least 1"),
        ({"many": 1.5}, r"many=1.5: must be a whole number"),
        ({"many": True}, r"many=True: must be a whole number"),
        ({"alpha": "much"}, r"alpha='much': must be a number"),
        ({"select": 0}, r"select=0: must be at least 1"),
        ({"impute": "median"}, r"impute='median': must be one of 'mean', 'zero', 'indicator'"),
    ],
)
def test_what_is_not_legal_is_refused_where_it_is_set(values, words):
    with pytest.raises(InvalidField, match=f"^{words}"):
        Mine(**values)


def test_what_is_legal_is_taken_of_numpy_too():
    made = Mine(many=np.int64(2), alpha=np.float64(3.0), share=0.25, kind="a", standardize=np.bool_(True))
    assert (made.many, made.alpha) == (2, 3.0)
    assert Mine(alpha=2).alpha == 2


def test_a_class_that_declares_its_fields_wrongly_is_refused():
    class Bare(Ridge):
        own: Annotated[float, Log(0.1, 1.0)] = 0.5

    for use in (Bare, lambda: fields_of(Bare)):
        with pytest.raises(ContractBroken, match=r"Bare has the field 'own' and is not a dataclass: write @dataclass"):
            use()

    @dataclass(frozen=True, kw_only=True)
    class Wide(Ridge):
        alpha: Annotated[float, Legal(gt=0), Uniform(0.0, 1.0)] = 0.5

    with pytest.raises(ContractBroken, match=r"Wide declares what is not legal: alpha=0.0: must be above 0"):
        fields_of(Wide)

    with pytest.raises(ContractBroken, match=r"on_request=…'standardise'…\) names no field; did you mean 'standardize'"):

        class Misspelt(Ridge):
            tags: ClassVar[Tags] = Ridge.tags.but(on_request=("standardise",))

    with pytest.raises(TypeError, match="frozen"):

        @dataclass
        class Thawed(Ridge):
            own: float = 1.0


def test_bounds_of_no_hyperparameter_are_refused():
    @dataclass(frozen=True, kw_only=True)
    class Bounded(Ridge):
        def bounds(self, state):
            return {"alhpa": None}

    with pytest.raises(ContractBroken, match=r"Bounded.bounds names 'alhpa', which is not a field; did you mean 'alpha'"):
        bounds_of(Bounded(), Bounded, None)


def test_what_a_summary_must_learn_is_asked_for():
    summary = Coreset()
    assert summary.learning is summary
    with pytest.raises(AlgorithmError, match="Coreset must learn from a sample of rows before its pass"):
        _ = summary.beforehand
    assert Ridge().summary.learning is None


MOST_ANY = {"algorithms": 6, "hpo": 80, "state_store": 14, "studies": 115}
"""Lines of each room that may say ``Any``: mypy checks nothing there. They grow with what reads JSON alone."""


@pytest.mark.parametrize("room", MOST_ANY)
def test_few_lines_say_any(room):
    trees = [(path, ast.parse(path.read_text("utf-8"))) for path in (ROOT / room).rglob("*.py")]
    lines = {(path, n.lineno) for path, tree in trees for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "Any"}
    assert len(lines) <= MOST_ANY[room], f"{len(lines)} lines say Any: {sorted(map(str, lines))}"


NAMED = {"hpo/demo.py": {"lasso", "pls", "bayesian_ridge"}, "hpo/api.py": {"ridge"}, "hpo/cli/init.py": {"ridge"},
         "hpo/streams/stream.py": {"ridge"}}  # fmt: skip
"""Algorithms that the hub names: the demo's examples, and the default."""


@pytest.mark.parametrize("path", sorted((ROOT / "hpo").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_hub_names_no_algorithm(path):
    tree = ast.parse(path.read_text())
    blocks = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docs = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, blocks)}
    texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    found = {
        name for text in texts if text not in docs for name in registry.BUILT_IN
        if text == name or f"'{name}'" in text
    }  # fmt: skip
    assert found <= NAMED.get(str(path.relative_to(ROOT)), set())


def test_what_fits_in_memory_is_known_to_the_registry():
    wide = Shape(tuple(Column(f"x{i}", f"x{i}") for i in range(3000)), ("y",))
    found = that_fit(wide, 5, 0, 2**30)
    assert "linear_regressor" in found
    assert not {"ridge", "logistic"} & set(found)
    assert "ridge" in that_fit(Shape(wide.columns[:50], ("y",)), 5, 0, 2**30)


@pytest.mark.parametrize("name", registry.names())
def test_the_default_that_is_shown_is_the_one_that_is_used(name):
    kind = registry.get(name)
    made = kind()
    for field in fields_of(kind).values():
        holder = made.summary if field.needs_pass else made
        if hasattr(holder, field.name):
            assert field.default == getattr(holder, field.name)
