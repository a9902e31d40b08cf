"""Tables as people have them: what Hypothesis draws of a table, and the table that it stands for.

What is drawn is small and prints as the call that makes it again; the numbers come from its seed.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from hypothesis import strategies as st

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
NULLABLE = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64")
FLOATS = ("float32", "float64", "float64")
SPREADS = ("normal", "heavy", "even", "few", "constant", "copy", "sum", "mirror")
TIMES = ("date", "timestamp")
CATEGORIES = ("text", "category")
ORDERS = ("shuffled", "sorted", "grouped")
WEIGHTS = ("none", "none", "whole", "zeros")
SENTINELS = (0.0, -1.0, -9999.0, 9999.0)
CENTS = "decimal"
"""A number of cents: decimals in Parquet files, and else float64."""


class Brief:
    """Prints what differs from the defaults: a call that makes it again."""

    def __repr__(self) -> str:
        """Show the call."""
        named = ((f.name, getattr(self, f.name)) for f in fields(self) if getattr(self, f.name) != f.default)
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in named)})"


@dataclass(frozen=True, repr=False)
class Col(Brief):
    """One column.

    Attributes
    ----------
    kind : how its values are spread, or ``"boolean"``, ``"text"``, ``"category"``, ``"date"``, ``"timestamp"``.
    dtype : of a number.
    offset : its mean, in units of its spread.
    scale : its spread, a power of ten.
    missing : share of missing values.
    where : which rows lack it: any (``"random"``), all of one fold, of one file, or those of one fold alone.
    sentinel : what stands in some rows for a value that is not known; None for none.
    marked : which rows these are, as ``where``: some of all rows, of one fold, or of one file.
    unit : power of ten by which the values of one fold, or of one file, are larger: they are in another unit.
    """

    kind: str = "normal"
    dtype: str = "float64"
    offset: float = 0.0
    scale: int = 0
    missing: float = 0.0
    where: str = "random"
    sentinel: float | None = None
    marked: str = "random"
    unit: int = 0


@dataclass(frozen=True, repr=False)
class Spec(Brief):
    """A table.

    Attributes
    ----------
    seed : of its numbers.
    rows : how many.
    cols : its columns.
    target : ``"number"``, ``"class"``, ``"count"``, ``"positive"``, or ``"none"`` (then ``y`` is there and not used).
    classes : labels of a class.
    noise : in the target, in units of what the columns tell.
    offset, scale : the target's mean in units of its spread, and its spread as a power of ten.
    dtype : of a target that is a number.
    unlabelled : share of rows without a target; these are left out.
    order : of the rows: shuffled, sorted by the target, or grouped by a column's value.
    weights : ``"none"``, ``"whole"`` (1, 2, 3) or ``"zeros"`` (0, 1, 2).
    source : ``"frame"``, ``"parquet"`` or ``"csv"``.
    files : how many files the rows are in.
    parts : folds.
    """

    seed: int = 0
    rows: int = 60
    cols: tuple[Col, ...] = (Col(),)
    target: str = "number"
    classes: int = 2
    noise: float = 1.0
    offset: float = 0.0
    scale: int = 0
    order: str = "shuffled"
    weights: str = "none"
    source: str = "frame"
    files: int = 1
    parts: int = 3
    dtype: str = "float64"
    unlabelled: float = 0.0


@dataclass(frozen=True, eq=False)
class Table:
    """What a spec stands for.

    Attributes
    ----------
    frame : the features, ``y``, and ``w`` where rows have weights.
    fresh : rows of the features alone, with missing values and levels that the table lacks.
    features : names.
    part : shape (n,), the fold of each row where folds are given.
    file : shape (n,), the file of each row.
    """

    frame: pd.DataFrame
    fresh: pd.DataFrame
    features: tuple[str, ...]
    part: np.ndarray
    file: np.ndarray

    @property
    def weight(self) -> np.ndarray:
        """The weight of each row; ones where there are none. A row without a target counts as none."""
        given = self.frame["w"].to_numpy(float) if "w" in self.frame else np.ones(len(self.frame))
        return np.where(self.frame["y"].isna().to_numpy(bool), 0.0, given)

    @property
    def group(self) -> np.ndarray:
        """The group of each row: of every fold, three."""
        return (3 * self.part + np.arange(len(self.part)) % 3).astype("int32")

    @property
    def y(self) -> np.ndarray:
        """The target as a number; not one where there is none."""
        return self.frame["y"].to_numpy(float, na_value=np.nan)


OFFSETS = st.sampled_from([0.0, 0.0, 0.0, 1.0, -30.0, 1e3, 1e5, 1e7, 1e9])
SCALES = st.sampled_from([0, 0, 0, 0, 1, 3, -3, -9, 6, 12])
MISSING = st.sampled_from([0.0, 0.0, 0.0, 0.02, 0.1, 0.3, 0.6])
WHERE = st.sampled_from(["random", "random", "fold", "file", "only"])

numbers = st.builds(
    Col,
    st.sampled_from(SPREADS),
    st.sampled_from((*FLOATS, *FLOATS, CENTS, *INTEGERS, *NULLABLE)),
    OFFSETS,
    SCALES,
    MISSING,
    WHERE,
)
marked = st.builds(
    Col,
    st.sampled_from(("normal", "heavy", "even", "few")),
    st.sampled_from((*FLOATS, CENTS, *INTEGERS, *NULLABLE)),
    st.sampled_from([0.0, 1.0, -30.0, 1e3, 1e5, 1e7, 1e9]),
    st.sampled_from([0, 0, 1, 3, 6, 12]),
    MISSING,
    WHERE,
    st.sampled_from(SENTINELS),
    st.sampled_from(["random", "random", "fold", "file"]),
)
units = st.builds(
    Col,
    st.sampled_from(("normal", "heavy", "even")),
    st.just("float64"),
    st.sampled_from([0.0, -30.0, 1e3, 1e5, 1e5]),
    missing=MISSING,
    marked=st.sampled_from(["fold", "fold", "file"]),
    unit=st.sampled_from([-12, -9, -9, -6, 3, 6, 9, 12]),
)
others = st.builds(
    Col,
    st.sampled_from(("boolean", *CATEGORIES, *CATEGORIES, *TIMES)),
    missing=MISSING,
    where=WHERE,
)
columns = st.one_of(numbers, numbers, numbers, numbers, marked, units, others, others)
counts = st.builds(
    Col,
    st.sampled_from(("counts", "counts", "boolean", "text")),
    st.sampled_from(("int64", "uint8", "float64")),
)


def specs(target: str, kinds: st.SearchStrategy[Col] = columns) -> st.SearchStrategy[Spec]:
    """Return tables for a target."""
    return st.builds(
        Spec,
        seed=st.integers(0, 2**31),
        rows=st.sampled_from([12, 20, 30, 60, 60, 120, 200]),
        cols=st.lists(kinds, min_size=1, max_size=12).map(tuple),
        target=st.just(target),
        classes=st.sampled_from([2, 2, 3, 4]),
        noise=st.sampled_from([1.0, 1.0, 1e-2, 1e-4, 10.0]),
        offset=OFFSETS,
        scale=SCALES,
        order=st.sampled_from(ORDERS),
        weights=st.just("none") if target == "none" else st.sampled_from(WEIGHTS),
        source=st.sampled_from(["frame", "frame", "frame", "parquet", "csv"]),
        files=st.integers(1, 7),
        parts=st.integers(2, 5),
        dtype=st.sampled_from(["float64", "float64", "float64", "float32", *INTEGERS]),
        unlabelled=st.just(0.0) if target == "none" else st.sampled_from([0.0, 0.0, 0.0, 0.05, 0.3]),
    )


@functools.lru_cache(maxsize=4)
def table(spec: Spec) -> Table:
    """Return the table of a spec."""
    rng = np.random.default_rng(spec.seed)
    n = spec.rows
    part = rng.permutation(np.arange(n) % spec.parts)
    file = np.arange(n) * (spec.files if spec.source != "frame" else 1) // n
    signals: list[np.ndarray] = []
    made = {}
    for j, col in enumerate(spec.cols):
        values, signal = _values(col, rng, n, signals)
        signals.append(signal)
        made[f"x{j}"] = values
    eta = np.column_stack(signals) @ rng.normal(size=len(signals)) / np.sqrt(len(signals))
    eta = eta + spec.noise * rng.normal(size=n)
    order = _order(spec, eta, signals, rng)
    y = _target(spec, eta, rng)[order]
    frame = pd.DataFrame({k: v.iloc[order].reset_index(drop=True) for k, v in made.items()})
    fresh = frame.iloc[:: max(1, n // 12)].reset_index(drop=True)
    for j, col in enumerate(spec.cols):
        if col.unit:
            other = part == 0 if col.marked == "fold" else file == file.max()
            frame[f"x{j}"] *= np.where(other, 10.0**col.unit, 1.0)
        if col.sentinel is not None:
            frame[f"x{j}"] = _replaced(frame[f"x{j}"], col, _marked(col, rng, part, file))
        frame[f"x{j}"] = _holed(frame[f"x{j}"], col, _gone(col, rng, part, file))
        fresh[f"x{j}"] = _new(fresh[f"x{j}"], col, rng)
    features = tuple(frame.columns)
    frame["y"] = _asked(y, spec, rng) if spec.unlabelled else y
    if spec.weights != "none":
        frame["w"] = rng.integers(0 if spec.weights == "zeros" else 1, 4, n).astype(float)
    return Table(frame, fresh, features, part, file)


def _values(
    col: Col, rng: np.random.Generator, n: int, signals: list[np.ndarray]
) -> tuple[pd.Series, np.ndarray]:
    """Return a column, and what of it the target is signals, of spread one."""
    if col.kind in CATEGORIES:
        share = np.array([0.4, 0.3, 0.15, 0.08, 0.04, 0.02, 0.01])
        codes = rng.choice(len(share), n, p=share / share.sum())
        levels = np.array(["b", "a", "c", "rare 1", "rare 2", "éa", "z"], object)
        values = pd.Series(levels[codes], dtype="category" if col.kind == "category" else "object")
        return values, rng.normal(size=len(share))[codes]
    if col.kind == "boolean":
        codes = rng.integers(0, 2, n)
        return pd.Series(codes.astype(bool)), codes - 0.5
    if col.kind in TIMES:
        days = rng.integers(0, 900, n)
        ticks = np.datetime64("2019-03-01", "s") + days * np.timedelta64(86_400, "s")
        if col.kind == "timestamp":
            ticks = ticks + rng.integers(0, 24, n) * np.timedelta64(3_600, "s")
        return pd.Series(ticks.astype("datetime64[us]")), days / 260.0
    z = _spread(col.kind, rng, n, signals)
    return pd.Series(_cast(z, col)), z


def _spread(kind: str, rng: np.random.Generator, n: int, signals: list[np.ndarray]) -> np.ndarray:
    if kind == "counts":
        return rng.poisson(2.0, n).astype(float)
    if kind in ("copy", "mirror") and signals:
        return signals[-1] if kind == "copy" else -signals[-1]
    if kind == "sum" and len(signals) > 1:
        return (signals[-1] + signals[-2]) / np.sqrt(2.0)
    fresh = {
        "heavy": lambda: rng.standard_t(3, n),
        "even": lambda: rng.uniform(-1.7, 1.7, n),
        "few": lambda: rng.integers(-1, 2, n) * 1.2,
        "constant": lambda: np.zeros(n),
    }
    return fresh.get(kind, lambda: rng.normal(size=n))()


def _cast(z: np.ndarray, col: Col) -> np.ndarray:
    """Return values of that spread and offset in the column's type; of integers, what its range allows."""
    if col.kind == "counts":
        return z.astype(col.dtype)
    if col.dtype in ("float32", "float64", "Float32", "Float64"):
        kind = np.dtype(col.dtype.lower())
        return ((z + col.offset) * 10.0**col.scale).astype(kind)
    info = np.iinfo("int64" if col.dtype == CENTS else col.dtype.lower())
    top = float(min(info.max, 2**53))
    spread = float(np.clip(10.0**col.scale, 3.0, top / 40.0))
    offset = float(np.clip(col.offset * spread, max(float(info.min), -top) / 2.0, top / 2.0))
    values = np.round(z * spread + offset + (6.0 * spread if info.min == 0 else 0.0))
    whole = np.clip(values, max(float(info.min), -top), top)
    return whole / 100.0 if col.dtype == CENTS else whole.astype(col.dtype.lower())


