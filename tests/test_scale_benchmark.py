"""`make bench-scale` measures what it says, and docs/scaling.md has what it measured."""

import io
import sys
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

sys.path.append(str(Path(__file__).parents[1]))  # benchmarks/ is not installed with the bot

from benchmarks import scale, scale_steps
from benchmarks.capacity import Limits, Prices, plans, unit_costs
from benchmarks.scale_figures import (
    LOCAL,
    MILVUS,
    Asked,
    Built,
    DatabaseCost,
    ModelCost,
    Point,
    Scaled,
    Step,
    load,
    to_json,
)
from benchmarks.scale_plot import bot_memory, crossing, draw, question_ms, rounded
from benchmarks.scaling_tables import DOCUMENT, FIGURES, written
from benchmarks.synthetic_passages import LANGUAGES, Scale, SyntheticPassages


def test_made_up_passages_are_sound() -> None:
    """As many and as large as asked, whole slices of their articles, the same each time."""
    corpus = SyntheticPassages(Scale(23, sentences=3, tokens=7))
    articles = [each for some in corpus.articles() for each in some]
    assert [len(each.passages) for each in articles] == [2, 3, 2, 3, 2, 3, 2, 3, 2, 1]
    assert [each.article.language for each in articles[:4]] == list(LANGUAGES)
    assert len({each.article.slug for each in articles}) == 10
    for passage in (passage for each in articles for passage in each.passages):
        text = passage.passage.article.body
        assert len(passage.passage.sentences) == len(passage.sentence_embeddings) == 3
        assert all(text[one.end - 1] == "." for one in passage.passage.sentences)
        assert passage.passage.text == " ".join(
            text[one.start : one.end] for one in passage.passage.sentences
        )
        assert sum(passage.sentence_tokens) * 192 == len(passage.tokens) == 7 * 192
        assert (np.diff(passage.words.astype(np.int64)) > 0).all()
        assert np.linalg.norm(passage.embedding) == pytest.approx(1)
    again = [each for some in SyntheticPassages(corpus.scale).articles() for each in some]
    assert [each.article for each in again] == [each.article for each in articles]
    [(passages, sentences, languages)] = corpus.matrices()
    first = np.stack([passage.embedding for each in articles for passage in each.passages])
    assert passages == pytest.approx(first, abs=1e-3)
    assert sentences.shape == (69, 384)
    assert languages.tolist()[:6] == [0, 0, 1, 1, 1, 2]


def test_made_up_embeddings_are_spread_like_real_ones() -> None:
    """As 24,895 real passages were: 0.87 within a language, 0.82 across, 0.94 the nearest."""
    passages, _, languages = next(SyntheticPassages(Scale(1_000)).matrices())
    cosines = passages @ passages.T
    same = languages[:, None] == languages
    np.fill_diagonal(cosines, -1)
    assert np.median(cosines[same]) == pytest.approx(0.874, abs=0.02)
    assert np.median(cosines[~same]) == pytest.approx(0.817, abs=0.03)
    assert np.median(cosines.max(axis=1)) == pytest.approx(0.942, abs=0.02)


def test_a_store_is_built_asked_and_changed(tmp_path: Path) -> None:
    """Questions find the passages that they were made from, and a changed article is found."""
    step = Step(LOCAL, str(tmp_path / "index.db"), (), Scale(300), questions=40)
    built = scale_steps.build(step)
    assert min(built.seconds, built.making, built.peak) > 0
    asked = scale_steps.ask(step)
    assert asked.right >= 0.9
    assert len(asked.questions) == len(asked.first_hits) == 40
    assert asked.peak >= asked.memory > 50
    assert (asked.recall_passages, asked.burst_server_cores) == (None, 0)
    assert asked.first_hits[0].startswith("article-0000")


def test_a_corpus_that_does_not_fit_is_not_begun(tmp_path: Path) -> None:
    """Why is said, and what would have come after it isn't begun either."""
    said: list[str] = []
    run = Scaled("", "", 1, 1.0, {})
    huge = [Scale(10**9), Scale(10**10)]
    assert list(scale.measure(run, huge, [LOCAL], tmp_path, 60, 10, said.append)) == []
    assert run.ends.keys() == {LOCAL}
    assert "1,000,000,000 passages: needs some 12000.0 GB of memory" in run.ends[LOCAL]
    assert len(said) == 1
    assert list(scale.measure(run, [Scale(10)], [LOCAL], tmp_path, 0, 10, said.append)) == []
    assert run.ends[LOCAL] == "10 passages: would take some 0 min, 0 are left"


