"""Passages and evidence for a question: candidates, their ranking, filters and limits."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_index import contents, write

from rag.errors import IndexUnusable
from rag.index import bm25, duplicates
from rag.index.generations import open_generation
from rag.index.layout import Contents
from rag.index.snapshot import Generation
from rag.language.text import detect_language, fold
from rag.language.tokens import count
from rag.models.embedding.embedder import FakeEmbedder, Vectors
from rag.models.embedding.late_interaction import Question, Tokens
from rag.records import Evidence, Passage
from rag.retrieval.fusion import FUSION, FusionWeights, load_weights
from rag.retrieval.languages import in_both
from rag.retrieval.ranking import FEATURES
from rag.retrieval.search import Searcher

HARBOUR = (
    "The harbour of Marsa reopened on Sunday after two years of repairs.\n"
    "The repairs cost 12 million dollars, said the port director Lina Haddad."
)
TEXTS = {
    "harbour": HARBOUR,
    "library": "افتتحت البلدية مكتبة جديدة في حي النخيل.\nبلغت تكلفة المكتبة 4 ملايين دينار، وفق قاسم.",
    "olives": "Farmers in the valley gathered 900 tonnes of olives.\nThe harvest fell by 33 percent.",
    "reprint": HARBOUR.replace("Sunday", "Sunday,").replace("harbour", "Harbour"),
    "talks": "قال محمد الحسون إن المحادثات تبدأ في أيلول.\nولم يذكر مكانها ولا من يشارك فيها.",
}
QUESTIONS = [
    "What did the repairs cost, said the port director?",
    "كم بلغت تكلفة المكتبة؟",
    "how many tonnes of olives were gathered in the valley?",
    "متى تبدأ المحادثات في سبتمبر؟",
    "zzz",
    "؟",
]
WEIGHTS = {"passage": [0.4, 0.3, 0.2, 0.1]}

LANGUAGES = ("ar", "en")

Make = Callable[..., Searcher]


@pytest.fixture(scope="module", autouse=True)
def quick_disk() -> Iterator[None]:
    """Waits for no disk, which no test here can see."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="module")
