"""How algorithms are named: registered ones by their name, a class by ``sklearn:path``, an object by its type."""

from __future__ import annotations

from collections.abc import Iterable

PATH, OBJECT = "sklearn:", "object:"


def short(name: str) -> str:
    """Return the name that search keys and reports use: what stands before ``=``, else the class's own name.

    Examples
    --------
    >>> short("ridge"), short("sklearn:sklearn.svm.SVC"), short("machine=sklearn:sklearn.svm.SVC")
    ('ridge', 'SVC', 'machine')
    >>> short("object:Pipeline-0a1b2c3d")
    'Pipeline'
    """
    alias, full = parts(name)
    if alias:
        return alias
    if full.startswith(PATH):
        return full.rpartition(".")[2]
    return full.removeprefix(OBJECT).rpartition("-")[0] if full.startswith(OBJECT) else full


def parts(name: str) -> tuple[str, str]:
    """Return the alias of a name, empty where it has none, and the name without it.

    Examples
    --------
    >>> parts("machine=sklearn:sklearn.svm.SVC"), parts("ridge")
    (('machine', 'sklearn:sklearn.svm.SVC'), ('', 'ridge'))
    """
    alias, equals, full = name.partition("=")
    return (alias.strip(), full.strip()) if equals and full.strip().startswith((PATH, OBJECT)) else ("", name)


def split_key(key: str, names: Iterable[str]) -> tuple[str, str]:
    """Return the short name of an algorithm and the parameter that a search key names.

    Examples
    --------
    >>> svc = "sklearn:sklearn.svm.SVC"
    >>> split_key("SVC.C", [svc]), split_key("sklearn:sklearn.svm.SVC.C", [svc])
    (('SVC', 'C'), ('SVC', 'C'))
    """
    for name in names:
        full = parts(name)[1]
        if full.startswith((PATH, OBJECT)) and key.startswith(f"{full}."):
            return short(name), key.removeprefix(f"{full}.")
    owner, _, parameter = key.partition(".")
    return owner, parameter
