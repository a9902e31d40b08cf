"""Which packages are imported for a name that somebody wrote: installed ones, and those that were allowed by name.

A path such as ``sklearn:package.module.Class``, in a file, on the command line or in the record of a study, and an
entry point run the code of a package. What lies on Python's path by chance, such as in the current directory, is
none that was installed.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, distributions
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from algorithms.errors import AlgorithmError, InvalidField
from algorithms.lazily import urllib_request

_ALLOWED: set[str] = set()


def allow(packages: Iterable[str]) -> None:
    """Let this process import packages that are not installed, by their top-level names.

    Raises
    ------
    InvalidField
        One is not a name.

    Examples
    --------
    >>> allow(["mine.models"])
    Traceback (most recent call last):
    algorithms.errors.InvalidField: allow_imports: 'mine.models' is not a top-level package; write 'mine'
    """
    for name in packages:
        top = str(name).partition(".")[0]
        if top != name or not top.isidentifier():
            hint = f"; write {top!r}" if top.isidentifier() else ""
            raise InvalidField(f"allow_imports: {name!r} is not a top-level package{hint}")
        _ALLOWED.add(top)


def allowed() -> frozenset[str]:
    """Return the packages that were allowed by name in this process."""
    return frozenset(_ALLOWED)


def listed(packages: object) -> list[str]:
    """Return the names that were given as one, several, or None.

    Examples
    --------
    >>> listed("mine"), listed(("a", "b")), listed(None)
    (['mine'], ['a', 'b'], [])
    """
    if packages is None or isinstance(packages, str):
        return [packages] if packages else []
    return [str(one) for one in packages] if isinstance(packages, Iterable) else [str(packages)]


def check_import(module: str, what: str, brought_by: Distribution | None = None) -> None:
    """Refuse to import a module unless its package is installed or allowed; nothing is imported to find out.

    Parameters
    ----------
    module : its full name.
    what : names it in the message.
    brought_by : the distribution that names the module as an entry point of its own.

    Raises
    ------
    AlgorithmError
        Its package is neither, or there is none of that name.

    Examples
    --------
    >>> check_import("sklearn.svm", "'sklearn.svm.SVC'")
    >>> check_import("os", "'os.system'")
    Traceback (most recent call last):
    algorithms.errors.AlgorithmError: 'os.system' is not an estimator: 'os' is a part of Python itself
    """
    top = module.partition(".")[0]
    if top in _ALLOWED:
        return
    if top in sys.stdlib_module_names:
        raise AlgorithmError(f"{what} is not an estimator: {top!r} is a part of Python itself")
    spec = _found(top)
    if spec is None:
        raise AlgorithmError(
            f"{what}: the package or module {top!r} is not installed; install it or check its name"
        )
    places, here = tuple(_places(spec)), Path.cwd()
    own = brought_by is not None and set(places) == {_base(brought_by)} - {here}
    if not own and not _installed(top, places, here):
        where = next(iter(places), None)
        lies = "" if where is None else f" (it lies in {where})"
        raise AlgorithmError(
            f"{what} is not imported: {top!r} belongs to no installed package{lies}. If you trust it, allow it: "
            f"--allow-import {top}, in the file 'allow_imports: [{top}]', in Python allow_imports=[{top!r}]"
        )


def _found(top: str) -> ModuleSpec | None:
    try:
        return find_spec(top)
    except (ValueError, ImportError):  # such as __main__, which has no origin
        return None


def _places(spec: ModuleSpec) -> Iterator[Path]:
    """Yield the directories that a top-level module is imported from; several for a package without a file."""
    if spec.submodule_search_locations is not None:
        yield from (Path(place).resolve().parent for place in spec.submodule_search_locations)
    elif spec.has_location and spec.origin:
        yield Path(spec.origin).resolve().parent


@functools.lru_cache(maxsize=128)
def _installed(top: str, places: tuple[Path, ...], here: Path) -> bool:
    """Return whether all places of a package are those where distributions put it, none the current directory."""
    fine = ((place != here and _holds(place, top)) or _of_project(place, top) for place in places)
    return bool(places) and all(fine)


def _holds(place: Path, top: str) -> bool:
    """Return whether a distribution that lies in a directory brought a package there."""
    return any(_brings(one, top) for one in distributions(path=[str(place)]))


def _brings(one: Distribution, top: str) -> bool:
    if top in (one.read_text("top_level.txt") or "").split():
        return True
    files = (one.read_text("RECORD") or "").splitlines()
    return any(line.startswith((f"{top}/", f"{top}.")) for line in files)


def _of_project(place: Path, top: str) -> bool:
    """Return whether a directory is that of a project that was installed to be edited where it lies."""
    return any(_leads_to(one, place, top) for one in distributions() if _base(one) != Path.cwd())


def _leads_to(one: Distribution, place: Path, top: str) -> bool:
    origin = json.loads(one.read_text("direct_url.json") or "{}")
    if not origin.get("dir_info", {}).get("editable"):
        return False
    if top in (one.read_text("top_level.txt") or "").split():
        return place.is_relative_to(Path(urllib_request.url2pathname(urlsplit(origin["url"]).path)).resolve())
    paths = (file for file in one.files or () if file.suffix == ".pth")
    lines = (line for file in paths for line in (one.read_text(f"../{file}") or "").splitlines())
    return any(not line.startswith("import ") and Path(line.strip()).resolve() == place for line in lines if line)


def _base(one: Distribution) -> Path:
    return Path(str(one.locate_file(""))).resolve()
