"""What can go wrong in the hub, as one family of exceptions."""

from __future__ import annotations


class HpoError(Exception):
    """Base of every error that ``hpo`` raises on purpose."""


class DataError(HpoError, ValueError):
    """The data cannot be used as asked; the message names the thing, where it came from and what to do.

    A ``ValueError`` too, as scikit-learn expects of what a transformer refuses.
    """


class SearchError(HpoError):
    """What is searched does not fit the algorithms of the study."""


class TuneError(HpoError):
    """A study cannot be run as it was asked for."""


class MemoryShort(TuneError):
    """The states of the study would not fit in memory."""


class ExportError(HpoError):
    """A model cannot be written in the form that was asked for."""


class EngineError(TuneError):
    """The workers of a pass cannot be had, or cannot do it; the message says why, and what to do."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C stopped the work at a safe point; the message says what is kept and how to go on."""


class InterruptedWarning(UserWarning):
    """Ctrl-C stopped the trials; the result holds those that finished."""


class NoScoreWarning(UserWarning):
    """Every trial of a study failed; the message has the commonest reason."""


class ChoiceWarning(UserWarning):
    """A choice was made for the user that could be meant otherwise; the message says what to type to change it."""


class DataWarning(UserWarning):
    """Something in the data is left out that the user may have meant to use."""


class ColumnWarning(DataWarning):
    """A column looks like an id, free text, a group of rows or a constant; the message says what to do with it."""


class EngineWarning(UserWarning):
    """Workers failed at what this process can do alone."""


class StoreWarning(UserWarning):
    """States could not be kept; the study goes on without."""


class ApproximationWarning(UserWarning):
    """A model is known to be rougher than this program usually promises; the message says by what cause."""
