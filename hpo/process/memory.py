"""Whether the states of a study fit in memory, asked before the pass."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from algorithms.contract import Shape, Summary
from hpo.errors import MemoryShort

_CGROUP = Path("/sys/fs/cgroup/memory.max")
_MEMINFO = Path("/proc/meminfo")
_OF_MANY = "; of many classes 'logistic' keeps the square, 'gaussian_nb', 'linear' and 'knn_classifier' do not"


def available_memory() -> int | None:
    """Return the bytes that may be used: ``$HPO_MEMORY_LIMIT``, else what the system says is free.

    Returns None where the system does not say.
    """
    if given := os.environ.get("HPO_MEMORY_LIMIT"):
        return int(float(given))
    found = [n for n in (_meminfo(), _cgroup()) if n is not None]
    return min(found, default=None)


def check_memory(
    summaries: Iterable[Summary[Any]], shape: Shape, n_cells: int, workers: int, available: int | None
) -> int:
    """Return the bytes that a study's states need at once; refuse what does not fit.

    Each worker holds a leaf, as many wait to be merged, and cross-validation holds about three states per
    cell more.

    Raises
    ------
    MemoryShort
        Says how much is needed and free, and what to do about it.
    """
    per_cell = {summary: summary.nbytes(shape) for summary in summaries}
    needed = sum(per_cell.values()) * n_cells * (2 * workers + 4)
    if available is not None and needed > available:
        classes = f" and {len(shape.classes):,} classes" if len(shape.classes) > 2 else ""
        raise MemoryShort(
            f"{shape.d:,} encoded columns{classes} need about {_size(needed)} for their states ({n_cells} cells, "
            f"{workers} threads; the largest is that of {max(per_cell, key=lambda s: per_cell[s])!r}), and "
            f"{_size(available)} are free. Use fewer columns (features=, drop=), a smaller max_categories, fewer "
            "folds or a smaller n_jobs; of wide data, 'pca' is answered by a sketch, and 'linear' learns without "
            f"the square of the columns{_OF_MANY if classes else ''}"
        )
    return needed


def _size(n: int) -> str:
    return f"{n / 2**30:,.1f} GiB" if n >= 2**30 else f"{n / 2**20:,.1f} MiB"


def _meminfo() -> int | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    return next((int(s.split()[1]) * 1024 for s in lines if s.startswith("MemAvailable:")), None)


def _cgroup() -> int | None:
    try:
        text = _CGROUP.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
