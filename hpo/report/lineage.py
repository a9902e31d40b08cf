"""Where the states of a study come from, and which trials they answered."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hpo.trials.notes import noted
from studies.counting import counted
from studies.report.data import Lineage, StateRow

if TYPE_CHECKING:
    from hpo.findings.result import Result

DIGITS = 12
"""Of a key, as many as `hpo states ls` shows."""

KINDS = {
    "exact": "every row", "sample": "a sample", "approximate": "nearly every row", "ordered": "one pass in order",
}  # fmt: skip
"""What models of the states are of, in words."""


def lineage(result: Result) -> Lineage:
    """Return the states of a study: their keys, what they are of, and how many trials they answered.

    Examples
    --------
    >>> import numpy as np, hpo
    >>> X = np.random.default_rng(0).normal(size=(60, 2))
    >>> result = hpo.tune((X, X @ [1.0, 2.0]), algorithm="ridge", trials=2, store=None)
    >>> [(row.answers, row.of) for row in lineage(result).rows]
    [('ridge: 2 trials', 'every row')]
    """
    record, evidence = result.record, result.run.evidence
    answered: dict[str, Counter[str]] = {}
    for one in noted(result.optuna_study):
        if one.note.states is not None:
            name = result.run.tuner.space.tried(one.trial)[0]
            answered.setdefault(one.note.states, Counter())[name] += 1
    rows = []
    for summary, context in evidence.contexts.items():
        kind = record.models[context][0] if context in record.models else "exact"
        used = answered.get(context, Counter())
        answers = ", ".join(f"{name}: {counted(number, 'trial')}" for name, number in used.items())
        of = KINDS[kind if used else "sample"]
        rows.append(StateRow(context[:DIGITS], repr(summary), of, answers or "scores on sampled rows"))
    note = record.edition
    before = (note.before or "") if note is not None else ""
    carried = note.carried if note is not None and before else 0
    return Lineage(rows, len(record.segments or ()), record.pilot[:DIGITS], before, carried)
