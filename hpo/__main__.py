"""``python -m hpo``, the same as the console script ``hpo``."""

from __future__ import annotations

from onepass_hpo import main

main()
