"""What a reader sees of the statements that stay: quotations, and the sides of a disagreement."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

from rag.answering.context import Context
from rag.answering.decision import REASONS
from rag.answering.draft import MARKER, Draft, Span, Statement, span
from rag.answering.support import ENDS, contains
from rag.conversation.answer_type import fits
from rag.language import quantities
from rag.language.text import fold, is_arabic
from rag.language.translation.values import stated
from rag.records import Citation, Claim, Evidence, Language

DONE: dict[Language, str] = {"en": "Reported as done: {text}", "ar": "ما أُعلن أنه تم: {text}"}
PLANNED: dict[Language, str] = {"en": "Planned: {text}", "ar": "المخطط له: {text}"}
"""How something done and the plan for it are labelled."""

ARTICLE_SAYS: dict[Language, str] = {"en": "The article says: {words}", "ar": "جاء في المقال: {words}"}
"""How a quotation in place of a statement is introduced."""

ANOTHER_SAYS: dict[Language, str] = {
    "en": "Another article says: {words}",
    "ar": "وجاء في مقال آخر: {words}",
}
"""How a sentence of another article is introduced beside the answer; rag/conversation/rewrite.py has these
words too."""

BESIDE: dict[Language, str] = {"en": "{words}", "ar": "{words}"}
"""How a quotation is printed after a statement."""

QUOTED: dict[Language, str] = {"en": "“{words}”", "ar": "«{words}»"}
"""The article's own words."""

TRANSLATED: dict[Language, str] = {"en": "“{words}” (machine translation)", "ar": "«{words}» (ترجمة آلية)"}
"""Their translation."""

UNCERTAIN: dict[Language, str] = {
    "en": "“{words}” (machine translation, may be wrong)",
    "ar": "«{words}» (ترجمة آلية قد تكون خاطئة)",
}
"""Their translation, where a check found a fault."""

LITERAL: dict[Language, str] = {"en": "“{words}” (word for word)", "ar": "«{words}» (كلمة بكلمة)"}
"""Their words one by one in the other language."""

UNTRANSLATED: dict[Language, str] = {
    "en": "The answer is in a sentence that could not be translated; it is quoted in its own language.",
    "ar": "ورد الجواب في جملة تعذّرت ترجمتها، وهي مقتبسة بلغتها الأصلية.",
}
"""The answer where it is a sentence in another language without a translation, and no words of the model."""

CLAUSE = 6
"""Fewest words of a clause that is quoted alone; a shorter one is quoted with its sentence. Not tuned."""

MOST = 0.5
"""A phrase of more than this share of its sentence's words is shown as the sentence. Not tuned."""

_APART = re.compile(r"\s[–—-]\s|[;؛]\s")


def translated(cited: Citation | Evidence, language: Language) -> str:
    """The translation of a cited sentence with its mark; empty where there is none.

    Args:
        cited: A citation of an answer, or a sentence of the evidence.
        language: Of the answer.
    """
    return _marks(cited)[language].format(words=cited.translation) if cited.translation else ""


def _marks(cited: Citation | Evidence) -> Mapping[Language, str]:
    if cited.literal:
        return LITERAL
    return TRANSLATED if cited.certain else UNCERTAIN


def doubt(cited: Citation | Evidence, language: Language) -> str:
    """Why a claim that rests on an uncertain translation is not fully supported.

    Args:
        cited: Has such a translation.
        language: Of the answer.
    """
    return REASONS[language]["literal" if cited.literal else "doubtful"]


def is_marked(claim: Claim, shown: Iterable[Citation], language: Language) -> bool:
    """Whether the mark of a translation already says why a claim is not fully supported.

    Args:
        claim: Of an answer.
        shown: The citations that are shown with their marks, the claim's among them or not.
        language: Of the answer.
    """
    doubtful = (cited for cited in shown if cited.number in claim.citations and not cited.certain)
    return claim.reason in {doubt(cited, language) for cited in doubtful}


