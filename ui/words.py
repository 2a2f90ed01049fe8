"""The words that the page puts around answers, by the language of what they stand beside."""

from __future__ import annotations

import re

from rag import Language

WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "waiting": "Waiting for its turn",
        "searching": "Searching the articles",
        "reading": "Reading {n} sentences",
        "writing": "Writing",
        "elapsed": "{s} s",
        "stopped": "Stopped.",
        "failed": "No answer",
        "question": "Question",
        "answer": "Answer",
        "sources": "Sources",
        "source": "Source {n}",
        "open": "Open the article",
        "untold": "publisher not told",
        "also": "Also in:",
        "listed": ", ",
        "more": " and {n} more",
        "conflict": "The sources disagree.",
        "partial": "Not all of this answer is borne out by its sources.",
        "not_found": "The articles do not tell.",
        "nearest": "Nearest passages, not an answer",
        "others": "Found but not cited ({n})",
        "claim_partial": "partly supported",
        "claim_unsupported": "not supported",
        "claim_contradicted": "its source says otherwise",
        "lost": "The quoted words are not in this article as it now stands, so nothing is highlighted.",
        "answered_in": "Answered in {s} s",
        "only": "Only",
        "since": "from {date}",
        "until": "to {date}",
        "filter_filter": "Sources",
        "filter_all": "all",
        "filter_all_articles": "All articles",
        "filter_outlets": "Outlet",
        "filter_since": "From",
        "filter_until": "To",
        "filter_language": "Language",
    },
    "ar": {
        "waiting": "في انتظار الدور",
        "searching": "أبحث في المقالات",
        "reading": "أقرأ {n} من الجمل",
        "writing": "أكتب",
        "elapsed": "{s} ث",
        "stopped": "تم الإيقاف.",
        "failed": "لا إجابة",
        "question": "السؤال",
        "answer": "الإجابة",
        "sources": "المصادر",
        "source": "المصدر {n}",
        "open": "افتح المقال",
        "untold": "الناشر غير مذكور",
        "also": "ورد أيضًا في:",
        "listed": "، ",
        "more": " و{n} غيرها",
        "conflict": "المصادر متعارضة.",
        "partial": "لا تؤيد المصادر كل ما في هذه الإجابة.",
        "not_found": "لا تذكر المقالات ذلك.",
        "nearest": "أقرب المقاطع، وليست إجابة",
        "others": "مقاطع وُجدت ولم يُستشهد بها ({n})",
        "claim_partial": "مؤيَّد جزئيًا",
        "claim_unsupported": "غير مؤيَّد",
        "claim_contradicted": "المصدر يقول غير ذلك",
        "lost": "العبارة المقتبسة غير موجودة في المقال بصورته الحالية، ولذلك لم يُظلَّل شيء.",
        "answered_in": "أُجيب في {s} ث",
        "only": "فقط",
        "since": "من {date}",
        "until": "إلى {date}",
        "filter_filter": "المصادر",
        "filter_all": "الكل",
        "filter_all_articles": "كل المقالات",
        "filter_outlets": "الناشر",
        "filter_since": "من",
        "filter_until": "إلى",
        "filter_language": "اللغة",
    },
}

LANGUAGES: dict[Language, str] = {"ar": "العربية", "en": "English"}
"""Each language by its own name."""

_MONTHS: dict[Language, str] = {
    "en": "January February March April May June July August September October November December",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
}


def date(published: str | None, language: Language) -> str:
    """An ISO date in words, as bare digits with hyphens turn round within Arabic; "" if there is none."""
    found = re.fullmatch(r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?", published or "")
    if not found or not 1 <= int(found[2]) <= 12:
        return published or ""
    month = _MONTHS[language].split()[int(found[2]) - 1]
    day = f"{int(found[3])} " if found[3] else ""
    return f"{day}{month} {found[1]}"
