"""Verdicts → how the question ends: answered, partly, with a disagreement, or not found."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

from rag.answering.confidence import chose
from rag.answering.context import Context
from rag.answering.draft import Draft, Statement, in_place_of
from rag.answering.support import agree, contains
from rag.conversation.answer_type import elsewhen, fits, kind
from rag.language.terms import terms
from rag.language.translation.values import stated, values_in
from rag.records import Language, Outcome
from rag.retrieval.overlap import names_in, words_in

NOT_FOUND: dict[Language, str] = {
    "en": "The articles do not say.",
    "ar": "لا تذكر المقالات ذلك.",
}
"""The answer where the articles contain none."""

NEAREST: dict[Language, str] = {
    "en": "The articles do not state this; the nearest sentence is quoted.",
    "ar": "لا تذكر المقالات ذلك صراحةً؛ وأقرب جملة إليه مقتبسة.",
}
"""The answer where the model's words fail every check: the reader is shown a source instead."""

PART_NOT_FOUND: dict[Language, str] = {
    "en": "No answer was found to: “{question}”",
    "ar": "لم يُعثر على جواب عن: «{question}»",
}
"""What is added where one part of a question has an answer and another has none."""

REASONS: dict[Language, dict[str, str]] = {
    "en": {
        "missing": "not in the evidence: {values}",
        "apart": "no single sentence contains its names, numbers and dates together",
        "month": "month {n}",
        "comma": ", ",
        "lacking": "the cited sentence lacks its name, number or date; the nearest is shown",
        "unnamed": "no sentence was cited; the nearest is shown",
        "unsupported": "the cited sentence does not support it",
        "language": "it was not in the language of the question",
        "kind": "it contained no time, number or name, which was asked for",
        "quoted": "its sentence is shown: the model's own words could not be confirmed",
        "doubtful": "machine translation; it may be wrong",
        "literal": "translated word for word; some words may mean something else here",
        "untranslated": "its sentence could not be translated",
        "instead": "quoted in place of the model's own words: {reason}",
        "dropped": "the model's draft was dropped: {reason}",
    },
    "ar": {
        "missing": "ليس في الجمل المعروضة: {values}",
        "apart": "لا تجمع جملةٌ واحدة أسماءها وأرقامها وتواريخها",
        "month": "الشهر {n}",
        "comma": "، ",
        "lacking": "لا تتضمن الجملة المستشهَد بها الاسم أو الرقم أو التاريخ؛ وهذه أقرب جملة",
        "unnamed": "لم تُذكر جملة مصدر؛ وهذه أقرب جملة",
        "unsupported": "الجملة المستشهَد بها لا تؤيده",
        "language": "لم تكن بلغة السؤال",
        "kind": "لم تتضمن الوقت أو العدد أو الاسم المسؤول عنه",
        "quoted": "عُرضت جملتها: تعذّر التحقق من كلمات النموذج",
        "doubtful": "ترجمة آلية، وقد تكون خاطئة",
        "literal": "ترجمة كلمة بكلمة، وقد يكون لبعض الكلمات معنى آخر هنا",
        "untranslated": "تعذّرت ترجمة جملتها",
        "instead": "اقتُبست بدلًا من كلمات النموذج: {reason}",
        "dropped": "حُذفت مسودة النموذج: {reason}",
    },
}
"""Why a claim is not supported, in the language of the answer."""


def check_form(draft: Draft, context: Context) -> Draft:
    """Step after verification: a "when" without a time, a "how many" without a number is no answer.

    What another article says beside the answer has to be of the same kind. A report that something has
    happened answers a question about the future without a time.
    """
    if draft.relation == "plan and outcome" or draft.happened or not draft.statements:
        return draft
    originals = [statement for statement in draft.statements if not statement.added]
    fit = any(fits(draft.question, statement.text, statement.words) for statement in originals)
    reason = REASONS[context.language]["kind"]
    judged = tuple(
        statement
        if fit
        and not (statement.added and statement.quoted and _is_of_another_kind(statement, draft.question))
        else dataclasses.replace(statement, verdict="unsupported", reason=reason)
        for statement in draft.statements
    )
    return draft if judged == draft.statements else dataclasses.replace(draft, statements=judged)


def _is_of_another_kind(quoted: Statement, question: str) -> bool:
    """Whether a quoted sentence lacks the quantity or time that is asked for, or has another year."""
    sentence = quoted.cited[0].text
    unfit = kind(question) in ("quantity", "time") and not fits(question, sentence)
    return unfit or elsewhen(question, sentence)


def one_subject(draft: Draft, context: Context) -> Draft:
    """Step after verification: a second source stays only if it is about the same thing as the first one.

    Two sentences that share a number may be about two bridges. Another source must add to the statement, or
    contain its words or values and, with its title, every word of the question that the first one contains.
    """
    statements = tuple(_of_one_subject(statement, draft.question) for statement in draft.statements)
    return dataclasses.replace(draft, statements=statements)


