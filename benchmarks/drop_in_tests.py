"""scikit-learn's own tests of its searches with another search in their place: how many of 91 pass.

    python -m benchmarks.drop_in_tests StateGridSearchCV OptunaSearchCV BayesSearchCV

``optuna-integration`` and ``scikit-optimize`` are no dependencies of this package: install them beside it, or run
this in an environment that has them, pytest and scikit-learn.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

TESTS = "sklearn.model_selection.tests.test_search"


def counted(search: str) -> tuple[int, int]:
    """Return how many functions of the tests pass, and how many there are."""
    root = str(Path(__file__).parent.parent)
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    plugins = ["-c", os.devnull, "-p", "benchmarks.swapped", "-p", "no:cacheprovider"]  # of no project
    command = [sys.executable, "-m", "pytest", *plugins, "-rA", "-q", "--pyargs", TESTS]
    environment = {**os.environ, "PYTHONPATH": path, "SEARCH": search}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = re.findall(r"^(PASSED|FAILED|ERROR) \S*::(test_\w+)", done.stdout, re.MULTILINE)
    if not found:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    failed = {name for what, name in found if what != "PASSED"}
    return len({name for _, name in found} - failed), len({name for _, name in found})


if __name__ == "__main__":
    for search in sys.argv[1:] or ["StateGridSearchCV"]:
        passed, every = counted(search)
        sys.stdout.write(f"{search}: {passed} of {every}\n")
