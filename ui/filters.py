"""The page's filter: the form, and the Filter record for the values that a browser sends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rag import Article, BadSettings, Filter
from rag.language.folding import ascii_digits
from rag.loading.catalogue import is_date
from rag.records import Language
from ui.wording.faults import Refused
from ui.wording.text import attribute, flow, safe, spoken
from ui.wording.words import LANGUAGES, WORDS

OUTLETS = 100
"""Number of outlets offered, the most frequent ones first: nobody reads a longer list."""

MAX_SENT = 300
"""Longest value accepted from a browser, in characters; every outlet's name is shorter."""

_DATE = "[0-9\u0660-\u0669]{4}(-[0-9\u0660-\u0669]{2}){0,2}"
"""A first check in the browser; ``Filter`` makes the final one."""


def form(articles: Iterable[Article], language: Language) -> str:
    """The filter of a question with the outlets of these articles, and the language of answers; collapsed."""
    words = WORDS[language]
    outlets = Counter(article.outlet for article in articles if article.outlet).most_common(OUTLETS)
    choices = "".join(
        f'<label class="choice"><input type="checkbox" name="outlet" value="{attribute(name)}">'
        f"<bdi {flow(name)}>{safe(name)}</bdi> <span>{count}</span></label>"
        for name, count in sorted(outlets)
    )
    fieldset = (
        f'<fieldset><legend>{words["filter_outlets"]}</legend><div class="choices">{choices}</div></fieldset>'
        if choices
        else ""
    )
    return (
        f'<div class="sanad sanad-filter" {spoken(language)}><details id="sanad-filter">'
        f'<summary>{words["filter_filter"]}: <span class="chosen" aria-live="polite">{words["filter_all"]}'
        f'</span></summary><form autocomplete="off"><div class="fields">{fields(language)}'
        f'<button type="reset" class="reset">{words["filter_all_articles"]}</button></div>{fieldset}</form>'
        f"{answers_field(language)}</details></div>"
    )


def outlet_field(language: Language) -> str:
    """The field for one outlet; the browser fills it with the filter's own choices."""
    words = WORDS[language]
    return (
        f'<label class="field">{words["filter_outlets"]}<select name="outlet">'
        f'<option value="">{words["filter_all"]}</option></select></label>'
    )


def answers_field(language: Language) -> str:
    """The field for the language of answers."""
    words = WORDS[language]
    options = "".join(
        f'<option value="{code}" {flow(name)}>{name}</option>' for code, name in LANGUAGES.items()
    )
    return (
        f'<label class="field">{words["answers_in"]}<select name="answers">'
        f'<option value="">{words["answers_as_asked"]}</option>{options}</select></label>'
    )


def fields(language: Language) -> str:
    """The fields for dates and language, which the filter and the list of articles share."""
    words = WORDS[language]
    dates = "".join(
        f'<label class="field">{words[f"filter_{name}"]}<input type="text" name="{name}" inputmode="numeric"'
        f' dir="ltr" autocomplete="off" maxlength="10" pattern="{_DATE}" placeholder="{example}"></label>'
        for name, example in (("since", "2024-08"), ("until", "2024-09-06"))
    )
    options = "".join(
        f'<option value="{code}" {flow(name)}>{name}</option>' for code, name in LANGUAGES.items()
    )
    return (
        f'{dates}<label class="field">{words["filter_language"]}<select name="language">'
        f'<option value="">{words["filter_all"]}</option>{options}</select></label>'
    )


def read(sent: object) -> Filter | None:
    """The filter that the browser sent; None if nothing was chosen.

    Args:
        sent: ``[outlets, since, until, language]`` as the browser sent it, or any other value.

    Raises:
        Refused: It is not a valid filter.
    """
    match sent:
        case [list(outlets), str(since), str(until), str(language)]:
            texts = [*outlets, since, until, language]
            if len(texts) <= OUTLETS + 3 and all(isinstance(t, str) and len(t) <= MAX_SENT for t in texts):
                return _filter(tuple(outlets), since.strip(), until.strip(), language)
    raise Refused("fault_filter")


def correction(sent: Mapping[str, object]) -> tuple[str, str, str]:
    """Id, outlet and date of an article that the browser sent to be corrected; empty for an unknown one.

    Raises:
        Refused: They are not valid.
    """
    match sent.get("article"), sent.get("outlet"), sent.get("published"):
        case str(article_id), str(outlet), str(published) if max(len(outlet), len(published)) <= MAX_SENT:
            outlet, published = " ".join(outlet.split()), ascii_digits(published.strip())
            if outlet:
                _made("fault_outlet", {"value": outlet}, outlets=(outlet,))
            if published and not is_date(published):
                raise Refused("fault_published", value=published)
            return article_id, outlet, published
    raise Refused("fault_sent")


def _filter(outlets: tuple[str, ...], since: str, until: str, language: str) -> Filter | None:
    # Each value is checked by itself, so that the page can name the wrong one in its own words.
    for name in outlets:
        _made("fault_outlet", {"value": name}, outlets=(name,))
    for value in filter(None, (since, until)):
        _made("fault_date", {"value": value}, since=value)
    _made("fault_language", {"value": language}, language=language or None)
    parts = {"outlets": outlets, "since": since or None, "until": until or None, "language": language or None}
    where = _made("fault_dates", {"since": since, "until": until}, **parts)
    return None if where == Filter() else where


def _made(word: str, values: dict[str, str], **parts: Any) -> Filter:
    try:
        return Filter(**parts)
    except BadSettings:
        raise Refused(word, **values) from None
