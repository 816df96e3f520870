"""Changes of the corpus: each can be undone, and none is ever half done.

    articles/
        2025-06-12-a-bridge.md
        .trash/
            20250612-143015-123456-replace-2025-06-12-a-bridge/
                change.json     what was changed
                before.md       the file as it was; none if the article was added
                after.md        the file as it became; none if it was removed
            undone-20250611-…/  a change that was undone
            lock                one process changes articles at a time

What changes the corpus is one rename or removal of an article's file. Before that the record in
the trash is called "begun-…", behind it by its own name, so after a kill at any moment the file
itself tells which of both states is true, and the next use clears up. Nothing leaves the trash.
"""

import contextlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from filelock import FileLock, Timeout

from knowledge.article import Article, format_article, parse_article
from knowledge.drafts import Draft
from knowledge.duplicates import link_key
from knowledge.errors import ArticleError, ChangeError, ChangeRefused, LinkTaken
from knowledge.files import TEMPORARY_FILES, sync_folder, write_file
from knowledge.slugs import make_slug

logger = logging.getLogger(__name__)

TRASH = ".trash"
LOCK = "lock"
"""A file in the trash, locked by whoever changes articles, or must see none changed."""

# In seconds; a change takes a few milliseconds.
_PATIENCE = 20
_TIME = "%Y%m%d-%H%M%S-%f"
_TIME_LENGTH = len("20250612-143015-123456")
_NEW, _BEGUN, _UNDOING, _UNDONE = "new-", "begun-", "undoing-", "undone-"
# In characters; files that people name themselves may have longer names.
_SLUG_IN_NAME = 80
_LINK_LINE = b"url:"
# In bytes. Front matter is shorter; else the whole file is read.
_FRONT = 4096


class ChangeKind(StrEnum):
    """What a change did."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the corpus."""

    id: str
    """When it was made, in UTC, to the microsecond: later ones sort behind."""
    kind: ChangeKind
    slug: str
    title: str
    """The article's, as it became, or as it was if it was removed."""
    links: tuple[str, ...]
    """The keys (see `duplicates.link_key`) of the article's link before and after."""
    by_hand: bool = False
    """Whether somebody else had changed the file since, when this was undone; what they wrote is
    in the trash as by-hand.md."""


