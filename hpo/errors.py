"""What can go wrong: the exceptions and warnings of the hub, and those of the rooms that it stands on."""

from __future__ import annotations

from algorithms.errors import (
    AlgorithmError,
    ContractBroken,
    DegenerateTarget,
    FitFailed,
    Imprecise,
    InvalidField,
    InvalidTarget,
    LawBroken,
    MissingClass,
    NotEnoughRows,
    RepeatedStep,
    TooLarge,
    TooSmall,
    UnknownAlgorithm,
    UnknownField,
    Unscorable,
)
from state_store.errors import (
    DamagedArchive,
    DamagedBlob,
    DamagedStateWarning,
    InvalidName,
    NewerFormat,
    StoreError,
    StoreLocationError,
    StoreReadError,
    StoreVersionError,
    StoreWriteError,
    UnstorableValue,
)
from studies.errors import (
    RecordTooNew,
    RecordWarning,
    SamplerError,
    SpecError,
    StorageError,
    StudyError,
    StudyMissing,
    StudyTaken,
)

__all__ = (
    "AlgorithmError",
    "ApproximationWarning",
    "ChoiceWarning",
    "ColumnWarning",
    "ContractBroken",
    "DamagedArchive",
    "DamagedBlob",
    "DamagedStateWarning",
    "DataError",
    "DataWarning",
    "DegenerateTarget",
    "EngineError",
    "EngineWarning",
    "ExportError",
    "FitFailed",
    "HpoError",
    "Imprecise",
    "Interrupted",
    "InterruptedWarning",
    "InvalidField",
    "InvalidName",
    "InvalidTarget",
    "LawBroken",
    "MemoryShort",
    "MissingClass",
    "NewerFormat",
    "NoScoreWarning",
    "NotEnoughRows",
    "RecordTooNew",
    "RecordWarning",
    "RepeatedStep",
    "SamplerError",
    "SearchError",
    "SpecError",
    "StorageError",
    "StoreError",
    "StoreLocationError",
    "StoreReadError",
    "StoreVersionError",
    "StoreWarning",
    "StoreWriteError",
    "StudyError",
    "StudyMissing",
    "StudyTaken",
    "TooLarge",
    "TooSmall",
    "TuneError",
    "UnknownAlgorithm",
    "UnknownField",
    "Unscorable",
    "UnstorableValue",
)


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
    """Ctrl-C stopped the work at a safe point; the message says what is kept and how to continue."""


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
    """States could not be kept; the study continues without."""


class ApproximationWarning(UserWarning):
    """A model is known to be rougher than this program usually promises; the message says by what cause."""
