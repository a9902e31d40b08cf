"""Hypothesis' own drawing without constants that it finds in loaded modules: a seed gives the same examples anywhere.

Which modules of the project are loaded depends on the tests that the process ran before.
"""

from __future__ import annotations

from typing import Any

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider


class Seeded(HypothesisProvider):
    """Draws by the seed alone."""

    def _maybe_draw_constant(self, *args: Any, **kwargs: Any) -> None:
        return None


BACKEND = "seeded"
AVAILABLE_PROVIDERS[BACKEND] = f"{__name__}.{Seeded.__name__}"
