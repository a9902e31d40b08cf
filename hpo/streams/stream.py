"""Rows that arrive once and are not kept: states that grow with them, and models at any moment."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from algorithms.batches import Label
from algorithms.errors import AlgorithmError
from hpo.api import run_question
from hpo.data.dataset import BATCH_ROWS
from hpo.data.sources.mixed import table_of
from hpo.data.sources.text import NAMES, TextFormat
from hpo.data.sources.windows import Window
from hpo.errors import ApproximationWarning, DataError, DataWarning, TuneError
from hpo.findings.result import Result
from hpo.process.progress import ProgressAsked
from hpo.process.settings import Location, open_store
from hpo.process.threads import one_thread
from hpo.question.question import Question
from hpo.question.series_checks import check_streamed
from hpo.states import stand_in
from hpo.states.reading import complaint, unsuited
from hpo.states.streaming import key_of
from hpo.streams.begun import Begun, begin, reopened
from hpo.streams.conforming import conformed, conformed_parts, widened
from hpo.trials.streamed import ByStream
from state_store import StateStore
from studies.counting import counted
from studies.record.record_parts import SENSELESS
from studies.spec.plain_spec import plain
from studies.spec.spec import StudySpec, build
from studies.spec.values import ALL

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage

EVERY, SECONDS = 100_000, 60.0
"""Rows, and seconds, after which the states are published."""

PILOT_ROWS = 10_000
"""Rows that categories, origins and what summaries must know are learned from: the first ones."""

MOST_BAD = 100
"""Rows that may make no sense."""

SHOWN = 10
"""Of these, how many are shown."""


PREFIX = "stream:"
"""What stands before the name of a stream where a study names its data."""

_OPTIONS = (
    "target", "algorithm", "weight", "half_life", "features", "drop", "folds", "scoring", "refit", "scoring_rows",
    "search", "seed", "max_categories", "hash_columns",
)  # fmt: skip
"""Options of a study that a stream has from its beginning."""


def stream_name(spec: StudySpec) -> str | None:
    """Return the name of the stream that is a study's data; None where it is other data.

    Examples
    --------
    >>> stream_name(build({"data": "stream:clicks", "algorithm": "ridge"}))
    'clicks'
    """
    (first, *others) = spec.data
    return first.removeprefix(PREFIX) if first.startswith(PREFIX) and not others else None


class Stream:
    """A stream of rows: each is seen once, added to the states, and forgotten.

    The states and the position in the stream are published together, every so many rows or seconds, under the name
    of the stream. A process that is killed and started again continues from the last published position; the sender
    begins with row :attr:`position`. At any moment :meth:`tune` answers a study from the states so far.

    Categories, origins of columns and labels are learned from the first ``pilot_rows`` rows, which are held until
    there are so many; then at most 65,536 rows are.

    Parameters
    ----------
    name : under which it is published.
    target, algorithm, weight, half_life, features, drop, folds, scoring, refit, scoring_rows, search, seed, \
    max_categories, hash_columns : as of :func:`hpo.tune`, algorithms by name, folds by row or stratified. A
        stream that was published continues with those that it began with; given again, they must be the same.
    classes : labels of the target besides those among the first rows. A row of another label makes no sense.
    every, seconds : rows, and seconds, after which the states are published.
    pilot_rows : rows to learn from.
    max_bad_rows : rows that may make no sense: an infinite number, a label that is not known, text in a column of
        numbers. They are counted, the first ten are shown, and one more is an error.
    store : where the states are kept; None for the default under ``HPO_HOME``.

    Attributes
    ----------
    position : rows of the stream that are in the states, or were left out: where it continues.
    published : the position that is published.
    bad_rows : rows that made no sense.

    Raises
    ------
    TuneError
        A published stream of this name began with other options, or makes no sense.
    hpo.errors.DataError
        Rows cannot be taken: another schema, or too many that make no sense.

    Examples
    --------
    >>> import numpy as np, pandas as pd, tempfile, hpo
    >>> rng, folder = np.random.default_rng(0), tempfile.TemporaryDirectory()
    >>> with hpo.Stream("clicks", target="y", store=folder.name, pilot_rows=100) as stream:
    ...     for _ in range(4):
    ...         x = rng.normal(size=100)
    ...         stream.update(pd.DataFrame({"x": x, "y": 2.0 * x + rng.normal(size=100)}))
    >>> hpo.Stream("clicks", store=folder.name).position
    400
    >>> result = hpo.Stream("clicks", store=folder.name).tune(trials=10)
    >>> result.cost.rows_read
    400
    >>> folder.cleanup()
    """

    def __init__(
        self,
        name: str,
        target: str | None = None,
        algorithm: str | Sequence[str] | None = None,
        *,
        weight: str | None = None,
        half_life: float | Mapping[str, float | str] | None = None,
        features: Iterable[str] | None = None,
        drop: Iterable[str] | None = None,
        folds: int | Mapping[str, object] | None = None,
        scoring: str | Sequence[str] | None = None,
        refit: str | bool | None = None,
        scoring_rows: int | None = None,
        search: Mapping[str, object] | None = None,
        seed: int | None = None,
        max_categories: int | None = None,
        hash_columns: str | Iterable[str] | None = None,
        classes: Iterable[Label] | None = None,
        every: int = EVERY,
        seconds: float = SECONDS,
        pilot_rows: int = PILOT_ROWS,
        max_bad_rows: int = MOST_BAD,
        store: StateStore | Location | None = None,
    ) -> None:
        build({"algorithm": "ridge", "data": "stream", "name": name}, "hpo.Stream")  # refuses what is not a name
        given = {key: value for key, value in locals().items() if key in _OPTIONS}
        for option, value in (("every", every), ("seconds", seconds), ("pilot_rows", pilot_rows)):
            if not value > 0:
                raise TuneError(f"{option}={value!r} must be greater than 0")
        if refit == ALL:
            raise TuneError("refit='all' reads the data again, and the rows of a stream are gone; leave refit out")
        self.name, self.every, self.seconds = name, every, seconds
        self.pilot_rows, self.max_bad_rows = pilot_rows, max_bad_rows
        self.published = 0
        self._store = open_store(store)
        self._given = {key: value for key, value in given.items() if value is not None}
        check_streamed([algorithm] if isinstance(algorithm, str) else algorithm or ())
        self._classes = tuple(classes or ())
        self._written: dict[str, object] | None = None
        self._waiting: list[pa.Table | None] = []  # None is a row that makes no sense
        self._last = time.monotonic()
        self._shown: list[str] = []
        self._lock = RLock()
        self._begun = self._reopened()

    @classmethod
    def of(cls, spec: StudySpec, **how: Any) -> Stream:
        """Return the stream that a study's ``data: stream:NAME`` names, with the study's options.

        Parameters
        ----------
        spec : the study.
        how : ``every``, ``seconds``, ``pilot_rows``, ``max_bad_rows``, ``classes``.

        Raises
        ------
        TuneError
            The study's data is not a stream, or tables are joined to it.
        """
        name = stream_name(spec)
        if name is None:
            raise TuneError(f"data: {', '.join(spec.data)} is not a stream; write data: stream:NAME")
        if words := Window.of(spec.model_dump()).words:
            raise TuneError(f"{words}: that chooses among files, and the rows of a stream are all in its states")
        check_streamed(spec.algorithm, spec.time)
        if spec.join:
            raise TuneError(
                f"join: {', '.join(spec.join)}: nothing is joined to the rows of a stream; join each batch before "
                "it is sent, and leave join out"
            )
        values = plain(spec)
        given = {key: values[key] for key in _OPTIONS if key in spec.model_fields_set}
        stream = cls(name, store=spec.store, **given, **how)
        stream._written = {key: values[key] for key in NAMES if values[key] is not None}
        return stream

    @property
    def schema(self) -> pa.Schema | None:
        """Types of the columns that are used, of an Arrow table; None before the stream has begun."""
        return None if self._begun is None else self._begun.schema

    @property
    def text(self) -> TextFormat:
        """How lines of CSV are written: as the study says that it is of, else as that says which began it."""
        known = {} if self._begun is None else self._begun.asked.model_dump()
        return TextFormat.of(known if self._written is None else self._written)

    def __repr__(self) -> str:
        """Show how far it came."""
        bad = f", {self.bad_rows:,} of them left out" if self.bad_rows else ""
        return f"<Stream {self.name!r}: {counted(self.position, 'row')}{bad}, {self.published:,} published>"

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or self._begun is not None:
            self.close()

    @property
    def position(self) -> int:
        """Rows that were taken: in the states, waiting to be learned from, or left out."""
        waiting: int = sum(1 if t is None else t.num_rows for t in self._waiting)
        return waiting + (self._begun.flow.position if self._begun else 0)

    @property
    def bad_rows(self) -> int:
        """Rows that made no sense."""
        return self._waiting.count(None) + (self._begun.flow.bad if self._begun else 0)

    def update(self, rows: object) -> None:
        """Take further rows: a pandas, polars or Arrow table with the columns of the first, in any order.

        Raises
        ------
        DataError
            A column is missing or of another kind, or too many rows make no sense. The rows before stay.
        """
        table, usual = table_of(rows)
        with self._lock, one_thread():
            if self._begun is not None:
                self._take_parts(table)
            else:
                self._wait(table, usual)
            self.publish_due()

    def skip_bad(self, rows: int, why: str) -> None:
        """Count rows of the stream that cannot be read as left out; ``why`` is shown of the first.

        Raises
        ------
        DataError
            They are more than may be.
        """
        with self._lock, one_thread():
            if self._begun is not None:
                self._begun.flow.skip(rows)
            else:
                self._waiting += [None] * rows
            self._complain(why)
            self._begin_if_enough()

    def publish_due(self) -> bool:
        """Publish if enough rows or seconds have passed; return whether it did. For a sender that pauses."""
        with self._lock:
            due = self._begun is not None and self._due()
            if due:
                self.publish()
        return due

    def publish(self) -> None:
        """Publish the states and the position now; begins with the rows so far where there are few.

        Raises
        ------
        TuneError
            Another process has published the stream meanwhile.
        """
        key = key_of(self.name)
        with self._lock, one_thread():
            begun = self._ready()
            if self.published != begun.flow.position:
                with self._store.backend.lock(key.name):
                    self._check_alone()
                    begun.flow.publish(self._store, begun.about(self.name))
                self._store.pin(key.context)
            self.published, self._last = begun.flow.position, time.monotonic()

    def close(self) -> None:
        """Publish what there is; without rows nothing is."""
        if self._begun is not None or self._rows_waiting:
            self.publish()

    def tune(
        self,
        *,
        name: str | None = None,
        search: Mapping[str, object] | None = None,
        trials: int = 200,
        timeout: float | str | None = None,
        patience: int | None = None,
        sampler: str | BaseSampler = "auto",
        storage: BaseStorage | Location | None = None,
        progress: ProgressAsked = None,
        resume: bool = True,
    ) -> Result:
        """Return the result of a study of the rows so far, answered from the states.

        Parameters
        ----------
        name, search, trials, timeout, patience, sampler, storage, progress, resume : as of :func:`hpo.tune`.
            ``search`` replaces what the stream began with, as far as the same states answer it.

        Warns
        -----
        ApproximationWarning
            What was learned from the first rows does not suit all of them.

        Raises
        ------
        TuneError
            There are no rows yet, or another pass would be needed: the rows are gone.
        """
        with self._lock, one_thread():
            begun = self._ready()
            spec = begun.spec.but(
                name=name, search=begun.spec.search if search is None else dict(search), trials=trials,
                timeout=timeout, patience=patience, polish=False,
                sampler=sampler if isinstance(sampler, str) else "auto",
            )  # fmt: skip
            reading = begun.flow.reading()
            question = begun.question(spec, self.name, self._store)
            self._check_states(question, begun)
            if name is not None:
                begun.flow.keep_leaves(self._store, {"stream": self.name, "position": begun.flow.position})
        if left := unsuited(reading):
            warnings.warn(complaint(left), ApproximationWarning, stacklevel=2)

        by = ByStream(reading, begun.stand_ins)
        return run_question(question, sampler, storage, resume=resume, progress=progress, by=by)

    def _ready(self) -> Begun:
        """Return the stream, begun with the rows that wait where it is not; TuneError where there are none."""
        if self._begun is None:
            if not self._rows_waiting:
                raise TuneError(f"the stream {self.name!r} has no rows yet; give it some with update()")
            self._begin()
        assert self._begun is not None  # noqa: S101 - _begin sets it
        return self._begun

    @property
    def _rows_waiting(self) -> list[pa.Table]:
        return [table for table in self._waiting if table is not None]

    def _wait(self, table: pa.Table, usual: pa.Schema) -> None:
        known = next((rows.schema for rows in self._rows_waiting), usual)
        if (wider := widened(known, usual)) != known:
            self._waiting = [rows if rows is None else conformed(rows, wider, self.name) for rows in self._waiting]
        for part in conformed_parts(table, wider, self.name):
            if isinstance(part, str):
                self.skip_bad(1, part)
            elif self._begun is None:
                self._waiting.append(part)
            else:
                self._take_parts(part)
        self._begin_if_enough()

    def _begin_if_enough(self) -> None:
        if self._begun is None and self._rows_waiting and self.position >= self.pilot_rows:
            self._begin()

    def _begin(self) -> None:
        """Learn what must be learned from the rows that wait, and take them."""
        table = pa.concat_tables(self._rows_waiting)
        begun = self._begun = begin(self.name, self._spec(), table, self._classes, self._store)
        waiting, self._waiting = self._waiting, []
        for rows in waiting:
            if rows is None:
                begun.flow.skip(1)
            else:
                self._take(conformed(rows, begun.schema, self.name))

    def _spec(self) -> StudySpec:
        given = {**self._given, **(self._written or {})}
        plainly = {k: v if isinstance(v, (str, int, float, Mapping)) else list(v) for k, v in given.items()}
        return build({"algorithm": "ridge", **plainly, "data": f"{PREFIX}{self.name}"}, "hpo.Stream")

    def _reopened(self) -> Begun | None:
        about = self._store.about(key_of(self.name))
        if about is None:
            return None
        try:
            begun = reopened(about, self.name, self._store)
        except SENSELESS as error:
            raise TuneError(
                f"what is published of the stream {self.name!r} in {self._store.location} makes no sense "
                f"({type(error).__name__}: {error}); use another name"
            ) from None
        self._check_same(begun)
        self.published = begun.flow.position
        return begun

    def _check_alone(self) -> None:
        """Refuse to publish what lacks the rows that another process has taken."""
        found = (self._store.about(key_of(self.name)) or {}).get("rows", self.published)
        if found != self.published:
            raise TuneError(
                f"the stream {self.name!r} is fed by another process: it stands at row {found:,} there, and this "
                f"one continued from row {self.published:,}. Stop one of them; the other continues from row "
                f"{found:,}"
            )

    def _check_same(self, begun: Begun) -> None:
        """Refuse options that are not those that the stream began with."""
        if not self._given:
            return
        asked, known = self._spec().definition(), begun.asked.definition()
        for key, value in asked.items():
            if key in self._given and known.get(key) != value:
                raise TuneError(
                    f"the stream {self.name!r} began with {key}={known.get(key)!r}, and not {value!r}: its rows "
                    f"are gone. Leave {key} out, or use another name"
                )

    def _check_states(self, question: Question, begun: Begun) -> None:
        """Refuse a study that other states would answer."""
        searched = stand_in.widened(question.searched, begun.stand_ins)
        for summary in replace(question, searched=searched).summaries:
            if summary not in begun.flow.contexts:
                kept = ", ".join(repr(s) for s in begun.flow.contexts)
                raise TuneError(
                    f"this search needs {summary!r}, and the stream {self.name!r} keeps {kept}: its rows are gone. "
                    "Leave out of search what needs another pass, or begin another stream with it"
                )

    def _take_parts(self, table: pa.Table) -> None:
        """Take the rows whose values are of the types of the stream; DataError where none is."""
        for part in conformed_parts(table, self._ready().schema, self.name):
            if isinstance(part, pa.Table):
                self._take(part)
            else:
                self.skip_bad(1, part)

    def _take(self, table: pa.Table) -> None:
        for batch in table.combine_chunks().to_batches(max_chunksize=BATCH_ROWS):
            self._take_batch(batch)

    def _take_batch(self, batch: pa.RecordBatch) -> None:
        """Take rows; those that cannot be are found by halves, and counted."""
        begun = self._ready()
        try:
            begun.flow.add(batch)
        except (DataError, AlgorithmError) as error:
            if batch.num_rows > 1:
                half = batch.num_rows // 2
                self._take_batch(batch.slice(0, half))
                self._take_batch(batch.slice(half))
            else:
                begun.flow.skip(1)
                self._complain(str(error))

    def _complain(self, why: str) -> None:
        """Show the first rows that make no sense; DataError where they are too many."""
        row, bad = self.position - 1, self.bad_rows
        if len(self._shown) < SHOWN:
            self._shown.append(f"row {row:,}: {why}")
            warnings.warn(f"the stream {self.name!r}: {self._shown[-1]}; it is left out", DataWarning, stacklevel=5)
        if bad > self.max_bad_rows:
            raise DataError(
                f"the stream {self.name!r} has {counted(bad, 'row')} that cannot be used, more than "
                f"max_bad_rows={self.max_bad_rows:,}: {why}"
            )

    def _due(self) -> bool:
        rows = self.position - self.published
        return rows >= self.every or (rows > 0 and time.monotonic() - self._last >= self.seconds)
