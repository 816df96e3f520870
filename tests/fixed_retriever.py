"""Articles of a few words, and a retriever whose hits can be told beforehand."""

import threading
from collections.abc import Sequence
from datetime import date

from embeddings.confidence import Evidence
from embeddings.retriever import Hit, Retriever
from knowledge.article import Article
from knowledge.passages import Passage
from knowledge.sentences import Span

BRIDGE = Article(
    slug="bridge",
    title="A bridge over the Naryn",
    url="https://example.org/bridge",
    body="Spring came late. The bridge is 90 metres long. It was opened by Asel Ibraimova.",
    publisher="Naryn Times",
    language="en",
    published=date(2021, 10, 25),
)
BRIDGE_SENTENCES = (Span(0, 17), Span(18, 47), Span(48, 80))


def passage_of(article: Article, sentences: Sequence[Span]) -> Passage:
    """The passage that consists of these sentences."""
    return Passage(article, sentences[0].start, sentences[-1].end, tuple(sentences))


def hit(passage: Passage, highlight: Span, confidence: float = 1.0) -> Hit:
    """A hit with this confidence."""
    return Hit(passage, highlight, 2.0, Evidence(1.0, 1.0), confidence)


class FixedRetriever(Retriever):
    """Knows about the bridge and nothing else: a question with that word finds its length."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()
        self.error: Exception | None = None
        self.busy = threading.Event()
        """Set while a search waits for `may_go_on`."""
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def search_batch(
        self,
        questions: Sequence[str],
        limit: int = 3,  # noqa: ARG002 - as in Retriever
        without: Sequence[str | None] | None = None,  # noqa: ARG002
    ) -> list[list[Hit]]:
        """The bridge's one passage; sure of it only if the question speaks of a bridge."""
        self.batches.append(list(questions))
        self.threads.add(threading.current_thread().name)
        self.busy.set()
        assert self.may_go_on.wait(10)
        if self.error:
            raise self.error
        passage = passage_of(BRIDGE, BRIDGE_SENTENCES)
        return [
            [hit(passage, BRIDGE_SENTENCES[1], 1.0 if "bridge" in question.lower() else 0.0)]
            for question in questions
        ]
