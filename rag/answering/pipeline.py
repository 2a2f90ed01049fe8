"""A question that stands alone → what the model writes of it, what other articles add, what of it stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Set
from dataclasses import dataclass

from rag.answering import answerability, cross_check, prompt, verification
from rag.answering.answer_builder import Judged
from rag.answering.answer_type import fits, is_choice
from rag.answering.answerability import Judge
from rag.answering.generation import UNSURE, Drafted, Writer, silently, surer
from rag.answering.outdated import asks_for_now, bearers, outdated
from rag.answering.timings import Clock
from rag.models.embedding.embedder import Embedder
from rag.records import Evidence, Language, Retrieved, Token
from rag.settings import Settings

Search = Callable[[str, frozenset[str], tuple[int, int] | None], Retrieved]
"""A question, ids of the articles that are searched, and most passages and sentences, where these are not the
settings' → what is found."""

DEEP = 10, 30
"""Passages and sentences that are looked through for a plan and what became of it. On the questions that were
developed on the right one stood among the first 25 sentences and a wrong one nowhere (docs/decisions.md)."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Puts questions to the articles and the model."""

    search: Search
    """Searches the index."""
    writer: Writer
    """Asks the model."""
    embedder: Embedder
    """Judges claims by their likeness."""
    settings: Settings
    """The user's."""
    articles: Set[str]
    """Ids of the articles that may be searched."""
    language: Language
    """Of the answer."""
    judge: Judge | None = None
    """Asks again whether a sentence answers; None for a model of which nobody knows what that tells."""

    def put(
        self, question: str, evidence: tuple[Evidence, ...], clock: Clock, *, shown: bool = True
    ) -> Generator[Token, None, tuple[Judged, tuple[Evidence, ...]]]:
        """Ask the model, and check what it says; closing it stops the model.

        Args:
            question: As it stands alone.
            evidence: What was found for it.
            clock: Told when the first piece comes, and what the stages take.
            shown: Whether the draft is yielded; else its tokens are empty, and only let a reader leave.

        Returns:
            What stands of the reply, and the evidence that it is over.

        Raises:
            PromptBroken: Not even the first sentence fits into the model's context.
            GenerationFailed: The model failed.
        """
        writing = self.writer.drafted(question, evidence, self.language, clock)
        drafted = yield from (writing if shown else silently(writing))
        clock.mark("generate")
        if "reread" not in self.settings.left_out:
            drafted = yield from self._reread(question, evidence, drafted, clock)
        if "outdated" not in self.settings.left_out:
            drafted = yield from self._up_to_date(question, drafted, clock)
        if self.judge and "answerability" not in self.settings.left_out:
            drafted = yield from self._weighed(question, drafted, self.judge)
            clock.mark("judge")
        # What is taken for no answer has nothing to be told beside it.
        if "second" not in self.settings.left_out and not drafted.likely.doubted:
            drafted = yield from self._looked_again(question, drafted, clock)
        return self._checked(question, drafted), drafted.evidence

    def _reread(
        self, question: str, evidence: tuple[Evidence, ...], first: Drafted, clock: Clock
    ) -> Generator[Token, None, Drafted]:
        """An unsure draft, or the one over the same evidence in another order if that is surer.

        Which of several near sentences a small model names depends on where they stand; where it is sure, it
        does less.
        """
        if first.choice is None or first.choice >= UNSURE or len(first.evidence) < 2:
            return first
        turned = self.writer.drafted(question, evidence, self.language, arrange=prompt.turned)
        other = yield from silently(turned)
        clock.mark("reread")
        return surer(first, other)

    def _up_to_date(self, question: str, first: Drafted, clock: Clock) -> Generator[Token, None, Drafted]:
        """A draft, or one over what tells of now, where that is asked for and the first tells of before."""
        parts, evidence = first.reply.parts, first.evidence
        if first.choice is None or not parts or not asks_for_now(question):
            return first
        before = outdated(evidence)
        kept = tuple(part for part in parts if not bearers(part, evidence) <= before)
        left = tuple(item for item in evidence if item.number not in before and fits(question, item.text))
        if kept or not left:
            sides = first.reply.sides and len(kept) > 1
            reply = dataclasses.replace(first.reply, parts=kept or parts, sides=sides)
            return dataclasses.replace(first, reply=reply)
        other = yield from silently(self.writer.drafted(question, left, self.language))
        clock.mark("reread")
        if not other.reply.parts or other.choice is None or other.choice < UNSURE:
            return first
        return dataclasses.replace(other, evidence=evidence)

    def _weighed(self, question: str, first: Drafted, judge: Judge) -> Generator[Token, None, Drafted]:
        """The draft, with what the model makes of the sentence that it names."""
        parts = first.reply.parts
        if len(parts) != 1 or first.choice is None or first.choice >= answerability.SURE:
            return first
        if is_choice(question):  # the judge was made for questions that a phrase answers, not yes or no
            return first
        named = [item for item in first.evidence if item.number in parts[0].marks]
        answers = (yield from judge.answers(question, named[0], self.language)) if named else None
        if answers is None or answers >= answerability.KEPT:
            return first
        return dataclasses.replace(first, likely=dataclasses.replace(first.likely, doubted=True))

    def _checked(self, question: str, drafted: Drafted) -> Judged:
        return verification.check(
            drafted.reply,
            drafted.evidence,
            self.language,
            self.embedder,
            question=question,
            likely=drafted.likely,
            without=self.settings.left_out,
        )

    def _looked_again(self, question: str, first: Drafted, clock: Clock) -> Generator[Token, None, Drafted]:
        """The draft, with what other articles say to the same question."""
        reply, shown = first.reply, first.evidence
        dated = (first.likely.words or first.likely.choice) and cross_check.dated(reply, shown, question)
        # Only the adapted model tells how sure it is; any other is not taught to refuse, and would find
        # something to say in every article.
        due = first.sure and cross_check.due(reply, shown, question)
        others = (
            frozenset(self.articles - cross_check.told_elsewhere(reply, shown))
            if dated or due
            else frozenset()
        )
        if not others:
            return first
        added = yield from self._added(question, first, others, dated=dated, due=due)
        clock.mark("second_look")
        return added

    def _added(
        self, question: str, first: Drafted, others: frozenset[str], *, dated: bool, due: bool
    ) -> Generator[Token, None, Drafted]:
        reply, shown = first.reply, first.evidence
        wanted = cross_check.query(question, reply, shown)
        if dated:
            found = self.search(wanted, others, DEEP)
            rival = cross_check.rival(question, reply, shown, found.evidence)
            if rival and self._checked(question, first).outcome != "not_found":
                return Drafted(*cross_check.both(question, reply, shown, rival), first.likely)
        if due:
            there = self.search(wanted, others, None).evidence
            other = yield from silently(self.writer.drafted(question, there, self.language))
            told = cross_check.together(reply, shown, other.reply, other.evidence)
            sure = other.sure and other.likely.aside and not self._is_past(question, other)
            if told and sure and self._stands(question, other):
                return Drafted(*told, first.likely)
        return first

    def _is_past(self, question: str, drafted: Drafted) -> bool:
        """Whether a number of now is asked for, and what is told is one of before."""
        if "outdated" in self.settings.left_out or not asks_for_now(question):
            return False
        before = outdated(drafted.evidence)
        return all(bearers(part, drafted.evidence) <= before for part in drafted.reply.parts)

    def _stands(self, question: str, drafted: Drafted) -> bool:
        alone = verification.check(
            drafted.reply, drafted.evidence, self.language, self.embedder, question=question
        )
        return alone.outcome != "not_found"
