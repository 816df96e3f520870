"""What can go wrong with the articles, and what to do about it.

KnowledgeError
├── ArticleError        one file is not an article: what is wrong in it, and how to write it
├── CorpusError         the folder of articles cannot be read at all
├── ChangeError         an article could not be changed: why, and what to do
│   └── ChangeRefused   what is to be changed is not as whoever asks believes
│       └── LinkTaken   another article has this link
├── SourcesError        sources.yaml is wrong or cannot be read or written
└── ReadingError        a link or a file did not become a draft; `problem` says why
    ├── FetchError      the link could not be fetched
    └── DocumentError   what was fetched or sent could not be read
"""

from collections.abc import Mapping
from enum import StrEnum


class KnowledgeError(Exception):
    """Base of all errors that this package raises on purpose."""


class ArticleError(KnowledgeError):
    """A text is not an article; the message names the fault and the way out in plain words."""


class CorpusError(KnowledgeError):
    """The folder of articles is missing or unreadable; the message names it."""


class SourcesError(KnowledgeError):
    """The sources are wrong or can't be read or written; the message names the line."""


class ChangeError(KnowledgeError):
    """An article could not be added, replaced or removed, and nothing was changed."""


class ChangeRefused(ChangeError):
    """What is to be changed is not, or no longer, as whoever asked for it believes."""


class LinkTaken(ChangeRefused):
    """Another article has the same link; of two only one would be read."""


class Problem(StrEnum):
    """Why something was not read; `reading-<value>` is its text for admins in bot/texts."""

    NOT_A_LINK = "not-a-link"
    PRIVATE_ADDRESS = "private-address"
    UNKNOWN_HOST = "unknown-host"
    NO_CONNECTION = "no-connection"
    INSECURE = "insecure"
    TIMEOUT = "timeout"
    TOO_MANY_REDIRECTS = "too-many-redirects"
    NOT_FOUND = "not-found"
    REFUSED = "refused"
    RATE_LIMITED = "rate-limited"
    SERVER_ERROR = "server-error"
    TOO_LARGE = "too-large"
    NOT_READABLE = "not-readable"
    DAMAGED = "damaged"
    ENCRYPTED = "encrypted"
    SCANNED = "scanned"
    EMPTY = "empty"
    NO_LISTING = "no-listing"
    ROBOTS = "robots"


_IN_ENGLISH: Mapping[Problem, str] = {
    Problem.NOT_A_LINK: (
        "is not a link to a web page; copy the whole address, such as https://example.org/news"
    ),
    Problem.PRIVATE_ADDRESS: (
        "leads into a private network, where the bot must not look; give a public link"
    ),
    Problem.UNKNOWN_HOST: "is not a site that exists; check the link for slips",
    Problem.NO_CONNECTION: "cannot be reached, or broke off; try again later",
    Problem.INSECURE: (
        "cannot prove that it is the site it claims to be (its certificate is no good); tell the "
        "site's owner, or save the page's text as a file and add that"
    ),
    Problem.TIMEOUT: "takes too long to answer; try again later",
    Problem.TOO_MANY_REDIRECTS: (
        "sends visitors from link to link without end; give the link that the browser ends at"
    ),
    Problem.NOT_FOUND: "does not exist on the site (any more); check the link",
    Problem.REFUSED: ("is not shown to this program; save the page's text as a file and add that"),
    Problem.RATE_LIMITED: "asks to be visited less often; try again later",
    Problem.SERVER_ERROR: "is out of order at the site; try again later",
    Problem.TOO_LARGE: "is too large; save the part that matters as a text file and add that",
    Problem.NOT_READABLE: (
        "is of a kind that cannot be read; add a web page, or a file in .pdf, .docx, .md or .txt"
    ),
    Problem.DAMAGED: "is damaged; save it anew in the program that made it",
    Problem.ENCRYPTED: "is protected by a password; save it without one",
    Problem.SCANNED: (
        "consists of pictures of pages without text; recognise the text with a program for "
        "that, and add the result"
    ),
    Problem.EMPTY: "has no article's text in it; copy the text into a file and add that",
    Problem.NO_LISTING: (
        "is neither a feed nor a sitemap, and names none; look on the site for a link to RSS"
    ),
    Problem.ROBOTS: (
        "is not to be read by programs (the site's robots.txt says so); ask its owner, or add "
        "articles one by one"
    ),
}


class ReadingError(KnowledgeError):
    """A link or a file did not become a draft.

    The message is one English sentence for the terminal; admins hear `problem` in their language.
    """

    def __init__(self, problem: Problem, subject: str, detail: str = "") -> None:
        self.problem = problem
        self.subject = subject
        """The link, the host or the file's name."""
        self.detail = detail
        """What exactly was seen, for the log; "" when `problem` says it all."""
        seen = f" ({detail})" if detail else ""
        super().__init__(f"{subject} {_IN_ENGLISH[problem]}{seen}.")


class FetchError(ReadingError):
    """A link could not be fetched."""

    def __init__(
        self, problem: Problem, subject: str, detail: str = "", retry_after: int | None = None
    ) -> None:
        super().__init__(problem, subject, detail)
        self.retry_after = retry_after
        """Seconds that the site asks to be left alone for, when it said so."""


class DocumentError(ReadingError):
    """A page or a file could not be read."""
