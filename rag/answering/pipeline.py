"""One question → one answer. Read this file to see how an answer is made; the steps are in what it imports.

    rewrite and decompose   a follow-up becomes a standalone question, which is split into its parts
    retrieve                passages and evidence sentences for each part
    generate                the model answers from them
    drafting steps          other readings, other articles: they may change the draft or add to it
    verify                  each statement is checked against the sentences that it cites, once
    checking steps          the form of the answer
    decide                  answered, partial, conflict or not found
    presentation steps      translations, quotations, sides of a disagreement
    build                   one text with numbered citations

A step is a function ``(draft, context) -> draft``; a new one is added to ``Steps``. ``Steps.without`` leaves
steps out by name, which is how evals/ablation.py measures them. The figures are in docs/research/results.md,
the reasons for keeping or removing a step in docs/research/decisions.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rag.answering import answer_builder, presentation
from rag.answering.context import Context, find
from rag.answering.cross_check import cross_check
from rag.answering.decision import check_form, decide, one_subject, quote_chosen, settle
from rag.answering.draft import Draft, renumbered
from rag.answering.generation import ask_whether_done, generate, read_again, read_on
from rag.answering.translation import translate_cited
from rag.answering.verification import verify
from rag.conversation.decompose import Part, decompose
from rag.conversation.rewrite import rewrite
from rag.records import Answer, Filter, Retrieved, StageStarted, Turn

Step = Callable[[Draft, Context], Draft]
"""Changes a draft, or returns it as it is."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The optional steps of an answer, in order."""

    drafting: tuple[Step, ...] = (read_again, read_on, ask_whether_done, cross_check)
    """Before verification."""
    checking: tuple[Step, ...] = (one_subject, check_form, quote_chosen)
    """After verification, before the decision."""
    presenting: tuple[Step, ...] = (translate_cited, *presentation.STEPS)
    """After the decision."""
    decomposing: bool = True
    """Whether a question of several parts is answered part by part."""

    @property
    def names(self) -> tuple[str, ...]:
        """The steps that ``without`` can leave out."""
        steps = (*self.drafting, *self.checking, *self.presenting)
        return (*(step.__name__ for step in steps), *(["decompose"] if self.decomposing else []))

    def without(self, names: Iterable[str]) -> Steps:
        """These steps without some of them.

        Args:
            names: Names of steps.

        Raises:
            ValueError: There is no step of this name.
        """
        left_out = set(names)
        if unknown := left_out - set(self.names):
            raise ValueError(f"There is no step {sorted(unknown)}; there are {', '.join(self.names)}.")

        def kept(steps: Sequence[Step]) -> tuple[Step, ...]:
            return tuple(step for step in steps if step.__name__ not in left_out)

        decomposing = self.decomposing and "decompose" not in left_out
        return Steps(kept(self.drafting), kept(self.checking), kept(self.presenting), decomposing)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked."""

    question: str
    """As typed, trimmed."""
    history: Sequence[Turn] = ()
    """Earlier turns of the conversation, oldest first."""
    where: Filter | None = None
    """What the search is limited to."""
    generation: str = ""
    """Identity of the index generation that answers."""


def answer(request: Request, context: Context, steps: Steps = Steps()) -> Answer:
    """Answer a question.

    Args:
        request: The question.
        context: Index, model, settings, progress.
        steps: The optional steps.

    Raises:
        Cancelled: The answer is no longer wanted.
        GenerationFailed: The model failed.
        PromptBroken: Not even one sentence fits into the model's context.
    """
    parts = understand(request.question, request.history, context.settings.max_question, steps)
    retrievals = [find(part, context.search) for part in parts]
    together = retrieved(request.question, parts, retrievals, context.settings.passages)
    context.clock.mark("retrieve")
    context.emit(together)
    drafts = [
        checked(part, retrieval, context, steps) for part, retrieval in zip(parts, retrievals, strict=True)
    ]
    built = answer_builder.build(drafts, context.language)
    return Answer(
        question=request.question,
        text=built.text,
        language=context.language,
        outcome=built.outcome,
        claims=built.claims,
        citations=built.citations,
        passages=together.passages,
        evidence=renumbered(item for draft in drafts for item in draft.evidence),
        model=context.model.identity,
        generation=request.generation,
        timings=context.clock.finish(),
        where=request.where,
        understood=together.understood,
    )


def checked(part: Part, retrieval: Retrieved, context: Context, steps: Steps) -> Draft:
    """The answer to one part of a question, checked and ready to be built.

    Args:
        part: The part.
        retrieval: What was retrieved for it.
        context: As for ``answer``.
        steps: As for ``answer``.
    """
    draft = dataclasses.replace(generate(part.asked, retrieval.evidence, context), part=part)
    context.clock.mark("generate")
    context.emit(StageStarted("checking"))
    for step in steps.drafting:
        draft = step(draft, context)
    draft = verify(draft, context)
    for step in steps.checking:
        draft = step(draft, context)
    draft = decide(draft, context)
    if draft.outcome != "not_found":
        for step in steps.presenting:
            draft = step(draft, context)
    return dataclasses.replace(settle(draft), question=part.own)


def understand(question: str, history: Sequence[Turn], longest: int, steps: Steps) -> tuple[Part, ...]:
    """The questions that are searched for and put to the model.

    Args:
        question: As typed, trimmed.
        history: Earlier turns, oldest first.
        longest: Most characters of a question.
        steps: Whether a question of several parts is split.
    """
    standalone = rewrite(question, history, longest=longest)
    return decompose(standalone, longest=longest, entire=not steps.decomposing)


def retrieved(question: str, parts: Sequence[Part], retrievals: Sequence[Retrieved], k: int) -> Retrieved:
    """What was found for all parts, with the question as understood where that differs from the typed one.

    Args:
        question: As typed.
        parts: Of the question.
        retrievals: For each of the parts.
        k: Passages for each part at most.
    """
    together = answer_builder.found_together(retrievals, k * len(parts))
    understood = parts[0].searched if len(parts) == 1 else " ".join(part.own for part in parts)
    return together if understood == question else dataclasses.replace(together, understood=understood)
