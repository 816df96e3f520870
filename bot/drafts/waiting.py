"""Drafts that wait for an admin's word: one file each, so they survive restarts.

A file is the draft as Markdown, below one line of JSON in a comment: where the draft came from.
"""

import logging
import re
import secrets
import string
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bot.errors import DraftsUnusable
from knowledge.corpus import Fault
from knowledge.drafts import Draft, format_draft, parse_draft
from knowledge.duplicates import link_key
from knowledge.errors import ArticleError
from knowledge.files import write_file

logger = logging.getLogger(__name__)

DRAFT_ID = "[a-z0-9]{8}"
"""A regular expression for the ids of drafts."""

_DISCARDED = "discarded"
_ID_LETTERS = string.ascii_lowercase + string.digits
_ID_LENGTH = 8
_ID = re.compile(DRAFT_ID)
_COMMENT = re.compile(r"<!-- (\{.*\}) -->\n")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who brought a draft: one of the two."""

    source: str | None = None
    """The name of the source that published it."""
    admin_id: int | None = None
    """The Telegram id of the admin who sent it."""


@dataclass(frozen=True, slots=True)
class WaitingDraft:
    """A draft that was neither saved nor discarded yet."""

    id: str
    """Eight characters, each of a-z 0-9."""
    draft: Draft
    origin: Origin
    added: datetime
    """When it came, in UTC."""
    same_text: str | None = None
    """The title of an article that has this text under another link."""


@dataclass(frozen=True, slots=True)
class WaitingDrafts:
    """What is in the folder of drafts."""

    drafts: tuple[WaitingDraft, ...]
    """Oldest first."""
    faults: tuple[Fault, ...]
    """Files that cannot be read, sorted by name."""


@dataclass(frozen=True, slots=True)
class _Label:
    """The line of JSON in a draft's file."""

    origin: Origin
    added: datetime
    same_text: str | None = None


_LABEL = TypeAdapter(_Label)


class ArticleDrafts:
    """The folder of drafts; it is made when the first one comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, draft: Draft, origin: Origin, same_text: str | None = None) -> str:
        """Keep a draft, and return its id; `same_text` as in `WaitingDraft`.

        A draft with the same link as one that waits takes its place, id and time: sent twice, an
        article is still looked at once.

        Raises:
            DraftsUnusable: the folder can't be written to.
        """
        waiting = self.waiting().drafts if draft.url else ()
        for earlier in waiting:
            if earlier.draft.url and draft.url and _same_link(earlier.draft.url, draft.url):
                self._write(replace(earlier, draft=draft, same_text=same_text))
                return earlier.id
        draft_id = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
        self._write(WaitingDraft(draft_id, draft, origin, datetime.now(UTC), same_text))
        return draft_id

    def get(self, draft_id: str) -> WaitingDraft | None:
        """Return a draft; None if it is gone, or its file was damaged."""
        if not _ID.fullmatch(draft_id):
            return None
        try:
            return self._read(draft_id)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, ArticleError) as error:
            logger.warning("The draft %s can't be read: %s", draft_id, error)
            return None

    def replace(self, draft_id: str, draft: Draft) -> bool:
        """Put another version of a draft in its place; False if it is gone.

        Raises:
            DraftsUnusable: the folder can't be written to.
        """
        waiting = self.get(draft_id)
        if waiting is None:
            return False
        self._write(replace(waiting, draft=draft))
        return True

    def discard(self, draft_id: str) -> bool:
        """Put a draft aside, saved or unwanted; False if it was gone already.

        Raises:
            DraftsUnusable: the folder can't be written to.
        """
        if not _ID.fullmatch(draft_id):
            return False
        try:
            aside = self._folder / _DISCARDED
            aside.mkdir(exist_ok=True)
            self._path(draft_id).rename(aside / self._path(draft_id).name)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unusable(error) from error
        return True

    def bring_back(self, draft_id: str) -> bool:
        """Let a draft wait again that was discarded; False if there is none.

        Raises:
            DraftsUnusable: the folder can't be written to.
        """
        if not _ID.fullmatch(draft_id):
            return False
        try:
            (self._folder / _DISCARDED / f"{draft_id}.md").rename(self._path(draft_id))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unusable(error) from error
        return True

    def waiting(self) -> WaitingDrafts:
        """Return all drafts; a file that is damaged is reported, and keeps none from being seen.

        Raises:
            DraftsUnusable: the folder can't be read.
        """
        try:
            names = sorted(path.name for path in self._folder.glob("[!.]*.md"))
        except OSError as error:
            raise self._unusable(error) from error
        drafts, faults = list[WaitingDraft](), list[Fault]()
        for name in names:
            draft_id = name.removesuffix(".md")
            try:
                if not _ID.fullmatch(draft_id):
                    raise ValueError("Its name is not that of a draft.")  # noqa: TRY301
                drafts.append(self._read(draft_id))
            except FileNotFoundError:
                continue  # discarded meanwhile
            except (OSError, ValueError, ArticleError) as error:
                faults.append(Fault(name, str(error)))
        drafts.sort(key=lambda waiting: (waiting.added, waiting.id))
        return WaitingDrafts(tuple(drafts), tuple(faults))

    def _read(self, draft_id: str) -> WaitingDraft:
        text = self._path(draft_id).read_text("utf-8")
        comment = _COMMENT.match(text)
        if comment is None:
            raise ValueError("Its first line does not say where the draft came from.")
        try:
            label = _LABEL.validate_json(comment[1])
        except ValidationError as error:
            raise ValueError("Its first line does not say where the draft came from.") from error
        return WaitingDraft(
            draft_id,
            parse_draft(text[comment.end() :]),
            label.origin,
            label.added,
            label.same_text,
        )

    def _write(self, waiting: WaitingDraft) -> None:
        label = _LABEL.dump_json(_Label(waiting.origin, waiting.added, waiting.same_text)).decode()
        # No name or title must end the comment.
        label = label.replace(">", "\\u003e")
        text = f"<!-- {label} -->\n{format_draft(waiting.draft)}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_file(self._path(waiting.id), text.encode())
        except OSError as error:
            raise self._unusable(error) from error

    def _path(self, draft_id: str) -> Path:
        return self._folder / f"{draft_id}.md"

    def _unusable(self, error: OSError) -> DraftsUnusable:
        return DraftsUnusable(
            f"The folder of drafts {self._folder} cannot be used ({error.strerror}): free some "
            "space, or check its rights."
        )


def _same_link(one: str, other: str) -> bool:
    return link_key(one) == link_key(other)
