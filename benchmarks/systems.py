"""The systems that are compared, ours and the peers, all behind one protocol.

Each peer is set up as its documentation shows it, with the model's own prompts where it has a
documented option for them. The peers compute in float32, as the model was published and as the
folder that we unpack says; ours chooses bfloat16 where the processor has it.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.orders import Text

_PASSAGE, _QUESTION = "passage: ", "query: "
_FLOAT32 = {"dtype": "float32"}


class System(Protocol):
    """Indexes texts and finds them by questions.

    Attributes:
        packages: What it is made of; their versions belong to the figures.
        prompts: Which prompts the model gets.
        many: How it takes many questions at once.
    """

    packages: tuple[str, ...]
    prompts: str
    many: str

    def index(self, texts: Sequence[Text]) -> None:
        """Index texts, in place of what was indexed before, and keep the index on the disk."""
        ...

    def open(self) -> None:
        """Open the index that another process has made."""
        ...

    def search(self, question: str, k: int) -> list[int]:
        """Return the numbers of the k texts that answer best, the best first."""
        ...

    def search_many(self, questions: Sequence[str], k: int) -> list[list[int]]:
        """Return the same for each of the questions, which come at once."""
        ...


class Ours:
    """This project's retriever, as the bot uses it; each text is an article."""

    packages: tuple[str, ...] = ("sentence-transformers", "torch")
    prompts = "query, passage"
    many = "search_batch, 32 at a time"
    _batch = 32  # What the bot answers at once.

    def __init__(self, model: Path, folder: Path) -> None:
        from embeddings.embedder import PACKAGED, load_embedder

        # As the bot does: what is known of the packaged model needn't be worked out again.
        self._embedder = load_embedder(PACKAGED, model.parent)
        self._path = folder / "index.db"
        self._retriever: Any = None

    def index(self, texts: Sequence[Text]) -> None:
        """See `System`."""
        from embeddings.indexing import reindex
        from knowledge.article import Article
        from knowledge.corpus import Corpus

        articles = [
            Article(
                slug=f"text-{number}",
                title=text.title,
                url=f"https://example.org/{number}",
                body=text.body,
                publisher=None,
                language=text.language,
                published=None,
            )
            for number, text in enumerate(texts)
        ]
        reindex(Corpus(tuple(articles), ()), self._path, self._embedder)
        self.open()

    def open(self) -> None:
        """See `System`."""
        from embeddings.retriever import Retriever
        from embeddings.stores.sqlite import SqliteStore

        self._retriever = Retriever(SqliteStore.open(self._path, self._embedder), self._embedder)
        self._retriever.refresh()

    def search(self, question: str, k: int) -> list[int]:
        """See `System`."""
        return self.search_many([question], k)[0]

    def search_many(self, questions: Sequence[str], k: int) -> list[list[int]]:
        """See `System`."""
        return [
            [int(hit.passage.article.slug.removeprefix("text-")) for hit in hits]
            for first in range(0, len(questions), self._batch)
            for hits in self._retriever.search_batch(questions[first : first + self._batch], k)
        ]


class LangChain:
    """LangChain's FAISS vector store with its HuggingFaceEmbeddings."""

    packages: tuple[str, ...] = ("langchain-community", "langchain-huggingface", "faiss-cpu")
    prompts = "query, passage"
    many = "Runnable.batch (threads)"

    def __init__(self, model: Path, folder: Path) -> None:
        from langchain_huggingface import HuggingFaceEmbeddings

        self._folder = folder / "faiss"
        self._embeddings = HuggingFaceEmbeddings(
            model_name=str(model),
            model_kwargs={"device": "cpu", "model_kwargs": _FLOAT32},
            encode_kwargs={"prompt": _PASSAGE},
            query_encode_kwargs={"prompt": _QUESTION},
        )
        self._store: Any = None

    def index(self, texts: Sequence[Text]) -> None:
        """See `System`."""
        from langchain_community.vectorstores import FAISS

        numbers = [str(number) for number in range(len(texts))]
        titled = [text.titled for text in texts]
        self._store = FAISS.from_texts(titled, self._embeddings, ids=numbers)
        self._store.save_local(str(self._folder))

    def open(self) -> None:
        """See `System`."""
        from langchain_community.vectorstores import FAISS

        self._store = FAISS.load_local(
            str(self._folder),
            self._embeddings,
            # It is its own file, made a minute ago.
            allow_dangerous_deserialization=True,
        )

    def search(self, question: str, k: int) -> list[int]:
        """See `System`."""
        return [int(found.id) for found in self._store.similarity_search(question, k=k)]

    def search_many(self, questions: Sequence[str], k: int) -> list[list[int]]:
        """See `System`."""
        retriever = self._store.as_retriever(search_kwargs={"k": k})
        return [[int(found.id) for found in each] for each in retriever.batch(list(questions))]


