"""The one place that calls the language model: evidence and a question → a draft of an answer."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

from rag.answering import confidence
from rag.answering import draft as drafts
from rag.answering.context import Context, find
from rag.answering.draft import Draft
from rag.answering.support import ENDS
from rag.conversation.answer_type import is_choice, kind
from rag.language.glossing.gloss import gloss
from rag.language.glossing.questions import gloss_question
from rag.language.plans import asks_about_future
from rag.language.text import detect_language, is_arabic
from rag.language.tokens import count, fitting
from rag.models.llm import prompt
from rag.models.llm.protocol import LogProbabilities, Message, check_limits
from rag.records import Evidence, Language

UNSURE = 0.6
"""Probability of a refusal below which the evidence is read again in another way. Thresholds from .6 to .9
did equally well on the questions that they were chosen on, and the lowest of them reads the fewest questions
twice (docs/research/decisions.md)."""

HAPPENED: dict[Language, str] = {"en": "? Or has it already happened?", "ar": "؟ أم حدث ذلك بالفعل؟"}
"""What is added to a refused question about the future, in place of its question mark."""

_text = attrgetter("text")

_LAST = re.compile(r"[^?؟]+(?=[?؟\s]*$)")
"""The last of several questions: a follow-up comes after the question that it depends on."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's reply."""

    text: str
    """All of it."""
    likelihood: LogProbabilities | None
    """Log probabilities of its tokens; None where the backend does not give them."""


def complete(
    messages: Sequence[Message],
    max_tokens: int,
    context: Context,
) -> Completion:
    """The model's reply to a prompt.

    Args:
        messages: The prompt.
        max_tokens: Longest reply, in the model's tokens.
        context: Holds the model, and whether the answer is still wanted.

    Raises:
        Cancelled: The answer is no longer wanted.
        DeadlinePassed: The answer was not complete in time.
        GenerationFailed: The model failed.
    """
    text = ""
    stream_of = context.model.stream(
        messages, max_tokens=max_tokens, cancel=context.cancel, deadline=context.deadline
    )
    # closing() stops the model when the answer is no longer wanted.
    with contextlib.closing(stream_of) as stream:
        while True:
            check_limits(context.cancel, context.deadline)
            try:
                piece = next(stream)
            except StopIteration as end:
                return Completion(text, end.value)
            text += piece


@lru_cache(maxsize=1000)
def glossed(text: str) -> str:
    """A text of an article, an Arabic one word for word in English."""
    return gloss(text) if is_arabic(text) else text


