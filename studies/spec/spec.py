"""A study's description: what is asked, as one validated value, and its YAML form."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, PrivateAttr, ValidationError, model_validator

from studies.errors import Problem, SpecError
from studies.masking import mask
from studies.spec.fields import Folds, Names, Searched, Strict, names, seconds, wrong
from studies.spec.messages import describe, nearest
from studies.spec.yaml_reader import CoreDumper, Document, read

SAMPLERS = ("auto", "tpe", "nsga2", "random", "qmc", "cmaes", "gp", "grid")


def _sampler(value: Any) -> Any:
    if isinstance(value, str) and (value in SAMPLERS or value.startswith("custom:")):
        return value
    raise wrong(f"unknown sampler {value!r}{nearest(str(value), SAMPLERS)}")


_NAME = re.compile(r"(?!\s)[^/\\]{1,200}(?<!\s)")


def _shown(value: Any) -> str:
    return str(getattr(value, "__name__", None) or repr(value)[:60])


def _metrics(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    for one in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(one, str):
            raise wrong(f"{_shown(one)} is no name of a scorer, such as 'r2' or 'f1_macro', nor a list of names")
    found = names(value)
    if not found:
        raise wrong("an empty list of metrics; name one, or leave 'scoring' out")
    return found[0] if len(found) == 1 else found


def _refit(value: Any) -> Any:
    return None if value is True else value


def _threads(value: Any) -> Any:
    return None if value == -1 else value


def _hashed(value: Any) -> Any:
    return value if value is None or value == "auto" else names(value) or None


def _name(value: Any) -> Any:
    if value is None or (isinstance(value, str) and _NAME.fullmatch(value) and value.isprintable()):
        return value
    raise wrong(f"{str(value)[:60]!r} is not a study name: 1 to 200 printable characters without slashes")


class StudySpec(Strict):
    """What a study asks: the data, the algorithms, what to search, how to score, how long to try.

    Attributes
    ----------
    name : the study's name in its storage; None for a study that is not recorded.
    data : paths, globs or URIs; relative ones start at the current directory.
    target : column to predict; None for a decomposition.
    weight : column of row weights.
    features, drop : columns to use (None: all) and columns to leave out.
    algorithm : one or several names; with several the algorithm is itself searched.
    search : ``"algorithm.parameter"`` to a :class:`~studies.spec.fields.Range`, a tuple of choices or a constant.
    folds : a number of folds or a :class:`~studies.spec.fields.FoldScheme`.
    scoring : name of the metric, or a tuple of several; greater is better.
    refit : which of several metrics is optimised (None: the first), or False for all of them together.
    scoring_rows : rows of each fold that are kept for metrics that need rows.
    fidelity : None, ``"halving"`` or ``"hyperband"``: settings are tried on parts of the sample first.
    polish : whether the winner is improved by a second pass: True where that gains more than the standard error,
        ``"always"``, or False; only models that one pass leaves near their optimum have something to gain.
    trials, timeout, patience : when to stop: trials, seconds, trials without improvement.
    sampler, seed : how settings are proposed.
    store, storage : where states and trials are kept.
    storage_options : credentials of the data's file system; never shown, never recorded.
    n_jobs : threads; None or -1 for one per core.
    warm_start : a study whose trials are taken over where the spaces agree.
    max_categories, fingerprint : how data is encoded and recognised.
    hash_columns : columns of very many levels that become one column of hashes, or ``"auto"``; None for none.

    Examples
    --------
    >>> spec = StudySpec(data="flights/*.parquet", target="arr_delay", algorithm="ridge")
    >>> spec.algorithm, spec.trials
    (('ridge',), 200)
    """

    name: Annotated[str | None, BeforeValidator(_name)] = None
    data: Names
    target: str | None = None
    weight: str | None = None
    features: Names | None = None
    drop: Names = ()
    algorithm: Names
    search: dict[str, Searched] = Field(default_factory=dict)
    folds: Folds = 5
    scoring: Annotated[str | tuple[str, ...] | None, BeforeValidator(_metrics)] = None
    refit: Annotated[str | bool | None, BeforeValidator(_refit)] = None
    scoring_rows: int = Field(default=4096, ge=2, le=10_000_000)
    trials: int = Field(default=200, ge=1, le=10_000_000)
    timeout: Annotated[float | None, BeforeValidator(seconds)] = None
    patience: int | None = Field(default=None, ge=1)
    fidelity: Literal["halving", "hyperband"] | None = None
    polish: bool | Literal["always"] = True
    sampler: Annotated[str, BeforeValidator(_sampler)] = "auto"
    seed: int = Field(default=0, ge=0, lt=2**63)
    store: str | None = None
    storage: str | None = None
    n_jobs: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_threads)] = None
    warm_start: str | None = None
    max_categories: int = Field(default=64, ge=1)
    hash_columns: Annotated[Literal["auto"] | tuple[str, ...] | None, BeforeValidator(_hashed)] = None
    fingerprint: Literal["fast", "content"] = "fast"
    storage_options: dict[str, Any] = Field(default_factory=dict, repr=False, exclude=True)

    _document: Document = PrivateAttr(default_factory=lambda: Document("study"))

    def __repr_args__(self) -> Any:
        """Show what differs from the defaults; passwords in addresses are masked."""
        for key in type(self).model_fields:
            value = getattr(self, key)
            if key != "storage_options" and value != type(self).model_fields[key].get_default(
                call_default_factory=True
            ):
                yield key, _masked(value)

    __str__ = Strict.__repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StudySpec) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    @model_validator(mode="after")
    def _check(self) -> StudySpec:
        if not self.data or not self.algorithm:
            raise wrong("'data' and 'algorithm' need at least one entry")
        several = self.metrics
        if self.refit is False and len(several) < 2:
            raise wrong("'refit: false' optimises several metrics together; give 'scoring' a list of them")
        if isinstance(self.refit, str) and self.refit not in several:
            raise wrong(
                f"refit {self.refit!r} is none of the metrics in 'scoring'{nearest(self.refit, several)}"
            )
        return self

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics that were asked for; empty for the algorithms' own.

        Examples
        --------
        >>> StudySpec(data="x.csv", algorithm="ridge", scoring=["r2", "max_error"]).metrics
        ('r2', 'max_error')
        """
        return (self.scoring,) if isinstance(self.scoring, str) else self.scoring or ()

    def replace(self, **changes: Any) -> StudySpec:
        """Return the spec with some fields changed, validated anew.

        Examples
        --------
        >>> StudySpec(data="x.csv", algorithm="pca").replace(trials=10).trials
        10
        """
        given = {k: getattr(self, k) for k in self.model_fields_set} | changes
        spec = build(given, self._document.source)
        spec._document = self._document
        return spec

    def validate(self, known: Mapping[str, Collection[str]], metrics: Collection[str] = ()) -> None:  # type: ignore[override]
        """Check names against what is known: algorithms, their parameters and, if given, metrics.

        Raises
        ------
        SpecError
            Names each unknown one, its line, and the nearest known name.

        Examples
        --------
        >>> spec = StudySpec(data="x.csv", algorithm="rigde")
        >>> spec.validate({"ridge": ["alpha"]})
        Traceback (most recent call last):
        studies.errors.SpecError: study: unknown algorithm 'rigde'; did you mean 'ridge'?
        """
        from studies.spec.names import unknown

        if found := unknown(self, known, metrics, self._document):
            raise SpecError(self._document.source, found)