class Txtai:
    """txtai's Embeddings; its index is one of FAISS."""

    packages: tuple[str, ...] = ("txtai", "faiss-cpu", "transformers")
    prompts = "query, passage"
    many = "batchsearch"

    def __init__(self, model: Path, folder: Path) -> None:
        from txtai import Embeddings

        self._folder = str(folder / "txtai")
        self._embeddings = Embeddings(
            path=str(model),
            instructions={"query": _QUESTION, "data": _PASSAGE},
            gpu=False,
            vectors=_FLOAT32,
        )

    def index(self, texts: Sequence[Text]) -> None:
        """See `System`."""
        self._embeddings.index([text.titled for text in texts])
        self._embeddings.save(self._folder)

    def open(self) -> None:
        """See `System`."""
        self._embeddings.load(self._folder)

    def search(self, question: str, k: int) -> list[int]:
        """See `System`."""
        return [int(number) for number, _ in self._embeddings.search(question, k)]

    def search_many(self, questions: Sequence[str], k: int) -> list[list[int]]:
        """See `System`."""
        found = self._embeddings.batchsearch(list(questions), k)
        return [[int(number) for number, _ in each] for each in found]


class Chroma:
    """A persistent collection of Chroma with its SentenceTransformerEmbeddingFunction."""

    packages: tuple[str, ...] = ("chromadb", "sentence-transformers")
    prompts = "none (no option)"
    many = "query with all texts"

    def __init__(self, model: Path, folder: Path) -> None:
        import chromadb
        from chromadb.config import Settings
        from chromadb.utils.embedding_functions import SentenceTransformerEmbeddingFunction

        self._client = chromadb.PersistentClient(
            str(folder / "chroma"), Settings(anonymized_telemetry=False)
        )
        self._function: Any = SentenceTransformerEmbeddingFunction(
            model_name=str(model), device="cpu", model_kwargs=_FLOAT32
        )
        self._collection: Any = None

    def index(self, texts: Sequence[Text]) -> None:
        """See `System`."""
        if self._collection is not None:
            self._client.delete_collection("texts")
        self._collection = self._client.create_collection(
            "texts", embedding_function=self._function
        )
        self._collection.add(
            ids=[str(number) for number in range(len(texts))],
            documents=[text.titled for text in texts],
        )

    def open(self) -> None:
        """See `System`."""
        self._collection = self._client.get_collection("texts", embedding_function=self._function)

    def search(self, question: str, k: int) -> list[int]:
        """See `System`."""
        return self.search_many([question], k)[0]

    def search_many(self, questions: Sequence[str], k: int) -> list[list[int]]:
        """See `System`."""
        found = self._collection.query(query_texts=list(questions), n_results=k)
        return [[int(number) for number in each] for each in found["ids"]]


class LlamaIndex:
    """LlamaIndex's VectorStoreIndex, which keeps vectors in memory and in JSON files."""

    packages: tuple[str, ...] = ("llama-index-core", "llama-index-embeddings-huggingface")
    prompts = "query, passage"
    many = "aretrieve, all at once (threads)"

    def __init__(self, model: Path, folder: Path) -> None:
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding

        self._folder = str(folder / "llama_index")
        self._embed_model = HuggingFaceEmbedding(
            model_name=str(model),
            device="cpu",
            query_instruction=_QUESTION,
            text_instruction=_PASSAGE,
            model_kwargs=_FLOAT32,
        )
        self._index: Any = None

    def index(self, texts: Sequence[Text]) -> None:
        """See `System`."""
        from llama_index.core import VectorStoreIndex
        from llama_index.core.schema import TextNode

        nodes = [TextNode(id_=str(n), text=text.titled) for n, text in enumerate(texts)]
        self._index = VectorStoreIndex(nodes, embed_model=self._embed_model)
        self._index.storage_context.persist(self._folder)

    def open(self) -> None:
        """See `System`."""
        from llama_index.core import StorageContext, load_index_from_storage

        storage = StorageContext.from_defaults(persist_dir=self._folder)
        self._index = load_index_from_storage(storage, embed_model=self._embed_model)

    def search(self, question: str, k: int) -> list[int]:
        """See `System`."""
        retriever = self._index.as_retriever(similarity_top_k=k)
        return [int(found.node.node_id) for found in retriever.retrieve(question)]

    def search_many(self, questions: Sequence[str], k: int) -> list[list[int]]:
        """See `System`."""
        retriever = self._index.as_retriever(similarity_top_k=k)

        async def ask_all() -> list[list[int]]:
            found = await asyncio.gather(*map(retriever.aretrieve, questions))
            return [[int(each.node.node_id) for each in of_one] for of_one in found]

        return asyncio.run(ask_all())


SYSTEMS: Mapping[str, Callable[[Path, Path], System]] = {
    "ours": Ours,
    "LangChain": LangChain,
    "txtai": Txtai,
    "Chroma": Chroma,
    "LlamaIndex": LlamaIndex,
}
"""By their names; each takes the model's folder and a folder of its own."""


def go_offline() -> None:
    """Keep libraries from looking for anything on the internet, and from telling about us."""
    os.environ |= {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "ANONYMIZED_TELEMETRY": "False",
        "TRANSFORMERS_VERBOSITY": "error",
    }
