"""What can go wrong with the articles, and what to do about it.

KnowledgeError
├── ArticleError    one file is not an article: what is wrong in it, and how to write it
└── CorpusError     the folder of articles cannot be read at all
"""


class KnowledgeError(Exception):
    """Base of all errors that this package raises on purpose."""


class ArticleError(KnowledgeError):
    """A text is not an article; the message names the fault and the way out in plain words."""


class CorpusError(KnowledgeError):
    """The folder of articles is missing or unreadable; the message names it."""
