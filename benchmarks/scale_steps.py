"""One corpus in one store, in a process of its own, so that its memory is the store's.

Run as `python -m benchmarks.scale_steps build|ask STEP RESULT`. Both tell the store what an
indexer and the bot would, through the same methods; only the embeddings are made up. As
`... model FOLDER RESULT` the real model is measured, which is unpacked in that folder.
"""

import multiprocessing
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

from benchmarks.one_system import memory_now, peak_memory
from benchmarks.orders import read, write
from benchmarks.scale_figures import AT_ONCE, LOCAL, Asked, Built, ModelCost, Step
from benchmarks.synthetic_passages import Question, SyntheticEmbedder, SyntheticPassages
from embeddings.retriever import Retriever
from embeddings.stores.contract import EmbeddedArticle, EmbeddedPassage, Staging
from embeddings.stores.opening import (
    MilvusAddress,
    StoreAddress,
    join_staging,
    open_store,
    writing_to_store,
)

_MODEL_ARTICLES = 60
_HELPERS = 1
"""Processes that help to stage for Milvus."""

_WARM_UP = 3
_BURSTS = 5


def build(step: Step) -> Built:
    """Build an index of all passages.

    Two processes stage for Milvus, as most of that is the client's work: packing rows. They use
    the store as `reindex` and `reindex --join` do.
    """
    corpus = SyntheticPassages(step.scale)
    helpers = 0 if step.store == LOCAL else _HELPERS
    begun = time.perf_counter()
    with writing_to_store(_address(step), SyntheticEmbedder()) as writing:
        writing.set_language_means(corpus.language_means())
        context = multiprocessing.get_context("spawn")
        helping = [
            context.Process(target=_help, args=(step, first, 1 + helpers))
            for first in range(1, 1 + helpers)
        ]
        for each in helping:
            each.start()
        making = _stage(writing, corpus, 0, 1 + helpers)
        for each in helping:
            each.join()
            if each.exitcode:
                raise SystemExit("A process that helped to stage has failed")
        writing.switch(writing.staged_versions(), (), ())
    seconds, begun = time.perf_counter() - begun - making, time.perf_counter()
    if step.store != LOCAL:
        from benchmarks.milvus_recall import wait_for_graphs

        wait_for_graphs(MilvusAddress(step.address))
    return Built(seconds, making, time.perf_counter() - begun, peak_memory())


def _help(step: Step, first: int, processes: int) -> None:
    with join_staging(_address(step), SyntheticEmbedder()) as staging:
        _stage(staging, SyntheticPassages(step.scale), first, processes)


def _stage(staging: Staging, corpus: SyntheticPassages, first: int, processes: int) -> float:
    """Stage every so manieth batch; returns how long it took to make them up, in seconds."""
    articles = corpus.articles(first, processes)
    making = 0.0
    while True:
        made = time.perf_counter()
        some = next(articles, None)
        making += time.perf_counter() - made
        if some is None:
            return making
        staging.stage(some)


def ask(step: Step) -> Asked:
    """Open the index that `build` left, ask, and change one article."""
    corpus = SyntheticPassages(step.scale)
    questions = corpus.questions(step.questions)
    changed, question = _changed_article(corpus, questions[0])
    recalls = (None, None) if step.store == LOCAL else _recalls(step, corpus, questions)
    del corpus
    embedder = SyntheticEmbedder([*questions, question])
    texts = [each.text for each in questions]
    _load_what_all_stores_need(embedder, texts[0])
    before = memory_now()

    begun = time.perf_counter()
    retriever = Retriever(open_store(_address(step), embedder), embedder)
    retriever.search(texts[0])
    opening = time.perf_counter() - begun
    for text in texts[:_WARM_UP]:
        retriever.search(text)
    times, first_hits = [], []
    for text in texts:
        begun = time.perf_counter()
        hits = retriever.search(text)
        times.append(time.perf_counter() - begun)
        first_hits.append(_place(hits[0].passage.article.slug, hits[0].passage.start))
    bursts = [_burst(retriever, texts, step.servers) for _ in range(_BURSTS)]
    memory = memory_now()
    # The kernel writes down the highest every now and then only.
    peak = max(memory, peak_memory())

    begun = time.perf_counter()
    with writing_to_store(_address(step), embedder) as writing:
        # As a reindex does, to see what has changed.
        for _ in writing.article_versions():
            pass
        writing.stage([changed])
        writing.switch(writing.staged_versions(), (), ())
    change = time.perf_counter() - begun
    begun = time.perf_counter()
    retriever.refresh()
    refresh = time.perf_counter() - begun
    found = retriever.search(question.text)[0].passage
    if found.article != changed.article:
        raise SystemExit(f"The change of {changed.article.slug} was not found")
    burst, of_bot, of_server = (statistics.median(each) for each in zip(*bursts, strict=True))
    return Asked(
        before=before,
        opening=opening,
        memory=memory,
        peak=peak,
        questions=tuple(times),
        burst=burst,
        burst_cores=of_bot,
        burst_server_cores=of_server,
        change=change,
        refresh=refresh,
        change_peak=peak_memory(),
        right=statistics.mean(
            hit == _place(each.slug, each.start)
            for hit, each in zip(first_hits, questions, strict=True)
        ),
        recall_passages=recalls[0],
        recall_sentences=recalls[1],
        first_hits=tuple(first_hits),
    )


