"""A model's draft → statements with sources and verdicts; decides how the question ended.

What is checked here, outside the model: every marker names evidence that the model was shown; every number
and month of a claim stand in the sentences that it cites, and so does every name that stands in the evidence
at all, across scripts; the cited sentences bear the claim out as a whole (support.py). A claim that its
sentences do not bear out is given the sentence that does, or dropped; where only its translation is in doubt,
the sentence's own words are quoted; where every claim is dropped, a source is quoted instead. Citations are
renumbered by first use, and each is an exact span.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rag.answering import quotation
from rag.answering.answer_builder import Judged, Statement
from rag.answering.answer_type import counts_other, elsewhen, fits, kind, repeats
from rag.answering.reply import Part, Reply
from rag.answering.support import support
from rag.language import quantities, speakers
from rag.language.names import latin_keys
from rag.language.relative_dates import resolved
from rag.language.terms import arabic_keys
from rag.language.text import is_arabic
from rag.models.embedding.embedder import Embedder
from rag.records import Evidence, Language

DONE: dict[Language, str] = {"en": "Reported as done: {text}", "ar": "ذُكر أنه حدث: {text}"}
PLANNED: dict[Language, str] = {"en": "Planned: {text}", "ar": "وكان مخططا: {text}"}
"""How a plan and what became of it are told apart."""

DATED: dict[Language, str] = {"en": "(that is {dates})", "ar": "(أي {dates})"}
"""How the date is added that a relative one means, by the article's own date."""

LATIN_NAME = 4
"""Words in Latin letters that an Arabic answer may consist of: names of companies and places stay so."""

NEAREST: dict[Language, str] = {
    "en": "The articles do not state this; the nearest sentence is quoted.",
    "ar": "لا تذكر المقالات ذلك صراحة؛ وأقرب جملة إليه مقتبسة.",
}
"""What is answered when the model's words fail every check: the reader is shown a source instead."""

_REASONS: dict[Language, dict[str, str]] = {
    "en": {
        "missing": "not in the evidence: {values}",
        "apart": "its names, numbers and dates stand in no one sentence together",
        "month": "month {n}",
        "comma": ", ",
        "lacking": "the cited sentence lacks its name, number or date; the nearest is shown",
        "unnamed": "no sentence was named; the nearest is shown",
        "unborne": "the cited sentence does not bear it out",
        "language": "it was not in the language of the question",
        "kind": "it told no time, number or name, which was asked for",
        "quoted": "in the article's own words: its translation could not be confirmed",
        "doubtful": "in the article's own words: the model's translation is doubtful: “{text}”",
        "instead": "quoted in place of the model's own words: {reason}",
        "dropped": "the model's draft was dropped, {reason}",
        "unanswering": "as the sentence that it cited probably does not answer the question",
    },
    "ar": {
        "missing": "ليس في الجمل المعروضة: {values}",
        "apart": "لا تجتمع أسماؤها وأرقامها وتواريخها في جملة واحدة",
        "month": "الشهر {n}",
        "comma": "، ",
        "lacking": "لا تتضمن الجملة المستشهد بها الاسم أو الرقم أو التاريخ؛ وهذه أقرب جملة",
        "unnamed": "لم تُذكر جملة مصدر؛ وهذه أقرب جملة",
        "unborne": "الجملة المستشهد بها لا تؤيده",
        "language": "لم تكن بلغة السؤال",
        "kind": "لم تتضمن الوقت أو العدد أو الاسم المسؤول عنه",
        "quoted": "بكلمات المقال نفسها: تعذّر التحقق من ترجمتها",
        "doubtful": "بكلمات المقال نفسها: ترجمة النموذج مشكوك فيها: «{text}»",
        "instead": "اقتُبست بدلا من كلمات النموذج: {reason}",
        "dropped": "حُذفت مسودة النموذج؛ {reason}",
        "unanswering": "فالجملة التي استشهدت بها لا تجيب عن السؤال على الأرجح",
    },
}
"""Why a claim is not supported, in the language of the answer."""


@dataclass(frozen=True, slots=True)
class Likely:
    """What of a draft is probably right, as far as its tokens' probabilities tell (confidence.py)."""

    words: bool
    """What it says."""
    choice: bool
    """Which sentence it names."""
    aside: bool = False
    """The same, as far as is wanted of what is told beside an answer."""
    doubted: bool = False
    """The sentence that it names was judged again, and probably does not answer (answerability.py)."""


UNKNOWN = Likely(words=True, choice=False)
"""Of a draft whose probabilities are not known."""