def quote_sentences(draft: Draft, context: Context) -> Draft:
    """Show the cited sentence, or its translation, in place of doubtful words and after a phrase.

    A sentence of another article that could not be translated says nothing to the reader, and is left out.
    Without it a plan or an outcome is an answer by itself.
    """
    readable = tuple(
        statement
        for statement in draft.statements
        if not (statement.added and statement.quoted and _is_untranslated(statement, context.language))
    )
    if draft.relation == "plan and outcome" and draft.outcome == "conflict":
        if len(readable) == len(draft.statements):
            return draft
        draft = dataclasses.replace(draft, relation="sentences", outcome="answered")
    quoted: dict[tuple[str, tuple[Span, ...]], Statement] = {}
    for statement in readable:
        shown = _shown(statement, draft, context.language)
        key = "" if shown.quoted else shown.text, tuple(map(span, shown.cited))
        quoted.setdefault(key, shown)
    return dataclasses.replace(draft, statements=tuple(quoted.values()))


def label_sides(draft: Draft, context: Context) -> Draft:
    """Label what was done and what was planned, as the sentences may be in another language."""
    if draft.relation != "plan and outcome" or draft.outcome != "conflict":
        return draft
    labels = DONE[context.language], PLANNED[context.language]
    labelled = []
    for statement, label in zip(draft.statements, labels, strict=True):
        supported = draft.trusts_words and statement.verdict == "supported"
        if statement.quoted or not supported or not fits(draft.question, statement.text, statement.words):
            words = statement.words or statement.text
            statement = as_quotation(statement, context.language, words=words, frame=BESIDE)
        labelled.append(dataclasses.replace(statement, text=label.format(text=seen(statement))))
    return dataclasses.replace(draft, statements=tuple(labelled))


def sides_by_date(draft: Draft, context: Context) -> Draft:
    """Order the sides of a disagreement by date, the latest first, each with outlet and date where known."""
    if draft.outcome != "conflict":
        return draft
    comma = REASONS[context.language]["comma"]
    ordered = sorted(draft.statements, key=lambda statement: statement.cited[0].published or "", reverse=True)
    return dataclasses.replace(
        draft, statements=tuple(_with_source(statement, comma) for statement in ordered)
    )


STEPS = (quote_sentences, label_sides, sides_by_date)
"""The steps of this module, in order; ``pipeline.Steps`` runs them after ``translate_cited``."""


def seen(statement: Statement) -> str:
    """What the reader sees of a statement, without markers."""
    return f"{statement.text}: {statement.beside}" if statement.beside else statement.text


def before_stop(text: str, added: str) -> str:
    """A text with ``added`` before its final punctuation."""
    bare = text.rstrip(".!?؟…")
    return f"{bare}{added}{text[len(bare) :]}"


def _shown(statement: Statement, draft: Draft, language: Language) -> Statement:
    words = statement.words or statement.text
    if not statement.cited:
        return statement
    beside = draft.relation == "sources"
    if statement.quoted:
        frame = ANOTHER_SAYS if statement.added and beside else ARTICLE_SAYS
        return as_quotation(statement, language, statement.reason, words, frame)
    foreign = is_foreign(statement.cited[0], language)
    if not draft.trusts_words:
        if not foreign:
            return as_quotation(statement, language, words=words)
        reason = statement.reason or doubt(statement.cited[0], language)
        statement = dataclasses.replace(statement, verdict="partial", reason=reason)
    has_added = any(statement.added for statement in draft.statements)
    sided = draft.outcome == "conflict" or (not beside and has_added)
    return statement if sided or not (foreign or draft.phrases) else with_sentence(statement, language)


def _is_untranslated(statement: Statement, language: Language) -> bool:
    item = statement.cited[0]
    return is_foreign(item, language) and item.translation is None


def _with_source(statement: Statement, comma: str) -> Statement:
    source = statement.cited[0]
    origin = comma.join(part for part in (source.outlet, source.published) if part)
    bare = seen(statement).rstrip(".؟!؛ ")
    text = f"{bare} ({origin})." if origin else f"{bare}."
    return dataclasses.replace(statement, text=text, beside="")


def is_foreign(item: Evidence, language: Language) -> bool:
    """Whether a sentence is not in the language of the answer.

    Args:
        item: The sentence.
        language: Of the answer.
    """
    return is_arabic(item.text) != (language == "ar")


