"""What can go wrong in the hub, as one family of exceptions."""

from __future__ import annotations


class HpoError(Exception):
    """Base of every error that ``hpo`` raises on purpose."""


class DataError(HpoError):
    """The data cannot be used as asked; the message names the thing, where it came from and what to do."""


class SearchError(HpoError):
    """What is searched does not fit the algorithms of the study."""


class TuneError(HpoError):
    """A study cannot be run as it was asked for."""