def _order(spec: Spec, eta: np.ndarray, signals: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    if spec.order == "sorted":
        return np.argsort(eta, kind="stable")
    if spec.order == "grouped":
        return np.argsort(np.round(signals[0]), kind="stable")
    return np.arange(len(eta))


LABELS = (("no", "yes"), ("a", "b", "c"), ("k1", "k2", "k3", "k4"))


def _target(spec: Spec, eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if spec.target == "class":
        cuts = np.quantile(eta, np.arange(1, spec.classes) / spec.classes)
        return np.array(LABELS[spec.classes - 2], object)[np.searchsorted(cuts, eta)]
    if spec.target == "count":
        return rng.poisson(np.exp(np.clip(eta / 2.0, -3.0, 3.0))).astype(float)
    if spec.target == "positive":
        return rng.gamma(2.0, np.exp(np.clip(eta / 2.0, -3.0, 3.0)) / 2.0) + 1e-3
    return _cast(eta, Col(dtype=spec.dtype, offset=spec.offset, scale=spec.scale))


def _asked(y: np.ndarray, spec: Spec, rng: np.random.Generator) -> pd.Series:
    """Return a target that some rows lack, but not all of them."""
    gone = rng.random(len(y)) < spec.unlabelled
    if y.dtype.kind in "iu":
        return pd.Series(pd.array(y, dtype=NULLABLE[INTEGERS.index(spec.dtype)])).mask(gone)
    return pd.Series(y).mask(gone, None if y.dtype == object else np.nan)


def _marked(col: Col, rng: np.random.Generator, part: np.ndarray, file: np.ndarray) -> np.ndarray:
    """Return which rows hold a column's sentinel."""
    at = rng.random(len(part)) < 0.2
    if col.marked == "fold":
        at &= part == 0
    elif col.marked == "file":
        at &= file == file.max()
    return at


def _replaced(values: pd.Series, col: Col, at: np.ndarray) -> pd.Series:
    """Return a column with its sentinel in some rows, as far as its type can hold it."""
    held, kind = col.sentinel, values.dtype
    if kind.kind in "iu":
        held = min(max(held, np.iinfo(kind).min), np.iinfo(kind).max)
    return values.mask(at, kind.type(held))


def _gone(col: Col, rng: np.random.Generator, part: np.ndarray, file: np.ndarray) -> np.ndarray:
    """Return which rows lack a column."""
    at = rng.random(len(part)) < col.missing
    if col.missing and col.where == "fold":
        at |= part == 0
    elif col.missing and col.where == "only":
        at = (part == 1) & (rng.random(len(part)) < 0.5)
    elif col.missing and col.where == "file" and file.max():
        at |= file == file.max()
    if col.kind in (*CATEGORIES, *TIMES):
        at[0] = False  # a column without any value is of no kind
    return at


def _holed(values: pd.Series, col: Col, gone: np.ndarray) -> pd.Series:
    """Return a column without those values, in a type that can lack them."""
    if col.kind in (*CATEGORIES, *TIMES):
        return values.mask(gone)
    if col.kind == "boolean":
        return values.astype("boolean").mask(gone) if gone.any() else values
    if col.dtype in NULLABLE:
        return pd.Series(pd.array(values, dtype=col.dtype)).mask(gone)
    if not gone.any():
        return values
    if values.dtype.kind == "f":
        return values.mask(gone)
    return pd.Series(pd.array(values, dtype=NULLABLE[INTEGERS.index(col.dtype)])).mask(gone)


def _new(values: pd.Series, col: Col, rng: np.random.Generator) -> pd.Series:
    """Return a column of rows to predict: some values missing, some levels new."""
    gone = rng.random(len(values)) < 0.2
    if col.kind in CATEGORIES:
        return values.astype(object).mask(rng.random(len(values)) < 0.2, "never seen").mask(gone)
    return _holed(values, col, gone)