def check(
    reply: Reply,
    evidence: Sequence[Evidence],
    language: Language,
    embedder: Embedder,
    *,
    question: str = "",
    likely: Likely = UNKNOWN,
    without: Collection[str] = (),
) -> Judged:
    """Check a reply against the evidence that the model was shown.

    Args:
        reply: What the model wrote, taken apart.
        evidence: What it was shown, numbered from 1.
        language: The language of the answer.
        embedder: Finds the evidence nearest to a claim that names none.
        question: As put to the model; an answer of another kind than it asks for is dropped.
        likely: How probable the draft was. Where its words are not, its sentences are quoted instead.
        without: Parts that are left out, of ``settings.PARTS``. Without ``verification`` claims stay as they
            were drafted, with the verdicts that they would have had.

    Returns:
        The claims that stand; or ``not_found`` when none does, with the sentence that is nearest where the
        draft named or leant on one.
    """
    parts = reply.parts if evidence else ()
    judged = [_judge(part, question, evidence, language, embedder, without) for part in parts]
    if likely.doubted and judged:
        failed = dataclasses.replace(judged[0], reason=_REASONS[language]["unanswering"])
        return Judged(question, (_nearest(failed, evidence, language),), "not_found")
    unfit = (
        "kind" not in without
        and not reply.opposed
        and not any(fits(question, claim.text, claim.words) for claim in judged)
    )
    if unfit:
        reason = _REASONS[language]["kind"]
        judged = [dataclasses.replace(claim, verdict="unsupported", reason=reason) for claim in judged]
    if "dates" not in without:
        judged = [_dated(claim, language) for claim in judged]
    kept = "verification" in without and not unfit
    likely = UNKNOWN if "certainty" in without else likely
    if "quotes" not in without and not kept:
        judged = [_rescued(claim, question, language, likely) for claim in judged]
    if judged and not kept and all(claim.verdict == "unsupported" for claim in judged):
        # The reader is told that the articles do not say it; a quoted sentence does not make that an answer.
        return Judged(question, (_nearest(judged[0], evidence, language),), "not_found")
    standing = [claim for claim in judged if kept or claim.verdict in ("supported", "partial")]
    if not standing:
        return Judged(question, (), "not_found")
    differ = reply.opposed or (reply.sides and _disagree(standing))
    conflict = differ and len(standing) == len(judged) > 1
    if conflict and reply.opposed:
        standing = _deed_and_plan(question, standing, likely, language)
        return Judged(question, tuple(_newest_first(standing, language)), "conflict")
    doubtful = not likely.words or any(_is_aside(question, claim) for claim in standing)
    if doubtful and "quotes" not in without:
        standing = _told_whole(standing, language)
    if reply.phrases and not conflict and not kept and "context" not in without:
        standing = [quotation.in_place(claim, language) for claim in standing]
    if conflict:
        return Judged(question, tuple(_newest_first(standing, language)), "conflict")
    partial = len(standing) < len(judged) or any(claim.verdict != "supported" for claim in standing)
    return Judged(question, tuple(standing), "partial" if partial else "answered")


def _judge(
    part: Part,
    question: str,
    evidence: Sequence[Evidence],
    language: Language,
    embedder: Embedder,
    without: Collection[str],
) -> Statement:
    by_number = {item.number: item for item in evidence}
    cited = tuple(by_number[n] for n in part.marks if n in by_number)
    if part.whole and cited:
        return quotation.whole(cited[0], language)
    claim = _checked(part, question, cited, evidence, language, embedder, without)
    if "verification" in without:
        return Statement(part.text, cited, claim.verdict, claim.reason, part.words)
    return claim


def _checked(
    part: Part,
    question: str,
    cited: tuple[Evidence, ...],
    evidence: Sequence[Evidence],
    language: Language,
    embedder: Embedder,
    without: Collection[str],
) -> Statement:
    words = _REASONS[language]
    quotable = "quotes" not in without
    if _is_foreign(part.text, language):
        # Told in the evidence's language: its words are a quotation, or nothing.
        said = part.words or part.text
        if quotable and (source := quotation.holding(said, cited or evidence)):
            return quotation.phrase(said, source, language, words["quoted"])
        return Statement(said, cited, "unsupported", words["language"])
    names = _names(part.text, evidence)
    texts = [item.text for item in cited]
    named = cited and all(any(item in name for item in cited) for name in names)
    if named and support(part.text, part.words, texts, embedder, question).stands:
        return Statement(part.text, cited, "supported", "", part.words)
    # The model named no sentence, or the wrong one: look for the one that bears the claim out best.
    # One cited alone was judged above, and does not.
    able = [item for item in evidence if (item,) != cited and all(item in name for name in names)]
    able = able if "repair" not in without else []
    found = [(support(part.text, part.words, [item.text], embedder, question), item) for item in able]
    best = max((one for one in found if one[0].stands), key=lambda one: one[0].probability, default=None)
    if best:
        return Statement(
            part.text, (best[1],), "partial", words["lacking" if cited else "unnamed"], part.words
        )
    if quotable and part.words and (source := quotation.holding(part.words, cited)):
        return quotation.phrase(part.words, source, language, words["quoted"])
    absent = quantities.missing(part.text, [item.text for item in evidence])
    if absent:
        values = (re.sub(r"month (\d+)", lambda month: words["month"].format(n=month[1]), v) for v in absent)
        told = words["missing"].format(values=words["comma"].join(values))
    else:
        told = words["apart" if not cited or names or quantities.claimed(part.text) else "unborne"]
    # What is shown instead should at least be about what the claim names.
    about = max(evidence, key=lambda item: (sum(item in name for name in names), item in cited))
    return Statement(part.text, (about,) if names else cited, "unsupported", told)