def news(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    """The texts, indexed once."""
    folder = tmp_path_factory.mktemp("indexes") / "news"
    write(folder, indexed(TEXTS))
    generation = open_generation(folder)
    yield generation
    generation.close()


def indexed(texts: Mapping[str, str], **changed: Any) -> Contents:
    """Contents whose chunks are lines, with the articles' languages and groups."""
    plain = contents(dict(texts))
    articles = tuple(
        dataclasses.replace(article, language=detect_language(article.text)) for article in plain.articles
    )
    groups = duplicates.groups(articles)
    return dataclasses.replace(plain, **{"articles": articles, "groups": groups, **changed})


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Indexes texts and opens a searcher over them."""
    opened: list[Generation] = []

    def searcher(
        texts: Mapping[str, str] = TEXTS,
        embedder: FakeEmbedder | None = None,
        fusion: Path = FUSION,
        **changed: Any,
    ) -> Searcher:
        embedder = embedder or FakeEmbedder()
        folder = tmp_path / f"index-{len(opened)}"
        write(folder, indexed(texts, **changed), embedder)
        opened.append(open_generation(folder, embedder.identity))
        return Searcher(opened[-1], embedder, fusion)

    yield searcher
    for generation in opened:
        generation.close()


@pytest.fixture
def fitted(tmp_path: Path) -> Path:
    """Weights that were fitted for the fake embedder."""
    return save_fusion(tmp_path)


def save_fusion(folder: Path, embedder: str = FakeEmbedder().identity, **changed: Any) -> Path:
    """The weights of the fake embedder; ``en`` and ``ar`` change those of questions in a language."""
    path = folder / f"fusion-{len(list(folder.iterdir()))}.json"
    pairs = [(question, text) for question in LANGUAGES for text in LANGUAGES]
    weights = {f"{question}-{text}": changed.get(question, WEIGHTS) for question, text in pairs}
    content = {"embedder": embedder, **weights}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def search(
    searcher: Searcher,
    question: str,
    *,
    k: int = 6,
    read: int = 6,
    limit: int = 4,
    tokens: int = 500,
    allowed: frozenset[str] | None = None,
) -> tuple[tuple[Passage, ...], tuple[Evidence, ...]]:
    return searcher.search(question, k=k, read=read, limit=limit, tokens=tokens, allowed=allowed)


def assert_whole(searcher: Searcher, results: tuple[tuple[Passage, ...], tuple[Evidence, ...]]) -> None:
    """Check what must hold for the results of every search."""
    passages, evidence = results
    articles = searcher.generation.articles
    assert [passage.rank for passage in passages] == list(range(1, len(passages) + 1))
    assert [piece.number for piece in evidence] == list(range(1, len(evidence) + 1))
    scores = [passage.score for passage in passages]
    assert scores == sorted(scores, reverse=True)
    sentence_scores = [piece.score for piece in evidence]
    assert sentence_scores == sorted(sentence_scores, reverse=True)
    assert all(math.isfinite(score) for score in [*scores, *sentence_scores])
    for passage in passages:
        article = articles[passage.chunk.article_id]
        assert passage.text == article.text[passage.chunk.start : passage.chunk.end]
        assert passage.dense is not None
        assert -1.001 <= passage.dense <= 1.001
        assert passage.lexical is None or passage.lexical > 0
    for piece in evidence:
        article = articles[piece.article_id]
        assert piece.text == article.text[piece.start : piece.end]
        assert (piece.title, piece.source) == (article.title, article.source)
        assert piece.line == 1 + article.text.count("\n", 0, piece.start)
        assert any(
            passage.chunk.article_id == piece.article_id
            and passage.chunk.start <= piece.start
            and piece.end <= passage.chunk.end
            for passage in passages
        )
    assert len({fold(piece.text) for piece in evidence}) == len(evidence)


@pytest.fixture(params=["reciprocal ranks", "weights"])
def searcher(request: pytest.FixtureRequest, news: Generation, fitted: Path) -> Searcher:
    """The texts searched with each kind of ranking."""
    return Searcher(news, FakeEmbedder(), fitted if request.param == "weights" else FUSION)


@pytest.mark.parametrize("question", QUESTIONS)
def test_passages_and_evidence_are_ranked_numbered_and_quoted_exactly(
    searcher: Searcher, question: str
) -> None:
    results = search(searcher, question)
    assert_whole(searcher, results)
    assert results[0]


@pytest.mark.parametrize(
    ("question", "article", "sentence"),
    [
        (QUESTIONS[0], "harbour", "The repairs cost 12 million dollars, said the port director Lina Haddad."),
        (QUESTIONS[1], "library", "بلغت تكلفة المكتبة 4 ملايين دينار، وفق قاسم."),
        (QUESTIONS[2], "olives", "Farmers in the valley gathered 900 tonnes of olives."),
        (QUESTIONS[3], "talks", "قال محمد الحسون إن المحادثات تبدأ في أيلول."),
    ],
)
def test_the_sentence_that_answers_comes_first(
    searcher: Searcher, question: str, article: str, sentence: str
) -> None:
    passages, evidence = search(searcher, question)
    best = passages[0]
    assert article in {best.chunk.article_id, *(also.article_id for also in best.also)}
    assert evidence[0].text == sentence


class Blind(FakeEmbedder):
    """Sees the same in every text."""

    def __init__(self) -> None:
        super().__init__()
        self.identity = "blind"

    def with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Tokens]]:
        return super().with_tokens(["x"] * len(texts))


@pytest.mark.parametrize("weighted", [False, True])
def test_a_name_that_only_the_words_identify_is_found_among_many(
    make: Make, tmp_path: Path, weighted: bool
) -> None:
    fusion = save_fusion(tmp_path, "blind") if weighted else FUSION
    many = {f"a{n:03}": f"تقرير رقم {n} عن أحوال الطقس." for n in range(120)}
    many["a117"] = "وصل إلى بغداد الوفد الذي يرأسه بلينكن."
    searcher = make(many, Blind(), fusion, groups={})
    results = search(searcher, "متى جاء الوزير وبلينكن؟")
    assert_whole(searcher, results)
    passage = next(passage for passage in results[0] if passage.chunk.article_id == "a117")
    assert passage.rank <= (1 if weighted else 3)
    assert passage.lexical is not None
    assert many["a117"] in [piece.text for piece in results[1]]


def test_a_lexical_hit_beyond_the_nearest_vectors_gets_its_true_cosine(
    news: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    searcher, generation = Searcher(news, FakeEmbedder()), news
    row = next(row for row in range(generation.count) if "الحسون" in generation.text(row))
    monkeypatch.setattr(Generation, "nearest", lambda *_: [(0, 0.5)])
    passages, _ = search(searcher, "الحسون")
    by_id = {passage.chunk.id: passage for passage in passages}
    assert set(by_id) == {generation.chunks[0].id, generation.chunks[row].id}
    vector = FakeEmbedder().question("الحسون").vector
    dense = by_id[generation.chunks[row].id].dense
    assert dense == pytest.approx(float(generation.vectors[row] @ vector), abs=1e-6)


@pytest.mark.parametrize(
    "allowed", [{"library"}, {"olives", "talks"}, {"harbour", "gone"}, {"reprint"}, set(TEXTS)]
)
def test_only_allowed_articles_are_found_and_all_of_their_passages(
    searcher: Searcher, allowed: set[str]
) -> None:
    for question in QUESTIONS:
        passages, evidence = search(searcher, question, k=100, allowed=frozenset(allowed))
        assert_whole(searcher, (passages, evidence))
        assert {piece.article_id for piece in evidence} <= allowed
        articles = {passage.chunk.article_id for passage in passages}
        articles |= {also.article_id for passage in passages for also in passage.also} & allowed
        assert articles == allowed & TEXTS.keys()


@pytest.mark.parametrize("allowed", [frozenset(), frozenset({"gone"})])
def test_where_nothing_is_allowed_nothing_is_found(searcher: Searcher, allowed: frozenset[str]) -> None:
    assert search(searcher, "harbour", allowed=allowed) == ((), ())


def test_a_filter_changes_no_score_that_does_not_depend_on_rank(news: Generation, fitted: Path) -> None:
    searcher = Searcher(news, FakeEmbedder(), fitted)
    everywhere = {p.chunk.id: p for p in search(searcher, QUESTIONS[1], k=100)[0]}
    for passage in search(searcher, QUESTIONS[1], k=100, allowed=frozenset({"library"}))[0]:
        assert passage.score == pytest.approx(everywhere[passage.chunk.id].score, abs=1e-5)


def test_near_duplicates_are_listed_once_with_every_article_that_prints_them(searcher: Searcher) -> None:
    passages, evidence = search(searcher, QUESTIONS[0], k=100, limit=20)
    prints = [passage for passage in passages if passage.chunk.article_id in ("harbour", "reprint")]
    assert len(prints) == 2, "two lines of one story"
    for passage in prints:
        others = {"harbour", "reprint"} - {passage.chunk.article_id}
        assert {also.article_id for also in passage.also} == others
    cited = [piece for piece in evidence if piece.article_id in ("harbour", "reprint")]
    assert len(cited) == 2
    for piece in cited:
        assert {also.article_id for also in piece.also} == {"harbour", "reprint"} - {piece.article_id}


def test_a_sentence_that_is_in_two_stories_is_shown_once(make: Make) -> None:
    same = "Ferries will carry 300 passengers a day to the island."
    texts = {
        "a": f"The harbour was closed for long.\n{same}",
        "b": f"Olives are cheap again.\n{same.upper()}",
    }
    passages, evidence = search(make(texts), "how many passengers do ferries carry to the island?", limit=10)
    assert len([passage for passage in passages if "passengers" in passage.text.lower()]) == 2
    assert [fold(piece.text) for piece in evidence].count(fold(same)) == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
@pytest.mark.parametrize("k", [1, 3, 50])
@pytest.mark.parametrize("read", [1, 2])
def test_no_more_is_returned_than_the_limits_allow(searcher: Searcher, limit: int, k: int, read: int) -> None:
    passages, evidence = search(searcher, QUESTIONS[0], limit=limit, k=k, read=read)
    assert_whole(searcher, (passages, evidence))
    assert len(passages) == min(k, 8), "ten lines, of which two are a reprint's"
    sources = {(p.chunk.article_id, p.chunk.start) for p in passages[:read]}
    assert {(piece.article_id, piece.start) for piece in evidence} <= sources, "each line is one sentence"
    assert len(evidence) == min(limit, read, k)


@pytest.mark.slow
@pytest.mark.parametrize("tokens", [1, 15, 20, 30, 45, 60, 1000])
def test_evidence_stays_within_its_tokens_except_for_the_best_sentence(
    searcher: Searcher, tokens: int
) -> None:
    for question in QUESTIONS:
        best = search(searcher, question, limit=50)[1][0]
        evidence = search(searcher, question, limit=50, tokens=tokens)[1]
        assert evidence[0] == best
        assert sum(count(piece.text) for piece in evidence) <= max(tokens, count(best.text))


def test_a_long_sentence_that_does_not_fit_does_not_keep_shorter_ones_out(make: Make) -> None:
    long = "the harbour repairs cost dollars " + "and the workers waited for the pumps " * 20
    texts = {"a": f"harbour repairs cost dollars.\n{long}.\nA shorter line about the harbour."}
    evidence = search(make(texts), "harbour repairs cost dollars", tokens=30)[1]
    assert [piece.text for piece in evidence] == [
        "harbour repairs cost dollars.",
        "A shorter line about the harbour.",
    ]


SPOKEN = (
    "Lina Haddad met the crew. She said the harbour carries 900 passengers. The crane was painted green. "
    "A sailor lost his hat."
)


def test_no_sentence_is_returned_twice_and_no_more_than_the_limit(make: Make) -> None:
    searcher = make({"a": SPOKEN})
    for limit in range(1, 5):
        evidence = search(searcher, "Lina Haddad said the harbour carries 900 passengers?", limit=limit)[1]
        assert len({piece.text for piece in evidence}) == len(evidence) == limit


def test_evidence_is_only_taken_from_the_chunks_that_are_read(make: Make) -> None:
    # Chunks are lines here: a line between two retrieved ones may not have been retrieved.
    texts = {
        "a": "Lina Haddad met the crew.\nThe crane is old.\nShe said the harbour carries 900 passengers."
    }
    evidence = search(make(texts), "the harbour carries 900 passengers?", limit=2, read=1, k=1)[1]
    assert [piece.text for piece in evidence] == ["She said the harbour carries 900 passengers."]


def test_weights_are_used_only_for_the_embedder_that_they_were_fitted_for(
    tmp_path: Path, fitted: Path
) -> None:
    weights = load_weights(FakeEmbedder().identity, fitted)
    assert weights is not None
    assert set(weights.values()) == {FusionWeights((0.4, 0.3, 0.2, 0.1))}
    assert load_weights(FakeEmbedder(32).identity, fitted) is None
    assert load_weights(FakeEmbedder().identity) is None, "the shipped ones are the packaged embedder's"


def test_the_shipped_weights_sum_to_one_and_differ_for_the_other_language_in_words_and_bias() -> None:
    weights = load_weights(json.loads(FUSION.read_text(encoding="utf-8"))["embedder"])
    assert weights is not None
    assert weights.keys() == {(question, text) for question in LANGUAGES for text in LANGUAGES}
    for (question, text), pair in weights.items():
        assert len(pair.passage) == 4
        assert min(pair.passage) >= 0
        same = weights[question, question]
        if question == text:
            assert sum(pair.passage) == pytest.approx(1, abs=1e-3)  # written with four digits
            assert pair.passage_bias == 0
        else:
            assert [pair.passage[at] for at in (0, 1, 3)] == [same.passage[at] for at in (0, 1, 3)]
            assert pair.passage_bias > 0, "cosines across languages are lower"


def signals(searcher: Searcher, question: str) -> dict[str, tuple[float, float, float]]:
    """For each chunk its dense, sentence and lexical signal, computed one by one."""
    generation, embedder = searcher.generation, FakeEmbedder()
    vector = embedder.question(question).vector
    lexicon, language = generation.lexicon, detect_language(question)
    plain, translated = (lexicon.scores(text) for text in (question, in_both(question, language)))
    by_chunk = {}
    for row, chunk in enumerate(generation.chunks):
        is_foreign = generation.article_of(row).language != language
        words = plain + translated * is_foreign
        cosines = [float(v @ vector) for v in generation.sentences(row)[1]]
        by_chunk[chunk.id] = (float(generation.vectors[row] @ vector), max(cosines), float(words[row]))
    return by_chunk


@pytest.mark.parametrize("question", QUESTIONS[:5])
def test_without_weights_the_score_is_the_sum_of_reciprocal_ranks(make: Make, question: str) -> None:
    texts = {name: text for name, text in TEXTS.items() if detect_language(text) == detect_language(question)}
    searcher = make(texts)
    by_chunk = signals(searcher, question)
    rows = [chunk.id for chunk in searcher.generation.chunks]
    expected = dict.fromkeys(rows, 0.0)
    for signal in range(3):
        order = sorted(rows, key=lambda i: (-round(by_chunk[i][signal], 6), rows.index(i)))
        for rank, name in enumerate(order, start=1):
            if signal < 2 or by_chunk[name][2] > 0:
                expected[name] += 1 / (60 + rank)
    for passage in search(searcher, question, k=100)[0]:
        assert passage.score == pytest.approx(expected[passage.chunk.id], abs=1e-4)


@pytest.mark.parametrize("question", QUESTIONS)
def test_with_weights_the_score_is_their_convex_combination(
    news: Generation, fitted: Path, question: str
) -> None:
    searcher = Searcher(news, FakeEmbedder(), fitted)
    by_chunk = signals(searcher, question)
    query = FakeEmbedder().question(question)
    for passage in search(searcher, question, k=100)[0]:
        dense, sentence, words = by_chunk[passage.chunk.id]
        tokens = FakeEmbedder().with_tokens([passage.text])[1][0].vectors
        best = (query.tokens @ tokens.T).max(axis=1)
        late = float(query.importance @ best)
        expected = 0.4 * dense + 0.3 * sentence + 0.2 * words / (words + 15) + 0.1 * late
        assert passage.score == pytest.approx(expected, abs=0.03), "tokens are stored in four bits"
        assert (passage.dense, passage.lexical or 0) == pytest.approx((dense, words), abs=1e-5)


def test_each_language_has_its_own_weights(news: Generation, tmp_path: Path) -> None:
    only_words = {"passage": [0, 0, 1, 0]}
    searcher = Searcher(news, FakeEmbedder(), save_fusion(tmp_path, en=only_words))
    passages = search(searcher, "when was the harbour repaired?", k=100)[0]
    for passage in passages:
        words = passage.lexical or 0.0
        assert passage.score == pytest.approx(words / (words + 15), abs=1e-6)
    arabic = search(searcher, "متى harbour", k=100)[0]
    assert any(passage.score > 0 and passage.lexical is None for passage in arabic)


def test_the_best_sentence_of_a_passage_is_found_by_its_own_tokens(make: Make, tmp_path: Path) -> None:
    tokens_alone = {"passage": [0.3, 0.3, 0.3, 0.1]}
    text = "The port was closed on Monday. Lina Haddad leads the works. Ferries carry 300 passengers."
    searcher = make({"a": text}, fusion=save_fusion(tmp_path, en=tokens_alone))
    for question, answer in [
        ("Lina Haddad leads", 1),
        ("Ferries carry passengers.", 2),
        ("closed on Monday.", 0),
    ]:
        evidence = search(searcher, question)[1]
        assert len(evidence) == 3
        assert evidence[0].text.rstrip(".") == text.rstrip(".").split(". ")[answer]


def test_sentences_are_ranked_by_their_fitted_weights(news: Generation, fitted: Path, tmp_path: Path) -> None:
    def ordered(longest_first: bool) -> list[str]:
        weights = dict.fromkeys(FEATURES, 0.0) | {"length": 1.0 if longest_first else -1.0}
        path = tmp_path / "sentences.json"
        content = {"embedder": FakeEmbedder().identity, "weights": weights}
        path.write_text(json.dumps(content), encoding="utf-8")
        searcher = Searcher(news, FakeEmbedder(), fitted, path)
        return [piece.text for piece in search(searcher, QUESTIONS[0], limit=30, tokens=5000)[1]]

    words = [len(text.split()) for text in ordered(longest_first=True)]
    assert len(words) > 2
    assert words == sorted(words, reverse=True)
    assert [len(text.split()) for text in ordered(longest_first=False)] == sorted(words)


def test_the_sentences_of_a_follow_up_are_ranked_by_the_mean_of_both_questions(make: Make) -> None:
    searcher = make({"bridge": "The bridge cost 38 million dirhams. Its opening is planned for next May."})
    before, follow_up = "What did the bridge cost in dirhams?", "When is its opening planned?"
    limits = {"k": 6, "read": 6, "limit": 4, "tokens": 500}

    def scores(question: str, **more: str) -> dict[str, float]:
        return {piece.text: piece.score for piece in searcher.search(question, **limits, **more)[1]}  # type: ignore[arg-type]

    joined = f"{before} {follow_up}"
    by_both, by_follow_up = scores(joined), scores(follow_up)
    mean = scores(joined, follow_up=follow_up)
    assert mean == pytest.approx({text: (by_both[text] + by_follow_up[text]) / 2 for text in by_both})
    assert mean != by_both


def test_a_passage_counts_by_the_best_of_its_sentences(make: Make, tmp_path: Path) -> None:
    best_sentence = {"passage": [0, 1, 0, 0]}
    texts = {"a": "The port was closed on Monday. Lina Haddad leads the works. Ferries carry 300 passengers."}
    searcher = make(texts, fusion=save_fusion(tmp_path, en=best_sentence))
    (passage,), evidence = search(searcher, "who leads the works?")
    assert evidence[0].text == "Lina Haddad leads the works."
    assert passage.score == evidence[0].score
    assert passage.score > evidence[-1].score


def test_passages_without_late_interaction_follow_those_with_it(make: Make, fitted: Path) -> None:
    many = {
        f"a{n:02}": f"Report {'harbour ' * (n % 7)}number {n} about the port of Marsa." for n in range(60)
    }
    searcher = make(many, fusion=fitted, groups={})
    results = search(searcher, "harbour report of Marsa", k=100)
    assert_whole(searcher, results)
    assert len(results[0]) == 60


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("texts", [{"a": ""}, {"a": "", "b": "Short."}, {"a": "؟!… —\n.!؟ …"}])
def test_texts_with_nothing_to_cite_give_no_evidence(
    make: Make, fitted: Path, texts: dict[str, str], weighted: bool
) -> None:
    searcher = make(texts, fusion=fitted if weighted else FUSION)
    for question in QUESTIONS:
        passages, evidence = search(searcher, question)
        assert_whole(searcher, (passages, evidence))
        assert evidence == ()


def test_an_embedder_without_tokens_is_searched_with_weights_too(make: Make, tmp_path: Path) -> None:
    plain = FakeEmbedder(token_size=0)
    searcher = make(embedder=plain, fusion=save_fusion(tmp_path, plain.identity))
    for question in QUESTIONS:
        results = search(searcher, question)
        assert_whole(searcher, results)
        assert results[1]


def test_a_question_without_tokens_is_ranked_by_the_other_signals(make: Make, tmp_path: Path) -> None:
    class Silent(FakeEmbedder):
        def question(self, text: str) -> Question:
            query = super().question(text)
            return Question(query.vector, np.empty((0, self.token_size), np.float32), np.empty(0, np.float32))

    searcher = make(embedder=Silent(), fusion=save_fusion(tmp_path))
    results = search(searcher, QUESTIONS[0])
    assert_whole(searcher, results)
    assert results[0][0].chunk.article_id == "harbour"


def test_passages_that_score_alike_keep_the_order_of_their_rows(make: Make, fitted: Path) -> None:
    texts = {f"a{n:02}": "The harbour reopened on Sunday." for n in range(40)}
    for fusion in (FUSION, fitted):
        passages = search(make(texts, fusion=fusion, groups={}), "harbour", k=100)[0]
        assert [passage.chunk.article_id for passage in passages] == sorted(texts)


def test_the_same_question_gives_the_same_results_from_another_copy(
    news: Generation, fitted: Path, tmp_path: Path
) -> None:
    searcher = Searcher(news, FakeEmbedder(), fitted)
    copy = shutil.copytree(news.folder.parent, tmp_path / "copy")
    copied = Searcher(open_generation(copy), FakeEmbedder(), fitted)
    for question in QUESTIONS:
        assert search(searcher, question) == search(copied, question) == search(searcher, question)
    copied.generation.close()


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True])
def test_threads_that_search_at_once_get_the_results_of_a_single_one(
    news: Generation, fitted: Path, weighted: bool
) -> None:
    fusion = fitted if weighted else FUSION
    alone = Searcher(news, FakeEmbedder(), fusion)
    expected = [search(alone, question) for question in QUESTIONS]
    shared = Searcher(news, FakeEmbedder(), fusion)  # which has read nothing yet
    start = threading.Barrier(8)
    wrong: list[object] = []

    def ask(first: int) -> None:
        try:
            start.wait(timeout=10)
            for turn in range(4):
                at = (first + turn) % len(QUESTIONS)
                assert search(shared, QUESTIONS[at]) == expected[at]
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask, args=[first]) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert wrong == []


def test_a_lexical_index_of_another_version_is_reported_in_one_line(
    news: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_generation(news.folder.parent)
    monkeypatch.setattr(bm25, "VERSION", bm25.VERSION + 1)
    with pytest.raises(IndexUnusable) as raised:
        search(Searcher(opened, FakeEmbedder()), "harbour")
    opened.close()
    message = str(raised.value)
    assert f"version {bm25.VERSION - 1}, but this version of sanad reads {bm25.VERSION}. Rebuild" in message
    assert message.endswith("sanad index FOLDER --index news")
    assert "\n" not in message
