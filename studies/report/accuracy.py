"""Which errors a score carries beside its standard error over folds, in the score's units and in words."""

from __future__ import annotations

from dataclasses import dataclass

from studies.record.record_parts import Kind
from studies.record.study_record import StudyRecord
from studies.record.trial_note import TrialNote

EXACT, SAMPLE, APPROXIMATE, ORDERED = "exact", "sample", "approximate", "ordered"
"""What models are: of every row; of a sample of the rows; near those of every row; of one pass in one order."""

DRAWN = {"neg_mass_volume": "random draws"}
"""What the bound of a score is of where that is neither rounding nor a sample of the held-out rows."""

DIGITS = 1e-6
"""Relative error up to which a score is called exact."""


@dataclass(frozen=True)
class Accuracy:
    """What is known of the error of a score, beside its standard error over folds.

    Attributes
    ----------
    model : what the models are of that it scores: ``"exact"``, ``"sample"``, ``"approximate"`` or ``"ordered"``.
    model_rows, training_rows : rows that a model of a sample is fitted to, and that there are.
    scored_rows, held_rows : held-out rows that it was computed on, and that there are, of all splits together;
        equal where every row was scored.
    bound : how far it may be from the true score by rounding, by random draws or by approximation of the model;
        None if not known.
    sampling : the part of its standard error that comes of scoring sampled rows; None if not known.
    bias : by how much sampled rows make it too large; None if not known, 0 if no bias was found.
    drawn : what is drawn at random for the score, in words; empty where nothing is.

    Examples
    --------
    >>> Accuracy().words(0.8), Accuracy(bound=1e-3).words(0.8)
    ('exact', 'known to ±0.001 (rounding)')
    >>> Accuracy(bound=1e-3, drawn=DRAWN["neg_mass_volume"]).words(0.8)
    'known to ±0.001 (random draws)'
    >>> Accuracy("approximate", scored_rows=500, held_rows=2000, bound=2e-4, sampling=0.01).words(0.8)
    'scored on 500 of 2,000 held-out rows (±0.01 of the standard error); approximate model (±0.0002)'
    """

    model: Kind = "exact"
    model_rows: int = 0
    training_rows: int = 0
    scored_rows: int = 0
    held_rows: int = 0
    bound: float | None = None
    sampling: float | None = None
    bias: float | None = None
    drawn: str = ""

    @property
    def sampled(self) -> bool:
        """Whether it was computed on a part of the held-out rows."""
        return self.scored_rows < self.held_rows

    def exact(self, value: float | None) -> bool:
        """Return whether the score is known to six digits: every row, and rounding alone."""
        return self.model == EXACT and not self.sampled and not self._loose(value)

    def words(self, value: float | None) -> str:
        """Return the errors of a score in words."""
        return "exact" if self.exact(value) else "; ".join(self._parts(value))

    def brief(self, value: float | None) -> str:
        """Return the errors of a score in as few words as a table has room for.

        Examples
        --------
        >>> Accuracy("sample", scored_rows=500, held_rows=2000, bound=2e-4).brief(0.8)
        'sampled score, model of a sample, ±0.0002'
        """
        if self.exact(value):
            return "exact"
        named = {SAMPLE: "model of a sample", APPROXIMATE: "approximate", ORDERED: "depends on row order"}
        parts = ["sampled score"] * self.sampled + [w for kind, w in named.items() if kind == self.model]
        return ", ".join([*parts, *([f"±{self.bound:.1g}"] if self._loose(value) else [])])

    def _parts(self, value: float | None) -> list[str]:
        within = _error(self.sampling, " of the standard error")
        parts = [f"scored on {self.scored_rows:,} of {self.held_rows:,} held-out rows{within}"] * self.sampled
        if self.bias:
            parts.append(
                f"too {'high' if self.bias > 0.0 else 'low'} by about {abs(self.bias):.1g} on so few rows"
            )
        if self.model == SAMPLE:
            parts.append(f"models of {self.model_rows:,} of {self.training_rows:,} training rows")
        if self.model == ORDERED:
            parts.append("models of one pass, which another order of rows would change")
        if self.model == APPROXIMATE:
            parts.append(f"approximate model{_error(self.bound) or ', error not known'}")
        elif self._loose(value):
            why = self.drawn or ("sampling" if self.sampled else "rounding")
            parts.append(f"known to{_error(self.bound)[:-1].replace(' (', ' ')} ({why})")
        return parts

    def _loose(self, value: float | None) -> bool:
        return self.bound is not None and not self.bound <= DIGITS * abs(value or 0.0)


def _error(error: float | None, what: str = "") -> str:
    return f" (±{error:.1g}{what})" if error else ""


def recorded_accuracy(record: StudyRecord, note: TrialNote, metric: str) -> Accuracy | None:
    """Return what a study's record and a trial's note say of a score; None of records that do not say."""
    models = record.models.get(note.states or "")
    if models is None:
        return None
    kind, rows, of = models
    scored, held = (record.scored_rows or (0, 0)) if metric in record.sampled else (0, 0)
    bounds = note.score_bounds if metric == record.metric else _bounds(note, metric)
    bound = sum(bounds) / len(bounds) if bounds else None
    return Accuracy(kind, rows, of, scored, held, bound, drawn=DRAWN.get(metric, ""))


def _bounds(note: TrialNote, metric: str) -> tuple[float, ...]:
    return note.scores[metric].score_bounds if metric in note.scores else ()
