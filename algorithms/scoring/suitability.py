"""Whether a scorer can judge the models of a task: it is tried on a few rows whose predictions are given."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from algorithms.arrays import Values
from algorithms.batches import Label, label_array
from algorithms.scoring.scorers import scorer_of
from algorithms.tasks import CLASS, Task

if TYPE_CHECKING:
    from algorithms.scoring.given import Given

MOST_LABELS, ROWS_EACH = 3, 3
"""A scorer is for two classes or for more, so that three stand for any more."""

NUMBERS = np.array([0.5, 1.5, 2.5, 4.0])
"""A target that is a number: not whole and above zero, as the strictest deviance asks."""

Problem = tuple["Given", Values]
"""An estimator, and the truth of its rows."""


def unsuited(metric: str, task: Task, labels: Sequence[Label] = ()) -> str | None:
    """Return why a scorer cannot judge any model of a task, in words; None where it can.

    Parameters
    ----------
    metric : name of a scorer of scikit-learn.
    task : one with a target.
    labels : of the target where it is a class, sorted; at least two.

    Examples
    --------
    >>> from algorithms.tasks import TASKS
    >>> unsuited("f1", TASKS["classification"], ("a", "b")) is None
    True
    >>> unsuited("f1", TASKS["classification"], ("a", "b", "c"))
    "Target is multiclass but average='binary'"
    >>> unsuited("neg_log_loss", TASKS["outlier_detection"], ("a", "b"))
    'it asks for predict_proba, which these models do not compute'
    """
    model, truth = _classes(task, labels[:MOST_LABELS]) if task.target == CLASS else _numbers(task)
    scorer = scorer_of(metric, () if model.classes is None else model.classes.tolist())
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            scorer(model, np.zeros((len(truth), 1)), truth)
    except AttributeError:
        asked = scorer._response_method
        words = asked if isinstance(asked, str) else " or ".join(asked)
        return f"it asks for {words}, which these models do not compute"
    except (TypeError, ValueError) as error:
        return _first_sentence(error)
    # subclasses are about numbers that are not defined; the class itself, of a target that is not what is meant
    return next((_first_sentence(one.message) for one in warned if one.category is UserWarning), None)


def _classes(task: Task, labels: Sequence[Label]) -> Problem:
    """Return predictions of rows of every class, one of them wrong."""
    from algorithms.scoring.given import Given  # noqa: PLC0415 -- loads scikit-learn

    names = label_array([0, 1] if task.one_class else labels)
    truth = np.repeat(np.arange(len(names)), ROWS_EACH)
    made = truth.copy()
    made[0] = 1
    shares = np.full((len(truth), len(names)), 0.1)
    shares[np.arange(len(truth)), made] = 1.0
    shares /= shares.sum(axis=1, keepdims=True)
    answers = {
        "predict": lambda: names[made],
        "predict_proba": lambda: shares,
        "decision_function": lambda: shares[:, 1] - 0.5 if len(names) == 2 else shares,
    }
    return Given(_of_task(task, answers), "classifier", names), names[truth]


def _numbers(task: Task) -> Problem:
    from algorithms.scoring.given import Given  # noqa: PLC0415 -- loads scikit-learn

    return Given(_of_task(task, {"predict": lambda: 1.1 * NUMBERS}), "regressor"), NUMBERS


def _of_task(task: Task, answers: Mapping[str, Callable[[], Values]]) -> dict[str, Callable[[], Values]]:
    return {name: answers[name] for name in task.answers}


def _first_sentence(message: object) -> str:
    return str(message).partition("\n")[0].partition(". ")[0].rstrip(".") or repr(message)
