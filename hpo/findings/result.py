"""What a study found."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from algorithms.contract import steps_of
from algorithms.lazily import pandas, sklearn
from hpo.errors import TuneError
from hpo.findings.confirm import predict
from hpo.findings.noted import (
    algorithm_of,
    fold_rows,
    fold_words,
    noted_accuracy,
    reading_of,
    rows_in_words,
    without_score,
)
from hpo.process.axes import Drawn
from hpo.process.threads import one_thread, threads_for
from hpo.question.search import HISTORY
from hpo.trials import selection
from hpo.trials.accuracy import accuracy_of
from hpo.trials.editions import chosen
from hpo.trials.notes import noted
from hpo.trials.run import Run
from hpo.trials.selection import Candidate
from hpo.trials.tuner import candidates_of
from studies.counting import counted
from studies.record.record_parts import Cost
from studies.record.study_record import StudyRecord
from studies.sampling.numbered import trial_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from optuna.study import Study
    from sklearn.pipeline import Pipeline

FUNCTIONS = {
    "accuracy": "accuracy",
    "coefficient_table": "coefficient_table",
    "coefficients": "coefficients",
    "confirm": "confirm",
    "extrapolated": "extrapolated",
    "importances": "importances",
    "leaderboard": "leaderboard",
    "learning_curve": "learning_curve",
    "nested_score": "nested_score",
    "report": "write_report",
    "show": "show",
    "validation_curve": "validation_curve",
}
"""Members of earlier versions that are functions of a result now."""
VALUES = ("nested_score",)
"""Of these, the ones that were values and not methods."""

ELSEWHERE = {
    "best_params_": "result.best_params", "best_score_": "result.best_value",
    "best_estimator_": "result.best_model", "best_index_": "result.best.number",
    "cv_results_": "result.trials_dataframe()", "score": "hpo.confirm(result, data)",
    "best_trial": "result.best", "trials": "result.optuna_study.trials",
    "study": "result.optuna_study", "model": "result.best_model", "fit": "hpo.tune",
}  # fmt: skip
"""What results have elsewhere, and what it is called here."""

MOVED: dict[str, tuple[str, Callable[[Result], object]]] = {
    "best_se": ("result.best.scores.se", lambda r: r.best.scores.se),
    "metrics": ("result.record.metrics", lambda r: r.record.metrics),
    "name": ("result.record.name", lambda r: r.record.name),
    "polished": ("result.run.polished", lambda r: r.run.polished),
    "several": ("result.record.several", lambda r: r.record.several),
    "without_score": ("said by repr(result)", lambda r: without_score(r.run)),
}
"""Members of earlier versions, and where they are now."""


class Result(Drawn):
    """The result of :func:`hpo.tune`: what was found.

    Scores follow scikit-learn's scorers: greater is better. Everything here is answered from the states that
    the pass made; the data is read only by :meth:`predict`, for the rows given to it. Further questions are
    functions of a result: ``hpo.accuracy``, ``hpo.coefficients``, ``hpo.confirm``, ``hpo.extrapolated``,
    ``hpo.importances``, ``hpo.leaderboard``, ``hpo.learning_curve``, ``hpo.nested_score``, ``hpo.show``,
    ``hpo.validation_curve`` and ``hpo.write_report``.

    Attributes
    ----------
    optuna_study : the study in memory, with every trial.
    run : the tuner, the states and the record that it comes from. ``run.polished`` is what a second pass did for
        the best model, or why there was none; None where it has nothing to gain.
    record : what the storage keeps of the study beside its trials.
    cost : what was read and built, and what retraining would have read.
    metric : name of the score that is optimised, the first of several; ``record.metrics`` are all that trials keep.
    stopped : why the trials ended: ``"trials"``, ``"exhausted"`` (a finite space was tried whole),
        ``"timeout"``, ``"patience"`` or ``"interrupted"``; ``"loaded"`` for a study opened again.

    Examples
    --------
    >>> import numpy as np, hpo
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> result = hpo.tune((X, X @ [1.0, 2.0, 0.0]), algorithm="ridge", trials=10, store=None)
    >>> sorted(result.best_params)
    ['ridge.alpha', 'ridge.standardize']
    """

    def __init__(self, run: Run) -> None:
        self.run: Run = run
        self.optuna_study: Study = run.tuner.study
        self.record: StudyRecord = run.record
        self.cost: Cost = run.cost
        self.metric: str = run.tuner.scorer.metric
        self.stopped: str = run.stopped

    def __repr__(self) -> str:
        """Show the best score and setting, where there is one."""
        name = self.record.name or "unnamed"
        trials = counted(len(self.optuna_study.get_trials(deepcopy=False)), "trial")
        rows = rows_in_words(self.cost)
        if not any(one.scores for one in noted(self.optuna_study)):
            return f"<Result {name!r}: no score yet; {trials}, {rows}>"
        if self.record.several:
            front = f"{len(self.pareto)} on the Pareto front of {', '.join(self.record.objectives)}"
            return f"<Result {name!r}: {front}; {trials}, {rows}>"
        error = self.best.scores.se
        se = f" ± {error:.2g}" if np.isfinite(error) else ""
        errors = accuracy_of(self.best, self.metric, self.metric).brief(self.best_value)
        shown = import_module("studies.report.text").metric_of(self.metric)
        return (
            f"<Result {name!r}: {shown.short} {shown.shown(self.best_value):.6g}{se} ({errors}), "
            f"{algorithm_of(self.run, self.best)} {self.best_params}; {trials}, "
            f"{fold_words(self.run)}, {rows}>"
        )

    def _repr_html_(self) -> str:
        """Show the best score, its setting and the best of each algorithm, as notebooks do."""
        return str(import_module("hpo.findings.cards").card_of(self))

    def _draw(self, ax: Axes) -> None:
        """Draw the score of each trial by its algorithm, and the best so far."""
        import_module("hpo.findings.cards").draw(self, ax)

    def __getattr__(self, name: str) -> Any:
        """Answer to the names that were members before they were functions, with a warning that names these."""
        if name in FUNCTIONS:
            function = FUNCTIONS[name]
            _warn_moved(name, f"hpo.{function}(result)")
            made = functools.partial(getattr(import_module("hpo"), function), self)
            return made() if name in VALUES else made
        if name in MOVED:
            where, value = MOVED[name]
            _warn_moved(name, where)
            return value(self)
        hint = f"; it is {ELSEWHERE[name]} here" if name in ELSEWHERE else ""
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)

    @functools.cached_property
    def folds(self) -> pd.DataFrame:
        """The splits: ``train_rows`` and ``test_rows`` of each, ``test_groups`` where groups stay together.

        Rows count that have a target and a weight. Of a target that is a class ``test_<label>`` are the rows of
        each class that are tested on (their weight, where only that is kept), as far as the states know them.
        """
        made: pd.DataFrame = pandas.DataFrame(fold_rows(self.run)).set_index("split")
        return made

    @functools.cached_property
    def candidates(self) -> list[Candidate]:
        """Every distinct setting that has a score."""
        found = candidates_of(self.run.tuner)
        if not found:
            raise TuneError(without_score(self.run))
        return found

    @functools.cached_property
    def pareto(self) -> list[Candidate]:
        """The candidates that no other beats in every objective, the best by the first objective first.

        With one objective it holds the best alone. ``model_of``, ``params_of``, ``predict`` and ``hpo.confirm``
        take one of them.
        """
        return selection.pareto(self.candidates, self.record.objectives)

    @functools.cached_property
    def best(self) -> Candidate:
        """The candidate of the largest mean score; TuneError for a study of several objectives.

        Of a later edition of a study the setting that stands: that of the edition before, until another is better
        by more than a standard error (``replace`` says otherwise).
        """
        self._check_single()
        return chosen(self.candidates, self.record.standing)

    @functools.cached_property
    def simplest(self) -> Candidate:
        """The candidate with the fewest effective degrees of freedom within one standard error of the best."""
        self._check_single()
        return selection.simplest(self.candidates)

    @property
    def best_params(self) -> dict[str, object]:
        """The best setting, keyed as in ``search``: ``"algorithm.parameter"``."""
        return self.params_of(self.best)

    @property
    def best_value(self) -> float:
        """Mean fold score of the best setting; its standard error is ``best.scores.se``."""
        return self.best.scores.mean

    @functools.cached_property
    def best_model(self) -> Pipeline:
        """The best setting fitted on every row: a scikit-learn ``Pipeline`` that takes a DataFrame.

        It is of scikit-learn's own classes alone where they express it, so that it loads where this package is not
        installed: ``ColumnTransformer``, ``SimpleImputer``, ``OneHotEncoder``, the scaler, the model. Dates, times,
        hashed columns and categories that may have been numbers keep this package's encoder.
        """
        return self.model_of()

    def model_of(self, candidate: Candidate | None = None, *, encoded: bool = False) -> Pipeline:
        """Return a candidate fitted on every row, in scikit-learn's own classes where they express it.

        Parameters
        ----------
        candidate : whose model; None for the best.
        encoded : whether its first step is this package's encoder, which takes whatever a study reads: frames of
            pandas and polars, Arrow tables, arrays and sparse matrices. ``result.predict`` asks this one.
        """
        model = self._encoded if candidate is None else self._encoded_of(candidate)
        if encoded or "encoder" not in model.named_steps:  # its rows are windows
            return model
        made: Pipeline = import_module("hpo.findings.portable").travelling(model)
        return made

    @functools.cached_property
    def _encoded(self) -> Pipeline:
        return self._encoded_of(self.best)

    @one_thread()
    def _encoded_of(self, candidate: Candidate) -> Pipeline:
        algorithm, whole = candidate.algorithm, candidate.states.whole
        solution = self.run.solution_of(candidate.number)
        with threads_for([whole]):
            fitted = algorithm.estimator(algorithm.solve(whole) if solution is None else solution)
        from hpo.data.encoding.transformer import Encoder  # noqa: PLC0415 -- loads scikit-learn

        if self.run.evidence.pilot.calendar is not None:  # its rows are windows
            return sklearn.pipeline.Pipeline(steps_of(fitted))
        encoder = Encoder.of(self.run.evidence.pilot.encoder)
        return sklearn.pipeline.Pipeline([("encoder", encoder), *steps_of(fitted)])

    def params_of(self, candidate: Candidate) -> dict[str, object]:
        """Return a candidate's setting, keyed as in ``search``, constants of the study included."""
        name, values = self.run.tuner.space.tried(trial_of(self.optuna_study, candidate.number))
        constants = self.run.tuner.scorer.searched[name].constants
        return {f"{name}.{k}": v for k, v in {**constants, **values}.items() if k != HISTORY}

    def trials_dataframe(self) -> pd.DataFrame:
        """Return Optuna's table of trials, with ``fold_scores`` and ``std_error`` as columns of their own.

        ``score_bound`` says how far the mean score may be from the true one, by rounding (exact families) or by
        approximation, in the score's own units; it is missing where no bound is known. ``accuracy`` says in words
        which errors a score carries beside its standard error: ``exact``, or what was sampled or approximated.

        A study of several scores has ``mean_<score>``, ``std_error_<score>``, ``score_bound_<score>`` and
        ``accuracy_<score>`` of each. Of several objectives ``values_<i>`` are the means, in the order of
        ``record.objectives``.
        """
        frame = self.optuna_study.trials_dataframe()
        frame = frame.drop(columns=["user_attrs_scores", "user_attrs_score_bounds"], errors="ignore")
        names = {f"user_attrs_{k}": k for k in ("fold_scores", "std_error", "duplicate_of", "rows_read")}
        frame = frame.rename(columns=names)
        known = [one.scores for one in noted(self.optuna_study)]
        bounds = [None if s is None else s.bound for s in known]
        frame["score_bound"] = [np.nan if bound is None else bound for bound in bounds]
        frame["accuracy"] = self._noted(self.metric)
        if len(self.record.metrics) > 1:
            for name in self.record.metrics:
                found = [None if s is None else s.also.get(name, s) for s in known]
                frame[f"mean_{name}"] = [np.nan if s is None else s.mean for s in found]
                frame[f"std_error_{name}"] = [np.nan if s is None else s.se for s in found]
                known_bounds = [None if s is None else s.bound for s in found]
                frame[f"score_bound_{name}"] = [np.nan if bound is None else bound for bound in known_bounds]
                frame[f"accuracy_{name}"] = self._noted(name)
        return frame

    def _noted(self, metric: str) -> list[str]:
        return [noted_accuracy(self.run, one, metric, brief=False) for one in noted(self.optuna_study)]

    def predict(self, data: object, *, candidate: Candidate | None = None, **options: object) -> Any:
        """Return the predictions of the best model, or of a candidate's, for every row of ``data``.

        The columns: ``prediction``, and ``probability_<label>`` of a classifier that has them (for a
        decomposition one column per component, for recommendation ten items, the best first). Rows of a pandas
        frame keep its index, those of a polars frame come back as one and an Arrow table as a table; of files and
        arrays it is a pandas frame. The data is read batch by batch. ``options`` are those of reading, as
        ``storage_options``; CSV files are read as the study's were, unless they say otherwise. Where tables were
        joined, ``data`` are further facts, to which the same are joined; ``join=`` gives others, and ``join={}``
        takes rows that are joined already.
        """
        if self.run.evidence.pilot.calendar is not None:
            raise TuneError("series are not predicted by row; result.forecast(data=rows) continues from these rows")
        reading = {**reading_of(self.record, self.run.join), **options}
        return predict(self.model_of(candidate, encoded=True), data, reading)

    def forecast(
        self,
        horizon: int | None = None,
        *,
        quantiles: Sequence[float] = (),
        data: object = None,
        futr_df: object = None,
        intervals: str = "normal",
        candidate: Candidate | None = None,
        **options: object,
    ) -> pd.DataFrame:
        """Return the next steps of every series: columns that name it, its time, ``mean``, and quantiles.

        It continues from the last rows of each series, which the states hold: no row of the study is read.

        Parameters
        ----------
        horizon : how many steps; None for those that the study was tuned for, which are the most.
        quantiles : shares such as ``[0.1, 0.9]``; each is a column, ``q0.1``. Errors are taken as normal, as large
            as those on the rows that the model was made of, at each step and by the scale of each series.
        data : further rows of these series, or of others: files, or a frame. The forecast continues from them;
            nothing is trained.
        futr_df : the columns of ``futr_exog_list`` at the steps to come, with those of time and series: files, or a
            frame. Needed where the model looks at them.
        intervals : ``"conformal"`` takes quantiles of the errors of held-out windows in place of normal ones:
            whatever errors are like, of those windows and the next one as many lie below as is asked for. One of
            the study's scores must be computed on held-out windows, as ``"neg_mase"`` is.
        candidate : one of ``candidates``; None for the best.
        options : of reading, as ``storage_options``.

        Raises
        ------
        TuneError
            The study is not of series, or does not reach so far.
        hpo.errors.DataError
            Further rows do not suit the study, or repeat a time of a series; what is known in advance is not given.

        Examples
        --------
        >>> import pandas as pd, hpo
        >>> sales = [2.0 * (t % 2) + t / 9 + (t * t % 7) / 5 for t in range(60)]
        >>> rows = pd.DataFrame({"year": range(1960, 2020), "sales": sales})
        >>> result = hpo.tune(
        ...     rows, "sales", "linear_forecaster", time="year", folds={"scheme": "backtest", "horizon": 2},
        ...     search={"linear_forecaster.alpha": 1.0}, trials=1, store=None,
        ... )
        >>> result.forecast(quantiles=[0.9]).round(2).to_dict("list")
        {'year': [2020, 2021], 'mean': [6.89, 8.99], 'q0.9': [7.33, 9.41]}
        """
        chosen = self.best if candidate is None else candidate
        reading = {**reading_of(self.record, None), **options}
        model = self.model_of(chosen, encoded=True)[-1]
        forecasts = import_module("hpo.findings.forecasts").forecasts  # for series alone
        made: pd.DataFrame = forecasts(
            self.run, chosen, model, horizon, quantiles, data, futr_df, intervals, reading
        )
        return made

    def _check_single(self) -> None:
        if self.record.several:
            raise TuneError(
                f"this study has several objectives ({', '.join(self.record.objectives)}), so no single setting is "
                "the best: choose one of result.pareto, then result.model_of(it), result.params_of(it)"
            )


def _warn_moved(name: str, now: str) -> None:
    warnings.warn(f"result.{name} is {now} now", FutureWarning, stacklevel=3)
