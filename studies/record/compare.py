"""Several studies side by side: what each found, and whether their scores may be compared."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd
from optuna.study import StudyDirection
from optuna.trial import TrialState

from studies.errors import StudyError
from studies.record.paired import corrected
from studies.record.records import record_of
from studies.record.standard_error import standard_error
from studies.record.study_record import StudyRecord
from studies.record.trial_note import TrialNote

if TYPE_CHECKING:
    import pandas as pd
    from optuna.study import Study
    from optuna.trial import FrozenTrial

OTHER_DATA = "they read different data"


@dataclass(frozen=True)
class Row:
    """What one study found.

    Attributes
    ----------
    name : the study's name.
    best, se : mean fold score of its best trial and the standard error of that mean (None: unknown); of an edition,
        of the trial whose setting stands.
    params : that trial's settings.
    trials : finished trials; rows_read : rows read from data (None: unknown).
    fold_scores : of the best trial, one for each fold.
    overlap : test rows by training rows, where splits test the same rows; else 0.
    metric : the score that is optimised, or None where it is not on record.
    shared : test rows by training rows, on average over the splits.
    """

    name: str
    best: float | None
    se: float | None
    params: dict[str, object]
    trials: int
    rows_read: int | None
    fold_scores: tuple[float, ...]
    overlap: float = 0.0
    metric: str | None = None
    shared: float = 0.0


@dataclass(frozen=True)
class Pair:
    """Two studies compared.

    Attributes
    ----------
    a, b : their names.
    unlike : why their scores cannot be compared, in words; empty if they can.
    difference, se : mean of b's fold scores minus a's, fold by fold, and its standard error; None if there are no
        folds on which both settings were scored.
    p : of the corrected resampled t-test (Nadeau & Bengio 2003), whose null is that both are equally good; None
        where the folds do not tell.
    on : of studies of different data, the one that scored the setting of both: an edition scores again what the
        edition before found. Empty where both are of the same data.
    """

    a: str
    b: str
    unlike: tuple[str, ...]
    difference: float | None
    se: float | None
    p: float | None = None
    on: str = ""

    @property
    def comparable(self) -> bool:
        """Whether both scores mean the same: same data, folds and metric."""
        return not self.unlike


@dataclass(frozen=True)
class Comparison:
    """Several studies side by side.

    Attributes
    ----------
    rows : one for each study, in the order given.
    pairs : one for each two studies.
    lower : whether lower scores are better, as in studies that other programs made.
    """

    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    lower: bool = False

    @property
    def best(self) -> Row | None:
        """The best of the studies that may be compared with the first one; None where that has no score."""
        first = self.rows[0].name
        alike = {first, *(pair.b for pair in self.pairs if pair.a == first and pair.comparable)}
        found = [row for row in self.rows if row.name in alike and row.fold_scores]
        sign = -1.0 if self.lower else 1.0
        return max(found, key=lambda row: sign * (row.best or 0.0), default=None)

    def against_best(self, row: Row) -> Pair | None:
        """Return how a study stands to the best: the difference is its score less that of the best.

        None for the best itself, and where nothing compares them.
        """
        best = self.best
        if best is None or row is best:
            return None
        for pair in self.pairs:
            if (pair.a, pair.b) == (best.name, row.name):
                return pair
            if (pair.a, pair.b) == (row.name, best.name):
                back = None if pair.difference is None else -pair.difference
                return replace(pair, a=pair.b, b=pair.a, difference=back)
        return None

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a frame, one column for each parameter."""
        fields = ("name", "best", "se", "trials", "rows_read")
        return pd.DataFrame([{f: getattr(row, f) for f in fields} | row.params for row in self.rows])

    def to_dict(self) -> dict[str, object]:
        """Return the comparison as JSON values."""
        return {
            "studies": [asdict(row) for row in self.rows],
            "pairs": [asdict(pair) | {"comparable": pair.comparable} for pair in self.pairs],
        }


def compare(studies: Sequence[Study], names: Sequence[str] = ()) -> Comparison:
    """Return several studies side by side, under other `names` than their own where these are given.

    Raises
    ------
    StudyError
        Fewer than two studies were given.

    Notes
    -----
    The standard error of a mean of K fold scores is s / √K, or where splits test the same rows
    s · √(1/K + n_test/n_train) (Nadeau & Bengio 2003). Folds overlap in their training rows, so those of plain
    folds are somewhat too small (Bengio, Grandvalet 2004); that of a paired difference always has the second form,
    as in the leaderboard of a report.
    """
    for study in studies:
        if len(study.directions) > 1:
            raise StudyError(f"study {study.study_name!r} has several objectives; compare studies of one")
    if len(studies) < 2:
        raise StudyError(f"a comparison needs two studies or more; got {len(studies)}")
    called = names or [study.study_name for study in studies]
    one = [_Read(study, _row(study, name), record_of(study)) for study, name in zip(studies, called, strict=True)]
    pairs = tuple(_pair(a, b) for a, b in itertools.combinations(one, 2))
    return Comparison(tuple(read.row for read in one), pairs, studies[0].direction == StudyDirection.MINIMIZE)


