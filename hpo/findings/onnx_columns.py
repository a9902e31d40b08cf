"""What stands before a model as an ONNX graph: gaps filled, categories one-hot, times the map to its columns.

One input for each column of the data, of shape (n, 1): numbers as double, NaN where missing; categories as strings,
the empty one where missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

import numpy as np

from algorithms.arrays import Places, Values
from hpo.data.encoding.kinds import CategoryEncoding, NumberEncoding
from hpo.data.schema import BOOLEAN, NUMERIC
from hpo.errors import ExportError

if TYPE_CHECKING:
    import pandas as pd

    from algorithms.preparing.native_columns import NativeColumns
    from hpo.data.encoding.encoder import ColumnEncoder
    from hpo.findings.portable import Parts

OUT = "columns"
"""The name of what comes out, shape (n, q)."""

BOOL = 9
"""``TensorProto.BOOL``, a number of the format."""

ML = "ai.onnx.ml"
"""The domain of ONNX's operations on strings."""


class Graph(Protocol):
    """An ONNX model.

    Attributes
    ----------
    ir_version : the version of its format.
    """

    ir_version: int


def column_graph(parts: Parts, opsets: Mapping[str, int], *, single: bool = False) -> Graph:
    """Return the ONNX model of an encoder and the map behind it.

    Parameters
    ----------
    parts : of the model.
    opsets : the versions of operations, by domain: those of the model that follows.
    single : whether that takes numbers in single precision.

    Raises
    ------
    hpo.errors.ExportError
        A column is a date, a time or hashed.
    """
    onnx = import_module("onnx")
    make, kinds = onnx.helper, onnx.TensorProto
    encoder, matrix = parts.encoder, parts.matrix
    nodes: list[object] = []
    constants: list[object] = []
    inputs, encoded, rows = [], [], np.arange(matrix.shape[0])

    def node(op: str, *given: str, **how: object) -> str:
        name = f"{op}_{len(nodes)}"
        nodes.append(make.make_node(op, list(given), [name], name=f"node_{name}", **how))
        return name

    def constant(value: object) -> str:
        name = f"constant_{len(constants)}"
        constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    for encoding, first in encoder.placed:
        name = encoding.name
        if isinstance(encoding, CategoryEncoding):
            inputs.append(make.make_tensor_value_info(name, kinds.STRING, [None, 1]))
            depth = len(encoding.levels) + 1
            one_hot = node("OneHotEncoder", name, domain=ML, cats_strings=[*encoding.levels, ""], zeros=1)
            known = node("Cast", node("Reshape", one_hot, constant([-1, depth])), to=kinds.DOUBLE)
            encoded += [known, node("Sub", constant([1.0]), node("MatMul", known, constant(np.ones((depth, 1)))))]
            rows[first + depth - 1 : first + depth + 1] = [first + depth, first + depth - 1]  # missing, then other
        elif isinstance(encoding, NumberEncoding) and encoding.kind in (NUMERIC, BOOLEAN):
            inputs.append(make.make_tensor_value_info(name, kinds.DOUBLE, [None, 1]))
            missing = node("IsNaN", name)
            filled = node("Where", missing, constant([float(encoder.columns_[first].origin)]), name)
            encoded += [filled, node("Cast", missing, to=kinds.DOUBLE)]
        else:
            raise ExportError(
                f"column {name!r} ({encoding.kind}) is a date, a time or hashed, which ONNX has no operation for; "
                f"make numbers of it before the study, leave it out with drop=[{name!r}], or write .joblib"
            )
    every = node("Concat", *encoded, axis=1)
    mapped = node("MatMul", every, constant(matrix[rows].toarray()))
    if parts.native is not None:
        mapped = _with_gaps(parts.native, matrix.shape[0], rows, every, mapped, node, constant)
    kind = kinds.FLOAT if single else kinds.DOUBLE
    nodes.append(make.make_node("Cast", [mapped], [OUT], to=kind))
    out = make.make_tensor_value_info(OUT, kind, [None, matrix.shape[1]])
    graph = make.make_graph(nodes, "columns", inputs, [out], constants)
    versions = [make.make_opsetid(*each) for each in {ML: 1, **opsets}.items()]
    made: Graph = make.make_model(graph, opset_imports=versions)
    return made


def _with_gaps(
    native: NativeColumns, d: int, rows: Places, every: str, mapped: str, node: Callable[..., str],
    constant: Callable[[object], str],
) -> str:  # fmt: skip
    """Return the node of the columns with NaN where a number or a category is missing, places counted from zero.

    Parameters
    ----------
    native : the map.
    d : the encoded columns.
    rows : their order in the graph.
    every, mapped : the nodes of the encoded columns, and of their products with the map.
    node, constant : add a node, and a constant, and return its name.
    """
    q, nan = len(native.names), constant([np.nan])
    beside, levels = np.zeros((d, q)), np.zeros(q)
    beside[native.beside, native.at], levels[native.categories] = 1.0, 1.0
    gaps = node("Cast", node("MatMul", every, constant(beside[rows])), to=BOOL)
    places = node("Where", gaps, nan, node("Sub", mapped, constant(levels)))
    below = node("And", constant(levels > 0.0), node("Less", places, constant([0.0])))
    return node("Where", below, nan, places)


def inputs_of(encoder: ColumnEncoder, rows: pd.DataFrame) -> dict[str, Values]:
    """Return the inputs of the graph for some rows, each of shape (n, 1).

    Examples
    --------
    >>> import pandas
    >>> from hpo.data.encoding.encoder import ColumnEncoder
    >>> frame = pandas.DataFrame({"c": ["a", None], "x": [1.0, None]})
    >>> {k: v.ravel().tolist() for k, v in inputs_of(ColumnEncoder().fit(frame), frame).items()}
    {'c': ['a', ''], 'x': [1.0, nan]}
    """
    made = {}
    for encoding in encoder.encodings_:
        values = rows[encoding.name]
        if isinstance(encoding, CategoryEncoding):
            texts = values.astype(object).where(values.notna(), "").astype(str)
            made[encoding.name] = texts.to_numpy(dtype=object).reshape(-1, 1)
        else:
            made[encoding.name] = values.to_numpy(dtype=float, na_value=np.nan).reshape(-1, 1)
    return made
