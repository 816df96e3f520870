"""What can go wrong with the model and the index, and what to do about it.

EmbeddingsError
├── ModelUnavailable    the embedding model cannot be had: which one, and what to set
├── IndexUnusable       the index is of another model or format, or can't be read
│   ├── IndexUnavailable the engine that keeps the index can't be reached
│   │   └── StoreRefused it can't be used as it is set: only a person mends that
│   ├── IndexMissing    there is no index yet
│   └── IndexDamaged    the file is broken: it has to be built anew from the articles
├── IndexBusy           another process is writing the index
├── StagingDamaged      what a reindex has embedded so far is broken: it is embedded again
├── CalibrationUnusable a calibration of the confidence can't be read or written
├── QuestionsUnreadable a file of questions with known answers is not one
└── RunUnusable         a saved evaluation can't be read, compared with or written
"""


class EmbeddingsError(Exception):
    """Base of all errors that this package raises on purpose."""


class ModelUnavailable(EmbeddingsError):
    """The embedding model cannot be loaded; the message says what to set."""


class IndexUnusable(EmbeddingsError):
    """The index cannot be searched as it is; if it can be reached, a reindex builds it anew."""


class IndexUnavailable(IndexUnusable):
    """The engine that keeps the index can't be reached at this moment."""


class StoreRefused(IndexUnavailable):
    """The engine lets nobody in, or a file or package is missing that it takes to reach it."""


class IndexMissing(IndexUnusable):
    """There is no index there yet."""


class IndexDamaged(IndexUnusable):
    """Its file is no index any more, or a part of it is broken."""


class IndexBusy(EmbeddingsError):
    """Another process writes to the index at this moment."""


class StagingDamaged(EmbeddingsError):
    """What is not yet in the index is not as it should be; the next reindex embeds it again."""


class CalibrationUnusable(EmbeddingsError):
    """A calibration of the confidence cannot be used; another one can be fitted."""


class QuestionsUnreadable(EmbeddingsError):
    """A file of questions with known answers cannot be read as such."""


class RunUnusable(EmbeddingsError):
    """A saved evaluation, or a file that is to hold one, cannot be used."""
