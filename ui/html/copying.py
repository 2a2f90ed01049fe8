"""An answer with its warnings and sources as plain text and as Markdown. HTML and CSL-JSON: export.py."""

from __future__ import annotations

import re

from rag import Answer, Citation
from rag.answering.presentation import is_marked, translated
from rag.loading.uploads import PREFIX as UPLOADED
from rag.records import Language
from ui.html.claims import GLYPHS
from ui.html.sources import headline, words_label
from ui.wording.words import WORDS, date

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")
"""Characters that Markdown could interpret as markup."""


def text(answer: Answer, language: Language) -> str:
    """The answer as plain text: question, answer, and each source with its quote.

    Args:
        answer: The answer.
        language: Language of the labels.
    """
    parts = [
        answer.question,
        *understood(answer, language),
        answer.text,
        *warnings(answer, language),
        *_words(answer, language),
    ]
    if answer.citations:
        parts.append(f"{WORDS[language]['sources']}:")
    for cited in answer.citations:
        lines = f"“{cited.quote}”", translated(cited, answer.language), place(cited)
        parts.append("\n".join(filter(None, (f"[{cited.number}] {origin(cited, language)}", *lines))))
    return "\n\n".join(parts) + "\n"


def markdown(answer: Answer, language: Language) -> str:
    """The answer as Markdown, with all of its text escaped so that it looks as it was written.

    Args:
        answer: The answer.
        language: Language of the labels.
    """
    parts = [
        f"**{_escaped(answer.question)}**",
        *map(_escaped, understood(answer, language)),
        _escaped(answer.text),
        *map(_escaped, warnings(answer, language)),
        *map(_escaped, _words(answer, language)),
    ]
    if answer.citations:
        parts.append(f"{WORDS[language]['sources']}:")
    for cited in answer.citations:
        lines = *cited.quote.splitlines(), *filter(None, [translated(cited, answer.language)])
        quote = "\n   >\n".join(f"   > {_escaped(line)}" for line in lines)
        parts.append(
            f"{cited.number}. {_escaped(origin(cited, language))}\n\n{quote}\n\n   {_escaped(place(cited))}"
        )
    return "\n\n".join(parts) + "\n"


def warnings(answer: Answer, language: Language) -> list[str]:
    """What a reader must know besides the text: how the question ended, and which claims lack support."""
    words, said = WORDS[language], []
    if answer.outcome in ("conflict", "partial"):
        said.append(words[answer.outcome])
    for claim in answer.claims if answer.outcome != "not_found" else ():
        if claim.verdict != "supported" and not is_marked(claim, answer.citations, answer.language):
            kind = f"{GLYPHS[claim.verdict]} {words[f'claim_{claim.verdict}']}"
            why = f" ({claim.reason})" if claim.reason else ""
            said.append(f"{kind}{why}: {claim.text}")
    return said


def understood(answer: Answer, language: Language) -> list[str]:
    """The standalone form of a follow-up question, as the copied text lacks the earlier turns."""
    return [f"{WORDS[language]['understood']}: {answer.understood}"] if answer.understood else []


def _words(answer: Answer, language: Language) -> list[str]:
    """The articles' own words for claims that express them in another language."""
    return [f"{words_label(claim, language)}: “{claim.words}”" for claim in answer.claims if claim.words]


def origin(cited: Citation, language: Language) -> str:
    """Outlet, date and headline of a source."""
    return " · ".join(filter(None, [cited.outlet, date(cited.published, language), headline(cited)]))


def place(cited: Citation) -> str:
    """The address of a source, or its file with the line."""
    web = re.match(r"https?://", cited.source, re.IGNORECASE)
    return cited.source if web else f"{cited.source.removeprefix(UPLOADED)}:{cited.line}"


def _escaped(words: str) -> str:
    return _MARKUP.sub(r"\\\1", re.sub(r"\s*\n\s*", " ", words))
