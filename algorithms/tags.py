"""What is said of an algorithm's class, once and in one place."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from algorithms.errors import ContractBroken, nearest
from algorithms.ranges import Plain
from algorithms.tasks import TASKS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from sklearn.base import BaseEstimator as Estimator


class Shared(ABC):
    """A fitted estimator of another library that holds others, which differ from it in a few parameters.

    Attributes
    ----------
    varied : those parameters.
    """

    varied: ClassVar[tuple[str, ...]]

    @classmethod
    @abstractmethod
    def largest(cls, models: Sequence[Estimator]) -> Estimator:
        """Return the one of several, not fitted, whose fit holds as many of them as can be."""

    @abstractmethod
    def __init__(self, model: Estimator, X: ArrayLike) -> None:
        """Keep what a fitted estimator says of these rows."""

    @abstractmethod
    def smaller(self, model: Estimator) -> Estimator:
        """Return another estimator as if it were fitted, to be asked of these rows alone.

        Raises
        ------
        AlgorithmError
            It may say something else than a fit of its own, and why.
        """


@dataclass(frozen=True)
class Equivalent:
    """The estimator of another library that an algorithm answers for, and with which parameters.

    A parameter that is named nowhere here is the hyperparameter of its name.

    Attributes
    ----------
    path : its class, as it is imported.
    ignored : parameters that change no answer, or how near to it a solver comes.
    only : parameters that are not hyperparameters, and the values with which answers are the same.
    renamed : parameters whose hyperparameter has another name.
    refused : says why the other library refuses to fit what an algorithm has a solution of, makes use of its
        rounding, or draws at random; None where it does not. Given the algorithm, the solution and the estimator's
        parameters.
    sparse : whether answers of a sparse table are the same, too.
    dense : whether answers are of dense tables alone, even where steps before it make sparse ones.
    own_score : which score its ``score`` is; None for that of its task.
    weighted : whether answers of weighted rows are the same, too.
    unanswered : why it does not answer after all, in words that follow the estimator's name; None where it does.
    shared : what one fit of the other library's says of estimators that differ in few parameters; None for nothing.

    Examples
    --------
    >>> Equivalent("sklearn.linear_model.Ridge", ignored=("copy_X",)).path
    'sklearn.linear_model.Ridge'
    """

    path: str
    ignored: tuple[str, ...] = ()
    only: Mapping[str, tuple[Plain, ...]] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    refused: Callable[..., str | None] | None = None
    sparse: bool = False
    dense: bool = False
    own_score: str | None = None
    weighted: bool = False
    unanswered: str | None = None
    shared: type[Shared] | None = None


@dataclass(frozen=True, kw_only=True)
class Tags:
    """What is said of an algorithm's class, once and in one place.

    Attributes
    ----------
    task : name of a task of :data:`algorithms.tasks.TASKS`.
    exact : scores that held-out states give exactly; an instance may have fewer (:attr:`Algorithm.exact`).
    sampled : scores that are not scorers of scikit-learn, computed by the algorithm on sampled rows.
    default_score : the score of a study that names none; None for that of the task.
    auto : its place among the algorithms of its task that ``algorithm="auto"`` picks; None for never. Not
        inherited.
    needs_every_class : whether a state without rows of some class defines no model.
    hashes : whether it takes columns of the role ``"hashed"``.
    costly : whether a fit may take long, so that curves and nested estimates are computed only on request.
    stand_in : name of the algorithm that answers for it where its states do not fit in memory: one of the same
        task and scores.
    elbow : a hyperparameter and a score whose curve shows how much of it is enough.
    beside_cells : whether it is solved from a state with the cells that it was merged of beside it.
    in_threads : whether several large states are solved in threads beside one another: compiled code does most of
        it, in one thread, and writes nothing but what is derived from its state.
    weekly : whether it looks back at a week where a season is a day, so that its context is a day longer by itself.
    refit : whether the winner, where its model is of a sample, is fitted again to every row by default.
    on_request : hyperparameters whose ranges, declared by a base, are searched only when asked for.
    extra : the extra of this package that it needs (:data:`algorithms.extras.EXTRAS`).
    equivalent : the estimator that it answers for in a search of scikit-learn's; None for none. Not inherited.

    Examples
    --------
    >>> tags = Tags(task="regression", exact=("r2",), auto=1)
    >>> tags.but(auto=None).exact
    ('r2',)
    >>> Tags(task="regression", cosly=True)
    Traceback (most recent call last):
    algorithms.errors.ContractBroken: Tags has no 'cosly'; did you mean 'costly'?
    """

    task: str
    exact: tuple[str, ...] = ()
    sampled: tuple[str, ...] = ()
    default_score: str | None = None
    auto: int | None = None
    needs_every_class: bool = False
    hashes: bool = False
    costly: bool = False
    stand_in: str | None = None
    elbow: tuple[str, str] | None = None
    beside_cells: bool = False
    in_threads: bool = False
    weekly: bool = False
    refit: bool = False
    on_request: tuple[str, ...] = ()
    extra: str | None = None
    equivalent: Equivalent | None = None

    def __new__(cls, **given: object) -> Self:
        """Refuse a tag that there is not."""
        legal = cls.__annotations__
        for name in given:
            if name not in legal:
                raise ContractBroken(f"Tags has no {name!r}{nearest(name, legal)}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ContractBroken(
                f"Tags(task={self.task!r}): there is no such task{nearest(self.task, TASKS)}"
            )

    def but(self, **changes: Any) -> Tags:
        """Return these tags with some changed."""
        return dataclasses.replace(self, **changes)
