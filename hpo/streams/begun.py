"""What a stream learns of its first rows, and how it is published and opened again."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from algorithms.batches import Label
from algorithms.contract import Summary
from hpo.api import plain_folds, question_over
from hpo.data import open_dataset
from hpo.data.clocks import clock_of
from hpo.data.dataset import Dataset
from hpo.data.encoding.encoder import ColumnEncoder
from hpo.data.sources.roles import Roles
from hpo.errors import TuneError
from hpo.question.checks import check
from hpo.question.question import Question
from hpo.states.learned.labels import classes_of
from hpo.states.learned.pilot import Pilot, make_pilot, shape_of
from hpo.states.learned.summaries import ROWS, record_of, recorded, with_learned
from hpo.states.stand_in import widened, with_stand_ins
from hpo.states.streaming import Flow, endless, seen, segment_of
from state_store import StateStore
from studies.spec.plain_spec import plain
from studies.spec.spec import StudySpec, build


@dataclass(frozen=True, eq=False)
class Begun:
    """A stream that has begun.

    Attributes
    ----------
    asked : the options that it began with.
    spec : the same, with the algorithms that ``"auto"`` chose.
    schema : of the columns that are used.
    roles : of the columns.
    flow : the states.
    stand_ins : which algorithms are answered by another, since their states do not fit in memory.
    """

    asked: StudySpec
    spec: StudySpec
    schema: pa.Schema
    roles: Roles
    flow: Flow
    stand_ins: Mapping[str, str]

    def about(self, name: str) -> dict[str, object]:
        """Return what a process needs to continue, as JSON values."""
        pilot, flow = self.flow.pilot, self.flow
        return {
            "stream": name,
            "rows": flow.position,
            "asked": plain(self.asked),
            "spec": plain(self.spec),
            "schema": base64.b64encode(self.schema.serialize().to_pybytes()).decode(),
            "roles": [list(self.roles.targets), self.roles.weight, list(self.roles.features)],
            "encoder": pilot.encoder.to_dict(),
            "pilot": pilot.name,
            "known": record_of(pilot, flow.targets, flow.weight),
            "wide": dict(self.stand_ins),
        }

    def question(self, spec: StudySpec, name: str, store: StateStore) -> Question:
        """Return a study's question of the rows so far."""
        return question_over(spec, self._seen(name), plain_folds(spec), store)

    def _seen(self, name: str) -> Dataset:
        return seen(self.schema, self.roles, segment_of(name, self.flow.position))


def begin(name: str, asked: StudySpec, table: pa.Table, more: Sequence[Label], store: StateStore) -> Begun:
    """Return a stream that has learned what it must from its first rows, and taken none."""
    question = question_over(asked, _opened(table, asked), plain_folds(asked), store)
    table = _widened(table, question)
    question = question_over(question.spec, _opened(table, asked), plain_folds(asked), store)
    dataset = question.dataset
    classes = tuple(sorted({*classes_of(dataset, store), *more})) if question.classify else ()
    check(question, classes)
    spec = question.spec
    folds = endless(question.folds, name, dataset.targets, dataset.weight, classes)
    pilot = make_pilot(dataset, folds, spec.max_categories, store, spec.seed, classes, question.hash_columns)
    question = with_stand_ins(question, pilot)
    pilot = with_learned(pilot, _as_many(table, dataset, asked), question.summaries, store, spec.seed)
    roles = Roles(dataset.targets, dataset.weight, tuple(field.name for field in dataset.features))
    clock = clock_of(question.summaries)
    used = dict.fromkeys([*roles.used, *(clock.columns if clock is not None else ())])
    schema = pa.schema([table.schema.field(column) for column in used])
    flow = Flow(name, pilot, question.summaries, dataset.targets, dataset.weight)
    return Begun(asked, spec, schema, roles, flow, question.stand_ins)


def _as_many(table: pa.Table, dataset: Dataset, asked: StudySpec) -> Dataset:
    """Return the first rows so often that they count as a sample: fewer would be taken for all that there are."""
    times = -(-ROWS // table.num_rows) if table.num_rows < ROWS else 1
    if times == 1:
        return dataset
    return _opened(pa.concat_tables([table] * times), asked)


def _opened(table: pa.Table, asked: StudySpec) -> Dataset:
    dataset: Dataset = open_dataset(
        table, target=asked.target, weight=asked.weight, features=asked.features, drop=asked.drop
    )
    return dataset


def _widened(table: pa.Table, question: Question) -> pa.Table:
    """Return the first rows with their whole numbers as floats, but for labels: a later row may have a fraction."""
    hashed = question.hash_columns if isinstance(question.hash_columns, tuple) else ()
    labels = {*hashed, *(question.dataset.targets if question.classify else ())}
    kinds = {f.name: f.type for f in table.schema}
    floats = [n for n, t in kinds.items() if pa.types.is_null(t) or (pa.types.is_integer(t) and n not in labels)]
    schema = pa.schema([(n, pa.float64() if n in floats else t) for n, t in kinds.items()], table.schema.metadata)
    return table.cast(schema, safe=False)


def reopened(about: Mapping[str, Any], name: str, store: StateStore) -> Begun:
    """Return a stream as it was published."""
    asked, spec = build(about["asked"]), build(about["spec"])
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(about["schema"])))
    targets, weight, features = about["roles"]
    roles = Roles(tuple(targets), weight, tuple(features))
    encoder = ColumnEncoder.from_dict(about["encoder"])
    dataset = seen(schema, roles, segment_of(name, int(about["rows"])))
    question = question_over(spec, dataset, plain_folds(spec), store)
    searched = widened(question.searched, about["wide"])
    summaries = replace(question, searched=searched).summaries
    folds = endless(question.folds, name, roles.targets, roles.weight, encoder.classes_)
    pilot = Pilot(encoder, folds, shape_of(encoder, roles.targets), about["pilot"], "stored")
    pilot = recorded(pilot, summaries, roles.targets, roles.weight, about["known"], store)
    _check_known(pilot, summaries, name, store)
    flow = Flow(name, pilot, summaries, roles.targets, roles.weight).resumed(store)
    if not flow.position:
        raise ValueError("its states are gone")
    return Begun(asked, spec, schema, roles, flow, about["wide"])


def _check_known(pilot: Pilot, summaries: Sequence[Summary], name: str, store: StateStore) -> None:
    for summary in summaries:
        if summary.learning is not None and summary not in pilot.learned:
            raise TuneError(f"what the stream {name!r} learned of its first rows is gone from {store.location}")
