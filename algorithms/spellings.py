"""What other libraries call an algorithm, for those who write it as they are used to."""

from __future__ import annotations

from collections.abc import Callable

OURS = {
    "linearregression": "ols", "leastsquares": "ols", "ridgecv": "ridge", "lassocv": "lasso",
    "elasticnetcv": "elastic_net", "logisticregression": "logistic", "logisticregressioncv": "logistic",
    "logit": "logistic", "plsregression": "pls", "poissonregressor": "poisson", "gammaregressor": "gamma",
    "tweedieregressor": "tweedie", "glm": "tweedie", "sgdclassifier": "linear", "linearsvc": "linear",
    "perceptron": "linear", "sgdregressor": "linear_regressor", "linearsvr": "linear_regressor",
    "huberregressor": "linear_regressor", "quantileregressor": "linear_regressor", "naivebayes": "gaussian_nb",
    "lineardiscriminantanalysis": "lda", "quadraticdiscriminantanalysis": "qda",
    "kneighborsclassifier": "knn_classifier", "knn": "knn_classifier", "kneighborsregressor": "knn_regressor",
    "nb": "gaussian_nb", "logreg": "logistic", "lr": "logistic", "linreg": "ols",
    "truncatedsvd": "sketched_pca", "minibatchkmeans": "kmeans", "gmm": "gaussian_mixture",
}  # fmt: skip
"""Names of classes and of methods, in small letters and nothing else, and ours."""

ELSEWHERE = {
    "randomforest": "sklearn.ensemble.RandomForest", "rf": "sklearn.ensemble.RandomForest",
    "extratrees": "sklearn.ensemble.ExtraTrees",
    "histgradientboosting": "sklearn.ensemble.HistGradientBoosting", "adaboost": "sklearn.ensemble.AdaBoost",
    "gradientboosting": "sklearn.ensemble.HistGradientBoosting", "gbm": "sklearn.ensemble.HistGradientBoosting",
    "decisiontree": "sklearn.tree.DecisionTree", "mlp": "sklearn.neural_network.MLP",
    "nn": "sklearn.neural_network.MLP", "gb": "sklearn.ensemble.HistGradientBoosting",
    "hgb": "sklearn.ensemble.HistGradientBoosting",
    "neuralnetwork": "sklearn.neural_network.MLP", "xgboost": "xgboost.XGB", "xgb": "xgboost.XGB",
    "lightgbm": "lightgbm.LGBM", "lgbm": "lightgbm.LGBM", "catboost": "catboost.CatBoost",
    "gaussianprocess": "sklearn.gaussian_process.GaussianProcess",
}  # fmt: skip
"""Families of classes of other packages, and how their paths begin, before ``Classifier`` or ``Regressor``."""

SVM = {"svc": "sklearn.svm.SVC", "svr": "sklearn.svm.SVR", "svm": "sklearn.svm.SVC"}
KINDS = ("classifier", "regressor")


def meant(name: str, names: list[str], lacking: Callable[[str], str] = lambda _: "") -> str:
    """Return what to write in place of another library's name, as a question; empty where it is none.

    Parameters
    ----------
    names : of the algorithms.
    lacking : what is said behind a name of what it needs that is not installed; empty where nothing is missing.

    Examples
    --------
    >>> meant("LogisticRegression", ["logistic"])
    "write 'logistic'; "
    >>> meant("xgboost", [])
    "write 'sklearn:xgboost.XGBRegressor', or 'sklearn:xgboost.XGBClassifier'; "
    >>> meant("foo", ["logistic"])
    ''
    """
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    found = {one.replace("_", ""): one for one in names}.get(plain) or OURS.get(plain)
    if found is not None:
        return f"write {found!r}{lacking(found)}; "
    if plain in SVM:
        return f"write {'sklearn:' + SVM[plain]!r}; "
    kind = next((k for k in KINDS if plain.endswith(k)), "")
    path = ELSEWHERE.get(plain.removesuffix(kind))
    if path is None:
        return ""
    needs = lacking(f"sklearn:{path}")
    if kind:
        return f"write {f'sklearn:{path}{kind.title()}'!r}{needs}; "
    return f"write {f'sklearn:{path}Regressor'!r}, or {f'sklearn:{path}Classifier'!r}{needs}; "
