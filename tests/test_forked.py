"""A process that is forked answers as one that is started."""

from __future__ import annotations

import os
import subprocess
import sys

import forked
import pytest

SAYS = """
import os, sys, warnings
print(__name__, sys.argv, sys.path[0], sys.warnoptions, sys.stdin.read(), os.getcwd(), sorted(os.environ))
print("beside", file=sys.stderr)
warnings.warn("known")
try:
    warnings.warn("new")
except UserWarning as error:
    sys.exit(len(str(error)))
"""
CASES = {
    "says": ["-W", "error", "-W", "ignore:known", "-c", SAYS, "a", "b c"],
    "killed": ["-c", "import os; os.kill(os.getpid(), 9)"],
    "at once": ["-c", "import os; os._exit(7)"],
    "a sentence": ["-c", "raise SystemExit('no')"],
    "a module": ["-W", "error", "-m", "hpo.cli", "--version"],
    "a usage error": ["-m", "hpo.cli", "nothing"],
}


@pytest.mark.parametrize("words", CASES.values(), ids=CASES)
def test_it_answers_as_a_started_one(words, tmp_path):
    env = {**os.environ, "MORE": "1"}
    line = [sys.executable, *words]
    fresh = subprocess.run(line, input=b"given", cwd=tmp_path, env=env, capture_output=True)
    made = forked.run(line, stdin=b"given", cwd=tmp_path, env=env)
    assert (made.returncode, made.stdout, made.stderr) == (fresh.returncode, fresh.stdout, fresh.stderr)


def test_an_error_is_a_traceback_and_a_status():
    done = forked.run([sys.executable, "-c", "1 / 0"], text=True)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "ZeroDivisionError: division by zero")
    with pytest.raises(subprocess.CalledProcessError):
        forked.run([sys.executable, "-c", "1 / 0"], check=True)


def test_nothing_of_one_is_left_in_the_next():
    code = "import sys, os; print('mark' in sys.modules, 'MARK' in os.environ); sys.modules['mark'] = sys; os.environ['MARK'] = '1'"
    for _ in range(2):
        assert forked.run([sys.executable, "-c", code], text=True).stdout == "False False\n"


def test_what_takes_too_long_is_ended_and_the_next_is_answered():
    with pytest.raises(TimeoutError):
        forked.run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)
    assert forked.run([sys.executable, "-c", "print(1)"], text=True).stdout == "1\n"


def test_where_python_is_to_start_otherwise_a_fresh_one_does():
    env = {**os.environ, "PYTHONHASHSEED": "0"}
    code = "import sys; print('pandas' in sys.modules, sys.flags.hash_randomization)"
    assert forked.run([sys.executable, "-c", code], env=env, text=True).stdout == "False 0\n"
