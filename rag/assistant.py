"""Questions become answers: the second half of the spine, after index/indexing.py. Each line is a step."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Generator as PieceGenerator
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from rag.answering import answer_builder, answerability, prompt
from rag.answering.answer_builder import Judged
from rag.answering.generation import Writer
from rag.answering.pipeline import Inquiry
from rag.answering.question import check_question
from rag.answering.timings import Clock
from rag.conversation import decompose, rewrite
from rag.conversation.decompose import Part
from rag.errors import BadArticles, IndexMissing, IndexUnusable
from rag.index import filters, generations, indexing, maintenance
from rag.index.generations import Written
from rag.index.indexing import Built
from rag.index.snapshot import Generation
from rag.language.text import detect_language
from rag.loading import uploads
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.models.llm.factory import load_in_background, open_generator, replies_at_once
from rag.models.llm.protocol import Generator, Likelihood, Message
from rag.models.llm.watchdog import SupervisedGenerator
from rag.records import (
    Answer,
    Article,
    Event,
    Evidence,
    Filter,
    Finished,
    Language,
    Passage,
    Progress,
    Retrieved,
    Turn,
)
from rag.retrieval.search import Searcher
from rag.settings import DEFAULT_INDEX, PLAIN, Settings, index_folder, quiet_libraries


class Assistant:
    """Answers questions about the articles of one index. Safe to use from several threads.

    Models are loaded at the first question. When a newer generation of the index has been built, the
    next question is answered from it.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        embedder: Embedder,
        generator: Generator | None,
        progress: Progress,
    ) -> None:
        self.settings = settings
        self._folder = folder
        self._embedder = embedder
        self._generator = generator
        self._opening = threading.Lock()
        self._reopening = threading.Lock()
        self._progress = progress
        # A generator that was handed over is not the one that the settings would open.
        template = settings.prompt or PLAIN if generator else settings.template
        self._template = prompt.load(template)
        self._open = self._opened()

    @classmethod
    def open(
        cls,
        index: str = DEFAULT_INDEX,
        *,
        settings: Settings | None = None,
        embedder: Embedder | None = None,
        generator: Generator | None = None,
        eager: bool = False,
        progress: Progress | None = None,
    ) -> Self:
        """An assistant over an index; the default index is built when it is missing.

        Args:
            index: Name of the index.
            settings: Defaults to ``Settings.load()``.
            embedder: Defaults to the one that the settings name.
            generator: Defaults to the one that the settings name.
            eager: Begin at once, in a thread, to load the generator that the settings name, which otherwise
                waits for the first question; what keeps it from loading is told by that question.
            progress: Told how the preparation of models and index goes.

        Raises:
            IndexMissing: There is no such index, and it is not the default one.
            IndexUnusable: It is damaged, or made by another embedder.
            ModelMissing, ModelDamaged, NoSpace: The embedder cannot be used.
            PromptBroken: The prompt template is wrong.
        """
        settings = settings or Settings.load()
        quiet_libraries(settings)
        tell = progress or (lambda _what, _share: None)
        embedder = embedder or open_embedder(settings, tell)
        folder = index_folder(settings, index)
        loading = _supervised(settings, tell) if eager and generator is None else None
        if loading:
            load_in_background(loading)
        try:
            assistant = cls(folder, settings, embedder, generator, tell)
        except IndexMissing:
            if index != DEFAULT_INDEX:
                raise
            indexing.build_index(
                settings.articles, index, settings=settings, embedder=embedder, progress=tell
            )
            assistant = cls(folder, settings, embedder, generator, tell)
        assistant._generator = generator or loading
        return assistant

    def ask(self, question: str, *, history: Sequence[Turn] = (), where: Filter | None = None) -> Answer:
        """Answer a question, with citations.

        Args:
            question: English or Arabic, at most ``settings.max_question`` characters.
            history: Earlier turns of the conversation, oldest first.
            where: Which articles may be searched; None allows all. Where it allows none, the answer says
                so and no model is asked.

        Raises:
            BadQuestion: It is empty or too long.
            GenerationFailed: The language model failed.
        """
        for event in self.stream(question, history=history, where=where):
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError("stream ends with Finished")

    def stream(
        self, question: str, *, history: Sequence[Turn] = (), where: Filter | None = None
    ) -> Iterator[Event]:
        """Answer a question piece by piece; closing the iterator stops the model.

        Args:
            question: As for ``ask``.
            history: As for ``ask``.
            where: As for ``ask``.

        Yields:
            One Retrieved, any number of Token (the model's draft), one Finished.

        Raises:
            BadQuestion: It is empty or too long.
            GenerationFailed: The language model failed.
        """
        clock = Clock()
        question = check_question(question, self.settings)
        language = detect_language(question)
        searcher = self._current()
        generation = searcher.generation
        allowed = filters.allowed(where, generation.articles.values())
        if where is not None and allowed == frozenset():
            yield from _nothing_allowed(question, where, generation, language, clock)
            return
        parts = self._parts(question, history)
        each = [self._search(part.searched, searcher, self.settings.passages, allowed) for part in parts]
        found = _told(each, self.settings.passages * len(parts), question, parts)
        clock.mark("retrieve")
        yield found
        inquiry = self._inquiry(searcher, allowed, language)
        judged: list[Judged] = []
        shown: list[Evidence] = []
        for part, own in zip(parts, each, strict=True):
            # A later part's draft would be read as if it went on from the first one's.
            told, over = yield from inquiry.put(part.asked, own.evidence, clock, shown=not judged)
            judged.append(dataclasses.replace(told, question=part.own))
            shown += over
        checked = answer_builder.together(judged, language)
        yield Finished(
            Answer(
                question=question,
                text=checked.text,
                language=language,
                outcome=checked.outcome,
                claims=checked.claims,
                citations=checked.citations,
                passages=found.passages,
                evidence=answer_builder.numbered(shown),
                model=self.model,
                generation=generation.id,
                timings=clock.finish(),
                where=where,
                understood=found.understood,
            )
        )

    def retrieve(self, question: str, *, k: int = 10, where: Filter | None = None) -> list[Passage]:
        """The passages nearest to a question, best first; no language model runs.

        Args:
            question: As for ``ask``.
            k: How many at most.
            where: As for ``ask``.
        """
        return list(self.search(question, k=k, where=where).passages)

    def search(
        self,
        question: str,
        *,
        k: int = 10,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
    ) -> Retrieved:
        """Passages and evidence for a question; no language model runs.

        Args:
            question: As for ``ask``.
            k: How many passages at most; the evidence is taken from the first ``settings.passages``.
            history: As for ``ask``.
            where: As for ``ask``.

        Raises:
            BadQuestion: It is empty or too long.
        """
        question, searcher = check_question(question, self.settings), self._current()
        allowed = filters.allowed(where, searcher.generation.articles.values())
        if allowed == frozenset():
            return Retrieved((), ())
        parts = self._parts(question, history)
        each = [self._search(part.searched, searcher, k, allowed) for part in parts]
        return _told(each, k, question, parts)

    def article(self, article_id: str) -> Article:
        """The article with this id.

        Raises:
            BadArticles: The index holds no such article, or no longer.
        """
        try:
            return self._current().generation.articles[article_id]
        except KeyError:
            raise BadArticles(
                f"There is no article {article_id!r} in this index, or no longer. Ask again."
            ) from None

    def articles(self, *, where: Filter | None = None) -> list[Article]:
        """Every article of the index that ``where`` allows."""
        return filters.matching(where or Filter(), self._current().generation.articles.values())

    @property
    def generation(self) -> str:
        """Identity of the index generation that the next question is answered from."""
        return self._current().generation.id

    @property
    def model(self) -> str:
        """Identity of the generator."""
        return self._language_model().identity

    @property
    def stuck(self) -> bool:
        """Whether the generator hangs for good."""
        return bool(getattr(self._generator, "stuck", False))

    @property
    def at_once(self) -> int:
        """How many questions are answered at the same time; further ones wait."""
        return int(getattr(self._language_model(), "at_once", 1))

    @property
    def reloads(self) -> int:
        """How often the generator was given up and loaded anew."""
        return int(getattr(self._generator, "reloads", 0))

    @property
    def embedder(self) -> str:
        """Identity of the embedder."""
        return self._embedder.identity

    @property
    def uploads(self) -> Path:
        """The folder for files that are to be indexed by ``index_uploads``; it may not exist yet."""
        return self._folder / uploads.FOLDER

    def take_upload(self, file: Path, name: str) -> None:
        """Move a file that has arrived among those that ``index_uploads`` reads.

        Articles of a file of this name that were removed come back with it.

        Args:
            file: Within ``uploads``, under a hidden name.
            name: What it is to be called.

        Raises:
            OSError: The folder cannot be written.
        """
        uploads.take(self._folder, file, name)

    def index_uploads(self, *, progress: Progress | None = None) -> Built:
        """Index the uploaded files; questions are answered meanwhile, the next ones from the new articles.

        Args:
            progress: Told how it goes.

        Raises:
            IndexUnusable: The index is being written by another process, or damaged.
            NoSpace: The disk is full; the last generation stays.
        """
        return maintenance.index_uploads(
            self._folder.name, settings=self.settings, embedder=self._embedder, progress=progress
        )

    def remove(self, ids: Sequence[str], *, progress: Progress | None = None) -> Written:
        """Take articles out of the index, however many; uploaded ones are deleted.

        Args:
            ids: Ids of articles.
            progress: Told how it goes.

        Raises:
            BadArticles: An id is unknown, or none would be left; nothing is removed.
            IndexUnusable: The index is being written by another process, or damaged.
            NoSpace: The disk is full; the last generation stays.
        """
        return maintenance.remove_articles(
            ids,
            self._folder.name,
            allow_shrink=True,
            settings=self.settings,
            embedder=self._embedder,
            progress=progress,
        )

    def close(self) -> None:
        """Let go of the index's files."""
        self._open.generation.close()

    def _search(
        self,
        question: str,
        searcher: Searcher,
        k: int,
        allowed: frozenset[str] | None = None,
        limit: int | None = None,
    ) -> Retrieved:
        settings = self.settings
        passages, evidence = searcher.search(
            question,
            k=k,
            read=settings.passages if limit is None else k,
            limit=settings.evidence if limit is None else limit,
            # Sentences beyond the usual number are for no prompt.
            tokens=settings.evidence_tokens * (1 if limit is None else limit),
            allowed=allowed,
        )
        return Retrieved(passages, evidence)

    def _inquiry(self, searcher: Searcher, allowed: frozenset[str] | None, language: Language) -> Inquiry:
        model = self._language_model()
        return Inquiry(
            lambda question, others, deep: self._search(
                question, searcher, deep[0] if deep else self.settings.passages, others, deep and deep[1]
            ),
            Writer(self._template, model, self.settings.max_new_tokens, self._write),
            self._embedder,
            self.settings,
            searcher.generation.articles.keys() if allowed is None else allowed,
            language,
            answerability.judge(self.settings, self._template, model, self._write),
        )

    def _parts(self, question: str, history: Sequence[Turn]) -> tuple[Part, ...]:
        longest = self.settings.max_question
        asked = rewrite.standalone(question, history, longest=longest)
        if asked.leans:
            # The model would answer the question before it once more, whose words stand first.
            return (decompose.leaning(asked.leans, asked.text),)
        if "parts" in self.settings.left_out:
            return (decompose.whole(asked.text),)
        return decompose.parts(asked.text, longest=longest)

    def _write(
        self, messages: Sequence[Message], longest: int
    ) -> PieceGenerator[str, None, Likelihood | None]:
        return self._language_model().stream(messages, max_tokens=longest)

    def _current(self) -> Searcher:
        if not self._open.generation.is_current:
            with self._reopening:
                if not self._open.generation.is_current:  # no other thread was first
                    # The old one is not closed: it closes itself when the last thread that reads it is done.
                    self._open = self._opened()
        return self._open

    def _opened(self) -> Searcher:
        while True:
            generation = generations.open_generation(
                self._folder,
                self._embedder.identity,
                indexing.chunker(self.settings),
                graph_from=generations.GRAPH_FROM,
            )
            try:
                return Searcher(generation, self._embedder)
            except IndexUnusable:
                if generation.is_current:  # else two updates since have deleted its files
                    raise

    def _language_model(self) -> Generator:
        with self._opening:
            if self._generator is None:
                self._generator = _supervised(self.settings, self._progress)
            return self._generator


def _supervised(settings: Settings, tell: Progress) -> SupervisedGenerator:
    return SupervisedGenerator(
        lambda: open_generator(settings, tell),
        seconds=settings.answer_seconds,
        at_once=replies_at_once(settings),
    )


def _told(each: Sequence[Retrieved], k: int, question: str, parts: Sequence[Part]) -> Retrieved:
    """What was found for the parts, with the question as it was understood where that is not as typed."""
    found = answer_builder.found_together(each, k)
    asked = parts[0].searched if len(parts) == 1 else " ".join(part.asked for part in parts)
    return found if asked == question else dataclasses.replace(found, understood=asked)


def _nothing_allowed(
    question: str, where: Filter, generation: Generation, language: Language, clock: Clock
) -> Iterator[Event]:
    """The events of a question whose filter allows no article: neither embedder nor generator is asked."""
    yield Retrieved((), ())
    yield Finished(
        Answer(
            question=question,
            text=filters.nothing(where, generation.articles.values(), language),
            language=language,
            outcome="not_found",
            claims=(),
            citations=(),
            passages=(),
            evidence=(),
            model="",
            generation=generation.id,
            timings=clock.finish(),
            where=where,
        )
    )
