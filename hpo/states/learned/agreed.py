"""The pilot of a layout that was agreed on: nothing is learned here, and what does not suit it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from algorithms.batches import Label
from hpo.data.encoding.encoder import ColumnEncoder
from hpo.errors import DataError, TuneError
from hpo.question.layout import Layout
from hpo.question.question import Question
from hpo.states.learned.deals import dealt
from hpo.states.learned.labels import label_rows
from hpo.states.learned.pilot import Pilot, shape_of_data
from hpo.states.learned.seen import context_of
from studies.counting import counted


def agreed_pilot(question: Question, layout: Layout) -> Pilot:
    """Return the pilot of a layout; reads what folds must count of rows that are here.

    Raises
    ------
    DataError
        The columns, or the labels, are not those of the layout.
    TuneError
        A state is asked for that sites did not send.
    """
    pilot = laid_out(question, layout)
    if layout.sent is not None:
        return pilot
    classes = pilot.encoder.classes_
    if classes:
        _check_labels(question, classes)
    return replace(pilot, folds=dealt(pilot.folds, question.dataset, question.store, classes))


def laid_out(question: Question, layout: Layout) -> Pilot:
    """Return the pilot of a layout, its folds as far as they are dealt; reads nothing.

    Raises
    ------
    DataError, TuneError
        As :func:`agreed_pilot`.
    """
    encoder, folds = ColumnEncoder.from_dict(layout.encoder), question.folds
    _check_columns(question, encoder)
    if folds.sample_columns:
        folds = folds.restored(layout.folds)
    pilot = Pilot(encoder, folds, shape_of_data(encoder, question.dataset), None, "agreed")
    if layout.sent is not None:
        _check_sent(question, pilot, layout.sent)
    return pilot


def _check_columns(question: Question, encoder: ColumnEncoder) -> None:
    known, there = [e.name for e in encoder.encodings_], [field.name for field in question.dataset.features]
    without, beyond = [n for n in known if n not in there], [n for n in there if n not in known]
    if without or beyond:
        lacks = [f"lacks {', '.join(map(repr, without[:5]))}"] if without else []
        more = [f"has also {', '.join(map(repr, beyond[:5]))}"] if beyond else []
        raise DataError(
            f"the layout has other columns than the data here, which {' and '.join(lacks + more)}; "
            "name the features that all sites have, with features=[…], and agree on the layout of these"
        )
    if bool(encoder.classes_) != question.classify:
        raise DataError(
            "the target is a class here and a number in the layout, or the reverse; run one study at all sites"
        )


def _check_labels(question: Question, classes: tuple[Label, ...]) -> None:
    found: set[Label] = set().union(*label_rows(question.dataset, question.store))
    if new := sorted(found - set(classes), key=str):
        raise DataError(
            f"target {question.dataset.targets[0]!r} holds {new[0]!r} here, and the layout that was agreed on "
            f"knows {', '.join(map(repr, classes))}; make the layout where all labels are"
        )


def _check_sent(question: Question, pilot: Pilot, sent: Mapping[str, str]) -> None:
    """Refuse a question that needs states which some site did not send."""
    dataset, store = question.dataset, question.store
    keys = [pilot.folds.key(segment) for segment in dataset.segments]
    for summary in question.summaries:
        missing = store.cover(context_of(summary, pilot, dataset.targets, dataset.weight), keys).missing
        if missing:
            raise TuneError(
                f"this study needs {summary!r}, and {len(missing)} of {counted(len(keys), 'site')} did not send "
                f"it; they sent {', '.join(sorted({*sent.values()}))}. Leave out what needs it (an algorithm, or a "
                "score that needs rows), or export again at the sites with a study that has it"
            )