def _is_aside(question: str, claim: Statement) -> bool:
    """Whether a claim's words are not what was asked for, though its sentence may hold that."""
    sentence = claim.cited[0].text if claim.cited else ""
    if speakers.asked(question) and not speakers.is_speaker(claim.words or claim.text, sentence):
        return True
    return repeats(question, claim.text) or counts_other(question, claim.text, sentence)


def _is_foreign(text: str, language: Language) -> bool:
    """Whether a statement is not in the language of the answer; a name or a number alone is in any."""
    letters = sum(char.isalpha() for char in text)
    own = sum(char.isalpha() and is_arabic(char) == (language == "ar") for char in text)
    return own == 0 < letters and (language == "en" or len(text.split()) > LATIN_NAME)


def _rescued(claim: Statement, question: str, language: Language, likely: Likely) -> Statement:
    """In place of a claim that failed: the sentence that it cited, where that is probably the right one."""
    if claim.verdict != "unsupported" or not claim.cited or not likely.choice:
        return claim
    # A sentence on what happened is worth reading where it does not say when; one of another year is not, one
    # without a number does not say how many, and words that repeat the question were no name.
    wanted, sentence = kind(question), claim.cited[0].text
    unfit = wanted == "quantity" and not fits(question, sentence)
    if wanted == "name" or unfit or elsewhen(question, sentence):
        return claim
    reason = _REASONS[language]["instead"].format(reason=claim.reason)
    return quotation.whole(claim.cited[0], language, reason, claim.words or claim.text)


def _told_whole(claims: Sequence[Statement], language: Language) -> list[Statement]:
    """In place of words that are probably wrong: the sentences that they are taken from, each once."""
    told: dict[tuple[Evidence, ...], Statement] = {}
    for claim in claims:
        if claim.cited and not claim.whole:
            item = claim.cited[0]
            # Who cannot read the sentence has no other hint of what it says.
            translated = is_arabic(item.text) != (language == "ar") and not claim.reason
            reason = _REASONS[language]["doubtful"].format(text=claim.text) if translated else ""
            claim = quotation.whole(item, language, reason, claim.words or claim.text)
        told.setdefault(claim.cited, claim)
    return list(told.values())


def _deed_and_plan(
    question: str, claims: Sequence[Statement], likely: Likely, language: Language
) -> list[Statement]:
    """What is done and what was planned, named so, as the sentences may be in another language."""
    told = []
    for claim, label in zip(claims, (DONE[language], PLANNED[language]), strict=True):
        words = likely.words and claim.verdict == "supported" and fits(question, claim.text, claim.words)
        if claim.whole or not words:
            claim = quotation.whole(
                claim.cited[0], language, words=claim.words or claim.text, frame=quotation.QUOTED
            )
        told.append(dataclasses.replace(claim, text=label.format(text=claim.told), note=""))
    return told


def _disagree(claims: Sequence[Statement]) -> bool:
    """Whether supported answers to one question, from different sentences, differ in numbers or months."""
    values = [quantities.claimed(claim.text) for claim in claims]
    return (
        all(claim.verdict == "supported" for claim in claims)
        and all(values)
        and len({frozenset(own) for own in values}) == len(claims)
        and len({claim.cited for claim in claims}) == len(claims)
    )


def _newest_first(claims: Sequence[Statement], language: Language) -> list[Statement]:
    """Sides of a disagreement, the latest publication first, each with its outlet and date where known."""
    told = []
    for claim in sorted(claims, key=lambda c: c.cited[0].published or "", reverse=True):
        source = claim.cited[0]
        of = _REASONS[language]["comma"].join(part for part in (source.outlet, source.published) if part)
        bare = claim.told.rstrip(".؟!؛ ")
        told.append(dataclasses.replace(claim, text=f"{bare} ({of})." if of else f"{bare}.", note=""))
    return told


def _nearest(failed: Statement, evidence: Sequence[Evidence], language: Language) -> Statement:
    """In place of a claim that failed: the sentence that it cited, else the one nearest to the question."""
    item = failed.cited[0] if failed.cited else evidence[0]
    reason = _REASONS[language]["dropped"].format(reason=failed.reason)
    return Statement(NEAREST[language], (item,), "partial", reason)


def _names(text: str, evidence: Sequence[Evidence]) -> list[list[Evidence]]:
    """For each name of a claim in Latin letters the Arabic evidence that it stands in, if in any.

    A name that stands nowhere may be spelt too freely to be told, and is passed over.
    """
    wanted = latin_keys(text)
    held = [(item, arabic_keys(item.text)) for item in evidence] if wanted else []
    found = ([item for item, keys in held if keys & name] for name in wanted)
    return [items for items in found if items]


def _dated(claim: Statement, language: Language) -> Statement:
    """A claim with the dates that its source's relative ones mean, where its publication date tells them."""
    dates = resolved(claim.words or claim.text, claim.cited[0].published, language) if claim.cited else []
    if not dates or claim.verdict == "unsupported" or any(date in claim.text for date in dates):
        return claim
    return dataclasses.replace(
        claim, note=DATED[language].format(dates=_REASONS[language]["comma"].join(dates))
    )
