"""Systems to compare the assistant with: itself without a step, and the naive chain.

They are asked like it, and opened by evals/ablation.py alone: nothing here is a setting of the product.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evals.grading.refusals import refuses
from evals.harness.recording import RecordingGenerator, Replies
from rag import Answer, Assistant, Event, Evidence, Filter, Passage, Settings, Turn
from rag.answering import answer_builder, generation
from rag.answering.context import Clock, Context
from rag.answering.draft import Draft
from rag.answering.pipeline import Steps
from rag.answering.verification import verify
from rag.language.text import detect_language
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.models.llm import prompt
from rag.models.llm.factory import open_generator
from rag.models.llm.protocol import Generator
from rag.records import Language, Retrieved

NAIVE_PASSAGES = 4
"""Passages that the naive chain reads: what tutorials and libraries take by default."""


class Timed(Assistant):
    """The assistant, for which a replayed reply takes the seconds that it took when it was recorded."""

    replies: RecordingGenerator
    """The generator that it was opened with."""

    def ask(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        answer_language: Language | None = None,
        emit: Callable[[Event], None] = lambda _event: None,
        cancel: threading.Event | None = None,
    ) -> Answer:
        """As ``Assistant.ask``, in the language of the question."""
        self.replies.replayed.clear()
        answer = self._answer(question, history, where, emit, cancel)
        if not (replayed := self.replies.replayed):
            return answer
        seconds = sum(reply.seconds for reply in replayed)
        spared = {"generate": seconds, "total": seconds}
        timings = {stage: own + spared.get(stage, 0.0) for stage, own in answer.timings.items()}
        return dataclasses.replace(answer, timings=timings)

    def _answer(
        self,
        question: str,
        history: Sequence[Turn],
        where: Filter | None,
        emit: Callable[[Event], None],
        cancel: threading.Event | None,
    ) -> Answer:
        return super().ask(question, history=history, where=where, emit=emit, cancel=cancel)


class Naive(Timed):
    """The naive chain: the best passages whole, in one plain prompt to the model without the adapter.

    Its text is the reply; it cites the passages that the reply's markers name. Nothing is dropped or
    replaced: the verifier's verdicts are recorded in its claims, and that is all they do.
    """

    def _answer(
        self,
        question: str,
        history: Sequence[Turn],
        where: Filter | None,
        emit: Callable[[Event], None],
        cancel: threading.Event | None,
    ) -> Answer:
        clock = Clock()
        retrieved = self.search(question, k=NAIVE_PASSAGES, history=history, where=where)
        clock.mark("retrieve")
        evidence = [_whole(passage, self) for passage in retrieved.passages]
        emit(Retrieved(retrieved.passages, tuple(evidence)))
        context = Context(
            search=lambda *_, **__: retrieved,
            model=self.replies,
            template=prompt.load("naive"),
            settings=dataclasses.replace(self.settings, prompt="naive"),
            articles=frozenset(),
            language=detect_language(question),
            emit=emit,
            cancel=cancel,
            clock=clock,
        )
        draft = generation.generate(question, evidence, context)
        clock.mark("generate")
        built = answer_builder.build([_as_written(draft, context)], context.language)
        return Answer(
            question=question,
            text=built.text,
            language=context.language,
            outcome="not_found" if refuses(built.text) else built.outcome,
            claims=built.claims,
            citations=built.citations,
            passages=retrieved.passages,
            evidence=draft.evidence,
            model=self.replies.identity,
            generation=self.generation,
            timings=clock.finish(),
            where=where,
        )


def _as_written(draft: Draft, context: Context) -> Draft:
    """A draft whose statements say what the model said, each with the verdict that it would get."""
    statements = tuple(
        dataclasses.replace(written, verdict=judged.verdict, reason=judged.reason)
        for written, judged in zip(draft.statements, verify(draft, context).statements, strict=True)
    )
    return dataclasses.replace(
        draft, statements=statements, outcome="answered" if statements else "not_found"
    )


def _whole(passage: Passage, assistant: Assistant) -> Evidence:
    article = assistant.article(passage.chunk.article_id)
    return Evidence(
        number=passage.rank,
        article_id=article.id,
        start=passage.chunk.start,
        end=passage.chunk.end,
        text=passage.text,
        title=passage.title,
        outlet=passage.outlet,
        published=passage.published,
        source=article.source,
        line=article.text.count("\n", 0, passage.chunk.start) + 1,
        score=passage.score,
        also=passage.also,
    )


@dataclass(frozen=True, slots=True)
class System:
    """Something that is asked."""

    about: str
    """What it is, in a few words."""
    without: tuple[str, ...] = ()
    """Steps of the answer that are left out."""
    adapter: bool | None = None
    """Whether Sanad's adapter is merged; None leaves it to the settings."""
    kind: type[Timed] = Timed
    """What answers."""

    def open(
        self,
        index: str,
        settings: Settings,
        replies: Replies,
        *,
        embedder: Embedder | None = None,
        generator: Generator | None = None,
    ) -> Timed:
        """Open it over an index that is there.

        Args:
            index: The index's name.
            settings: The user's.
            replies: What models wrote so far.
            embedder: Defaults to the one that the settings name.
            generator: Defaults to the one that the settings name.
        """
        if self.adapter is not None:
            settings = dataclasses.replace(settings, adapter=self.adapter)
        # A generator that is handed over gets the plain prompt unless the settings name another one.
        named = dataclasses.replace(settings, prompt=settings.template)
        embedder = embedder or open_embedder(settings)
        recording = RecordingGenerator(generator or open_generator(settings), replies)
        opened = self.kind.open(index, settings=named, embedder=embedder, generator=recording)
        assert isinstance(opened, Timed)  # noqa: S101 - Assistant.open opens its own kind
        opened.replies = recording
        opened.steps = Steps().without(self.without)
        return opened


WHOLE = "whole"
"""The assistant as the settings have it, with which every other system is compared."""

NAIVE = "naive"
"""The naive chain."""

ADAPTER = "adapter"
"""The assistant over the model as its makers published it."""

STEPS = Steps().names
"""The steps that are left out in turn."""

SYSTEMS = {
    WHOLE: System("the assistant"),
    **{step: System(f"without {step.replace('_', ' ')}", (step,)) for step in STEPS},
    ADAPTER: System("the model as its makers published it", adapter=False),
    NAIVE: System(f"the {NAIVE_PASSAGES} best passages in one prompt", adapter=False, kind=Naive),
}
"""By name: the assistant, itself without a step, and the naive chain."""
