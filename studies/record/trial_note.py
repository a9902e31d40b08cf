"""What a trial notes beside its value and parameters: encoded and decoded here alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from studies.errors import StorageError
from studies.record.record_parts import SENSELESS, plain


@dataclass(frozen=True)
class ScoreNote:
    """What a trial notes of one of its further scores; None stands for what is not a number."""

    fold_scores: tuple[float | None, ...]
    mean: float | None = None
    std_error: float | None = None
    score_bounds: tuple[float, ...] = ()

    def encode(self) -> dict[str, Any]:
        """Return JSON values."""
        bounds = {"score_bounds": list(self.score_bounds)} if self.score_bounds else {}
        return {
            "mean": self.mean, "std_error": self.std_error, "fold_scores": list(self.fold_scores), **bounds,
        }  # fmt: skip


@dataclass(frozen=True)
class TrialNote:
    """What a trial notes beside its values and parameters.

    Attributes
    ----------
    states : the key of the states that answered it.
    seconds : that the answer took.
    rows_read : rows of data that were read for it.
    error : why it has no score.
    duplicate_of : the earlier trial of the same setting, whose scores it has.
    warm_start : the study that it was taken over from.
    converged : whether every solver reached its tolerance.
    fidelity : the share of the sample that it came to.
    rungs : mean training rows, or epochs, and the fold scores there.
    fold_scores, std_error, score_bounds : of the score that is optimised first.
    fold_overlap : test rows by training rows, where splits test the same rows; else 0.
    scores : of the further scores.
    prefixes : values of a prefix axis, the mean scores there, and their standard errors: from one fit a fold.
    member : the generation and the place in it, of a trial of a population.
    epochs : until which it was trained; of a population.
    history : what was in force until which epochs before, where it is another's chain that it continued with.
    refines : the trial along whose curve it lies, where it was tried once the search had ended.

    Examples
    --------
    >>> TrialNote(states="ab", fold_scores=(1.0, 3.0)).encode()
    {'states': 'ab', 'fold_scores': [1.0, 3.0], 'std_error': None}
    >>> TrialNote.of({"fidelity": 0.037037}).stopped_early
    True
    """

    states: str | None = None
    seconds: float | None = None
    rows_read: int | None = None
    error: str | None = None
    duplicate_of: int | None = None
    warm_start: str | None = None
    converged: bool = True
    fidelity: float | None = None
    rungs: tuple[tuple[float, tuple[float, ...]], ...] = ()
    fold_scores: tuple[float, ...] = ()
    std_error: float | None = None
    score_bounds: tuple[float, ...] = ()
    fold_overlap: float = 0.0
    scores: Mapping[str, ScoreNote] = field(default_factory=dict)
    prefixes: tuple[tuple[float, float, float | None], ...] = ()
    member: tuple[int, int] | None = None
    epochs: int | None = None
    history: tuple[tuple[int, Mapping[str, Any]], ...] = ()
    refines: int | None = None

    @property
    def stopped_early(self) -> bool:
        """Whether it was stopped before the whole sample."""
        return self.fidelity is not None and self.fidelity < 1.0

    @property
    def repeated(self) -> bool:
        """Whether it was answered from an earlier trial's note."""
        return self.duplicate_of is not None

    def encode(self) -> dict[str, Any]:
        """Return the user attributes, JSON values; what is at its default is left out."""
        found = {name: getattr(self, name) for name in _NOTED}
        kept = {name: plain(value) for name, value in found.items() if value != _NOTED[name]}
        if self.scores:
            kept["scores"] = {name: one.encode() for name, one in self.scores.items()}
        return kept if not self.fold_scores else {**kept, "std_error": self.std_error}

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> TrialNote:
        """Return what a trial's user attributes note; those of other programs are passed over.

        Raises
        ------
        StorageError
            They make no sense.
        """
        try:
            return cls._of(attributes)
        except SENSELESS as error:
            raise StorageError(
                f"the note of a trial cannot be read ({type(error).__name__}: {error}); `hpo studies verify` "
                "checks a journal's lines"
            ) from None

    @classmethod
    def _of(cls, attributes: Mapping[str, Any]) -> TrialNote:
        found = {key: value for key, value in attributes.items() if key in _NOTED and value is not None}
        for key in ("fold_scores", "score_bounds"):
            if key in found:
                found[key] = tuple(found[key])
        if "rungs" in found:
            found["rungs"] = tuple((rows, tuple(scores)) for rows, scores in found["rungs"])
        if "member" in found:
            generation, place = found["member"]
            found["member"] = (int(generation), int(place))
        if "history" in found:
            found["history"] = tuple((int(until), dict(values)) for until, values in found["history"])
        if "prefixes" in found:
            found["prefixes"] = tuple((value, mean, se) for value, mean, se in found["prefixes"])
        if "scores" in found:
            found["scores"] = {name: _score(one) for name, one in found["scores"].items()}
        return cls(**found)


_NOTED: dict[str, Any] = {
    f.name: {} if f.default is dataclasses.MISSING else f.default for f in dataclasses.fields(TrialNote)
}
"""What a trial may note, and the defaults, which it does not."""


def _score(value: Mapping[str, Any]) -> ScoreNote:
    bounds: Sequence[float] = value.get("score_bounds") or ()
    return ScoreNote(tuple(value["fold_scores"]), value.get("mean"), value.get("std_error"), tuple(bounds))