def _of_one_subject(statement: Statement, question: str) -> Statement:
    if len(statement.cited) < 2:
        return statement
    words_of_question = [words_in(question, f"{item.title}\n{item.text}") for item in statement.cited]
    names = names_in(question)
    first = max(range(len(words_of_question)), key=lambda at: (len(words_of_question[at] & names), -at))
    words, claimed = statement.words or statement.text, values_in(statement.text)
    contents = [{*terms(item.text), *stated(item.text), *values_in(item.text)} for item in statement.cited]
    lacking = (set(terms(words)) | claimed) - contents[first]

    def stays(at: int) -> bool:
        same = contains(statement.cited[at].text, words) or (bool(claimed) and claimed <= contents[at])
        # Either it supports what the first lacks, or it says the same about the same thing.
        return bool(lacking & contents[at]) or (same and words_of_question[at] >= words_of_question[first])

    others = [item for at, item in enumerate(statement.cited) if at != first and stays(at)]
    return dataclasses.replace(statement, cited=(statement.cited[first], *others))


def quote_chosen(draft: Draft, context: Context) -> Draft:
    """Step after verification: where words failed, quote their sentence if it is probably the right one."""
    if not chose(draft):
        return draft
    statements = tuple(_quoted_instead(statement, draft.question, context) for statement in draft.statements)
    return dataclasses.replace(draft, statements=statements)


def _quoted_instead(statement: Statement, question: str, context: Context) -> Statement:
    # The probability is that of the first answer's sentence, not of one that a cross-check added.
    if statement.verdict != "unsupported" or statement.added or not statement.cited:
        return statement
    # Where a name is asked for, the words failed because they only repeat the question.
    if kind(question) == "name" or _is_of_another_kind(statement, question):
        return statement
    reason = REASONS[context.language]["instead"].format(reason=statement.reason)
    return in_place_of(statement, statement.cited[0], statement.words or statement.text, reason)


def decide(draft: Draft, context: Context) -> Draft:
    """The draft with its outcome and the statements that stay, or the nearest sentence where none does.

    Args:
        draft: Verified.
        context: Language of the answer.
    """
    draft = _without_unsupported_additions(draft)
    statements = draft.statements
    kept = tuple(statement for statement in statements if statement.verdict != "unsupported")
    if not kept:
        return _not_found(draft, statements[0] if statements else None, context)
    differ = draft.relation == "plan and outcome" or (draft.relation == "sides" and _disagree(kept))
    if differ and len(kept) == len(statements) > 1:
        return dataclasses.replace(draft, outcome="conflict")
    relation = "sentences" if draft.relation == "plan and outcome" else draft.relation
    outcome: Outcome = "partial" if len(kept) < len(statements) else "answered"
    return dataclasses.replace(draft, statements=kept, outcome=outcome, relation=relation)


def settle(draft: Draft) -> Draft:
    """The final draft: "answered" becomes "partial" where a statement is not fully supported.

    This comes after presentation, which may have replaced doubtful words by a quoted sentence. What another
    article says beside the answer does not make it partial.
    """
    doubtful = any(statement.verdict != "supported" for statement in draft.statements if not statement.added)
    return (
        dataclasses.replace(draft, outcome="partial") if draft.outcome == "answered" and doubtful else draft
    )


def _without_unsupported_additions(draft: Draft) -> Draft:
    """What a cross-check added counts only beside a supported answer, and only if it is supported itself."""
    originals = tuple(statement for statement in draft.statements if not statement.added)
    added = [statement for statement in draft.statements if statement.added]
    if not added or not originals:
        return draft
    doubtful = any(statement.verdict != "supported" for statement in added)
    if doubtful or any(statement.verdict == "unsupported" for statement in originals):
        return dataclasses.replace(draft, statements=originals, relation="sentences")
    return draft


def _not_found(draft: Draft, failed: Statement | None, context: Context) -> Draft:
    """No answer: the reader is shown the sentence that the failed statement cited, else the nearest one."""
    if failed is None or not draft.evidence:
        return dataclasses.replace(draft, statements=(), outcome="not_found", relation="sentences")
    item = failed.cited[0] if failed.cited else draft.evidence[0]
    reason = REASONS[context.language]["dropped"].format(reason=failed.reason)
    nearest = Statement(NEAREST[context.language], (item,), verdict="partial", reason=reason)
    return dataclasses.replace(draft, statements=(nearest,), outcome="not_found", relation="sentences")


def _disagree(statements: Sequence[Statement]) -> bool:
    """Whether supported answers from different articles have values of which two do not agree."""
    values = [values_in(statement.text) for statement in statements]
    articles = [statement.articles for statement in statements]
    return (
        all(statement.verdict == "supported" for statement in statements)
        and all(values)
        and any(not agree(*pair) for pair in itertools.combinations(values, 2))
        and len(frozenset().union(*articles)) == sum(map(len, articles))
    )
