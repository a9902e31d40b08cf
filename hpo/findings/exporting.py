"""A study's model as a file that runs where this package is not installed, compared before it is written."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.abc import SourceLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from algorithms.lazily import joblib, sklearn
from hpo.errors import ColumnWarning, ExportError
from hpo.findings.export_check import CLOSE, MODULE, SINGLE, Answers, answers, compare, dates_of, rows_of
from hpo.findings.onnx_columns import OUT, column_graph, inputs_of
from hpo.findings.plain_module import module_of
from hpo.findings.portable import maybe_numbers, parts_of, portable

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

    from hpo.findings.result import Result
    from hpo.trials.selection import Candidate


def export(
    result: Result, path: str | os.PathLike[str], *, candidate: Candidate | None = None
) -> tuple[Path, ...]:
    """Write a study's model for use where this package is not installed; returns the files.

    The model is of scikit-learn's own classes throughout: a ``ColumnTransformer`` of ``SimpleImputer`` and
    ``OneHotEncoder``, the scaler, the model. Before it is written, its predictions are compared with those of
    ``result.best_model``: on rows of the data, where they can be read, and on drawn ones with gaps and unknown
    categories.

    Parameters
    ----------
    result : of a study.
    path : the file, whose ending says how the model is written: ``.joblib`` (a pickle: load only what is yours),
        ``.skops`` (safe to load; needs skops), ``.onnx`` (needs skl2onnx and onnxruntime) or, of linear models,
        ``.py`` (a module with ``predict``, of NumPy and pandas). Where columns are dates or times, a small module
        ``hpo_dates.py`` is written beside the first two, which is to be importable where the model is loaded;
        the others have no dates.
    candidate : whose model; None for the best.

    Raises
    ------
    hpo.errors.ExportError
        The ending is another one, what it needs is not installed, scikit-learn has no class for a column or a
        step, or predictions differ.

    Examples
    --------
    >>> import pathlib, tempfile, joblib, numpy as np, hpo
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> result = hpo.tune((X, X[:, 0]), algorithm="ridge", trials=2, store=None)
    >>> [file] = hpo.export(result, pathlib.Path(tempfile.mkdtemp(), "model.joblib"))
    >>> type(joblib.load(file)["columns"]).__name__
    'ColumnTransformer'
    """
    path = Path(path).absolute()
    check_ending(path)
    model = result.model_of(candidate, encoded=True)
    rows = rows_of(result, model)
    _warn_of_numbers(model)
    beside: tuple[Path, ...] = ()
    expected = answers(model, rows)
    if (direct := DIRECT.get(path.suffix.lower())) is not None:
        _put(path, direct(model, rows, expected))
        return (path,)
    with dates_of() as (source, dates):
        made = portable(model, dates)
        compare(expected, answers(made, rows), "scikit-learn's classes")
        written = WRITERS[path.suffix.lower()](made)
        if any(type(step).__module__ == MODULE for _, step, _ in made["columns"].transformers_):
            beside = (path.parent / f"{MODULE}.py",)
            _put(beside[0], source.encode())
        _put(path, written)
    return (path, *beside)


def _warn_of_numbers(model: Pipeline) -> None:
    """Say which categories an exported model finds as text alone."""
    found = [repr(each.name) for each in model["encoder"].encodings_ if maybe_numbers(each)]
    if found:
        warnings.warn(
            f"the exported model finds the categories of {', '.join(found)} as text ('1'), and takes numbers "
            "(1) for unknown ones: give it rows with .astype(str) there",
            ColumnWarning, stacklevel=3,
        )  # fmt: skip


def check_ending(path: Path) -> None:
    """Refuse a file whose ending says nothing of how a model is written, or that cannot be there.

    Raises
    ------
    ExportError
        Names the endings.
    """
    if path.suffix.lower() not in (*WRITERS, *DIRECT):
        endings = ", ".join((*WRITERS, *DIRECT))
        raise ExportError(f"{path.name!r}: the ending says how a model is written; end it in {endings}")
    if not path.absolute().parent.is_dir() or path.is_dir():
        raise ExportError(f"{str(path)!r} is not in a directory that exists; make the directory first")


def _joblib(made: Pipeline) -> bytes:
    stream = io.BytesIO()
    joblib.dump(made, stream)
    return stream.getvalue()


def _skops(made: Pipeline) -> bytes:
    """Return what skops writes, once it can be read."""
    skops = _needed("skops.io", ".skops")
    written: bytes = skops.dumps(made)
    skops.loads(written, trusted=skops.get_untrusted_types(data=written))
    return written


def _onnx(model: Pipeline, rows: pd.DataFrame, expected: Answers) -> bytes:
    skl2onnx, runtime = _needed("skl2onnx", ".onnx"), _needed("onnxruntime", ".onnx")
    onnx, types = _needed("onnx", ".onnx"), _needed("skl2onnx.common.data_types", ".onnx")
    parts = parts_of(model)
    encoder, made = parts.encoder, sklearn.pipeline.Pipeline(parts.after)
    last = made[-1]
    if isinstance(vars(last).get("intercept_"), float):
        last.intercept_ = np.float64(last.intercept_)  # skl2onnx takes NumPy's numbers alone
    single = of_trees(last)
    if single and parts.native is not None:
        raise ExportError(
            "not written: skl2onnx has no words for trees that take missing values and categories as they are; set "
            f"the hyperparameter encoding='one_hot' of {type(last).__name__}, or write .joblib or .skops"
        )
    kind = types.FloatTensorType if single else types.DoubleTensorType
    options = {id(last): {"zipmap": False}} if sklearn.base.is_classifier(last) else None
    takes = [("taken", kind([None, parts.matrix.shape[1]]))]
    try:
        rest = skl2onnx.convert_sklearn(made, initial_types=takes, options=options, target_opset=18)
        opsets = {each.domain: each.version for each in rest.opset_import}
        columns = column_graph(parts, opsets, single=single)
        rest.ir_version = columns.ir_version = min(rest.ir_version, columns.ir_version)
        whole = onnx.compose.merge_models(columns, rest, io_map=[(OUT, "taken")])
        written: bytes = whole.SerializeToString()
        session = runtime.InferenceSession(written, providers=["CPUExecutionProvider"])
        found = dict(zip(expected, session.run(None, inputs_of(encoder, rows)), strict=False))
    except ExportError:
        raise
    except Exception as error:  # whatever these libraries raise where they lack something
        why = str(error).strip().splitlines()[0]
        raise ExportError(f"not written: ONNX cannot express the model ({why}); write .joblib or .skops") from error
    compare(expected, found, "the model that onnxruntime runs", SINGLE if single else CLOSE)
    return written


def _module(model: Pipeline, rows: pd.DataFrame, expected: Answers) -> bytes:
    text = module_of(model)
    spec = spec_from_loader("exported_model", _Text(text))
    if spec is None or spec.loader is None:
        raise ExportError("the module that was written cannot be loaded")
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    found = {name: np.asarray(vars(made)[name](rows)) for name in expected}
    compare(expected, found, "the module")
    return text.encode()


def of_trees(model: BaseEstimator) -> bool:
    """Return whether a fitted estimator is a tree or an ensemble of trees, which ONNX has in single precision.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> of_trees(DecisionTreeRegressor().fit([[0.0], [1.0]], [0.0, 1.0]))
    True
    """
    return any(name in vars(model) for name in ("tree_", "estimators_", "_predictors"))


class _Text(SourceLoader):
    """A module's text, not yet in a file."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_filename(self, fullname: str) -> str:
        """Return a name for tracebacks."""
        return f"{fullname}.py"

    def get_data(self, path: str | bytes) -> bytes:
        """Return the text."""
        return self._text.encode()


def _needed(module: str, ending: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError:
        raise ExportError(
            f"{ending} needs {module.split('.', maxsplit=1)[0]}: pip install 'onepass-hpo[export]'"
        ) from None


def _put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    made = path.with_name(f".{path.name}.part")
    try:
        made.write_bytes(content)
        made.replace(path)
    except OSError as error:
        made.unlink(missing_ok=True)
        raise ExportError(f"{str(path)!r} cannot be written: {error.strerror}") from None


WRITERS: dict[str, Callable[[Pipeline], bytes]] = {
    ".joblib": _joblib, ".skops": _skops,
}  # fmt: skip
"""How a pipeline of scikit-learn's classes is written, by the ending of the file."""

DIRECT: dict[str, Callable[[Pipeline, pd.DataFrame, Answers], bytes]] = {".onnx": _onnx, ".py": _module}
"""How a study's model is written and compared without one."""