def test_what_is_measured_is_not_measured_again(tmp_path: Path) -> None:
    """What comes next begins where the last run ended; how long that took is told by it."""
    run = Scaled("", "", 1, 1.0, {})
    run.points = [replace(point(LOCAL, 10_000, 10, 0.01), seconds=600)]
    scales = [Scale(10_000), Scale(20_000)]
    said: list[str] = []
    assert list(scale.measure(run, scales, [LOCAL], tmp_path, 19, 10, said.append)) == []
    assert run.ends == {LOCAL: "20,000 passages: would take some 20 min, 19 are left"}


def test_figures_are_told_from_the_smallest_corpus_on() -> None:
    """In whichever order they were measured."""
    run = Scaled("", "", 1, 1.0, {})
    real = replace(point(LOCAL, 1_000, 1, 0.01), scale=Scale(1_000, 6, 133))
    for each in (point(MILVUS, 2_000, 1, 0.01), real, point(LOCAL, 1_000, 1, 0.01)):
        run.add(each)
    assert [(one.passages, one.scale.is_real) for one in run.points] == [
        (1_000, False),
        (1_000, True),
        (2_000, False),
    ]


def test_one_size_is_measured_with_passages_of_real_size() -> None:
    """The largest that is small enough."""
    assert scale.scales_of([1_000_000, 10_000, 1_000]) == [
        Scale(1_000),
        Scale(10_000),
        Scale(10_000, 6, 133),
        Scale(1_000_000),
    ]
    assert scale.scales_of([1_000_000]) == [Scale(1_000_000)]


def point(store: str, passages: int, memory: float, seconds: float, server: float = 0) -> Point:
    """Something measured, in round numbers."""
    shares = (None, None) if store == LOCAL else (0.9, 1.0)
    asked = Asked(
        before=100,
        opening=1.0,
        memory=100 + memory,
        peak=100 + memory,
        questions=(seconds,) * 3,
        burst=32 * seconds,
        burst_cores=32 * seconds,
        burst_server_cores=32 * 0.004 if server else 0.0,
        change=1.0,
        refresh=0.1,
        change_peak=1,
        right=1.0,
        recall_passages=shares[0],
        recall_sentences=shares[1],
        first_hits=(),
    )
    built = Built(seconds=passages / 1000, making=1, settling=0, peak=100)
    disk = passages / 100
    agreement = None if store == LOCAL else 1.0
    servers = (server, server, server)
    return Point(store, Scale(passages), disk, *servers, 600, built, asked, agreement)


def scaled() -> Scaled:
    """10 GB and 100 ms for a million passages locally; 20 MB and 10 ms for any with Milvus.

    Milvus's server takes 1 GB, and 5 for each million.
    """
    run = Scaled("2026-01-01", "a processor", 2, 16.0, {"numpy": "2"})
    run.points = [
        point(LOCAL, 100_000, 1_000, 0.01),
        point(MILVUS, 100_000, 20, 0.01, 1_500),
        point(LOCAL, 1_000_000, 10_000, 0.1),
        point(MILVUS, 1_000_000, 20, 0.01, 6_000),
    ]
    run.model = ModelCost(1_000, 0.02, 0.01, 0.1, 100, 6.0)
    run.database = DatabaseCost(4, 1_000, 0.001, "15")
    return run


def test_what_is_less_from_which_size_on() -> None:
    """Between two sizes both are straight lines of the logarithms."""
    run = scaled()
    run.points[1] = point(MILVUS, 100_000, 4_000, 0.01, 1_500)
    run.points[3] = point(MILVUS, 1_000_000, 4_000, 0.01, 6_000)
    # From 4 times as much to 0.4 times: at the size where the local store has 4,000 MB.
    assert crossing(run, bot_memory) == pytest.approx(400_000, rel=0.01)
    assert rounded(398_107.2) == "400,000"
    assert crossing(run, question_ms) is None
    assert crossing(scaled(), bot_memory) is None


