"""Several studies side by side: what each found, and whether their scores may be compared."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from optuna.study import StudyDirection
from optuna.trial import TrialState

from studies.errors import StudyError
from studies.record.records import record_of
from studies.record.standard_error import standard_error
from studies.record.study_record import StudyRecord, TrialNote

if TYPE_CHECKING:
    import pandas as pd
    from optuna.study import Study
    from optuna.trial import FrozenTrial


@dataclass(frozen=True)
class Row:
    """What one study found.

    Attributes
    ----------
    name : the study's name.
    best, se : mean fold score of its best trial and the standard error of that mean (None: unknown).
    params : the best trial's settings.
    trials : finished trials; rows_read : rows read from data (None: unknown).
    fold_scores : of the best trial, one for each fold.
    overlap : test rows by training rows, where splits test the same rows; else 0.
    metric : the score that is optimised, or None where it is not on record.
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


@dataclass(frozen=True)
class Pair:
    """Two studies compared.

    Attributes
    ----------
    a, b : their names.
    unlike : why their scores cannot be compared, in words; empty if they can.
    difference, se : mean of b's fold scores minus a's, fold by fold, and its standard error; None if the
        folds differ or a study has no fold scores.
    """

    a: str
    b: str
    unlike: tuple[str, ...]
    difference: float | None
    se: float | None

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
    """

    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]

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


def compare(studies: Sequence[Study]) -> Comparison:
    """Return several studies side by side.

    Raises
    ------
    StudyError
        Fewer than two studies were given.

    Notes
    -----
    The standard error of a mean of K fold scores is s / √K, or where splits test the same rows
    s · √(1/K + n_test/n_train) (Nadeau & Bengio 2003); of a difference, the same of the K paired differences.
    Folds overlap in their training rows, so those of plain folds are somewhat too small (Bengio, Grandvalet 2004).
    """
    for study in studies:
        if len(study.directions) > 1:
            raise StudyError(f"study {study.study_name!r} has several objectives; compare studies of one")
    if len(studies) < 2:
        raise StudyError(f"a comparison needs two studies or more; got {len(studies)}")
    rows = tuple(_row(study) for study in studies)
    records = [record_of(study) for study in studies]
    pairs = itertools.combinations(zip(rows, records, strict=True), 2)
    return Comparison(rows, tuple(_pair(*a, *b) for a, b in pairs))


def _row(study: Study) -> Row:
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    best = _best(study, done)
    note = TrialNote.of(best.user_attrs if best else {})
    scores, overlap, record = note.fold_scores, note.fold_overlap, record_of(study)
    return Row(
        name=study.study_name,
        best=best.value if best else None,
        se=standard_error(scores, overlap),
        overlap=overlap,
        params=dict(best.params) if best else {},
        trials=len(done),
        rows_read=record.cost.rows_read if record and record.segments is not None else None,
        fold_scores=scores,
        metric=record.metric if record else None,
    )


def _best(study: Study, done: Sequence[FrozenTrial]) -> FrozenTrial | None:
    sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
    return min(done, key=lambda t: (sign * (t.value or 0.0), t.number), default=None)


def _pair(a: Row, one: StudyRecord | None, b: Row, other: StudyRecord | None) -> Pair:
    unlike = tuple(_unlike(one, other))
    paired = not unlike and len(a.fold_scores) == len(b.fold_scores) > 0
    gaps = [y - x for x, y in zip(a.fold_scores, b.fold_scores, strict=True)] if paired else []
    return Pair(
        a.name, b.name, unlike, float(np.mean(gaps)) if gaps else None, standard_error(gaps, a.overlap)
    )


def _unlike(one: StudyRecord | None, other: StudyRecord | None) -> list[str]:
    """Return in words what makes two studies' scores incomparable."""
    if one is None or other is None or not one.definition or not other.definition:
        return ["a study holds no record of its data, folds and metric"]
    before, after = one.definition, other.definition
    reasons = [] if one.segments == other.segments else ["they read different data"]
    keys = [key for key in ("target", "weight", "scoring") if before.get(key) != after.get(key)]
    reasons += [f"{key}: {before.get(key)} and {after.get(key)}" for key in keys]
    if _folds(before) != _folds(after):
        reasons.append(f"folds: {_shown(before)} and {_shown(after)}")
    return reasons


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
