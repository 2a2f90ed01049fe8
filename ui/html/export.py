"""Answers as files to save: Markdown, HTML and CSL-JSON, which reference managers such as Zotero read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from rag import Answer, Citation
from rag.answering.presentation import translated
from rag.records import Language
from ui.html import copying
from ui.wording.text import flow, language_of, safe, spoken
from ui.wording.words import WORDS

KINDS = {
    "markdown": ("md", "text/markdown"),
    "html": ("html", "text/html"),
    "csl": ("json", "application/json"),
}
"""Ending and media type of each kind of file."""

_LONGEST_NAME = 60

_STYLE = (
    "body{max-width:46rem;margin:2rem auto;padding:0 1rem;font:1rem/1.6 system-ui,sans-serif}"
    "[lang=ar]{font-size:1.1rem;line-height:1.8}blockquote{margin:.5rem 0;padding:0 .8rem;"
    "border-inline-start:.2rem solid #0b6058}.answer{font-size:1.2rem;white-space:pre-line}"
    ".warning{color:#7a3e00}.place{color:#565f5a}section+section{border-top:1px solid #dcd8ce}"
)


def file(answers: Sequence[Answer], kind: str, language: Language) -> dict[str, str]:
    """The answers as a file: its ``name``, media ``type`` and ``text``.

    Args:
        answers: At least one.
        kind: A key of ``KINDS``.
        language: Language of the labels.
    """
    ending, media = KINDS[kind]
    make = {"markdown": markdown, "html": html, "csl": csl}[kind]
    name = "-".join(re.findall(r"\w+", answers[0].question))[:_LONGEST_NAME].strip("-") or "sanad"
    return {"name": f"{name}.{ending}", "type": f"{media};charset=utf-8", "text": make(answers, language)}


def markdown(answers: Sequence[Answer], language: Language) -> str:
    """The answers with their warnings and sources as Markdown."""
    return "\n---\n\n".join(copying.markdown(answer, language) for answer in answers)


def html(answers: Sequence[Answer], language: Language) -> str:
    """The answers as a web page of its own, which loads nothing."""
    title = safe(answers[0].question)
    body = "".join(_section(answer, language) for answer in answers)
    return (
        f'<!doctype html><html {spoken(language)}><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>\n"
    )


def csl(answers: Sequence[Answer], language: Language) -> str:
    """The cited articles, each once, as CSL-JSON; ``annote`` has the quoted sentences."""
    items: dict[str, dict[str, Any]] = {}
    for cited in (one for answer in answers for one in answer.citations):
        item = items.setdefault(cited.article_id, _reference(cited))
        item["annote"] = "\n".join(dict.fromkeys([*item["annote"].splitlines(), *cited.quote.splitlines()]))
    return json.dumps(list(items.values()), ensure_ascii=False, indent=2) + "\n"


def _section(answer: Answer, language: Language) -> str:
    lines = [
        *(f"<p>{safe(line)}</p>" for line in copying.understood(answer, language)),
        f'<p class="answer" {flow(answer.text)}>{safe(answer.text)}</p>',
        *(f'<p class="warning">{safe(line)}</p>' for line in copying.warnings(answer, language)),
    ]
    sources = "".join(_source(cited, answer, language) for cited in answer.citations)
    head = f"<h2>{WORDS[language]['sources']}</h2><ol>{sources}</ol>" if sources else ""
    question = f"<h1 {flow(answer.question)}>{safe(answer.question)}</h1>"
    return f"<section>{question}{''.join(lines)}{head}</section>"


def _source(cited: Citation, answer: Answer, language: Language) -> str:
    origin = copying.origin(cited, language)
    translation = translated(cited, answer.language)
    beside = f"<blockquote {flow(translation)}>{safe(translation)}</blockquote>" if translation else ""
    return (
        f'<li value="{cited.number}"><p><bdi>{safe(origin)}</bdi></p>'
        f"<blockquote {flow(cited.quote)}>{safe(cited.quote)}</blockquote>{beside}"
        f'<p class="place" dir="ltr">{safe(copying.place(cited))}</p></li>'
    )


def _reference(cited: Citation) -> dict[str, Any]:
    web = re.match(r"https?://", cited.source, re.IGNORECASE)
    parts = [int(part) for part in re.findall(r"[0-9]+", cited.published or "")]
    fields = {
        "id": cited.article_id,
        "type": "article-newspaper",
        "title": cited.title,
        "container-title": cited.outlet,
        "issued": {"date-parts": [parts]} if parts else None,
        "URL": cited.source if web else None,
        "source": None if web else cited.source,
        "language": language_of(cited.quote),
    }
    return {name: value for name, value in fields.items() if value} | {"annote": ""}
