"""Apply a filter to articles, and describe in words a filter and the articles that it could select."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable

from rag.language.text import fold
from rag.records import Answer, Article, Filter, Language, date_span

SHOWN_OUTLETS = 10
"""Outlets listed when a filter matches no article: as many as can be read at a glance."""

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "nothing": "No article matches the filter ({asked}). In the index: {present}.",
        "outlets": "outlet {names}",
        "since": "from {date}",
        "until": "to {date}",
        "language": "language {name}",
        "present_outlets": "outlets {names}",
        "more": " and {n} more",
        "no_outlets": "no article states its outlet",
        "without_outlet": " (without one: {n} of {all} articles)",
        "present_dates": "dates from {first} to {last}",
        "present_date": "only the date {first}",
        "no_dates": "no article has a date",
        "without_date": " (without one: {n} of {all} articles)",
        "present_languages": "languages {names}",
        "name": "“{name}”",
        "comma": ", ",
        "or": " or ",
        "semicolon": "; ",
        "en": "English",
        "ar": "Arabic",
    },
    "ar": {
        "nothing": "لا يوجد مقال يطابق التصفية ({asked}). في الفهرس: {present}.",
        "outlets": "الناشر {names}",
        "since": "من {date}",
        "until": "إلى {date}",
        "language": "اللغة {name}",
        "present_outlets": "الناشرون {names}",
        "more": " و{n} غيرهم",
        "no_outlets": "لا يذكر أي مقال ناشره",
        "without_outlet": " (بلا ناشر: {n} من {all} من المقالات)",
        "present_dates": "التواريخ من {first} إلى {last}",
        "present_date": "لا تاريخ إلا {first}",
        "no_dates": "لا يحمل أي مقال تاريخًا",
        "without_date": " (بلا تاريخ: {n} من {all} من المقالات)",
        "present_languages": "اللغات {names}",
        "name": "«{name}»",
        "comma": "، ",
        "or": " أو ",
        "semicolon": "؛ ",
        "en": "الإنجليزية",
        "ar": "العربية",
    },
}


def matching(where: Filter, articles: Iterable[Article]) -> list[Article]:
    """The articles that a filter selects, in their order."""
    outlets = {fold(outlet) for outlet in where.outlets}
    since = date_span(where.since)[0] if where.since else None
    until = date_span(where.until)[1] if where.until else None

    # Cached, as thousands of articles share a few outlets and dates.
    @functools.cache
    def from_outlet(outlet: str | None) -> bool:
        return outlet is not None and fold(outlet) in outlets

    @functools.cache
    def in_time(published: str | None) -> bool:
        try:
            first, last = date_span(published or "")
        except ValueError:
            return False
        return (since is None or last >= since) and (until is None or first <= until)

    return [
        article
        for article in articles
        if (not outlets or from_outlet(article.outlet))
        and (since is until is None or in_time(article.published))
        and (where.language is None or article.language == where.language)
    ]


def allowed(where: Filter | None, articles: Iterable[Article]) -> frozenset[str] | None:
    """The ids of the articles to search; None if the filter selects all."""
    if where is None or where == Filter():
        return None
    return frozenset(article.id for article in matching(where, articles))


def asked(where: Filter, language: Language) -> str:
    """The conditions of a filter in words of ``language``; empty if it has none."""
    words = _WORDS[language]
    parts = []
    if where.outlets:
        names = (words["name"].format(name=outlet) for outlet in where.outlets)
        parts.append(words["outlets"].format(names=words["or"].join(names)))
    for name, value in (("since", where.since), ("until", where.until)):
        if value:
            parts.append(words[name].format(date=_shown(value, language)))
    if where.language:
        parts.append(words["language"].format(name=words[where.language]))
    return words["semicolon"].join(parts)


def nothing(where: Filter, articles: Iterable[Article], language: Language) -> str:
    """The answer when a filter matches no article: the filter's conditions, and what the index contains."""
    words = _WORDS[language]
    indexed = list(articles)
    outlets = Counter(article.outlet for article in indexed if article.outlet)
    names = [words["name"].format(name=name) for name, _ in outlets.most_common(SHOWN_OUTLETS)]
    listed = words["comma"].join(names)
    if len(outlets) > len(names):
        listed += words["more"].format(n=len(outlets) - len(names))
    days = sorted(article.published for article in indexed if article.published)

    def without(kind: str, n: int) -> str:
        return words[f"without_{kind}"].format(n=n, all=len(indexed)) if n else ""

    present = [words["no_outlets"], words["no_dates"]]
    if names:
        shown = words["present_outlets"].format(names=listed)
        present[0] = shown + without("outlet", len(indexed) - outlets.total())
    if days:
        first, last = _shown(days[0], language), _shown(days[-1], language)
        dates = words["present_dates" if first != last else "present_date"]
        present[1] = dates.format(first=first, last=last) + without("date", len(indexed) - len(days))
    languages = (words[name] for name in sorted({article.language for article in indexed}))
    present.append(words["present_languages"].format(names=words["comma"].join(languages)))
    return words["nothing"].format(asked=asked(where, language), present=words["semicolon"].join(present))


def _shown(date: str, language: Language) -> str:
    # After Arabic letters a browser or terminal displays 2024-08 as 08-2024, but leaves 2024/08 alone.
    return date.replace("-", "/") if language == "ar" else date


def empty_answer(
    question: str,
    where: Filter,
    articles: Iterable[Article],
    language: Language,
    generation: str,
    timings: dict[str, float],
) -> Answer:
    """The answer to a question whose filter allows no article: neither embedder nor generator is asked."""
    return Answer(
        question=question,
        text=nothing(where, articles, language),
        language=language,
        outcome="not_found",
        claims=(),
        citations=(),
        passages=(),
        evidence=(),
        model="",
        generation=generation,
        timings=timings,
        where=where,
    )
