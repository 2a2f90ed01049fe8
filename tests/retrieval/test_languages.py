"""Articles in two languages: an index of both, searched with questions in either."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from small_index import contents, write

from rag.index.generations import open_generation
from rag.index.snapshot import Generation
from rag.language.text import detect_language, is_arabic
from rag.models.embedding.embedder import FakeEmbedder, Vectors
from rag.models.embedding.late_interaction import Tokens
from rag.records import Language
from rag.retrieval.fusion import FUSION
from rag.retrieval.languages import OTHER, Languages, in_both
from rag.retrieval.search import Searcher

ARTICLES = {
    "ferry-ar": "أعلنت شركة العبارات أن الرحلات إلى مصر تتوقف في الشتاء.",
    "ferry-en": "The ferry company said that its trips to Egypt stop in winter.",
    "wheat-ar": "ارتفعت أسعار القمح في فرنسا بعد الجفاف.",
    "wheat-en": "Wheat prices rose in France after the drought.",
}

Open = Callable[..., Generation]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Open]:
    """Indexes articles, by id, in the language of their text."""
    opened: list[Generation] = []

    def indexed(texts: Mapping[str, str], embedder: FakeEmbedder | None = None) -> Generation:
        indexed_texts = contents(dict(texts))
        articles = tuple(
            dataclasses.replace(article, language=detect_language(article.text))
            for article in indexed_texts.articles
        )
        embedder = embedder or FakeEmbedder()
        folder = tmp_path / str(len(opened))
        write(folder, dataclasses.replace(indexed_texts, articles=articles), embedder)
        opened.append(open_generation(folder, embedder.identity))
        return opened[-1]

    yield indexed
    for generation in opened:
        generation.close()


TOPICS = [
    ("قمح", "wheat"),
    ("رحلات", "trips"),
    ("مصر", "egypt"),
    ("فرنسا", "france"),
    ("الاجتماع", "meeting"),
]


class Multilingual(FakeEmbedder):
    """Sees which language a text is in, and less clearly which topics it is about."""

    def __init__(self) -> None:
        super().__init__(token_size=0)
        self.identity = "multilingual"

    def with_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Tokens]]:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            vectors[row, 0 if is_arabic(text) else 1] = 1
            words = text.lower()
            about = [at for at, both in enumerate(TOPICS, start=2) if any(word in words for word in both)]
            vectors[row, about or [9]] = 0.5
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), super().with_tokens(texts)[1]


def first(searcher: Searcher, question: str, k: int = 10) -> list[str]:
    """Ids of the articles found, best first."""
    passages, _ = searcher.search(question, k=k, read=3, limit=3, tokens=500)
    return [passage.chunk.article_id for passage in passages]


@pytest.fixture(params=["reciprocal ranks", "weights"])
def fusion(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Weights without and with a bias for the other language."""
    if request.param == "reciprocal ranks":
        return FUSION
    same = {"passage": [0.4, 0.3, 0.2, 0.1]}
    across = {**same, "passage_bias": 0.55}
    pairs = {"ar-ar": same, "ar-en": across, "en-ar": across, "en-en": same}
    path = tmp_path / "fusion.json"
    path.write_text(json.dumps({"embedder": Multilingual().identity, **pairs}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("question", "translated"),
    [
        ("متى تتوقف الرحلات إلى مصر؟", "Egypt"),
        ("من فاز بجائزة السلام في النرويج؟", "Norway"),
        ("Who closed the port of Beirut?", "بيروت"),
        ("When did the United Nations meet?", "الأمم المتحدة"),
    ],
)
def test_a_question_is_searched_for_in_its_own_words_and_in_those_of_the_other_language(
    question: str, translated: str
) -> None:
    both = in_both(question, detect_language(question))
    assert both.startswith(question)
    assert translated in both


@pytest.mark.parametrize("question", ["zzz?", "؟", ""])
def test_words_that_no_table_translates_are_searched_for_unchanged(question: str) -> None:
    assert in_both(question, "en") == question


def test_each_chunk_has_the_language_of_its_article(index: Open) -> None:
    generation = index(ARTICLES)
    languages = Languages(generation)
    assert set(languages.present) == {"ar", "en"}
    for row in range(generation.count):
        language = languages.of(row)
        assert generation.article_of(row).id.endswith(language)
        assert languages.rows(language)[row]
        assert not languages.rows(OTHER[language])[row]


@pytest.mark.parametrize("language", ["ar", "en"])
def test_an_index_of_one_language_has_no_lead(index: Open, language: Language) -> None:
    generation = index({name: text for name, text in ARTICLES.items() if name.endswith(language)})
    languages = Languages(generation)
    assert languages.present == (language,)
    for question_language in ("ar", "en"):
        assert languages.lead(FakeEmbedder().question("wheat").vector, question_language) == 0


def test_the_lead_of_the_questions_language_is_smaller_where_the_other_has_few_articles(index: Open) -> None:
    texts = {f"ar{n}": f"تقرير رقم {n} عن الطقس" for n in range(40)} | {"en0": "A report on the weather"}
    many = texts | {f"en{n}": f"A report on the weather, number {n}" for n in range(40)}
    embedder = Multilingual()
    vector = embedder.question("What is the weather?").vector
    few, enough = (Languages(index(each, embedder)).lead(vector, "en") for each in (texts, many))
    assert 0 < few < 0.1 < 0.3 < enough


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "article"),
    [
        ("متى تتوقف رحلات العبارات إلى مصر؟", "ferry-en"),
        ("في أي بلد ارتفعت أسعار القمح؟", "wheat-en"),
        ("When do the trips to Egypt stop?", "ferry-ar"),
        ("Where did wheat prices rise?", "wheat-ar"),
    ],
)
def test_an_article_is_found_in_the_other_language_by_the_translated_words(
    index: Open, fusion: Path, question: str, article: str
) -> None:
    language = article[-2:]
    texts = {f"{language}{n}": ARTICLES[f"{word}-{language}"] for n, word in enumerate(("ferry", "wheat"))}
    right = next(name for name, text in texts.items() if text == ARTICLES[article])
    searcher = Searcher(index(texts, Multilingual()), Multilingual(), fusion)
    assert first(searcher, question)[0] == right
    evidence = searcher.search(question, k=2, read=2, limit=1, tokens=500)[1]
    assert evidence[0].article_id == right


