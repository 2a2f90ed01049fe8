"""The page before the first question: above the question box what Sanad is, below it questions to click."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from rag import Article
from rag.records import Language
from ui.wording.text import flow, safe, spoken
from ui.wording.words import WORDS, counted

EXAMPLES = Path(__file__).resolve().parents[1] / "assets" / "examples.json"
"""Questions in both languages, each with words of the sentence that answers it. They are written by hand: a
question made from a headline asks for what the reader has just read."""

SEARCHED = 200
"""Articles in which those words are looked for: the welcome must not read a large index through."""

NAMED = 4
"""Outlets that are named."""


def welcome(articles: Sequence[Article], language: Language) -> str:
    """What Sanad is, as HTML.

    Args:
        articles: All articles of the index.
        language: Language of the page.
    """
    words = WORDS[language]
    if articles:
        n = counted("articles", len(articles), language, genitive=True)
        lines = f"<h2>{words['welcome'].format(n=n)}</h2><p>{words['welcome_what']}</p>"
    else:
        lines = f"<h2>{words['welcome_what']}</h2><p>{words['welcome_none']}</p>{_add(language)}"
    return f'<section class="sanad welcome" {spoken(language)}>{lines}</section>'


def offers(articles: Sequence[Article], language: Language, models: Sequence[str] = ()) -> str:
    """Examples, where the articles are from and where texts are sent, as HTML; empty for an empty index.

    Args:
        articles: All articles of the index.
        language: Language of the page.
        models: The settings of the models; one on another machine is named, as texts are sent there.
    """
    if not articles:
        return ""
    items = "".join(
        f'<li><button type="button" class="example" {flow(text)}>{safe(text)}</button></li>'
        for text in examples(articles, language)
    )
    offered = f'<p>{WORDS[language]["examples"]}</p><ul class="examples">{items}</ul>' if items else ""
    return (
        f'<section class="sanad offers" {spoken(language)}>{offered}{_outlets(articles, language)}'
        f"<p>{_private(models, language)}</p>{_add(language)}</section>"
    )


def examples(articles: Sequence[Article], language: Language) -> list[str]:
    """The example questions whose answer is in these articles, in the page's language."""
    texts = [article.text for article in articles[:SEARCHED]]
    offered = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return [one[language] for one in offered if any(one["words"] in text for text in texts)]


def _add(language: Language) -> str:
    return f'<p><button type="button" data-view="articles">{WORDS[language]["welcome_add"]}</button></p>'


def _private(models: Sequence[str], language: Language) -> str:
    """Where questions and articles go."""
    hosts = [urlsplit(name).hostname or "" for name in models if name.startswith(("http://", "https://"))]
    remote = next((host for host in hosts if host not in ("localhost", "127.0.0.1", "::1")), None)
    if remote is None:
        return WORDS[language]["welcome_private"]
    return WORDS[language]["welcome_remote"].format(host=f'<bdi dir="ltr">{safe(remote)}</bdi>')


def _outlets(articles: Sequence[Article], language: Language) -> str:
    """The outlets with most articles; empty where none is known."""
    words = WORDS[language]
    ranked = [name for name, _ in Counter(one.outlet for one in articles if one.outlet).most_common()]
    if not ranked:
        return ""
    names = words["listed"].join(f"<bdi>{safe(name)}</bdi>" for name in ranked[:NAMED])
    left = len(ranked) - NAMED
    more = words["more"].format(n=counted("others", left, language, genitive=True)) if left > 0 else ""
    unknown = sum(not one.outlet for one in articles)
    without = ""
    if unknown:
        n = counted("articles", unknown, language, genitive=True)
        without = f" {words['welcome_unknown'].format(n=n)}"
    return f"<p>{words['welcome_outlets']} {names}{more}.{without}</p>"
