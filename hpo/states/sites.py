"""Sites: each keeps its rows, sends the sums of them, and a study is answered from all the sums."""

from __future__ import annotations

import base64
import functools
import secrets
import tempfile
from dataclasses import dataclass
from os import PathLike
from threading import Event

import pyarrow as pa

from algorithms.contract import Summary
from hpo.data.clocks import clock_of
from hpo.data.folds.groups import GroupFolds
from hpo.data.folds.schemes import FoldScheme
from hpo.errors import TuneError
from hpo.process.progress import Progress
from hpo.question.layout import LAYOUTS, SITES
from hpo.question.question import Question
from hpo.states.contexts import pilot_of
from hpo.states.learned.pilot import Pilot
from hpo.states.learned.seen import context_of
from hpo.states.noise import Noise
from hpo.states.pass_result import PassResult
from hpo.states.passes import Pass
from hpo.states.runs import Leaf
from hpo.states.site_data import PREFIX
from state_store import Key, StateStore, digest
from state_store.archive import Exported, export_states


@dataclass(frozen=True)
class Sent:
    """What a site wrote.

    Attributes
    ----------
    site : its name.
    rows : that the sums are of.
    summaries : what was written, in words.
    noise : the ε and δ of the noise in it; None for none.
    left_out : what the study keeps besides, which is not a sum.
    file : what the file holds.
    """

    site: str
    rows: int
    summaries: tuple[str, ...]
    left_out: tuple[str, ...]
    file: Exported
    noise: tuple[float, float] | None = None


def sites_name(data: object) -> str | None:
    """Return the name of the study whose sites' states are the data; None where it is other data.

    Examples
    --------
    >>> sites_name("sites:diabetes"), sites_name(["sites:diabetes"]), sites_name("x.csv")
    ('diabetes', 'diabetes', None)
    """
    one = data[0] if isinstance(data, list | tuple) and len(data) == 1 else data
    return one.removeprefix(PREFIX) if isinstance(one, str) and one.startswith(PREFIX) else None


def export_layout(question: Question, path: str | PathLike[str]) -> Exported:
    """Write how a study encodes columns and cuts folds, for other sites to do the same. It holds no sum.

    Raises
    ------
    DataError
        The sample that it is learned from cannot be read.
    """
    about = _about(question, pilot_of(question))
    with tempfile.TemporaryDirectory() as folder:
        store = StateStore(folder)
        store.put_document(LAYOUTS, digest(about), {}, about)
        return export_states(store, path)


def export_site(
    question: Question,
    path: str | PathLike[str],
    site: str,
    progress: Progress | None = None,
    stop: Event | None = None,
    noise: Noise | None = None,
) -> Sent:
    """Write the sums of all rows of a site, reading those that no state is known of.

    Sums alone are written: of each fold the weight, mean and scatter of columns, or the like of each class. No row,
    no name of a file, and nothing of single files.

    Parameters
    ----------
    question : what is asked; its trials are not run.
    path : of the file.
    site : a name of the site.
    progress, stop : as of a pass.
    noise : how much noise hides single rows; None for none.

    Raises
    ------
    TuneError
        The study keeps no sums, or its folds cannot be dealt apart.
    DataError
        The data cannot be read.
    """
    if isinstance(question.folds, GroupFolds):
        raise TuneError(
            f"folds {question.folds.describe()}: a group may be at several sites, which do not know of each "
            "other's; use {'scheme': 'segment'} or {'scheme': 'kfold'}"
        )
    check_clock(question.spec.half_life)
    pilot, dataset = pilot_of(question), question.dataset
    sums = [s for s in question.summaries if s.sums and s.learning is None]
    if not sums:
        kept = ", ".join(map(repr, question.summaries))
        raise TuneError(f"this study keeps {kept}, and sums alone leave a site: tune ridge, pca, lda or the like")
    contexts = {s: context_of(s, pilot, dataset.targets, dataset.weight) for s in sums}
    bounded = {} if noise is None else {s: noise.bounded(s, question, pilot) for s in sums}
    ways: dict[Summary, Summary] = {s: bounded.get(s, s) for s in sums}
    read = {way: context_of(way, pilot, dataset.targets, dataset.weight) for way in ways.values()}
    made = Pass(dataset, pilot, read, question.store).run(question.engine, progress or Progress(), stop or Event())
    leaves = {s: _leaf(ways[s], pilot, made) for s in sums}
    if noise is not None:
        leaves = noise.added(leaves, pilot.shape, bounded)
    rows = next(iter(leaves.values())).rows
    keys = [pilot.folds.key(segment) for segment in dataset.segments]
    key = digest(["site", question.spec.name, site, pilot.digest, keys if noise is None else secrets.token_hex(16)])
    about = {
        **_about(question, pilot), "site": site, "segment": key, "rows": rows,
        "contexts": {context: repr(s) for s, context in contexts.items()},
        **({} if noise is None else {"noise": [noise.epsilon, noise.delta]}),
    }  # fmt: skip
    name = digest([about["study"], site, key])
    with tempfile.TemporaryDirectory() as folder:
        store = StateStore(folder)
        store.put_document(SITES, name, {}, about)
        for s, context in contexts.items():
            store.put(Key(context, key), leaves[s], _about_leaf(s, pilot, site, name, leaves[s].rows, key))
        left = tuple(repr(s) for s in question.summaries if s not in contexts)
        spent = None if noise is None else (noise.epsilon, noise.delta)
        return Sent(site, rows, tuple(map(repr, sums)), left, export_states(store, path), spent)


def check_clock(half_life: object) -> None:
    """Refuse rows that age by their place: those of several sites have no order."""
    if isinstance(half_life, float):
        raise TuneError(
            f"half_life={half_life:g}: the rows of several sites have no order; say by which column they age, as "
            "in half_life={'day': '30d'}"
        )


def _leaf(summary: Summary, pilot: Pilot, made: PassResult) -> Leaf:
    """Return the leaf of a site: the states of every fold, or one where the site is a fold."""
    cells = tuple(made.cells[summary])
    if pilot.folds.places is not None:
        cells = (functools.reduce(pilot.ready(summary).merge, cells),)
    rows = sum(segment.rows for segment in made.segments)
    return Leaf(cells, rows, made.without_target, made.without_weight)


def _about_leaf(
    summary: Summary, pilot: Pilot, site: str, document: str, rows: int, key: str
) -> dict[str, object]:
    return {
        "summary": repr(summary), "targets": list(pilot.shape.targets), "folds": _folds(pilot.folds),
        "columns": pilot.shape.d, "segment": f"site:{site}", "uri": f"site:{site}", "rows": rows, "site": document,
        "fingerprint": key,
    }  # fmt: skip


def _folds(folds: FoldScheme) -> str:
    return "a site each" if folds.places is not None else folds.describe()


def _about(question: Question, pilot: Pilot) -> dict[str, object]:
    """Return what others must know to make, and to read, the states of a study."""
    dataset = question.dataset
    clock = clock_of(question.summaries)
    beside = (*pilot.folds.columns, *(clock.columns if clock is not None else ()))
    columns = tuple(dict.fromkeys((*dataset.columns, *beside)))
    schema = pa.schema([pa.field(field.name, field.type) for field in map(dataset.arrow.field, columns)])
    return {
        "study": question.spec.name or "study",
        "schema": base64.b64encode(schema.serialize().to_pybytes()).decode(),
        "roles": [list(dataset.targets), dataset.weight, [field.name for field in dataset.features]],
        "encoder": pilot.encoder.to_dict(),
        "folds": pilot.folds.to_dict(),
    }
