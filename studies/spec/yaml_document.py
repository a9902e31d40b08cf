"""What was read from YAML, apart from its reader: a study asked for in Python has one without lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from studies.errors import Problem

Path = tuple[str | int, ...]


@dataclass
class Document:
    r"""Plain values read from YAML, and the line on which each of them stands.

    Examples
    --------
    >>> from studies.spec.yaml_reader import read
    >>> document = read("a: 1e-4\nb: [1, 2]\n", "here")
    >>> document.value, document.line(("b", 1))
    ({'a': 0.0001, 'b': [1, 2]}, 2)
    """

    source: str
    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int | None:
        """Return the line of ``path``, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)
