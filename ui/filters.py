"""The filter of the page: a form, what the browser sends of it, and the Filter that this means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import cast

from rag import Article, BadSettings, Filter, Language
from ui import render
from ui.words import LANGUAGES, WORDS

OUTLETS = 100
"""Outlets offered, the most frequent ones: a longer list is not read, and grows the page for nothing."""

MAX_SENT = 300
"""Longest value that is read from a browser, in characters; no outlet's name is as long."""

_MISPLACED = "The page sent a filter in a way that Sanad does not know. Reload the page."

_DATE = "[0-9\u0660-\u0669]{4}(-[0-9\u0660-\u0669]{2}){0,2}"
"""A first look in the browser; ``Filter`` has the last word."""


def form(articles: Iterable[Article]) -> str:
    """The form, folded up, with the outlets of these articles to choose from.

    Its words stand in both languages, as nobody has asked anything yet.
    """
    outlets = Counter(article.outlet for article in articles if article.outlet).most_common(OUTLETS)
    choices = "".join(
        f'<label class="choice"><input type="checkbox" name="outlet" value="{render.attribute(name)}">'
        f"<bdi {render.flow(name)}>{render.safe(name)}</bdi> <span>{count}</span></label>"
        for name, count in sorted(outlets)
    )
    fieldset = (
        f'<fieldset><legend>{_both("outlets")}</legend><div class="choices">{choices}</div></fieldset>'
        if choices
        else ""
    )
    dates = "".join(
        f'<label class="field">{_both(name)}<input type="text" name="{name}" inputmode="numeric" dir="ltr"'
        f' autocomplete="off" maxlength="10" pattern="{_DATE}" placeholder="{example}"></label>'
        for name, example in (("since", "2024-08"), ("until", "2024-09-06"))
    )
    languages = "".join(
        f'<option value="{code}" {render.flow(name)}>{name}</option>' for code, name in LANGUAGES.items()
    )
    return (
        '<div class="sanad sanad-filter"><details id="sanad-filter">'
        f'<summary>{_both("filter")}: <span class="chosen" aria-live="polite">{_both("all")}</span></summary>'
        f'<form autocomplete="off"><div class="fields">{dates}'
        f'<label class="field">{_both("language")}<select name="language">'
        f'<option value="">{_plain("all")}</option>{languages}</select></label>'
        f'<button type="reset" class="reset">{_both("all_articles")}</button></div>{fieldset}</form>'
        "</details></div>"
    )


def read(sent: object) -> Filter | None:
    """The filter that the browser sent; None where the form was left as it is.

    Args:
        sent: Outlets, since, until and language, as the browser sent them: anything at all.

    Raises:
        BadSettings: It makes no sense.
    """
    match sent:
        case [list(outlets), str(since), str(until), str(language)]:
            texts = [*outlets, since, until, language]
            if len(texts) <= OUTLETS + 3 and all(isinstance(t, str) and len(t) <= MAX_SENT for t in texts):
                where = Filter(
                    outlets=tuple(outlets),
                    since=since.strip() or None,
                    until=until.strip() or None,
                    language=cast("Language | None", language or None),  # Filter looks itself
                )
                return None if where == Filter() else where
    raise BadSettings(_MISPLACED)


def _both(word: str) -> str:
    english, arabic = (WORDS[language][f"filter_{word}"] for language in ("en", "ar"))
    return f'<span lang="en">{english}</span> · <span lang="ar" dir="rtl">{arabic}</span>'


def _plain(word: str) -> str:
    return f"{WORDS['en'][f'filter_{word}']} · {WORDS['ar'][f'filter_{word}']}"