def as_quotation(
    statement: Statement,
    language: Language,
    reason: str = "",
    words: str = "",
    frame: Mapping[Language, str] = ARTICLE_SAYS,
) -> Statement:
    """A statement that quotes the sentence it cites, or its translation, and says nothing else.

    Args:
        statement: Its first cited sentence is quoted. Where that is in another language and has no
            translation, the statement keeps its text, if it has one, and is partial.
        language: Of the answer.
        reason: Why it is not fully supported; empty where it is.
        words: The part of the sentence that matters; only the clause with it is quoted from a long sentence.
        frame: What is printed around the quotation.
    """
    item = statement.cited[0]
    foreign = is_foreign(item, language)
    if foreign and item.translation is None:
        text = statement.text or UNTRANSLATED[language]
        reason = reason or REASONS[language]["untranslated"]
        return dataclasses.replace(statement, text=text, verdict="partial", reason=reason)
    # A reference mark in the article, such as [7], would be read as a citation.
    source = item.translation if foreign and item.translation else item.text
    cut = item.literal or source is item.text
    shown = MARKER.sub("", _clause(source, words) if cut else source)
    if foreign and not item.certain:
        reason = reason or doubt(item, language)
    marks = _marks(item) if foreign else QUOTED
    return dataclasses.replace(
        statement,
        text=frame[language].format(words=marks[language].format(words=shown.strip())),
        cited=(item,),
        words="",
        quoted=True,
        verdict="partial" if reason else "supported",
        reason=reason,
        quotation=shown,
        beside="",
    )


def with_sentence(statement: Statement, language: Language) -> Statement:
    """A statement followed by the sentence that it is taken from, or by its translation.

    "900" is shown as "900: «… و900 في سوريا …»": the reader sees at once whether it is what was asked for,
    and a phrase that the model cut too short appears in full. A statement in other words than its sentence's
    stays as it is, unless the sentence is in another language.

    Args:
        statement: One that stays in the answer.
        language: Of the answer.
    """
    if statement.quoted or not statement.cited:
        return statement
    item, words = statement.cited[0], statement.text.strip(ENDS)
    foreign = is_foreign(item, language)
    source = (item.translation or "") if foreign else item.text
    if not source or not (foreign or contains(source, words)):
        return statement
    if contains(source, words) and len(words.split()) > MOST * len(source.split()):
        quoted = as_quotation(statement, language, statement.reason, words)
        return dataclasses.replace(quoted, cited=statement.cited)
    quoted = as_quotation(statement, language, words=words, frame=BESIDE)
    return dataclasses.replace(statement, text=words, quotation=quoted.quotation, beside=quoted.text)


def _clause(sentence: str, words: str) -> str:
    """The clause of a sentence, between dashes or semicolons, that contains the words that matter.

    Text after it (a link, an instruction addressed to a language model) is not needed to see what the article
    says.
    """
    cuts = [0, *(end for match in _APART.finditer(sentence) for end in match.span()), len(sentence)]
    pieces = [sentence[start:end] for start, end in zip(cuts[::2], cuts[1::2], strict=True)]
    holding_words = [piece for piece in pieces if words and _holds(piece, words)]
    if len(pieces) == 1 or len(holding_words) != 1 or len(holding_words[0].split()) < CLAUSE:
        return sentence
    before, after = (
        ("" if holding_words[0] is pieces[0] else "… "),
        ("" if holding_words[0] is pieces[-1] else " …"),
    )
    return f"{before}{holding_words[0].strip()}{after}"


def _holds(piece: str, words: str) -> bool:
    """Whether a piece contains these words, their numbers and months, or most of them among alternatives.

    Word for word "Huda Badri" may be "Huda/guidance Badri".
    """
    values = quantities.claimed(words)
    if contains(piece, words) or (values and values <= stated(piece)):
        return True
    wanted, present = set(fold(words).split()), set(fold(piece.replace("/", " ")).split())
    return "/" in piece and len(wanted & present) > MOST * len(wanted)
