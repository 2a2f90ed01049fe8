"""A Filter and articles → the ids that may be searched; in words, what a filter asks and what there is."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable

from rag.language.text import fold
from rag.records import Article, Filter, Language, date_span

SHOWN_OUTLETS = 10
"""Outlets listed where a filter matches nothing: as many as can be read at a glance."""

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "nothing": "No article matches the filter ({asked}). In the index: {present}.",
        "outlets": "outlet {names}",
        "since": "from {date}",
        "until": "to {date}",
        "language": "language {name}",
        "present_outlets": "outlets {names}",
        "more": " and {n} more",
        "no_outlets": "no article names its outlet",
        "without_outlet": " (without one: {n} of {all} articles)",
        "present_dates": "dates from {first} to {last}",
        "present_date": "no date but {first}",
        "no_dates": "no article is dated",
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
        "more": " و{n} غيرها",
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
    """The articles that a filter allows, in their order."""
    outlets = {fold(outlet) for outlet in where.outlets}
    since = date_span(where.since)[0] if where.since else None
    until = date_span(where.until)[1] if where.until else None

    # Thousands of articles share few outlets and dates.
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
    """The ids of the articles that may be searched; None where all may."""
    if where is None or where == Filter():
        return None
    return frozenset(article.id for article in matching(where, articles))


def asked(where: Filter, language: Language) -> str:
    """What a filter asks for, in words of ``language``; empty where it asks for nothing."""
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
    """The answer where a filter matches no article: what was asked for, and what there is.

    Args:
        where: The filter.
        articles: All that the index holds.
        language: The language of the answer.
    """
    words = _WORDS[language]
    held = list(articles)
    outlets = Counter(article.outlet for article in held if article.outlet)
    names = [words["name"].format(name=name) for name, _ in outlets.most_common(SHOWN_OUTLETS)]
    listed = words["comma"].join(names)
    if len(outlets) > len(names):
        listed += words["more"].format(n=len(outlets) - len(names))
    days = sorted(article.published for article in held if article.published)

    def without(kind: str, n: int) -> str:
        return words[f"without_{kind}"].format(n=n, all=len(held)) if n else ""

    present = [words["no_outlets"], words["no_dates"]]
    if names:
        told = words["present_outlets"].format(names=listed)
        present[0] = told + without("outlet", len(held) - outlets.total())
    if days:
        first, last = _shown(days[0], language), _shown(days[-1], language)
        told = words["present_dates" if first != last else "present_date"]
        present[1] = told.format(first=first, last=last)
        present[1] += without("date", len(held) - len(days))
    languages = sorted({article.language for article in held})
    present.append(
        words["present_languages"].format(names=words["comma"].join(words[name] for name in languages))
    )
    return words["nothing"].format(asked=asked(where, language), present=words["semicolon"].join(present))


def _shown(date: str, language: Language) -> str:
    # Behind Arabic letters a browser or terminal turns 2024-08 round to 08-2024, but not 2024/08.
    return date.replace("-", "/") if language == "ar" else date
