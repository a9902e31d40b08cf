"""Names in a description against what is known: algorithms, their parameters, metrics."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Protocol

from studies.errors import Problem
from studies.naming import short, split_key
from studies.spec.messages import nearest
from studies.spec.yaml_document import Document

Known = Mapping[str, Collection[str]]


class Named(Protocol):
    """What names algorithms, parameters and metrics: a study's description."""

    algorithm: tuple[str, ...]
    search: dict[str, Any]

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics."""


def unknown(
    spec: Named,
    known: Known,
    metrics: Collection[str],
    document: Document,
    meant: Callable[[str], str] = lambda _: "",
) -> list[Problem]:
    """Return a problem for each unknown name, with its line and the nearest known one.

    Examples
    --------
    >>> from studies.spec.spec import StudySpec
    >>> spec = StudySpec(data="x.csv", algorithm="rigde")
    >>> [problem.text for problem in unknown(spec, {"ridge": ["alpha"]}, (), Document("study"))]
    ["unknown algorithm 'rigde'; did you mean 'ridge'?"]
    """
    found = [*_algorithms(spec, known, document, meant), *_parameters(spec, known, document)]
    for name in spec.metrics if metrics else ():
        if name not in metrics:
            hint = nearest(name, metrics)
            found.append(Problem(document.line(("scoring",)), f"unknown scoring {name!r}{hint}"))
    return found


def _algorithms(
    spec: Named, known: Known, document: Document, meant: Callable[[str], str]
) -> Iterator[Problem]:
    for i, name in enumerate(spec.algorithm):
        if name not in known:
            meaning = meant(name).rstrip("; ")
            hint = f"; {meaning}" if meaning else nearest(name, known)
            yield Problem(document.line(("algorithm", i)), f"unknown algorithm {name!r}{hint}")


def _parameters(spec: Named, known: Known, document: Document) -> Iterator[Problem]:
    full = {short(name): name for name in spec.algorithm}
    for key in spec.search:
        name, parameter = split_key(key, spec.algorithm)
        line = document.line(("search", key))
        if name not in full:
            hint = nearest(name, full)
            yield Problem(line, f"{key!r}: {name!r} is not among this study's algorithms{hint}")
        elif full[name] in known and parameter not in known[full[name]]:
            hint = nearest(parameter, known[full[name]])
            yield Problem(line, f"{key!r}: {name!r} has no parameter {parameter!r}{hint}")
