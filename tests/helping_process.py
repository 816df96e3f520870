"""A process that helps to reindex, and writes each title that it embeds to a line of its own."""

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from bot.storage.article_queue import DatabaseQueue
from bot.storage.database import Database
from embeddings import indexing
from embeddings.embedder import Embedded
from embeddings.indexing import help_to_reindex
from knowledge.corpus import ArticleFolder
from word_embedder import WordEmbedder


class TellingEmbedder(WordEmbedder):
    """Tells what it embeds, and waits for a line before it goes on."""

    def embed_passages(
        self, texts: Sequence[str], advance: Callable[[int], None] | None = None
    ) -> Embedded:
        for text in texts:
            title, _, passage = text.partition("\n")
            if passage:
                sys.stdout.write(f"{title}\n")
        sys.stdout.flush()
        sys.stdin.readline()
        return super().embed_passages(texts, advance)


def main() -> None:
    """Help with the index in a folder, of the articles in its folder "articles"."""
    folder = Path(sys.argv[1])
    indexing._TEXTS_PER_STEP = 1
    with closing(Database.open(folder)) as database:
        help_to_reindex(
            ArticleFolder(folder / "articles"),
            folder / "index.db",
            TellingEmbedder("glacier"),
            lambda key: DatabaseQueue(database, key),
        )


if __name__ == "__main__":
    main()
