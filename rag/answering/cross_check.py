"""A second look: what other articles say to a question that one has answered with a number or a date.

The first answer comes from the sentences that fit the question best, which one article often gives alone. The
others are searched with the question and the sentence that was named, as a later report names a base where
the plan before it names the region; and the model is asked the same again over what they say. Two values make
a disagreement, and both are told; the same value twice is cited twice. So do a plan and what another article
says became of it (plans.py), for which the model is not asked: over the plan alone it says, rightly, that
a sentence on the region does not name the base.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence, Set

from rag.answering.answer_type import is_choice, kind
from rag.answering.plans import asked, fulfils
from rag.answering.reply import Part, Reply
from rag.language import quantities
from rag.language.names import latin_keys
from rag.language.terms import arabic_keys
from rag.records import Evidence


def due(reply: Reply, evidence: Sequence[Evidence], question: str) -> bool:
    """Whether other articles are worth asking: one statement, of a value or where one is asked for.

    Args:
        reply: The first one.
        evidence: What it was made from.
        question: As put to the model.
    """
    asks = kind(question) in ("time", "quantity")
    return _is_one(reply, evidence) and (asks or bool(quantities.claimed(reply.parts[0].text)))


def dated(reply: Reply, evidence: Sequence[Evidence], question: str) -> bool:
    """Whether a plan, or what became of it, may stand against the answer: one statement on when or whether.

    Args:
        reply: The first one.
        evidence: What it was made from.
        question: As put to the model.
    """
    return _is_one(reply, evidence) and (kind(question) == "time" or is_choice(question))


def rival(
    question: str, reply: Reply, evidence: Sequence[Evidence], others: Sequence[Evidence]
) -> Evidence | None:
    """The best sentence that tells as done what the named one tells as planned, or the other way round.

    Args:
        question: As put to the model.
        reply: The first one.
        evidence: What it was made from.
        others: Sentences of other articles, best first.
    """
    about = asked(question)
    named = _named(reply.parts[0], evidence)
    return next(
        (
            other
            for other in others
            for item in named
            if (_became(item, other, about) and not _elsewhere(question, item, other))
            or _became(other, item, about)
        ),
        None,
    )


def query(question: str, reply: Reply, evidence: Sequence[Evidence]) -> str:
    """What the other articles are searched with; arguments as for ``due``."""
    return " ".join([question, *(item.text for item in _named(reply.parts[0], evidence))])


def told_elsewhere(reply: Reply, evidence: Sequence[Evidence]) -> frozenset[str]:
    """Ids of the articles that a reply is from, and of those that hold the same sentence."""
    named = _named(reply.parts[0], evidence)
    return frozenset(
        [item.article_id for item in named] + [other.article_id for item in named for other in item.also]
    )


def together(
    first: Reply, shown: Sequence[Evidence], second: Reply, more: Sequence[Evidence]
) -> tuple[Reply, tuple[Evidence, ...]] | None:
    """Both replies as one, and the evidence that it is over; None where the second adds nothing.

    Args:
        first: The first reply.
        shown: Its evidence.
        second: What other articles answered.
        more: Their evidence.
    """
    if not _is_one(second, more):
        return None
    renumbered = tuple(dataclasses.replace(item, number=len(shown) + n) for n, item in enumerate(more, 1))
    one = first.parts[0]
    other = dataclasses.replace(
        second.parts[0], marks=tuple(len(shown) + item.number for item in _named(second.parts[0], more))
    )
    values, others = quantities.claimed(one.text), quantities.claimed(other.text)
    if not others:
        return None
    if values and (values <= others or others <= values):  # "September" and "September 2025"
        fuller = other if len(others) > len(values) else one
        both = dataclasses.replace(fuller, marks=(*one.marks, *other.marks))
        return Reply((both,), refused=False, phrases=first.phrases), (*shown, *renumbered)
    if values and _is_date(one) != _is_date(other):
        return None
    return Reply((one, other), refused=False, sides=True), (*shown, *renumbered)


def both(
    question: str, first: Reply, shown: Sequence[Evidence], rival: Evidence
) -> tuple[Reply, tuple[Evidence, ...]]:
    """The first reply and the rival sentence, the deed before the plan, and the evidence that they are over.

    Args:
        question: As put to the model.
        first: The first reply.
        shown: Its evidence.
        rival: What ``rival`` found.
    """
    other = dataclasses.replace(rival, number=len(shown) + 1)
    parts = [first.parts[0], Part("", (other.number,), whole=True)]
    if any(_became(item, other, asked(question)) for item in _named(first.parts[0], shown)):
        parts.reverse()
    return Reply(tuple(parts), refused=False, sides=True, opposed=True), (*shown, other)


def _became(plan: Evidence, deed: Evidence, about: Set[str]) -> bool:
    """Whether one sentence tells what became of another's plan; published before it, it cannot."""
    late = not plan.published or not deed.published or plan.published <= deed.published
    return late and fulfils(deed.text, plan.text, about)


def _elsewhere(question: str, plan: Evidence, deed: Evidence) -> bool:
    """Whether a deed names none of what its question and the plan name: it was done at another place.

    The other way round it is usual: a plan for a region does not name each base of it. Names are told by
    their capital letters, so in an English question only.
    """
    planned, done = ({*arabic_keys(item.text), *_keys(item.text)} for item in (plan, deed))
    shared = [name for name in latin_keys(question) if name & planned]
    return bool(shared) and not any(name & done for name in shared)


def _keys(text: str) -> set[str]:
    return {key for name in latin_keys(text) for key in name}


def _named(part: Part, evidence: Sequence[Evidence]) -> list[Evidence]:
    return [item for item in evidence if item.number in part.marks]


def _is_one(reply: Reply, evidence: Sequence[Evidence]) -> bool:
    """Whether it is one statement that names its sentence."""
    return len(reply.parts) == 1 and bool(_named(reply.parts[0], evidence))


def _is_date(part: Part) -> bool:
    return bool(quantities.months(part.text) or quantities.years(part.text))
