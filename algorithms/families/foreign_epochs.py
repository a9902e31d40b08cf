"""An estimator that has ``partial_fit``, trained in epochs: trials continue from others' chains."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

import numpy as np
from sklearn.base import (
    BaseEstimator,
    is_clusterer,
)

from algorithms.arrays import Floats, Places, Values
from algorithms.chained import EPOCHS
from algorithms.contract import Chain, Chained
from algorithms.declared import Field
from algorithms.errors import AlgorithmError, FitFailed
from algorithms.families.estimator_arrays import arrays_of, put_back
from algorithms.families.foreign import Fitted, Foreign, first_line, last_step
from algorithms.families.native import ENCODING, takes_natively
from algorithms.ranges import Legal
from algorithms.summaries.sample import Sample, SampleState, labels

MOLD_ROWS = 1000
"""Rows that an estimator is fitted to so that it has all that stored arrays are put back into."""

T = TypeVar("T")

EPOCHS_FIELD = Field(EPOCHS, None, None, needs_pass=False, types=(int, type(None)), legal=Legal(ge=1))
"""The hyperparameter of every estimator that has ``partial_fit``, and no other of this name."""


class Resumed(Chained[SampleState, Fitted], Foreign):
    """An estimator with ``partial_fit`` over a sample; made by :func:`of_object`.

    With a number of ``epochs`` it is called so often with every row of the sample, in an order that is drawn for
    each epoch, and without one ``fit`` is. Earlier steps of a pipeline are fitted once, before the first epoch.

    Parameters
    ----------
    summary : the sample that it is fitted to.
    epochs : times that the rows are gone through; None for ``fit``, which decides by itself.
    values : its parameters; those not given stay as they were.
    """

    def __init__(
        self, *, summary: Sample | None = None, epochs: int | None = None, **values: object
    ) -> None:
        EPOCHS_FIELD.check(epochs)
        self.epochs = epochs
        super().__init__(summary=summary, **values)

    @classmethod
    def _free_fields(cls) -> list[Field]:
        """Return the constructor's parameters, and the number of epochs."""
        return [*super()._free_fields(), EPOCHS_FIELD]

    @property
    def chained(self) -> Chained | None:
        """The algorithm itself where a number of epochs is given."""
        return None if self.epochs is None else self

    @property
    def length(self) -> int:
        """Epochs that it is trained for; 0 where ``fit`` decides."""
        return self.epochs or 0

    def in_force(self, epoch: int) -> Mapping[str, object]:
        """Return every parameter, and which version of its package has them; the same in every epoch."""
        if epoch:
            return {}
        kind = type(self.template)
        made = {k: _words(v) for k, v in sorted(self.made().get_params().items())}
        return {
            "class": f"{kind.__module__}.{kind.__qualname__}", "version": _version_of(kind), "parameters": made,
            **({ENCODING: self.encoding} if takes_natively(self.plain) else {}),
        }  # fmt: skip

    def may_change(self, name: str) -> bool:
        """Return whether it is a number other than a count, which may decide how arrays are laid out."""
        return isinstance(self.plain.get_params().get(name), float)

    def solve(self, state: SampleState) -> Fitted:
        """Return the estimator after its epochs; without a number of these as ``fit`` leaves it."""
        if self.epochs is None:
            return Foreign.solve(self, state)
        self.check(state)
        return super().solve(state)

    def begin(self, state: SampleState) -> Chain:
        """Return the chain of no epoch: the estimator's own random state is the key."""
        seed = last_step(self.made()).get_params().get("random_state")
        return Chain(0, seed if isinstance(seed, int) else 0)

    def go_on(self, chain: Chain, before: SampleState, state: SampleState) -> Chain:
        """Return the estimator as the rows before left it; FitFailed where rows have other columns since."""
        known, now = (set(self.prepared(each).columns.names) for each in (before, state))
        if known != now:
            raise FitFailed(
                f"{type(self).__name__}: new rows have other columns ({', '.join(sorted(known ^ now)[:5])}); leave "
                "replay out, to train on all rows"
            )
        return super().go_on(chain, before, state)

    def advance(self, chain: Chain, state: SampleState) -> Iterator[Chain]:
        """Yield the chain after each further epoch; FitFailed, with its reason, where one raises."""
        known = labels(state.shape) if state.shape.classes else None
        model, X = self._at(chain, state)
        last, beside = last_step(model), _of_rows(last_step(model), state)
        for epoch in range(chain.epoch + 1, 2**31):
            order = chain.among(np.random.default_rng([chain.seed, epoch]).permutation(len(X)))
            self._epoch(last, X, beside, order)
            found = arrays_of(last, known)
            _check_numbers(found, type(self).__name__, epoch)
            yield Chain(epoch, chain.seed, found, chosen=chain.chosen)

    def trained(self, chain: Chain, state: SampleState) -> Fitted:
        """Return the estimator after the last epoch of a chain."""
        return Fitted(self.prepared(state), self._at(chain, state)[0], converged=True)

    def _at(self, chain: Chain, state: SampleState) -> tuple[BaseEstimator, Floats]:
        """Return the estimator as a chain has it, and the rows that its last step takes."""
        model = self.made(state)
        X, last = self._rows_of(model, state), last_step(model)
        if not hasattr(last, "partial_fit"):
            raise FitFailed(
                f"{type(last).__name__} has no partial_fit with these parameters; leave epochs out, or change them"
            )
        if chain.parameters:
            self._epoch(last, X, _of_rows(last, state), np.arange(min(len(X), MOLD_ROWS)))
            put_back(last, chain.parameters)
        return model, X

    def _rows_of(self, model: BaseEstimator, state: SampleState) -> Floats:
        """Return the rows that the last step takes; earlier ones are fitted."""
        X, y = self.prepared(state).X, self._target(state)
        if len(getattr(model, "steps", ())) > 1:
            X = np.ascontiguousarray(self._run(lambda: model[:-1].fit_transform(X, *y)))
        return X

    def _epoch(self, last: BaseEstimator, X: Floats, beside: Mapping[str, Values], order: Places) -> None:
        given = {name: array if name == "classes" else array[order] for name, array in beside.items()}
        self._run(lambda: last.partial_fit(X[order], **given))

    def _run(self, call: Callable[[], T]) -> T:
        """Return what a call gives; FitFailed where it raises."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return call()
        except AlgorithmError:
            raise
        except Exception as error:  # whatever another package raises is this trial's failure alone
            raise FitFailed(f"{type(self).__name__} cannot be trained: {first_line(error)}") from error


def _of_rows(last: BaseEstimator, state: SampleState) -> dict[str, Values]:
    """Return what ``partial_fit`` takes beside the rows: targets, their classes, weights."""
    takes = inspect.signature(last.partial_fit).parameters
    found: dict[str, Values] = {}
    if state.y is not None and "y" in takes and not is_clusterer(last):
        found["y"] = state.y
        if "classes" in takes:
            found["classes"] = labels(state.shape)
    if state.weighted:
        if "sample_weight" not in takes:
            raise FitFailed(
                f"partial_fit of {type(last).__name__} takes no row weights; leave weight out, or leave epochs out"
            )
        found["sample_weight"] = state.sample_weight
    return found


def _check_numbers(found: Mapping[str, Values], name: str, epoch: int) -> None:
    """Raise FitFailed where an epoch ends with what is not a number; infinity may be a beginning."""
    for key, array in found.items():
        if array.dtype.kind == "f" and array.ndim and not np.isfinite(array).all():
            raise FitFailed(
                f"{name} has no finite {key!r} after epoch {epoch}; its steps are too large: scale its columns, or "
                "search a smaller step size"
            )


def _words(value: object) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _version_of(kind: type) -> str:
    """Return the version of the package that a class is of, as it is installed; empty where none is."""
    package = kind.__module__.partition(".")[0]
    try:
        return version({"sklearn": "scikit-learn"}.get(package, package))
    except PackageNotFoundError:
        return ""
