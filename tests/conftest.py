"""Shared fixtures: a home of its own for every test, one Hypothesis profile, and what thousands of tests cost beside that.

Modules are left alone by the collector, directories are counted, and nothing waits for the disk: no test pulls the plug,
what is killed finds in the page cache what it wrote, and tests of the order of writes record the calls of ``os.fsync``.
What JAX has compiled once is not compiled again, in this process or another.
"""

from __future__ import annotations

import gc
import itertools
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import databases
    import endpoints

settings.register_profile(
    "hpo", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("hpo")

os.fsync = os.fstat  # a study of eight trials waits seven times for the disk, longer than it computes
_numbers = itertools.count()


def _left_behind() -> None:
    """Remove what JAX compiled for test runs that were killed, by SIGTERM or else: nothing of theirs runs at their end."""
    for path in Path(tempfile.gettempdir()).glob("hpo-compiled-*"):
        owner = path.name.split("-")[2]
        try:
            os.kill(int(owner), 0)
        except ProcessLookupError:
            shutil.rmtree(path, ignore_errors=True)
        except (PermissionError, ValueError):
            continue


if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # the workers and processes that this one starts have it
    _left_behind()
    _compiled = tempfile.TemporaryDirectory(prefix=f"hpo-compiled-{os.getpid()}-")
    os.environ |= {"JAX_COMPILATION_CACHE_DIR": _compiled.name, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    os.environ |= {"JAX_COMPILATION_CACHE_MAX_SIZE": str(2**30)}  # or it is written and read without a lock


def pytest_xdist_auto_num_workers() -> int:
    """Return one more than there are cores: some tests wait for servers, clocks and other processes."""
    return len(os.sched_getaffinity(0)) + 1


gc.disable()  # thousands of tests are made and none is let go of: half of the time of collecting them


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Free what importing left behind, and never look again through what stays to the end."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A directory of a number that no other test has; pytest's own looks through all of them for the next one."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    path = tmp_path_factory.getbasetemp() / f"{name}{next(_numbers)}"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture(autouse=True)
def hpo_home(tmp_path):
    """Defaults live under a directory of this test's own, whatever the test undoes."""
    home = tmp_path / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HPO_HOME", os.fspath(home))
        yield home


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a server of buckets on this machine, with real conditional puts."""
    import endpoints

    with endpoints.seaweed(tmp_path_factory.mktemp("seaweed")) as address:
        yield address


@pytest.fixture
def proxy(endpoint: str) -> Iterator[endpoints.Proxy]:
    """Give a way to that server on which answers can be spoiled."""
    import endpoints

    with endpoints.Proxy(endpoint) as between:
        yield between


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.Server]:
    """Give a PostgreSQL server; skips where Debian's package is not installed, which ``.ci/run`` does."""
    import databases

    programs = databases.programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with databases.postgres(programs) as server:
        yield server