def _masked(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_masked(v) for v in value)
    return mask(value) if isinstance(value, str) else value


def build(values: Mapping[str, Any], source: str = "study", document: Document | None = None) -> StudySpec:
    """Return the spec of plain values.

    Raises
    ------
    SpecError
        Every fault at once, each with its key, value and, from a file, its line.

    Examples
    --------
    >>> build({"data": "x.csv", "algorithm": "pca", "trails": 5})
    Traceback (most recent call last):
    studies.errors.SpecError: study: unknown key 'trails'; did you mean 'trials'?
    """
    document = document or Document(source)
    problems = [*document.problems, *_undotted(values, document)]
    try:
        spec = StudySpec.model_validate(dict(values))
    except ValidationError as error:
        problems += describe(error, document, StudySpec)
    if problems:
        raise SpecError(source, sorted(problems, key=lambda p: p.line or 0))
    spec._document = document
    return spec


def _undotted(values: Mapping[str, Any], document: Document) -> list[Problem]:
    search = values.get("search")
    keys = search if isinstance(search, Mapping) else ()
    return [
        Problem(document.line(("search", key)), f"search key {key!r} must be 'algorithm.parameter'")
        for key in keys
        if not all(str(key).partition("."))
    ]


def loads(text: str, source: str = "study.yaml") -> StudySpec:
    r"""Return the spec written in YAML.

    Raises
    ------
    SpecError
        Names the source, the line, the key and the value, and suggests the nearest valid key.

    Examples
    --------
    >>> text = "data: x.csv\nalgorithm: ridge\nsearch:\n  ridge.alpha: {low: 1e-4, high: 10, log: true}\n"
    >>> loads(text).search
    {'ridge.alpha': Range(low=0.0001, high=10, log=True, step=None)}
    """
    document = read(text, source)
    if not isinstance(document.value, dict):
        raise SpecError(
            source, [Problem(1, "expected 'key: value' lines, such as 'data: flights/*.parquet'")]
        )
    return build(document.value, source, document)


def load(path: str | Path) -> StudySpec:
    """Return the spec in a YAML file.

    Raises
    ------
    SpecError
        The file cannot be read, or as :func:`loads`.
    """
    try:
        with Path(path).open("rb") as file:
            text = file.read(2_000_000).decode("utf-8-sig")
    except OSError as error:
        raise SpecError(str(path), [Problem(None, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SpecError(str(path), [Problem(line, "is not UTF-8 text; save the file as UTF-8")]) from None
    return loads(text, str(path))


def plain(spec: StudySpec) -> dict[str, Any]:
    """Return the spec as lists, dicts and scalars, without credentials; what :func:`build` takes."""
    values: dict[str, Any] = json.loads(spec.model_dump_json(exclude_none=False))
    for key in ("data", "algorithm"):
        if len(values[key]) == 1:
            values[key] = values[key][0]
    values["search"] = {k: _plain_range(spec.search[k], v) for k, v in values["search"].items()}
    if isinstance(values["folds"], dict):
        values["folds"] = {k: v for k, v in values["folds"].items() if v is not None}
    return values


def _plain_range(original: Any, value: Any) -> Any:
    if not isinstance(value, dict):
        return list(original) if isinstance(original, tuple) else original
    return {k: v for k, v in value.items() if k in ("low", "high") or v not in (None, False)}


def dump(spec: StudySpec) -> str:
    """Return the spec as YAML; ``loads(dump(spec)) == spec`` but for credentials, which are never written.

    Examples
    --------
    >>> print(dump(StudySpec(data="x.csv", algorithm="pca", trials=20)), end="")
    data: x.csv
    algorithm: pca
    trials: 20
    """
    given = {k: v for k, v in plain(spec).items() if k in spec.model_fields_set}
    text: str = yaml.dump(given, Dumper=CoreDumper, sort_keys=False, allow_unicode=True, width=110)
    return text
