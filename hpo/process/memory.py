"""Whether the states of a study fit in memory, asked before the pass."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from algorithms import memo, registry
from algorithms.contract import Shape, Summary
from algorithms.tasks import CLASS, NUMBER, TASKS
from hpo.errors import MemoryShort
from studies.counting import counted

if sys.platform != "win32":
    import resource

_STATUS = Path("/proc/self/status")
_CGROUP = Path("/sys/fs/cgroup/memory.max")


def available_memory() -> int:
    """Return the bytes that may be used: ``$HPO_MEMORY_LIMIT``, else what the system says is free.

    Of a container no more than its limit counts.
    """
    if given := os.environ.get("HPO_MEMORY_LIMIT"):
        return int(float(given))
    free, limit = int(psutil.virtual_memory().available), _cgroup()
    return free if limit is None else min(free, limit)


def peak_memory() -> int:
    """Return the most bytes of memory that this process has held so far."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    with suppress(OSError):  # of this program alone; what getrusage says a process may have from its parent
        lines = _STATUS.read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def allow_caches() -> None:
    """Let what is derived from states (designs, eigenvectors, views) hold a quarter of the memory that is free.

    What a study of many columns derives from each fold is then kept from trial to trial.
    """
    memo.allow(available_memory() // 4)


def check_memory(
    summaries: Iterable[Summary], shape: Shape, n_cells: int, workers: int, available: int | None
) -> None:
    """Refuse states that do not fit in memory at once.

    Raises
    ------
    MemoryShort
        Says how much is needed and free, and what to do about it.
    """
    each = {summary: needed_by(summary, shape, n_cells, workers) for summary in summaries}
    needed = sum(each.values())
    if available is not None and needed > available:
        classes = f" and {len(shape.classes):,} classes" if len(shape.classes) > 2 else ""
        smaller = ", ".join(that_fit(shape, n_cells, workers, available))
        raise MemoryShort(
            f"{counted(shape.d, 'encoded column')}{classes} need{'s' * (shape.d == 1)} about {_size(needed)} for "
            f"their states ({counted(n_cells, 'cell')}, "
            f"{counted(workers, 'thread')}; the largest is that of {max(each, key=lambda s: each[s])!r}), and "
            f"{_size(available)} are free. Use fewer columns (features=, drop=), a smaller max_categories, fewer "
            f"folds or a smaller n_jobs{f'; the states of {smaller} fit' if smaller else ''}"
        )


def check_room(summary: Summary, shape: Shape, rows: int, parts: int, available: int) -> None:
    """Refuse states that hold every row, where these do not fit.

    All cells together hold each row once. At once there are these cells, the leaves that they are merged from, what
    two of them are merged to, the encoded rows that a model is fitted to and a copy of its own; and the empty
    places of each.

    Parameters
    ----------
    summary : keeps so many rows.
    shape : the encoded columns.
    rows : that there are.
    parts : cells and leaves that there are at once.
    available : bytes.

    Raises
    ------
    MemoryShort
        Says how much is needed and free, and what to do about it.
    """
    needed = 6 * summary.nbytes(shape) + parts * 16 * rows
    if needed > available:
        raise MemoryShort(
            f"all {rows:,} rows need about {_size(needed)}, and {_size(available)} are free; give the algorithm a "
            "larger size in search to fit it to more of them"
        )


def needed_by(summary: Summary, shape: Shape, n_cells: int, workers: int) -> int:
    """Return the bytes of all states of a summary that there are at once.

    Each worker holds a leaf, as many wait to be merged, and cross-validation holds about three states per cell
    more, of nearly all rows.
    """
    if shape.rows is None:
        return n_cells * (2 * workers + 4) * summary.nbytes(shape)
    part, whole = (summary.nbytes_of(shape, -(-shape.rows // parts)) for parts in (n_cells, 1))
    return n_cells * ((2 * workers + 1) * part + 3 * whole)


def that_fit(shape: Shape, n_cells: int, workers: int, available: int) -> list[str]:
    """Return the algorithms for a target of that kind whose states fit in memory.

    Parameters
    ----------
    shape : the encoded columns.
    n_cells, workers : as in :func:`needed_by`.
    available : bytes.
    """
    target = CLASS if shape.classes else NUMBER if shape.targets else None
    tasks = [task.name for task in TASKS.values() if task.target == target and not task.one_class]
    names = [name for task in tasks for name in registry.of_task(task)]
    summaries = {name: registry.get(name)().summary for name in names}
    return [name for name in names if needed_by(summaries[name], shape, n_cells, workers) <= available]


def _size(n: int) -> str:
    return f"{n / 2**30:,.1f} GiB" if n >= 2**30 else f"{n / 2**20:,.1f} MiB"


def _cgroup() -> int | None:
    try:
        text = _CGROUP.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
