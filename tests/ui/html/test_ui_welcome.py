"""The page before the first question."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rag import Article
from rag.records import Language
from ui.html import welcome
from ui.wording.text import language_of

SEEDS = Path(__file__).resolve().parents[3] / "seeds"


def article(n: int, outlet: str | None = None, text: str = "x") -> Article:
    return Article(f"a{n}", f"Headline {n}", text, f"a{n}.txt", outlet)


def text(html: str) -> str:
    return re.sub("<[^>]*>", "", html)


def test_the_welcome_names_the_outlets_and_counts_the_rest() -> None:
    held = [article(n, f"Outlet {n // 2}") for n in range(12)] + [article(20), article(21)]
    assert "Ask about 14 articles" in text(welcome.welcome(held, "en"))
    shown = text(welcome.offers(held, "en"))
    assert "stay on the machine that runs Sanad" in shown
    assert (
        "from Outlet 0, Outlet 1, Outlet 2, Outlet 3 and 2 others. For 2 articles no outlet is known."
        in shown
    )
    assert "Outlet 3 وناشرين آخرين." in text(welcome.offers(held, "ar"))
    assert "from" not in text(welcome.offers([article(1)], "en"))


def test_an_empty_index_offers_to_add_articles() -> None:
    shown = welcome.welcome([], "en")
    assert welcome.offers([], "en") == ""
    assert "contains no articles yet" in shown and 'data-view="articles"' in shown


def test_an_example_is_offered_only_where_its_answer_is() -> None:
    first, *_ = json.loads(welcome.EXAMPLES.read_text("utf-8"))
    assert welcome.examples([article(1, text="Nothing of it.")], "en") == []
    assert welcome.examples([article(1), article(2, text=f"A. {first['words']}.")], "ar") == [first["ar"]]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_example_is_answered_by_the_seed_articles_in_the_pages_language(language: Language) -> None:
    seeds = [article(n, text=path.read_text("utf-8")) for n, path in enumerate(SEEDS.glob("*.txt"))]
    offered = welcome.examples(seeds, language)
    assert len(offered) == len(json.loads(welcome.EXAMPLES.read_text("utf-8")))
    assert all(language_of(question) == language for question in offered)
    headlines = {seed.text.strip().splitlines()[0] for seed in seeds}
    assert not [question for question in offered if any(headline in question for headline in headlines)]


@pytest.mark.parametrize(
    ("model", "host"),
    [
        ("packaged", ""),
        ("http://127.0.0.1:11434/v1#qwen", ""),
        ("https://models.example/v1#big", "models.example"),
        ("http://10.0.0.7:8000/v1", "10.0.0.7"),
    ],
)
def test_a_model_on_another_machine_is_named(model: str, host: str) -> None:
    shown = text(welcome.offers([article(1)], "en", (model, "packaged")))
    assert ("stay on the machine" in shown) == (not host)
    assert f"sent to the language model at {host}." in shown or not host