@dataclass(frozen=True)
class _Read:
    """A study with what was found in it and its record."""

    study: Study
    row: Row
    record: StudyRecord | None

    def scores_of(self, params: Mapping[str, object]) -> tuple[float, ...]:
        """Return the fold scores of a setting, where it was tried; else none."""
        trials = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        notes = (TrialNote.of(t.user_attrs) for t in trials if t.params == params)
        return next((note.fold_scores for note in notes if note.fold_scores), ())


def _row(study: Study, name: str) -> Row:
    done, record = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)), record_of(study)
    best = _best(study, done, None if record is None else record.standing)
    note = TrialNote.of(best.user_attrs if best else {})
    scores, overlap = note.fold_scores, note.fold_overlap
    return Row(
        name=name,
        best=best.value if best else None,
        se=standard_error(scores, overlap),
        overlap=overlap,
        params=dict(best.params) if best else {},
        trials=len(done),
        rows_read=record.cost.rows_read if record and record.segments is not None else None,
        fold_scores=scores,
        metric=record.metric if record else None,
        shared=overlap or _shared(record, len(scores)),
    )


def _shared(record: StudyRecord | None, folds: int) -> float:
    """Return test rows by training rows, on average over the splits; of equal folds where none are on record."""
    if record is None or record.fold_sizes is None or not record.plan:
        return 1.0 / (folds - 1) if folds > 1 else 0.0
    rows = record.fold_sizes.rows
    sums = [[sum(rows[cell] for cell in cells) for cells in split] for split in record.plan]
    ratios = [test / train for train, test in sums if train]
    return sum(ratios) / len(ratios) if ratios else 0.0


def _best(study: Study, done: Sequence[FrozenTrial], standing: int | None) -> FrozenTrial | None:
    sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
    best = min(done, key=lambda t: (sign * (t.value or 0.0), t.number), default=None)
    return next((trial for trial in done if trial.number == standing), best)


def _pair(a: _Read, b: _Read) -> Pair:
    unlike = tuple(_unlike(a.record, b.record))
    if not unlike:
        return _paired(a, b, a.row.fold_scores, b.row.fold_scores, a.row.shared)
    if unlike == (OTHER_DATA,) and a.row.params != b.row.params:
        if before := b.scores_of(a.row.params):
            return _paired(a, b, before, b.row.fold_scores, b.row.shared, unlike, b.row.name)
        if after := a.scores_of(b.row.params):
            return _paired(a, b, a.row.fold_scores, after, a.row.shared, unlike, a.row.name)
    return Pair(a.row.name, b.row.name, unlike, None, None)


def _paired(
    a: _Read,
    b: _Read,
    first: Sequence[float],
    second: Sequence[float],
    shared: float,
    unlike: tuple[str, ...] = (),
    on: str = "",
) -> Pair:
    names = a.row.name, b.row.name
    if not len(first) == len(second) > 0:
        return Pair(*names, unlike, None, None)
    gaps = [y - x for x, y in zip(first, second, strict=True)]
    return Pair(*names, unlike, *corrected(gaps, shared), on)


def _unlike(one: StudyRecord | None, other: StudyRecord | None) -> list[str]:
    """Return in words what makes two studies' scores incomparable."""
    if one is None or other is None or not one.definition or not other.definition:
        return ["a study holds no record of its data, folds and metric"]
    before, after = one.definition, other.definition
    reasons = [] if one.segments == other.segments else [OTHER_DATA]
    keys = [key for key in ("target", "weight", "scoring") if before.get(key) != after.get(key)]
    reasons += [f"{key}: {_said(before.get(key))} and {_said(after.get(key))}" for key in keys]
    if _folds(before) != _folds(after):
        reasons.append(f"folds: {_shown(before)} and {_shown(after)}")
    return reasons


def _said(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _folds(definition: Mapping[str, object]) -> tuple[dict[str, object], Any]:
    """Return a fold scheme in its full form, with the seed that decides its hash."""
    folds = definition.get("folds")
    scheme = {"scheme": "kfold", **(folds if isinstance(folds, dict) else {"n_splits": folds})}
    seed = scheme.pop("seed", None)
    by_hash = scheme["scheme"] != "time"
    return scheme, (definition.get("seed") if seed is None else seed) if by_hash else None


def _shown(definition: Mapping[str, object]) -> str:
    scheme, seed = _folds(definition)
    scheme = {key: value for key, value in scheme.items() if key != "dealt"}
    if set(scheme) == {"scheme", "n_splits"} and scheme["scheme"] == "kfold":
        return f"{scheme['n_splits']} (seed {seed})"
    return json.dumps(scheme if seed is None else scheme | {"seed": seed})
