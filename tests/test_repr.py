"""What is public shows itself in 20 lines at most, whatever the data: found by walking through what a study gives."""

from __future__ import annotations

import inspect
import time

import numpy as np
import pandas as pd
import pytest

import hpo

ROOMS = ("hpo", "algorithms", "state_store", "studies")
LINES, WIDTH = 20, 120
COLUMNS, FILES = 80, 20


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What a study of wide data in many files gives, and what it is made of."""
    root = tmp_path_factory.mktemp("wide")
    rng = np.random.default_rng(0)
    (root / "data").mkdir()
    for i in range(FILES):
        frame = pd.DataFrame(rng.normal(size=(20, COLUMNS)), columns=[f"column_{j}" for j in range(COLUMNS)])
        frame["level"] = rng.choice([f"level {k}" for k in range(60)], 20)
        frame["label"] = rng.choice(["a", "b"], 20)
        frame.to_parquet(root / "data" / f"part-{i:03}.parquet")
    data, places = str(root / "data"), {"store": root / "store", "storage": f"{root / 'journal'}"}
    result = hpo.tune(data, "label", ["logistic", "gaussian_nb"], trials=12, name="wide", progress=False, **places)
    spec = hpo.StudySpec(data=data, target="label", algorithm=("logistic",), store=str(root / "store"))
    return {
        "result": result,
        "loaded": hpo.load("wide", storage=places["storage"]),
        "spec": spec,
        "plan": hpo.plan(spec),
        "store": hpo.StateStore(root / "store"),
        "dataset": hpo.open_dataset(data, target="label"),
        "join": hpo.Join(frame, on={"level": (frame.drop_duplicates("level"), "level"), "files": (data, "level")}),
        "report": hpo.write_report(result, root / "report.html"),
    }


class Walk:
    """Every object of ours that public attributes lead to, with the way to it; each once."""

    def __init__(self):
        self.seen, self.ways = {}, {}

    def go(self, thing, way, depth=0):
        if id(thing) in self.seen or depth > 8:
            return
        self.seen[id(thing)] = thing
        if type(thing).__module__.partition(".")[0] in ROOMS:
            self.ways[way] = thing
            for name in dir(thing):
                value = None if name.startswith("_") else attribute(thing, name)
                if not inspect.isroutine(value):
                    self.go(value, f"{way}.{name}", depth + 1)
        elif isinstance(thing, list | tuple):
            for place, value in enumerate(thing[:3]):
                self.go(value, f"{way}[{place}]", depth + 1)
        elif isinstance(thing, dict):
            for key, value in list(thing.items())[:3]:
                self.go(value, f"{way}[{str(key)[:20]!r}]", depth + 1)


def attribute(thing, name):
    """Return a public attribute; None where an object has none now, as a model without coefficients."""
    try:
        return getattr(thing, name)
    except Exception:
        return None


def lines_of(text):
    return sum(1 + len(line) // WIDTH for line in text.splitlines())


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_whatever_is_public_is_shown_in_20_lines(found):
    walk = Walk()
    for name, thing in found.items():
        walk.go(thing, name)
    began = time.perf_counter()
    long = {way: lines for way, thing in walk.ways.items() if (lines := lines_of(repr(thing))) > LINES}
    assert not long
    assert len(walk.ways) > 200
    assert time.perf_counter() - began < 0.01 * len(walk.ways)


def test_a_list_of_candidates_is_short_enough_to_print(found):
    assert lines_of(repr(found["result"].candidates)) < LINES * len(found["result"].candidates)