def test_unit_costs_are_read_off_the_two_largest_corpora() -> None:
    """What is fixed and what each million passages adds; more for passages of real size."""
    run = scaled()
    assert astuple(unit_costs(run, LOCAL)) == pytest.approx(
        # Memory fixed and for a million, the server's likewise, disk, cores of both likewise.
        (0, 10, 0, 0, 10, 0, 0.1, 0, 0, 1_000_000),
        abs=1e-9,
    )
    assert astuple(unit_costs(run, MILVUS)) == pytest.approx(
        (0.02, 0, 1, 5, 10, 0.01, 0, 0.004, 0, 1_000_000), abs=1e-9
    )
    real = point(LOCAL, 100_000, 3_000, 0.02)
    run.points.append(replace(real, scale=Scale(100_000, 6, 133), disk=7_000))
    assert unit_costs(run, LOCAL).memory == pytest.approx(30)
    assert unit_costs(run, LOCAL).disk == pytest.approx(70)


def test_a_bot_with_milvus_takes_the_same_for_any_corpus() -> None:
    """It ranks as many passages of each: what little more it took for a larger one is chance."""
    run = scaled()
    run.points[3] = point(MILVUS, 1_000_000, 30, 0.01, 6_000)
    real = point(MILVUS, 100_000, 40, 0.01, 1_500)
    run.points.append(replace(real, scale=Scale(100_000, 6, 133)))
    costs = unit_costs(run, MILVUS)
    # 30 MB at the largest, twice as much for real passages as for thin ones.
    assert costs.fixed == pytest.approx(0.06)
    assert costs.cores == pytest.approx(0.01)
    assert costs.memory == costs.cores_a_million == 0


def test_plans_grow_with_what_is_asked_of_them() -> None:
    """What is needed, what it costs, and what of the step before breaks first."""
    steps = ((100_000, 1), (1_000_000, 20), (10_000_000, 100), (10_000_000, 1_000))
    prices, limits = Prices(10, 1, 0.1), Limits()
    small, more, large, busy = plans(scaled(), steps, prices, limits)
    assert (small.store, small.bots, small.query_nodes, small.breaks) == (LOCAL, 1, 0, "")
    assert small.bot_memory == pytest.approx(2.0)
    # 2 cores, and one that PostgreSQL keeps busy for a hundredth; 2 GB; 1 GB of disk.
    assert small.cost == pytest.approx(30 + 2 + 0.1)
    # 20 questions, each 10 ms of the model and 100 ms of the store, where a bot has 1.2 cores.
    assert more.breaks == "answering: 2.2 cores busy, one bot may have 1.2"
    assert (more.store, more.bots, more.query_nodes) == (MILVUS, 3, 1)
    assert more.writes == 160
    # 51 GB do not go into 70 % of 64; 100 answers are more than Telegram takes.
    assert (large.bots, large.query_nodes) == (3, 2)
    assert large.disk == pytest.approx(100)
    assert large.breaks == (
        "Telegram: 100 answers a second, one bot may send 30; then memory of the engine: 51 GB, "
        "one node may hold 45"
    )
    # 1,000 questions of 20 ms in the bots; 10,000,000 passages of 0.1 s, in three days.
    assert (busy.bots, busy.index_cores) == (17, 4)
    assert busy.breaks.startswith("Telegram: 1,000 answers a second")


def test_figures_become_tables_a_picture_and_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where hardly anything was measured."""
    run = scaled()
    run.ends[LOCAL] = "10,000,000 passages: needs some 100.0 GB of memory, 12.0 are free"
    scale.print_tables(run, Console(width=160))
    printed = capsys.readouterr().out
    assert "Where local ends: 10,000,000 passages: needs some 100.0 GB of memory" in printed
    assert "PostgreSQL 15: 1,000 writes a second from 4 processes" in printed
    for each in (run, Scaled("", "", 1, 1.0, {})):
        assert Image.open(io.BytesIO(draw(each))).width > 1000
    (tmp_path / "scale.json").write_bytes(to_json(run))
    assert load(tmp_path / "scale.json") == run


def test_the_document_has_what_was_measured() -> None:
    """Its tables are those of the figures beside it; other figures make other tables."""
    document = DOCUMENT.read_text(encoding="utf-8")
    assert written(document, load(FIGURES)) == document
    other = written(document, scaled())
    assert other != document
    assert "| 1,000,000 | local | 10,000 |" in other
    places = "<!-- crossings -->\n<!-- end -->"
    assert "- the memory of each bot: Milvus needs less at all sizes" in written(places, scaled())
