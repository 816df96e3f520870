"""What can go wrong with the model and the index, and what to do about it.

EmbeddingsError
├── ModelUnavailable    the embedding model cannot be had: which one, and what to set
├── IndexUnusable       the index file is of another model or format, or is damaged
│   └── IndexMissing    there is no index yet
├── IndexBusy           another process is writing the index
└── QuestionsUnreadable a file of questions with known answers is not one
"""


class EmbeddingsError(Exception):
    """Base of all errors that this package raises on purpose."""


class ModelUnavailable(EmbeddingsError):
    """The embedding model cannot be loaded; the message says what to set."""


class IndexUnusable(EmbeddingsError):
    """The index cannot be searched as it is; a reindex builds it anew."""


class IndexMissing(IndexUnusable):
    """There is no index at this path yet."""


class IndexBusy(EmbeddingsError):
    """Another process writes to the index at this moment."""


class QuestionsUnreadable(EmbeddingsError):
    """A file of questions with known answers cannot be read as such."""
