"""A turn of the conversation as safe HTML, by pure functions: no Gradio, no model, no clock.

    Exchange → turn → question, status or answer, sources, actions

Every text from outside (question, answer, article, title, file name, error) passes through ``safe`` or
``attribute`` and is placed in an element with its own ``dir``. The labels around it are in the page's
language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag import Answer, Filter
from rag.records import Language
from ui.exchange import Exchange
from ui.html import claims, sources, trace
from ui.wording.faults import Fault, failure
from ui.wording.text import flow, safe, spoken
from ui.wording.words import LANGUAGES, WORDS, counted, date

SHOWN_QUESTION = 2000
"""Longest question shown in full, in characters: a page of pasted text must not hide the error below it."""

ACTIONS = ("copy", "copy_markdown", "retry", "good", "bad")
"""Actions for an answer, in the order of the buttons; each is a key of the word table."""

SAVES = ("save_markdown", "save_html", "save_csl")
"""Files that an answer can be saved as; keys of the word table too."""


def turn(exchange: Exchange, language: Language) -> str:
    """One turn of the conversation: the question, and its answer or status.

    Args:
        exchange: The question with the state of its answer.
        language: Language of the page.
    """
    return (
        f'<article class="sanad turn" id="t{exchange.number}" data-stage="{exchange.stage}"'
        f" {spoken(language)}>{_question(exchange, language)}{_reply(exchange, language)}"
        f"{_actions(exchange, language)}</article>"
    )


def conversation(exchanges: Sequence[Exchange], language: Language) -> str:
    """Several turns, oldest first."""
    return "".join(turn(exchange, language) for exchange in exchanges)


def lines(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each line of ``text`` that is not blank."""
    for line in re.finditer(r"[^\n]*\S[^\n]*", text):
        yield line.span()


def _question(exchange: Exchange, language: Language) -> str:
    text = exchange.question.strip()
    if not text:
        return ""
    shown = text if len(text) <= SHOWN_QUESTION else text[:SHOWN_QUESTION] + "…"
    label = f'<span class="unseen" {spoken(language)}>{WORDS[language]["question"]}: </span>'
    return (
        f'<h2 class="question" {flow(shown)}>{label}{safe(shown)}</h2>'
        f"{_understood(exchange, language)}{_limits(exchange.where, language)}"
    )


def _understood(exchange: Exchange, language: Language) -> str:
    """The standalone form of a follow-up: a reader who meant something else should see it at once."""
    text = exchange.answer.understood if exchange.answer is not None else exchange.understood
    if not text:
        return ""
    label = WORDS[language]["understood"]
    return f'<p class="understood">{label}: {trace.editable(text, language)}</p>'


def _limits(where: Filter | None, language: Language) -> str:
    """The filter of a question in words; empty without one."""
    if where is None:
        return ""
    words = WORDS[language]
    parts = [f"<bdi>{safe(outlet)}</bdi>" for outlet in where.outlets]
    for name, value in (("since", where.since), ("until", where.until)):
        if value:
            parts.append(words[name].format(date=f"<bdi>{safe(date(value, language))}</bdi>"))
    if where.language:
        parts.append(f"<bdi>{LANGUAGES[where.language]}</bdi>")
    return f'<p class="only">{words["only"]}: {" · ".join(parts)}</p>'


def _reply(exchange: Exchange, language: Language) -> str:
    if exchange.answer is not None:
        return _answer(exchange.answer, exchange, language)
    if exchange.stage == "failed":
        return failure(exchange.fault or Fault("fault_other"), language)
    return f"{_status(exchange, language)}{_reading(exchange)}"


def _reading(exchange: Exchange) -> str:
    """The sentences that the model reads, as long as it works."""
    if not (exchange.open and exchange.reading):
        return ""
    rows = "".join(
        f"<li {flow(text)}><bdi>{safe(outlet)}</bdi> <q>{safe(text)}</q></li>"
        for outlet, text in exchange.reading
    )
    return f'<ul class="reading" aria-hidden="true">{rows}</ul>'


def _status(exchange: Exchange, language: Language) -> str:
    words = WORDS[language]
    if exchange.stage == "waiting" and exchange.ahead:
        text = words["waiting"].format(n=counted("questions", exchange.ahead, language))
    elif exchange.stage == "waiting":  # its place in the queue is not known yet
        text = words["searching"]
    else:
        text = words[exchange.stage].format(
            n=counted("sentences", exchange.sentences, language, genitive=True)
        )
    clock = ""
    if exchange.open:
        elapsed = words["elapsed"].format(s=int(exchange.seconds))
        # Outside the live region: a screen reader must not announce every second.
        clock = f' <span class="clock" aria-hidden="true"><bdi>{elapsed}</bdi></span>'
    kind = "busy" if exchange.open else "ended"
    return f'<p class="status {kind}"><span role="status">{text}</span>{clock}</p>'


def _answer(answer: Answer, exchange: Exchange, language: Language) -> str:
    words, number = WORDS[language], exchange.number
    return (
        f'<section class="answer" data-outcome="{answer.outcome}" aria-label="{words["answer"]}">'
        f"{_outcome(answer, language)}{claims.claims(answer, number, language)}"
        f"{sources.passages(answer, number, language)}"
        f"{trace.trace(answer, exchange.sentences, number, language)}</section>"
    )


def _outcome(answer: Answer, language: Language) -> str:
    """A note about the answer, unless its text or the verdict of a claim says so."""
    marked = any(claim.verdict != "supported" for claim in answer.claims)
    said = {
        "answered": True,
        "partial": marked,
        "not_found": bool(answer.text.strip()),
        "conflict": False,
    }
    return "" if said[answer.outcome] else f'<p class="note">{WORDS[language][answer.outcome]}</p>'


def _actions(exchange: Exchange, language: Language) -> str:
    if exchange.open:
        return ""
    words = WORDS[language]
    names = ACTIONS if exchange.answer is not None else ("retry",)
    if not exchange.question.strip():
        return ""
    buttons = "".join(f'<button type="button" data-act="{name}">{words[name]}</button>' for name in names)
    if exchange.answer is not None:
        files = "".join(f'<button type="button" data-act="{name}">{words[name]}</button>' for name in SAVES)
        fold = f'<details class="save" id="t{exchange.number}-save"><summary>{words["save"]}</summary>'
        buttons += f"{fold}{files}</details>"
    return f'<div class="actions" role="group" aria-label="{words["actions"]}">{buttons}</div>'
