"""Rows of who had to do with what: the columns that name users, items and values."""

from __future__ import annotations

from pydantic import Field, model_validator

from studies.spec.ranges import Strict, wrong


class Interactions(Strict):
    """Rows of one user and one item, of which the study makes a matrix of users by items.

    Attributes
    ----------
    user : the column that names users.
    item : the column that names items.
    value : the column of what a user gave an item (a rating, a count); None for one of each pair.
    min_users : items of fewer users are left out.

    Examples
    --------
    >>> Interactions(user="userId", item="movieId").columns
    ('userId', 'movieId')
    """

    user: str
    item: str
    value: str | None = None
    min_users: int = Field(default=1, ge=1)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return (self.user, self.item) if self.value is None else (self.user, self.item, self.value)

    @model_validator(mode="after")
    def _check(self) -> Interactions:
        if len(set(self.columns)) < len(self.columns):
            raise wrong("names one column twice; give the column of users, that of items and that of values")
        return self
