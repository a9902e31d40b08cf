"""What is tried and how it is scored: algorithms, folds, scores, trials, and when they end."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from studies.spec import values
from studies.spec.fields import Folds, Names, Searched, seconds
from studies.spec.option import Option
from studies.spec.ranges import Strict


class SearchOptions(Strict):
    """What is tried and how it is scored: algorithms, folds, scores, trials, and when they end.

    Each field declares an option of :class:`~studies.spec.spec.StudySpec`.
    """

    model_config = ConfigDict(defer_build=True)

    algorithm: Annotated[
        Names,
        Option(
            "Any", "one or several; with several, the algorithm is searched, too", defines=True, default='"ridge"'
        ),
    ]
    """One or several registered names; with several the algorithm is itself a hyperparameter. Also
    ``"sklearn:package.module.Class"`` for any estimator class, or an estimator or pipeline object; search keys
    name these by their class (``"SVC.C"``), or by the alias in ``"alias=sklearn:…"`` and ``{"alias": object}``.
    ``"auto"`` picks them by the target's type and the data's size; ``"auto:regression"``,
    ``"auto:classification"`` and other tasks say what the target is; ``"auto+trees"`` takes boosted trees too."""

    search: Annotated[
        dict[str, Searched],
        Option(
            "Mapping[str, Any] | None",
            "hyperparameters to search",
            "{ALGORITHM.PARAMETER: [1, 2]}",
            defines=True,
            default="None",
        ),
    ] = Field(default_factory=dict)
    """``"algorithm.parameter"`` → ``hpo.Float``, ``hpo.Int``, ``hpo.Categorical``, a list of choices, or one
    constant. Whatever is not named is searched over its own range, or left at its default."""

    folds: Annotated[
        Folds,
        Option(
            "Any",
            "or {scheme: group, column: C, n_splits: 5}; kfold, stratified, stratified_group, time, segment, "
            "backtest",
            defines=True,
        ),
    ] = 5
    """A number of folds, stratified for classifiers; a dict such as ``{"scheme": "group", "column": "customer",
    "n_splits": 5}``, with the schemes ``"kfold"``, ``"stratified"``, ``"group"``, ``"stratified_group"`` (whose
    column is not a feature unless ``features`` names it), ``"time"`` (with ``gap`` in days, or units of a column
    that is a number), ``"segment"`` (each file is a fold: the models of the other files are tested on it) and,
    with ``time``, ``"backtest"`` (``{"scheme": "backtest", "horizon": 8, "n_splits": 3, "gap": 0}``: each split
    trains on the past and tests on the next 8 steps; a number of folds with ``time`` is that many of these); or,
    for data in memory, any scikit-learn splitter."""

    scoring: Annotated[
        str | tuple[str, ...] | None,
        BeforeValidator(values.metrics),
        Option("str | Sequence[str] | None", "scikit-learn's; greater is better; null: the default", defines=True),
    ] = None
    """Name of a scikit-learn scorer; greater is better. Squared errors of regressions and likelihoods are exact
    from the states; other scores are computed on a sample of held-out rows. None: R² for regressions, accuracy for
    classifiers, else the algorithms' own. Several names: every trial keeps all."""

    refit: Annotated[
        str | bool | None,
        BeforeValidator(values.refit),
        Option(
            "str | bool | None",
            "all: fit the best model to all rows; a score: optimise this one of several; false: all of them",
            "all",
            defines="if given",
        ),
    ] = None
    """Which of several scores is optimised; None for the first. False optimises all of them together:
    ``result.pareto`` holds the settings that no other beats in every score. ``"all"`` optimises the first, and fits
    the best model again to all rows where it is of a sample of them, as ``refit=True`` of GridSearchCV does: one
    more pass, and one fit. Scores stay those of the sample. An estimator by its path or instance is fitted again
    without being asked, where the rows fit in memory; ``polish=False`` leaves its model that of the sample."""

    scoring_rows: Annotated[
        int, Option("int", "held-out rows of each fold for scores that need rows", "4096", defines=True)
    ] = Field(default=4096, ge=2, le=10_000_000)
    """Rows of each fold that are kept for scores that need rows; rare classes, and the smallest and largest
    targets, are kept in full where they fit, and the other rows weighted."""

    trials: Annotated[int, Option("int", "trials in total, including recorded ones")] = Field(
        default=200, ge=1, le=10_000_000
    )
    """How many settings to try, in all (those of a resumed study count)."""

    timeout: Annotated[
        float | None,
        BeforeValidator(seconds),
        Option("float | str | None", "time limit: seconds, or 90s, 10m, 2h", "10m"),
    ] = None
    """Seconds, or text such as ``"10m"``, after which no further trial starts."""

    patience: Annotated[
        int | None, Option("int | None", "stop after this many trials without improvement", "50")
    ] = Field(default=None, ge=1)
    """Stop after so many trials without improvement."""

    refine: Annotated[
        int, Option("int", "after the search, try at most so many settings along the curves of the best", "5")
    ] = Field(default=0, ge=0, le=1000)
    """After the search, add at most so many trials, beyond ``trials``: the best setting along the validation curves
    of the best trials, if it is better than all of them, then the best along its own curves, and so on. They are
    scored from the states, as the curves of a report; not of algorithms that fit each setting to rows
    (estimators, networks), nor of a grid, several objectives, or after the time limit."""

    early_stopping_rounds: Annotated[
        int | None,
        Option(
            "int | None", "stop adding trees after this many without improvement", "50",
            defines="if given",
        ),
    ] = Field(default=None, ge=1)
    """Where one fit answers every number of trees: stop growing in all folds once the mean score over the folds has
    not improved for so many rounds (trees). None grows the largest number."""

    one_std_err: Annotated[
        bool | None,
        AfterValidator(lambda asked: asked or None),
        Option("bool | None", "the fewest trees within one standard error of the best", "true", defines="if given"),
    ] = None
    """Where one fit answers every number of trees, or strength of pruning: take the smallest model whose mean score
    is within one standard error of the best, in place of the best."""

    fidelity: Annotated[
        Literal["halving", "hyperband", "population"] | None,
        Option(
            "str | None",
            "or hyperband: try settings on parts of the sample first; or population, for epochs",
            "halving",
            defines="if given",
        ),
    ] = None
    """``"halving"`` or ``"hyperband"`` tries settings of models of a sample on 1/27, 1/9 and 1/3 of it first; the
    better third continues. Where a number of trees is chosen it is a part of the trees, on every row. None fits
    every setting to the whole sample. ``"population"`` trains a fifth as many settings as there are trials, and
    after each fifth of the epochs the worse quarter continues from states of the better."""

    replay: Annotated[
        float | None,
        Option(
            "float | None",
            "continue training on new files with this share of the old rows",
            "0.2",
            defines="if given",
        ),
    ] = Field(default=None, ge=0, le=1)
    """With a name: what is trained in epochs continues from where the last edition left it, on the rows of new
    files and this share of the rows before. None trains it on all rows from the beginning."""

    polish: Annotated[
        bool | Literal["always"],
        Option("bool | str", "second pass for the best model: always, even for a small gain; false", "always"),
    ] = True
    """Whether the best model is improved by a second pass, where one pass leaves it near its optimum (generalized
    linear models of many rows): True where that is expected to gain more than the standard error, ``"always"``
    even for a small gain, or False."""

    replace: Annotated[
        Literal["always", "better", "never"],
        Option("str", "when a new best setting replaces the last edition's: better | always | never", "always"),
    ] = "better"
    """When the best setting of an edition replaces that of the last one: ``"better"``, where the paired difference
    of their fold scores is above its standard error; ``"always"``; or ``"never"``. The last one is solved again
    from the new data in any case. A study's first edition has none before it."""

    sampler: Annotated[
        str,
        BeforeValidator(values.sampler),
        Option("str | BaseSampler", " | ".join(values.SAMPLERS), defines=True),
    ] = "auto"
    """``"auto"``, ``"tpe"``, ``"nsga2"``, ``"random"``, ``"qmc"``, ``"cmaes"``, ``"gp"``, ``"grid"`` or, in Python,
    an Optuna sampler."""

    seed: Annotated[int, Option("int", "seed of folds, samples and the sampler", defines=True)] = Field(
        default=0, ge=0, lt=2**63
    )
    """Same seed, data and question: same folds, same trials, same states, bit for bit."""