class Changes:
    """Changes the articles of a folder, and undoes that."""

    def __init__(
        self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._folder = folder
        self._trash = folder / TRASH
        self._now = now

    def add(self, article: Article) -> Change:
        """Write an article's file; its slug must be free.

        Raises:
            ChangeRefused: the slug is taken.
            LinkTaken: another article has the link.
            ChangeError: the folder can't be written to.
        """
        with self._alone():
            return self._add(article)

    def replace(self, slug: str, article: Article) -> Change | None:
        """Put an article in place of the one with this slug, which it gets.

        Returns:
            The change; None if it would change nothing.

        Raises:
            ChangeRefused: there is no such article.
            LinkTaken: another article has the link.
            ChangeError: the folder can't be written to.
        """
        with self._alone():
            return self._replace(slug, article)

    def save(self, draft: Draft) -> Change | None:
        """Make a draft an article: in place of the one with the same link, else a new one.

        Returns:
            The change; None if the article is there just so.

        Raises:
            ArticleError: the draft can't become an article; see `Draft.to_article`.
            ChangeError: the folder can't be written to.
        """
        article = draft.to_article("draft")
        with self._alone():
            known = self._find_by_link(article.url)
            if known:
                return self._replace(known.slug, article)
            slug = self.free_slug(article.title, article.published)
            return self._make(ChangeKind.ADD, slug, None, format_article(article).encode())

    def remove(self, slug: str) -> Change:
        """Move an article's file to the trash.

        Raises:
            ChangeRefused: there is no such article.
            ChangeError: the folder can't be written to.
        """
        with self._alone():
            before = self._content(slug)
            if before is None:
                raise ChangeRefused(f"There is no article {slug} (any more).")
            return self._make(ChangeKind.REMOVE, slug, before, None)

    def undo(self, change_id: str | None = None) -> Change | None:
        """Undo the last change that isn't undone, or one by its id.

        Returns:
            What was undone; None if there is no such change, or it is undone already.

        Raises:
            ChangeRefused: a later change of the same article has to be undone first.
            ChangeError: the folder can't be written to.
        """
        with self._alone():
            done = self._done()
            if change_id is None:
                return self._undo(done[-1]) if done else None
            change = next((each for each in done if each.id == change_id), None)
            if change is None:
                return None
            for later in done[done.index(change) + 1 :]:
                if later.slug == change.slug or set(later.links) & set(change.links):
                    raise ChangeRefused(
                        f"The article {change.slug} was changed again since; undo that first."
                    )
            return self._undo(change)

    def last(self) -> Change | None:
        """Return the last change that isn't undone.

        Raises:
            ChangeError: the folder can't be written to.
        """
        with self._alone():
            done = self._done()
            return done[-1] if done else None

    def find_by_link(self, url: str) -> Article | None:
        """Return the article with the same link, None if there is none.

        Raises:
            ChangeError: the folder can't be read.
        """
        with self._explained():
            return self._find_by_link(url)

    def read(self, slug: str) -> Article | None:
        """Return an article as it is in the folder; None if there is none, or it is faulty.

        Raises:
            ChangeError: the folder can't be read.
        """
        if Path(slug).name != slug:
            return None  # a link, or a way out of the folder
        with self._explained():
            return _parsed(slug, self._content(slug))

    def free_slug(self, title: str, published: date | None) -> str:
        """Return a name for a new article's file.

        Raises:
            ChangeError: the folder can't be read.
        """
        return make_slug(title, published, {slug.lower() for slug in self.slugs()})

    def slugs(self) -> list[str]:
        """Return the slugs of all articles in the folder, sorted.

        Raises:
            ChangeError: the folder can't be read.
        """
        with self._explained():
            return [path.stem for path in self._files()]

    def _add(self, article: Article) -> Change:
        if self._path(article.slug).exists():
            raise ChangeRefused(f"There is an article {article.slug} already.")
        self._check_link(article)
        after = format_article(article).encode()
        return self._make(ChangeKind.ADD, article.slug, None, after)

    def _replace(self, slug: str, article: Article) -> Change | None:
        before = self._content(slug)
        if before is None:
            raise ChangeRefused(f"There is no article {slug} (any more).")
        after = format_article(article).encode()
        if before == after:
            return None
        self._check_link(replace(article, slug=slug))
        return self._make(ChangeKind.REPLACE, slug, before, after)

    def _make(
        self, kind: ChangeKind, slug: str, before: bytes | None, after: bytes | None
    ) -> Change:
        articles = [article for text in (before, after) if (article := _parsed(slug, text))]
        title = articles[-1].title if articles else slug
        links = tuple(dict.fromkeys(link_key(article.url) for article in articles))
        change = Change(self._next_id(), kind, slug, title, links)
        new = self._trash / f"{_NEW}{change.id}"
        new.mkdir()
        for name, content in (("before.md", before), ("after.md", after)):
            if content is not None:
                write_file(new / name, content)
        write_file(new / "change.json", json.dumps(asdict(change), ensure_ascii=False).encode())
        name = _name(change)
        begun = self._rename(new, f"{_BEGUN}{name}")
        self._put(slug, after)
        self._rename(begun, name)
        return change

    def _undo(self, change: Change) -> Change:
        record = self._trash / _name(change)
        before, after = _versions(record)
        current = self._content(change.slug)
        if current not in {before, after, None}:
            write_file(record / "by-hand.md", current)
        undoing = self._rename(record, f"{_UNDOING}{_name(change)}")
        self._put(change.slug, before)
        self._rename(undoing, f"{_UNDONE}{_name(change)}")
        return replace(change, by_hand=current != after)

    def _put(self, slug: str, content: bytes | None) -> None:
        """Make an article's file what it is to be; here the corpus changes."""
        path = self._path(slug)
        if content is not None:
            write_file(path, content)
        else:
            path.unlink(missing_ok=True)
            sync_folder(self._folder)

    def _clear_up(self) -> None:
        """Finish what a kill, or an error, has interrupted, or let it never have been."""
        for left in self._folder.glob(TEMPORARY_FILES):
            left.unlink(missing_ok=True)
        for record in list(self._trash.iterdir()):
            for prefix, unchanged, changed in ((_BEGUN, _NEW, ""), (_UNDOING, _UNDONE, "")):
                if record.name.startswith(prefix):
                    name = record.name.removeprefix(prefix)
                    change = _read_record(record)
                    as_before = change and self._content(change.slug) == _versions(record)[0]
                    self._rename(record, f"{unchanged if as_before else changed}{name}")
        for record in self._trash.glob(f"{_NEW}*"):
            shutil.rmtree(record)

    def _done(self) -> list[Change]:
        """Return the changes that aren't undone, oldest first."""
        records = sorted(path for path in self._trash.iterdir() if path.name[:1].isdigit())
        changes = [change for record in records if (change := _read_record(record))]
        return [change for change in changes if (self._trash / _name(change)).is_dir()]

    def _next_id(self) -> str:
        """Return the time, or a later one if the clock was set back."""
        now = self._now().astimezone(UTC)
        times = [
            record.name.removeprefix(_UNDONE)[:_TIME_LENGTH] for record in self._trash.iterdir()
        ]
        last = max((time for time in times if time[:1].isdigit()), default="")
        if now.strftime(_TIME) <= last:
            earlier = datetime.strptime(last, _TIME).replace(tzinfo=UTC)
            now = earlier + timedelta(microseconds=1)
        return now.strftime(_TIME)

    def _rename(self, record: Path, name: str) -> Path:
        renamed = record.rename(self._trash / name)
        sync_folder(self._trash)
        return renamed

    def _check_link(self, article: Article) -> None:
        other = self._find_by_link(article.url, besides=article.slug)
        if other:
            raise LinkTaken(f"The article {other.slug} has the link {article.url} already.")

    def _find_by_link(self, url: str, besides: str | None = None) -> Article | None:
        key = link_key(url)
        for path in self._files():
            if path.stem == besides:
                continue
            with contextlib.suppress(FileNotFoundError):
                link = _link_of(path)
                if link is None or link_key(link) == key:
                    article = _parsed(path.stem, path.read_bytes())
                    if article and link_key(article.url) == key:
                        return article
        return None

    def _files(self) -> list[Path]:
        return [
            path
            for path in sorted(self._folder.iterdir(), key=lambda path: path.name)
            if path.suffix == ".md" and not path.name.startswith(".")
        ]

    def _content(self, slug: str) -> bytes | None:
        try:
            return self._path(slug).read_bytes()
        except FileNotFoundError:
            return None

    def _path(self, slug: str) -> Path:
        return self._folder / f"{slug}.md"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes and threads out, and begin and end with nothing half done."""
        with self._explained():
            self._trash.mkdir(exist_ok=True)
            with FileLock(self._trash / LOCK, timeout=_PATIENCE):
                self._clear_up()
                try:
                    yield
                except OSError:
                    with contextlib.suppress(OSError):
                        self._clear_up()
                    raise

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except Timeout as error:
            raise ChangeError(
                f"Another process is changing the articles in {self._folder}; try again when it "
                "is done."
            ) from error
        except OSError as error:
            raise ChangeError(
                f"The articles in {self._folder} can't be changed ({error.strerror}), so nothing "
                "was: free some space, or give the bot the right to write there."
            ) from error


def _name(change: Change) -> str:
    return f"{change.id}-{change.kind}-{change.slug[:_SLUG_IN_NAME]}"


def _versions(record: Path) -> tuple[bytes | None, bytes | None]:
    """Return the article's file before and after a change; None where there was none."""
    before, after = record / "before.md", record / "after.md"
    return (
        before.read_bytes() if before.exists() else None,
        after.read_bytes() if after.exists() else None,
    )


def _read_record(record: Path) -> Change | None:
    """Return the change of a record; None if somebody has damaged it."""
    try:
        fields = json.loads((record / "change.json").read_bytes())
        return Change(
            id=fields["id"],
            kind=ChangeKind(fields["kind"]),
            slug=fields["slug"],
            title=fields["title"],
            links=tuple(fields["links"]),
        )
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError) as error:
        logger.warning("the record of a change %s can't be read: %r", record, error)
        return None


def _link_of(path: Path) -> str | None:
    """Return an article's link, read as fast as can be; None if that takes more care."""
    with path.open("rb") as file:
        front = file.read(_FRONT)
    for line in front.splitlines():
        if line.startswith(_LINK_LINE):
            return line.removeprefix(_LINK_LINE).decode(errors="replace").strip().strip("\"'")
    return None


def _parsed(slug: str, content: bytes | None) -> Article | None:
    with contextlib.suppress(ArticleError, UnicodeDecodeError):
        return parse_article(slug, content.decode()) if content is not None else None
    return None
