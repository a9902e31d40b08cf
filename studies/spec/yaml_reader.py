"""YAML with line numbers: a strict, safe subset of YAML 1.2 read into plain values.

Numbers follow YAML 1.2 (``1e-4`` is a float, ``yes`` a string), a key given twice is refused, tags are
refused, and neither size, depth nor expansion of aliases can grow without bound.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from studies.errors import Problem, SpecError
from studies.spec.yaml_document import Document, Path

MAX_BYTES = 1_000_000
MAX_NODES = 20_000
MAX_DEPTH = 20

_NULL, _BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"
_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_PLAIN = {_NULL, _BOOL, _INT, _FLOAT, "!", *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "map", "seq"))}

_CORE: list[tuple[str, str, str]] = [
    (_NULL, r"^(?:~|null|Null|NULL|)$", "~nN"),
    (_BOOL, r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    (_INT, r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    (
        _FLOAT,
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+0123456789.",
    ),
]


def _core_resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    table: dict[str, list[tuple[str, re.Pattern[str]]]] = {"": [(_NULL, re.compile(r"^$"))]}
    for tag, pattern, firsts in _CORE:
        for first in firsts:
            table.setdefault(first, []).append((tag, re.compile(pattern)))
    return table


class CoreLoader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalar types of YAML 1.2."""

    yaml_implicit_resolvers = _core_resolvers()


class CoreDumper(yaml.SafeDumper):
    """The writer that matches :class:`CoreLoader`: what it writes unquoted is read back as the same type."""

    yaml_implicit_resolvers = _core_resolvers()

    def ignore_aliases(self, data: Any) -> bool:
        """Write every value in full."""
        return True


def read(text: str, source: str) -> Document:
    r"""Return the single document in ``text`` as plain values with their lines.

    Faults that leave the rest readable (a key given twice, a tag) are in ``problems``.

    Raises
    ------
    SpecError
        The text is not YAML, has several documents, or exceeds the limits of this module.

    Examples
    --------
    >>> read("a: 1\na: 2\n", "here").problems[0].text
    "key 'a' is given twice (first on line 1)"
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise SpecError(source, [Problem(None, f"larger than {MAX_BYTES:,} bytes; a study is a page or two")])
    try:
        node = _compose(text)
    except yaml.YAMLError as error:
        raise SpecError(source, [_syntax(error)]) from None
    except RecursionError:
        raise SpecError(source, [Problem(None, f"nested deeper than {MAX_DEPTH} levels")]) from None
    document = Document(source)
    if node is not None:
        document.value = _Builder(document).build(node, (), 0)
    return document


def _compose(text: str) -> Node | None:
    loader = CoreLoader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _syntax(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    hint = "; indent with spaces, not tabs" if "\\t" in what else ""
    return Problem(mark.line + 1 if mark else None, f"not valid YAML: {what}{hint}")


class _Builder:
    """Turns composed nodes into values; counts them, so that aliases cannot explode."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.count = 0

    def build(self, node: Node, path: Path, depth: int) -> Any:
        self.count += 1
        line = node.start_mark.line + 1
        if self.count > MAX_NODES:
            raise SpecError(
                self.document.source, [Problem(line, f"expands to more than {MAX_NODES:,} values")]
            )
        if depth > MAX_DEPTH:
            raise SpecError(self.document.source, [Problem(line, f"nested deeper than {MAX_DEPTH} levels")])
        self.document.lines.setdefault(path, line)
        if node.tag not in _PLAIN:
            self._note(line, f"the tag {node.tag!r} is not allowed here; write a plain value")
        if isinstance(node, MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, i), depth + 1) for i, item in enumerate(node.value)]
        return self._scalar(node, line)

    def _mapping(self, node: MappingNode, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value if isinstance(key_node, ScalarNode) else None
            if key is None:
                self._note(line, "a key must be plain text")
                continue
            if key in found:
                self._note(
                    line, f"key {key!r} is given twice (first on line {self.document.lines[(*path, key)]})"
                )
            self.document.lines.setdefault((*path, key), line)
            found[key] = self.build(value_node, (*path, key), depth + 1)
        return found

    def _scalar(self, node: Node, line: int) -> Any:
        text: str = node.value
        if node.tag == _NULL:
            return None
        if node.tag == _BOOL:
            return text.lower() == "true"
        try:
            return self._number(node.tag, text) if node.tag in (_INT, _FLOAT) else text
        except ValueError:
            self._note(line, f"{text[:40]!r} is not a number that can be read")
            return None

    @staticmethod
    def _number(tag: str, text: str) -> int | float:
        if tag == _FLOAT:
            return float(
                text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").replace(".n", "n")
            )
        return int(text, 0) if text[:2] in ("0x", "0o") else int(text)

    def _note(self, line: int, text: str) -> None:
        self.document.problems.append(Problem(line, text))
