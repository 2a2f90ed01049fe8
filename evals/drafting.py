"""Proposes questions from articles by rule: a sentence that contains a value, and a question for that value.

A proposal is raw material for a person. It uses the words of its sentence, which makes it too easy to find;
reword it. Proposals ask for numbers, years and speakers, because such answers can be graded without a judge.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from evals.grading.matching import holds
from evals.grading.score import Span
from rag import Article
from rag.language.text import detect_language
from rag.records import Language

SHORTEST, LONGEST = 40, 320
"""Length in characters of a sentence that is asked about: shorter ones are headings, longer ones say too
much."""

_SENTENCE = re.compile(r"[^\n]+?(?:[.!?؟…]+(?=\s|$)|$)", re.MULTILINE)

_SAID_ARABIC = re.compile(
    r"\b[وف]?(?P<verb>(?:قال|أعلن|أوضح|أكد|صرح|ذكر)ت?)\s+(?P<value>(?!ب?ذلك\b)\S[^،,]{2,70}?)(?:[،,][^،,]*[،,]?)?"
    # Not "said X after that …", which goes on about the time.
    r"(?<!\bبعد)(?<!\bقبل)\s+(?P<that>إن|أن|بأن)(?=[\sهن])(?P<rest>.+)"
)
_SAID_ENGLISH = re.compile(r"^(?P<rest>.{20,}?),? (?:said|says) (?P<value>[^,.]{3,70})\.?$")

_YEAR = re.compile(r"(?:(?:عام|سنة|العام)\s+)?(?<![\w.,/–-])(?P<value>(?:19|20|١٩|٢٠)\d\d)(?![\w/–-]|[.,]\d)")

_MANY = r"ألفا?|آلاف|مليون|ملايين|مليار|مليارات|thousand|million|billion"
_NUMBER = re.compile(
    rf"(?<![\w.,/–-])(?P<value>\d[\d.,٬٫]*(?:\s(?:{_MANY}))\b|\d{{1,3}}(?:[,٬]\d{{3}})+|\d{{3,}})"
    r"(?=\s+[^\W\d])"
)
"""Numbers of three digits or with a word like million: most shorter ones are days and street numbers."""

_SHARE = re.compile(
    r"(?<![\w.,/–-])(?P<value>\d[\d.,٫]*)\s?(?:%|٪|percent|per cent|(?:في|ب)\s?ال(?:مئة|مائة))"
)

_ASKING: dict[Language, dict[str, str]] = {
    "ar": {"date": "أي عام", "share": "كم في المئة", "number": "كم", "mark": "؟"},
    "en": {"date": "which year", "share": "what percentage", "number": "how many", "mark": "?"},
}
"""Words that replace the value, and the end of the question."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A question that a person may accept, edit or reject."""

    article_id: str
    """The article asked about."""
    start: int
    """Where the sentence begins in the article's text."""
    quote: str
    """The sentence, verbatim."""
    question: str
    """A question that it answers."""
    answer: str
    """The value asked for, as the sentence writes it."""
    kind: str
    """``person``, ``date`` or ``number``: a tag."""
    language: Language
    """Of the article's sentence."""


def proposals(articles: Sequence[Article], asked: Collection[Span], seed: int) -> Iterator[Proposal]:
    """Proposals in random order, the articles taking turns.

    Args:
        articles: What to ask about.
        asked: Spans that questions are based on already; their sentences are skipped.
        seed: Another one gives another order.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    queues = []
    for article in articles:
        drafts = [p for p in _of(article) if not any(_span(p).overlaps(span) for span in asked)]
        chance.shuffle(drafts)
        queues.append(drafts)
    while queues := [queue for queue in queues if queue]:
        for queue in queues:
            yield queue.pop()


def _span(proposal: Proposal) -> Span:
    return Span(proposal.article_id, proposal.start, proposal.start + len(proposal.quote))


def _of(article: Article) -> Iterator[Proposal]:
    for match in _SENTENCE.finditer(article.text):
        quote = match[0].strip()
        if SHORTEST <= len(quote) <= LONGEST:
            language = detect_language(quote)
            for kind, question, answer in _asked(quote, language):
                # A value that occurs twice in its sentence would be in the question.
                if not holds(question, answer):
                    start = match.start() + match[0].index(quote)
                    yield Proposal(article.id, start, quote, question, answer, kind, language)
                    break


def _asked(quote: str, language: Language) -> Iterator[tuple[str, str, str]]:
    """Kind, question and answer of each value of a sentence, best first."""
    words = _ASKING[language]
    if language == "ar" and (said := _SAID_ARABIC.search(quote)):
        rest = said["rest"].rstrip(" .")
        who = "التي" if said["verb"].endswith("ت") else "الذي"
        yield "person", f"من {who} {said['verb']} {said['that']}{rest}؟", said["value"].strip()
    if language == "en" and (said := _SAID_ENGLISH.match(quote)):
        yield "person", f"Who said that {_lowered(said['rest'])}?", said["value"]
    for name, pattern in (("date", _YEAR), ("share", _SHARE), ("number", _NUMBER)):
        for found in pattern.finditer(quote):
            if name == "number" and _YEAR.fullmatch(found["value"]):
                continue
            text = f"{quote[: found.start()]}{words[name]}{quote[found.end() :]}".rstrip(" .…!؟?")
            yield "number" if name == "share" else name, f"{text}{words['mark']}", found["value"]


def _lowered(text: str) -> str:
    """A sentence's beginning inside another sentence: The becomes the, Iraq stays."""
    first, _, rest = text.partition(" ")
    return f"{first.lower() if first in _SMALL else first} {rest}"


_SMALL = frozenset(
    ["The", "A", "An", "It", "They", "There", "This", "These", "In", "On", "More", "About", "Its"]
)
"""Words that are capitalised only at the beginning of a sentence."""