def test_many_articles_of_the_questions_language_do_not_hide_one_of_the_other(
    index: Open, fusion: Path
) -> None:
    texts = {f"ar{n}": f"قال المدير رقم {n} إن الحفل تأجل" for n in range(150)}
    texts |= {f"en{n}": f"The committee {n} wrote a letter to its members" for n in range(150)}
    texts["gold"] = "Wheat prices rose in France after the drought."
    searcher = Searcher(index(texts, Multilingual()), Multilingual(), fusion)
    assert first(searcher, "لماذا ارتفعت أسعار القمح في فرنسا؟")[0] == "gold"


def test_the_nearest_passages_of_the_other_language_are_candidates_without_a_common_word(index: Open) -> None:
    texts = {f"ar{n}": f"قال المدير رقم {n} إن الحفل تأجل" for n in range(150)}
    texts |= {f"en{n}": f"Zzz meeting number {n}" for n in range(20)}
    searcher = Searcher(index(texts, Multilingual()), Multilingual())
    languages = {name[:2] for name in first(searcher, "هل ينعقد الاجتماع؟", k=100)}
    assert languages == {"ar", "en"}


@pytest.mark.slow
@pytest.mark.parametrize("names", [("ferry-ar", "ferry-en"), ("wheat-ar", "wheat-en")])
def test_both_sides_of_a_story_are_found_whatever_the_language_of_the_question(
    index: Open, fusion: Path, names: tuple[str, str]
) -> None:
    texts = {f"ar{n}": f"قال المدير رقم {n} إن الحفل تأجل" for n in range(30)}
    texts |= {f"en{n}": f"The committee {n} wrote a letter to its members" for n in range(30)}
    texts |= {name: ARTICLES[name] for name in names}
    searcher = Searcher(index(texts, Multilingual()), Multilingual(), fusion)
    questions = {
        "ferry": ("When do the trips to Egypt stop?", "متى تتوقف الرحلات إلى مصر؟"),
        "wheat": ("Where did wheat prices rise?", "أين ارتفعت أسعار القمح؟"),
    }
    for question in questions[names[0][:5]]:
        assert set(first(searcher, question)[:2]) == set(names)


def test_only_allowed_articles_are_found_in_both_languages(index: Open, fusion: Path) -> None:
    searcher = Searcher(index(ARTICLES, Multilingual()), Multilingual(), fusion)
    for allowed in ({"ferry-ar", "wheat-en"}, {"wheat-en"}, {"ferry-ar", "ferry-en"}):
        passages, _ = searcher.search(
            "Where did wheat prices rise?", k=9, read=0, limit=0, tokens=0, allowed=frozenset(allowed)
        )
        assert {passage.chunk.article_id for passage in passages} == allowed
