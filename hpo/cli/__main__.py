"""``python -m hpo.cli``, the same as the console script ``hpo``."""

from __future__ import annotations

from hpo.cli import main

main()
