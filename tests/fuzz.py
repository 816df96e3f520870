"""`make fuzz`: whatever comes, nothing crashes; `test_fuzz.py` does a little of it.

A crash is any error that is not one of ours. It is counted, and the first input of its kind is
shown.
"""

import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bot.drafts.waiting import ArticleDrafts
from fuzz_bot import ENTITIES, MANGLED_UPDATES, PRESSES, TEXTS, UPDATES, fed_bot
from fuzz_inputs import ARTICLES, DRAFTS, FEEDS, FRONT_MATTER, PAGES, SITEMAPS, SOURCES
from knowledge.article import format_article, parse_article, split_front_matter
from knowledge.drafts import format_draft, parse_draft
from knowledge.errors import ArticleError, DocumentError, SourcesError
from knowledge.feeds import find_listings, read_listing
from knowledge.fetching import Fetched
from knowledge.passages import split_article
from knowledge.sources import load_sources, save_sources
from knowledge.web import read_page

SEED = 20260301
# In characters.
_LONGEST_EXAMPLE = 6_000
Check = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Target:
    """What is fed, and with what."""

    inputs: st.SearchStrategy[Any]
    prepare: Callable[[Path, ExitStack], Check]
    """Makes what takes an input; it is given an empty folder."""


@dataclass(slots=True)
class Outcome:
    """How it went."""

    cases: int = 0
    crashes: int = 0
    seconds: float = 0.0
    kinds: dict[str, str] = field(default_factory=dict)
    """An example of each kind of crash: its traceback and its input."""


def read_article_file(_folder: Path, _stack: ExitStack) -> Check:
    """An article comes back unchanged, and its passages are slices of it."""

    def check(content: bytes) -> None:
        try:
            article = parse_article("slug", content.decode())
        except (ArticleError, UnicodeDecodeError):
            return
        assert parse_article("slug", format_article(article)) == article
        for passage in split_article(article):
            assert passage.text == article.body[passage.start : passage.end]

    return check


def read_front_matter(_folder: Path, _stack: ExitStack) -> Check:
    """A draft comes back unchanged."""

    def check(text: str) -> None:
        try:
            split_front_matter(text)
            draft = parse_draft(text)
        except ArticleError:
            return
        assert parse_draft(format_draft(draft)) == draft

    return check


def read_sources(folder: Path, _stack: ExitStack) -> Check:
    """Sources come back unchanged."""
    path = folder / "sources.yaml"

    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            sources = load_sources(path)
        except SourcesError:
            return
        save_sources(path, sources)
        assert load_sources(path) == sources

    return check


def read_draft_file(folder: Path, _stack: ExitStack) -> Check:
    """A draft is read or reported, and can be kept once more."""
    path = folder / "abcd1234.md"
    drafts = ArticleDrafts(folder)

    def check(content: bytes) -> None:
        path.write_bytes(content)
        waiting = drafts.waiting()
        assert len(waiting.drafts) + len(waiting.faults) == 1
        for each in waiting.drafts:
            assert drafts.replace(each.id, each.draft)
            assert drafts.get(each.id) == each

    return check


def read_a_listing(_folder: Path, _stack: ExitStack) -> Check:
    """Each entry is a web link."""

    def check(body: bytes) -> None:
        try:
            listing = read_listing(_fetched("application/xml", body))
        except DocumentError:
            return
        assert all(each.url.startswith(("http://", "https://")) for each in listing.entries)

    return check


def read_a_page(_folder: Path, _stack: ExitStack) -> Check:
    """A draft of it can be written and read again."""

    def check(body: bytes) -> None:
        fetched = _fetched("text/html", body)
        find_listings(fetched)
        try:
            draft = read_page(fetched)
        except DocumentError:
            return
        assert parse_draft(format_draft(draft)) == draft

    return check


def feed_the_bot(_folder: Path, stack: ExitStack) -> Check:
    """No error reaches the error handler or the log."""
    return stack.enter_context(fed_bot()).feed


def _fetched(kind: str, body: bytes) -> Fetched:
    return Fetched("https://example.org/news/a", kind, None, body, None, None, not_modified=False)


def _in_a_group(text: str, entities: list[dict[str, Any]], name: str) -> dict[str, Any]:
    message = {
        "message_id": 5,
        "date": 0,
        "chat": {"id": -4000000001, "type": "group", "title": "Green"},
        "from": {"id": 700_000_002, "is_bot": False, "first_name": "B"},
        name: text,
        "entities" if name == "text" else "caption_entities": entities,
    }
    return {"update_id": 1, "message": message}


TARGETS = {
    "article files": Target(ARTICLES, read_article_file),
    "front matter": Target(FRONT_MATTER, read_front_matter),
    "draft files": Target(DRAFTS, read_draft_file),
    "sources.yaml": Target(SOURCES, read_sources),
    "feeds": Target(FEEDS, read_a_listing),
    "sitemaps": Target(SITEMAPS, read_a_listing),
    "pages": Target(PAGES, read_a_page),
    "updates": Target(UPDATES, feed_the_bot),
    "mangled updates": Target(MANGLED_UPDATES, feed_the_bot),
    "entities": Target(
        st.builds(_in_a_group, TEXTS, ENTITIES, st.sampled_from(["text", "caption"])), feed_the_bot
    ),
    "callback data": Target(
        st.builds(lambda press: {"update_id": 1, "callback_query": press}, PRESSES), feed_the_bot
    ),
}


def fuzz(target: Target, cases: int) -> Outcome:
    """Feed a target with so many inputs, always the same ones; a crash doesn't end it."""
    outcome = Outcome()
    began = time.perf_counter()
    with prepared(target) as check:

        @seed(SEED)
        @settings(
            max_examples=cases,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(target.inputs)
        def feed(value: object) -> None:
            outcome.cases += 1
            try:
                check(value)
            except Exception as error:  # noqa: BLE001 - every kind is to be counted
                outcome.crashes += 1
                where = traceback.extract_tb(error.__traceback__)[-1]
                kind = f"{type(error).__name__} in {Path(where.filename).name}:{where.lineno}"
                trace = "".join(traceback.format_exception(error))
                outcome.kinds.setdefault(kind, f"{trace}\n{value!r}"[-_LONGEST_EXAMPLE:])

        feed()
    outcome.seconds = time.perf_counter() - began
    return outcome


@contextmanager
def prepared(target: Target) -> Iterator[Check]:
    """What takes the inputs of a target."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        yield target.prepare(Path(folder), stack)


def main(cases: int, *names: str) -> int:
    """Fuzz all targets, or those that are named; return 1 if anything crashed."""
    crashes = dict[str, str]()
    typer.echo(f"{'target':16} {'cases':>7} {'crashes':>8} {'seconds':>8}  seed {SEED}")
    for name in names or TARGETS:
        outcome = fuzz(TARGETS[name], cases)
        crashes |= outcome.kinds
        typer.echo(f"{name:16} {outcome.cases:7} {outcome.crashes:8} {outcome.seconds:8.1f}")
    for kind, example in crashes.items():
        typer.echo(f"\n{kind}\n{example}")
    return 1 if crashes else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
