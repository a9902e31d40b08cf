"""What an edition of a study says of itself: what has changed, and which setting stands."""

from __future__ import annotations

import math
from collections.abc import Iterator

from studies.counting import counted
from studies.record.record_parts import EditionNote
from studies.record.study_record import StudyRecord
from studies.report.text import metric_of


def words(record: StudyRecord) -> list[str]:
    """Return sentences about a later edition; none about a first one.

    Examples
    --------
    >>> note = EditionNote(2, "daily", rows=900, rows_before=600, came=1, carried=7, standing=0, was=0,
    ...     score_before=0.81, score=0.8, gain=0.001, se=0.004, drift=(("price", 0.4),))
    >>> for sentence in words(StudyRecord({}, metrics=("r2",), edition=note)):
    ...     print(sentence)
    Edition 2: 600 → 900 rows (1 segment new); 7 settings of the last edition were scored again.
    The setting that stood scores R² 0.81 → 0.8 on this data, and stays: the best is better by 0.001 ± 0.004.
    New rows differ most in price (+0.4 standard deviations).
    """
    note = record.edition
    if note is None or note.number == 1:
        return []
    return [_data(note), *_standing(note, record.metric or ""), *_drift(note)]


def _data(note: EditionNote) -> str:
    then, now = note.rows_before, note.rows
    if then is None or now is None:
        return f"Edition {note.number}."
    parts = [f"{counted(note.came, 'segment')} new"] if note.came else []
    parts += [f"{counted(note.left, 'segment')} gone"] if note.left else []
    changed = f" ({', '.join(parts)})" if parts else ""
    carried = f"; {counted(note.carried, 'setting')} of the last edition were scored again" if note.carried else ""
    afresh = "; begun without what the last edition found" if note.before is None else ""
    return f"Edition {note.number}: {then:,} → {counted(now, 'row')}{changed}{carried}{afresh}."


def _standing(note: EditionNote, scoring: str) -> Iterator[str]:
    if note.was is None or note.score is None or note.gain is None:
        return
    metric = metric_of(scoring)
    before, now = metric.shown(note.score_before), metric.shown(note.score)
    moved = f"The setting that stood scores {metric.name} {before:.4g} → {now:.4g} on this data"
    error = f" ± {note.se:.2g}" if note.se is not None and math.isfinite(note.se) else ""
    gain = f"{note.gain:.2g}{error}"
    if note.standing != note.was:
        yield f"{moved}, and is replaced: trial {note.standing} is better by {gain}."
    elif note.gain > 0:
        yield f"{moved}, and stays: the best is better by {gain}."
    else:
        yield f"{moved}, and stays: it is the best."


def _drift(note: EditionNote) -> Iterator[str]:
    if note.drift:
        shown = ", ".join(f"{name} ({apart:+.2g})" for name, apart in note.drift)
        if len(note.drift) == 1:
            name, apart = note.drift[0]
            shown = f"{name} ({apart:+.2g} standard deviations)"
            yield f"New rows differ most in {shown}."
        else:
            yield f"New rows differ most, in standard deviations, in {shown}."
