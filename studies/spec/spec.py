"""A study's description: what is asked, as one validated value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from studies.errors import SpecError
from studies.spec import values
from studies.spec.csv_options import CsvOptions
from studies.spec.data_options import DataOptions
from studies.spec.fields import Names
from studies.spec.messages import describe, nearest
from studies.spec.names import unknown
from studies.spec.option import Option, options_of
from studies.spec.plain import in_full, masked, too_long, undotted
from studies.spec.plain_spec import plain
from studies.spec.ranges import Strict, wrong
from studies.spec.run_options import RunOptions
from studies.spec.search_options import SearchOptions
from studies.spec.yaml_document import Document


class StudySpec(CsvOptions, RunOptions, SearchOptions, DataOptions):
    """What a study asks: the data, the algorithms, what to search, how to score, how long to try.

    Its fields stand by what they are about in :class:`DataOptions`, :class:`SearchOptions`, :class:`RunOptions`
    and :class:`CsvOptions`. Each is the only declaration of its option: the signature and docstring of
    ``hpo.tune``, the YAML that is read, the template of ``hpo init``, options of the command line and what makes a
    study another study come from it (:class:`~studies.spec.option.Option`).

    Examples
    --------
    >>> spec = StudySpec(data="flights/*.parquet", target="arr_delay", algorithm="ridge")
    >>> spec.algorithm, spec.trials
    (('ridge',), 200)
    """

    model_config = ConfigDict(defer_build=False)

    storage_options: Annotated[
        dict[str, Any],
        Option(
            "Mapping[str, Any] | None", "of the data's file system; never recorded", "{KEY: VALUE}", default="None"
        ),
    ] = Field(default_factory=dict, repr=False, exclude=True)
    """Options of the data's file system, such as credentials; never shown, never recorded."""

    allow_imports: Annotated[
        Names,
        Option(
            "str | Iterable[str] | None",
            "packages that paths of 'algorithm' may import though they are not installed",
            "[PACKAGE]",
            default="None",
        ),
    ] = ()
    """Top-level packages that ``"sklearn:…"`` may import though no installed distribution brought them, such as a
    module of your own; what is imported runs as your own code does."""

    _document: Document = PrivateAttr(default_factory=lambda: Document("study"))

    def __repr_args__(self) -> Any:
        """Show what differs from the defaults; passwords in addresses are masked."""
        for key in type(self).model_fields:
            value = getattr(self, key)
            if key != "storage_options" and value != type(self).model_fields[key].get_default(
                call_default_factory=True
            ):
                yield key, masked(value)

    __str__ = Strict.__repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StudySpec) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    @model_validator(mode="after")
    def _check(self) -> StudySpec:
        if not self.data or not self.algorithm:
            raise wrong("'data' and 'algorithm' need at least one entry")
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            raise wrong(f"'thousands' and 'decimal' are both {self.thousands!r}; give each its own mark")
        several = self.metrics
        if self.refit is False and len(several) < 2:
            raise wrong("'refit: false' optimises several metrics together; give 'scoring' a list of them")
        if self.refit == values.ALL and self.polish is False:
            raise wrong(
                "'refit: all' reads the data again for the best model, and 'polish: false' rules that out; "
                "leave one of them out"
            )
        if isinstance(self.refit, str) and self.refit not in (*several, values.ALL):
            raise wrong(
                f"refit {self.refit!r} is not one of the metrics in 'scoring'{nearest(self.refit, several)}"
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

    def definition(self) -> dict[str, object]:
        """Return what makes it the same study, as JSON values: without how it is run.

        Examples
        --------
        >>> spec = StudySpec(data="x.csv", algorithm="pca")
        >>> spec.definition() == spec.but(trials=3, n_jobs=1).definition()
        True
        """
        values = plain(self)
        asked = {name: option.defines for name, option in OPTIONS.items() if option.defines}
        return {k: values[k] for k, how in asked.items() if how != "if given" or values[k] is not None}

    def but(self, **changes: Any) -> StudySpec:
        """Return the spec with some fields changed, validated anew.

        Examples
        --------
        >>> StudySpec(data="x.csv", algorithm="pca").but(trials=10).trials
        10
        """
        given = {k: getattr(self, k) for k in self.model_fields_set} | changes
        spec = build(given, self._document.source)
        spec._document = self._document
        return spec

    def validate(  # type: ignore[override]
        self,
        known: Mapping[str, Collection[str]],
        metrics: Collection[str] = (),
        meant: Callable[[str], str] = lambda _: "",
    ) -> None:
        """Check names against what is known: algorithms, their parameters and, if given, metrics.

        ``meant`` says what to write in place of another library's name of an algorithm; empty where it knows none.

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
        if found := unknown(self, known, metrics, self._document, meant):
            raise SpecError(self._document.source, found)


OPTIONS = options_of(StudySpec)
"""What each option declares, by name."""


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
    document, values = document or Document(source), in_full(values)
    problems = [*document.problems, *undotted(values, document)]
    if endless := too_long(values, document):
        raise SpecError(source, [*problems, endless])
    try:
        spec = StudySpec.model_validate(dict(values))
    except ValidationError as error:
        problems += describe(error, document, StudySpec)
    if problems:
        raise SpecError(source, sorted(problems, key=lambda p: p.line or 0))
    spec._document = document
    return spec