@dataclass(frozen=True, slots=True)
class Form:
    """The form in which a model reads a question and its evidence."""

    wording: prompt.Wording
    """Of sentences and headlines."""
    headlines: bool
    """Whether the headline of each article is shown above its sentences."""

    def arranged(self, evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
        """Evidence in the order in which it is shown: grouped by article where headlines are shown."""
        return prompt.by_article(evidence) if self.headlines else tuple(evidence)


AS_WRITTEN = Form(prompt.as_written, headlines=False)
"""Everything as it is written. With headlines above Arabic sentences the adapted model cites wrong sentences
more often (docs/research/decisions.md)."""

GLOSSED = Form(glossed, headlines=True)
"""Arabic sentences, headlines and questions word for word in English, and the reply in English."""


def form_for(question: str, language: Language, *, adapted: bool) -> Form:
    """The form in which a model reads first.

    The adapted model reads glosses where question and answer are in English: it is trained to, and knows far
    more of English than of Arabic (docs/research/decisions.md).

    Args:
        question: As it is put to the model.
        language: Of the answer.
        adapted: Whether the prompt has the form that the adapter was trained on.
    """
    return GLOSSED if adapted and language == "en" and not is_arabic(question) else AS_WRITTEN


def generate(
    question: str,
    evidence: Sequence[Evidence],
    context: Context,
    *,
    order: prompt.Order = tuple,
    form: Form | None = None,
) -> Draft:
    """What the model answers from evidence.

    Args:
        question: As it is put to the model.
        evidence: Numbered from 1, most useful first; without any the model is not asked.
        context: Holds model, prompt and language.
        order: Puts the evidence into the order in which the model reads it.
        form: The form in which the model reads; by default the one of ``form_for``.

    Raises:
        PromptBroken: Not even the first sentence fits into the model's context.
        Cancelled: The answer is no longer wanted.
        GenerationFailed: The model failed.
    """
    if not evidence:
        return Draft(question, (), refused=True)
    settings = context.settings
    form = form or form_for(question, context.language, adapted=context.adapted)
    over_glosses = form is GLOSSED and is_arabic(question)

    def in_order(items: Sequence[Evidence]) -> tuple[Evidence, ...]:
        return form.arranged(order(items))

    messages, shown = prompt.build(
        context.template,
        question=gloss_question(question) if over_glosses else question,
        evidence=evidence,
        language="en" if over_glosses else context.language,
        count=context.model.count,
        budget=context.model.context - settings.max_new_tokens,
        order=in_order,
        wording=form.wording,
        headlines=form.headlines,
    )
    completion = complete(messages, settings.max_new_tokens, context)
    draft = drafts.parse(completion.text, question, shown, in_order(shown))
    draft = dataclasses.replace(draft, glossed=form is GLOSSED)
    return confidence.rated(draft, completion.likelihood, context.model.identity)


def read_again(draft: Draft, context: Context) -> Draft:
    """Step: where the model refuses with low confidence, ask again in another way.

    Whether a small model finds the answer among similar sentences depends on their positions. And the adapted
    model, which knows more of English than of Arabic, finds answers to Arabic questions over glosses that it
    does not find over the sentences.
    """
    first = draft.confidence
    if not draft.refused or first is None or first.choice >= UNSURE or len(draft.evidence) < 2:
        return draft
    if context.adapted and context.language == "ar" and is_arabic(draft.question):
        reread = generate(draft.question, draft.evidence, context, form=GLOSSED)
    else:
        reread = generate(draft.question, draft.evidence, context, order=prompt.rotated)
    context.clock.mark("reread")
    return draft if reread.refused or reread.confidence is None or not reread.statements else reread


def read_on(draft: Draft, context: Context) -> Draft:
    """Step: where the model refuses, read the next sentences too.

    A small model that is shown twice as many sentences at once cites more wrong ones. So it reads the next
    ones by themselves. Those that it cites replace the last of the first ones, and the reply to this mixture
    decides.
    """
    if not draft.refused or draft.confidence is None or draft.part is None:
        return draft
    most, tokens = context.settings.evidence, context.settings.evidence_tokens
    spans = {drafts.span(item) for item in draft.evidence}
    retrieved = find(draft.part, context.search, sentences=2 * most).evidence
    unread = (item for item in retrieved if drafts.span(item) not in spans)
    following = fitting(unread, _text, most=most, tokens=tokens)
    if not following:
        return draft
    reread = generate(draft.question, drafts.renumbered(following), context)
    cited = [item for statement in reread.statements for item in statement.cited]
    if cited:
        tokens_left = tokens - sum(count(item.text) for item in cited)
        first = fitting(draft.evidence, _text, most=max(most - len(cited), 1), tokens=tokens_left)
        reread = generate(draft.question, drafts.renumbered([*first, *cited]), context)
    context.clock.mark("reread")
    return reread if cited and reread.statements and confidence.chose(reread) else draft


def ask_whether_done(draft: Draft, context: Context) -> Draft:
    """Step: where the model refuses to say when or whether something will happen, ask if it has happened.

    The model refuses "When will the troops leave?" where the sentence says that they have left. The next
    sentences are read too, as in ``read_on``.
    """
    last = _LAST.search(draft.part.own if draft.part else draft.question)
    if not draft.refused or draft.confidence is None or not last or not _asks_when_or_whether(last[0]):
        return draft
    language = detect_language(draft.question)
    question = f"{draft.question.rstrip(ENDS)}{HAPPENED[language]}"
    reread = dataclasses.replace(generate(question, draft.evidence, context), part=draft.part)
    context.clock.mark("reread")
    reread = read_on(reread, context)
    if not reread.statements or not confidence.chose(reread):
        return draft
    return dataclasses.replace(reread, question=draft.question, happened=True)


def _asks_when_or_whether(question: str) -> bool:
    """Whether a question asks when something will happen, or whether it will."""
    return asks_about_future(question) and (kind(question) == "time" or is_choice(question))
