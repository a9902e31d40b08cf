"""A study's description as YAML."""

from __future__ import annotations

from pathlib import Path

import yaml

from studies.errors import Problem, SpecError
from studies.spec.messages import nearest
from studies.spec.plain_spec import plain
from studies.spec.spec import StudySpec, build
from studies.spec.yaml_reader import CoreDumper, read


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
    except FileNotFoundError:
        raise SpecError(str(path), [Problem(None, f"there is no such file{_others(Path(path))}")]) from None
    except OSError as error:
        raise SpecError(str(path), [Problem(None, f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SpecError(str(path), [Problem(line, "is not UTF-8 text; save the file as UTF-8")]) from None
    return loads(text, str(path))


def _others(path: Path) -> str:
    """Return which study files stand in the directory of a path that names none, as a hint."""
    known = [one.name for one in (*path.parent.glob("*.yaml"), *path.parent.glob("*.yml"))]
    return nearest(path.name, known) if known else "; hpo init DATA writes one"


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
