"""The demo corpus: the same on every run, and nothing of the benchmarks in training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from demo_corpus.build import draw_samples
from demo_corpus.canvas import COLOURS, SIDE, Sample, location_words
from demo_corpus.charts import UNIT
from demo_corpus.domains import BASE_POOLS, BASE_WEIGHTS, BENCHMARK_POOLS, SEARCH_POOLS, Pool
from demo_corpus.formats import write_sources
from demo_corpus.questions import PREFIXES
from demo_corpus.sheet import contact_sheet
from demo_corpus.sources import Stock, load_stocks
from demo_corpus.vocabulary import SPECIAL, vocabulary, write_tokenizer
from mixatlas.corpus import build
from mixatlas.corpus.files import LocalFiles

DOCUMENT = Path(__file__).parents[2] / "examples" / "demo" / "corpus.yaml"
Stocks = tuple[Stock, Stock]
PINNED = "f21468e1"

pytestmark = pytest.mark.slow  # drawing the sources takes some seconds


@pytest.fixture(scope="module")
def stocks() -> Stocks:
    return load_stocks()


def text(sample: Sample) -> str:
    return f"{' '.join(sample.question)} -> {' '.join(sample.answer)}"


def sides(stocks: Stocks) -> Iterator[tuple[Pool, Stock]]:
    training, held_out = stocks
    yield from ((pool, training) for pool in (*SEARCH_POOLS, *BASE_POOLS))
    yield from ((pool, held_out) for pool in BENCHMARK_POOLS)


def test_samples_depend_on_their_number_alone(stocks: Stocks) -> None:
    for pool, stock in sides(stocks):
        (alone,) = draw_samples(pool, stock, [3])
        among = list(draw_samples(pool, stock, range(5)))[3]
        assert text(alone) == text(among)
        assert alone.image.tobytes() == among.image.tobytes()


def test_texts_are_those_that_were_measured(stocks: Stocks) -> None:
    """The measured figures of the demo hold for these texts only."""
    digest = hashlib.sha256()
    for pool, stock in sides(stocks):
        for sample in draw_samples(pool, stock, range(5)):
            digest.update(text(sample).encode())
    assert digest.hexdigest()[:8] == PINNED


def test_every_picture_is_small_and_in_colour(stocks: Stocks) -> None:
    for pool, stock in sides(stocks):
        for sample in draw_samples(pool, stock, range(5)):
            assert (sample.image.size, sample.image.mode) == ((SIDE, SIDE), "RGB")


def test_benchmarks_see_other_emoji_icons_words_and_rows(stocks: Stocks) -> None:
    training, held_out = stocks
    for concept, categories in training.emoji.items():
        for category, emoji in categories.items():
            seen = {one.words for one in emoji}
            others = {one.words for one in held_out.emoji[concept][category]}
            assert others
            assert not seen & others
    assert set(held_out.words).isdisjoint(training.words)
    shapes = {icon.shape.tobytes() for icon in training.icons}
    assert len({icon.shape.tobytes() for icon in held_out.icons} - shapes) > 300
    assert (len(training.tables), len(held_out.tables)) == (4, 3)
    assert training.style != held_out.style


def test_no_question_of_a_benchmark_is_asked_in_training(stocks: Stocks) -> None:
    training, held_out = stocks
    pools = {pool.name: pool for pool in SEARCH_POOLS}
    benchmarks = {pool.name: pool for pool in BENCHMARK_POOLS}
    for domain, benchmark in (("animal.vqa", "AnimalQA"), ("chart.vqa", "ChartQA")):
        asked = {
            " ".join(sample.question).removesuffix(" ?")
            for sample in draw_samples(pools[domain], training, range(300))
        }
        tested = {
            " ".join(sample.question).removesuffix(" ?")
            for sample in draw_samples(benchmarks[benchmark], held_out, range(100))
        }
        assert tested
        assert not asked & tested


def test_words_of_questions_are_known(stocks: Stocks) -> None:
    known = set(vocabulary(stocks[0]))
    for pool, stock in sides(stocks):
        for sample in draw_samples(pool, stock, range(20)):
            assert set(sample.question) <= known


def test_answers_of_benchmarks_are_known(stocks: Stocks) -> None:
    known = set(vocabulary(stocks[0]))
    for pool in BENCHMARK_POOLS:
        for sample in draw_samples(pool, stocks[1], range(50)):
            assert set(sample.answer) <= known


def test_tokenizer_reads_words_and_keeps_its_special_tokens(stocks: Stocks, tmp_path: Path) -> None:
    words = vocabulary(stocks[0])
    write_tokenizer(tmp_path, words)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert [tokenizer.token_to_id(token) for token in SPECIAL] == [0, 1, 2, 3, 4]
    assert tokenizer.get_vocab_size() == len(words) == 687
    encoded = tokenizer.encode("what is red ? zyxw <3>", add_special_tokens=False)
    assert encoded.tokens == ["what", "is", "red", "?", "<unk>", "<3>"]


def test_answers_agree_with_the_pictures(stocks: Stocks) -> None:
    """Measure bars in pixels and compare with what is said about them."""
    (pool,) = (pool for pool in SEARCH_POOLS if pool.name == "chart.vqa")
    checked = 0
    for sample in draw_samples(pool, stocks[0], range(200)):
        if not sample.answer[0].isdigit():
            continue
        (colour,) = (word for word in sample.question if word in COLOURS)
        column = [
            sum(sample.image.getpixel((x, y)) == COLOURS[colour] for y in range(SIDE))
            for x in range(SIDE)
        ]
        # The axis covers a bar's lowest row of pixels.
        assert max(column) + 1 == UNIT * int(sample.answer[0])
        checked += 1
    assert checked > 20


def test_locations_are_eighths() -> None:
    assert location_words((0, 12, 24, 48)) == ["<0>", "<2>", "<4>", "<8>"]


def test_tables_of_sizes() -> None:
    assert len(SEARCH_POOLS) == 22
    assert sum(pool.size for pool in SEARCH_POOLS) == 32_900
    assert {pool.name for pool in BASE_POOLS} == set(BASE_WEIGHTS)
    domains = {pool.name for pool in SEARCH_POOLS}
    share = sum(BASE_WEIGHTS[name] for name in domains) / sum(BASE_WEIGHTS.values())
    assert share == pytest.approx(0.043, abs=0.001)
    streams = [pool.stream for pool in (*SEARCH_POOLS, *BASE_POOLS, *BENCHMARK_POOLS)]
    assert len(set(streams)) == len(streams)
    assert len(PREFIXES) == 4  # a quarter of the question forms is held out


def test_contact_sheet_has_a_row_a_pool(stocks: Stocks) -> None:
    sheet = contact_sheet(SEARCH_POOLS[:3], stocks[0], columns=2)
    assert sheet.size[1] == 3 * (2 * SIDE + 4)


def test_every_concept_comes_in_a_format_of_its_own(stocks: Stocks, tmp_path: Path) -> None:
    raw = tmp_path / "raw" / "search"
    lines = []
    for pool in SEARCH_POOLS:
        (raw / "images" / pool.name).mkdir(parents=True)
        for number, sample in enumerate(draw_samples(pool, stocks[0], range(3))):
            image = f"images/{pool.name}/{number}.png"
            sample.image.save(raw / image)
            concept, task = pool.name.split(".")
            turn = {"question": " ".join(sample.question), "answer": " ".join(sample.answer)}
            labels = {"concept": concept, "task": task, "source": "demo"}
            lines.append({"images": [image], **turn, **labels})
    (raw / "samples.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    write_sources(raw)
    write_tokenizer(tmp_path / "raw" / "tokenizer", vocabulary(stocks[0]))
    document = DOCUMENT.read_text().replace("../../build/demo/raw", "raw")
    document = document[: document.index("items:")]
    (tmp_path / "corpus.yaml").write_text(document)
    report = build(
        tmp_path / "corpus.yaml", tmp_path / "out", open_files=lambda p: LocalFiles(Path(p))
    )
    packed = {domain.name: domain.samples for domain in report.pack.manifest.domains}
    assert set(packed) == {pool.name for pool in SEARCH_POOLS}
    assert sum(packed.values()) + report.pack.duplicates == 3 * len(SEARCH_POOLS)