def measure_model(models: Path) -> ModelCost:
    """Embed passages and questions with the model that the bot ships with."""
    from benchmarks.generated_articles import generate_articles
    from embeddings.embedder import PACKAGED, load_embedder
    from knowledge.passages import split_article

    embedder = load_embedder(PACKAGED, models)
    passages = [each for one in generate_articles(_MODEL_ARTICLES) for each in split_article(one)]
    titled = [f"{each.article.title}\n{each.text}" for each in passages]
    sentences = [each.article.body[s.start : s.end] for each in passages for s in each.sentences]
    questions = [f"What is said of {each.article.title}?" for each in passages[:AT_ONCE]]
    embedder.embed_questions(questions)
    embedder.embed_passages(titled[:AT_ONCE])

    used = time.process_time()
    embedder.embed_questions(questions)
    question_cores = (time.process_time() - used) / len(questions)
    times = []
    for question in questions:
        begun = time.perf_counter()
        embedder.embed_questions([question])
        times.append(time.perf_counter() - begun)
    memory = memory_now()
    used = time.process_time()
    embedder.embed_passages(titled)
    embedder.embed_sentences(sentences)
    return ModelCost(
        memory=memory,
        question=statistics.median(times),
        question_cores=question_cores,
        passage_cores=(time.process_time() - used) / len(passages),
        passages=len(passages),
        sentences=len(sentences) / len(passages),
    )


def _address(step: Step) -> StoreAddress:
    return Path(step.address) if step.store == LOCAL else MilvusAddress(step.address)


def _place(slug: str, start: int) -> str:
    return f"{slug} {start}"


def _load_what_all_stores_need(embedder: SyntheticEmbedder, text: str) -> None:
    """Load libraries that a bot has loaded with its model, before memory and time are measured."""
    import torch

    from embeddings.compact_matrix import compact
    from knowledge.language import detect_language

    detect_language(text)
    asked = compact(embedder.embed_questions([text]).embeddings)
    asked.products(asked)
    torch.segment_reduce(torch.zeros(1, 1), "max", lengths=torch.ones(1, dtype=torch.int64))


def _burst(
    retriever: Retriever, texts: Sequence[str], servers: Sequence[int]
) -> tuple[float, float, float]:
    """Ask 32 questions at once; gives the seconds, and those of a core for bot and server."""
    questions = list(texts[:AT_ONCE])
    own, server, begun = time.process_time(), _cores(servers), time.perf_counter()
    retriever.search_batch(questions)
    return (
        time.perf_counter() - begun,
        time.process_time() - own,
        _cores(servers) - server,
    )


def _cores(servers: Sequence[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in servers)


def _changed_article(
    corpus: SyntheticPassages, like: Question
) -> tuple[EmbeddedArticle, Question]:
    """Make the article that answers a question answer another one, exactly."""
    of_batch = corpus.articles_of(corpus.batch_of(like.slug))
    one = next(each for each in of_batch if each.article.slug == like.slug)
    chance = np.random.default_rng(0)
    embedding = chance.standard_normal(SyntheticEmbedder.dimension, np.float32)
    embedding /= np.linalg.norm(embedding)
    article = replace(one.article, title=f"{one.article.title} 2")
    passages: list[EmbeddedPassage] = [
        replace(
            each,
            passage=replace(each.passage, article=article),
            embedding=embedding,
            sentence_embeddings=np.tile(embedding, (len(each.passage.sentences), 1)),
        )
        for each in one.passages
    ]
    question = replace(like, text=f"{like.text} 2", embedding=embedding)
    return EmbeddedArticle(article, tuple(passages), "changed"), question


def _recalls(
    step: Step, corpus: SyntheticPassages, questions: Sequence[Question]
) -> tuple[float, float]:
    """Compare what the engine's indexes find with what is nearest."""
    from benchmarks.milvus_recall import recalls

    return recalls(MilvusAddress(step.address), corpus, questions)


def main(what: str, told: Path, result: Path) -> None:
    """Do one step."""
    if what == "model":
        write(measure_model(told), result)
        return
    step = read(Step, told)
    write(build(step) if what == "build" else ask(step), result)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
