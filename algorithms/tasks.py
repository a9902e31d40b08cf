"""What an algorithm is for: which target it takes, and the score it is judged by, by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

NUMBER, CLASS = "number", "class"


@dataclass(frozen=True)
class Task:
    """A kind of problem.

    Attributes
    ----------
    name : as the field ``task`` of an algorithm says it.
    target : ``"number"``, ``"class"``, or None where there is none.
    scoring : the score that its users know, by scikit-learn's name; None: the algorithm's own first metric.
    answers : the methods that scorers may ask of its models.
    one_class : whether the truth is one class of the target against all the others.
    columns : what each column of the data is, all of them being numbers; empty where columns are of any kind.
    documents : whether rows are documents, which may be given as text.
    steps : whether rows are steps of series.
    unlabelled : the score of a study that names no target; None where it must name one.
    naive : the algorithm that its users compare with where no dummy of scikit-learn's suits, and what that answers.
    simplest : what the model of an algorithm's ``naive_score`` has in place of what it learns.
    chance : scores that answers drawn at random have, whatever the data.
    drawn : what such answers are; empty where no score is known of them.
    also : other names by which ``"auto:<task>"`` knows it.

    Examples
    --------
    >>> TASKS["classification"].scoring
    'accuracy'
    """

    name: str
    target: str | None
    scoring: str | None = None
    answers: tuple[str, ...] = ()
    one_class: bool = False
    columns: str = ""
    documents: bool = False
    steps: bool = False
    unlabelled: str | None = None
    naive: tuple[str, str] | None = None
    simplest: str = ""
    chance: Mapping[str, float] = field(default_factory=dict)
    drawn: str = ""
    also: tuple[str, ...] = ()

    def without_target(self) -> Task:
        """Return what is left of it where no target is named; itself where it must have one, or never has."""
        if self.unlabelled is None:
            return self
        return replace(self, target=None, scoring=self.unlabelled, answers=())


TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task("regression", NUMBER, "r2", ("predict",)),
        Task("classification", CLASS, "accuracy", ("predict", "predict_proba", "decision_function")),
        Task("decomposition", None, simplest="the mean of each column alone"),
        Task(
            "clustering", None, simplest="one cluster", chance={"silhouette": 0.0, "calinski_harabasz": 1.0},
            drawn="clusters drawn at random",
        ),
        Task("recommendation", None, columns="item", simplest="the most popular items for every user"),
        Task("forecasting", NUMBER, steps=True, naive=("seasonal_naive", "the last value of the same season")),
        Task(
            "topics", None, columns="word", documents=True,
            simplest="the same word frequencies in every document",
        ),
        Task(
            "outlier_detection", CLASS, "roc_auc", ("predict", "decision_function"), one_class=True,
            unlabelled="neg_mass_volume", also=("anomaly", "anomaly_detection"),
            chance={"roc_auc": 0.5, "neg_mass_volume": -0.9495}, drawn="rows in random order",
        ),
    )
}
"""Task by name."""
