"""Ranges of numbers, as a study's description writes them."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


class Strict(BaseModel):
    """Base of every part: frozen, strict types, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def wrong(text: str) -> PydanticCustomError:
    """Return the error by which a validator says, in its own words, what is wrong."""
    return PydanticCustomError("wrong", "{text}", {"text": text})


class Range(Strict):
    """Numbers between ``low`` and ``high``: whole ones if both are written whole, else real ones.

    Attributes
    ----------
    low, high : the bounds, both included.
    log : search evenly in the logarithm.
    step : distance between the values tried; None for every value.

    Examples
    --------
    >>> Range(low=1, high=10).whole, Range(low=1.0, high=10).whole
    (True, False)
    """

    low: int | float
    high: int | float
    log: bool = False
    step: int | float | None = None

    @property
    def whole(self) -> bool:
        """Whether the range holds whole numbers only."""
        return all(isinstance(v, int) for v in (self.low, self.high)) and not isinstance(self.step, float)

    @model_validator(mode="after")
    def _check(self) -> Range:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise wrong(f"low {self.low} and high {self.high} must be finite")
        if self.low > self.high:
            raise wrong(f"low {self.low} is greater than high {self.high}")
        if self.log and self.low <= 0:
            raise wrong(f"a log range needs low > 0; got {self.low}")
        if self.log and self.step is not None:
            raise wrong(f"log and step {self.step} exclude each other; leave one out")
        if self.step is not None and not 0 < self.step < math.inf:
            raise wrong(f"step must be positive; got {self.step}")
        return self
