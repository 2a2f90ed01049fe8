"""The facade: open an index, ask, stream, search, read articles; answering/pipeline.py makes an answer."""

from __future__ import annotations

import dataclasses
import functools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from rag.answering import pipeline
from rag.answering.context import Clock, Context, Search, events_of, find
from rag.answering.pipeline import Request, Steps
from rag.conversation.question import check_question
from rag.conversation.remarks import REPLIES, remark
from rag.errors import BadArticles, IndexMissing, IndexUnusable
from rag.index import filters, generations, indexing
from rag.index.generations import Written
from rag.index.indexing import Built
from rag.language.text import detect_language
from rag.loading import uploads
from rag.models.embedding.embedder import Embedder, open_embedder
from rag.models.llm import prompt
from rag.models.llm.factory import load_in_background, open_generator, replies_at_once
from rag.models.llm.protocol import Generator
from rag.models.llm.watchdog import WatchedGenerator
from rag.records import (
    Answer,
    Article,
    Event,
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
        if generator:  # it is not the one that the settings would open
            settings = dataclasses.replace(settings, prompt=settings.prompt or PLAIN)
        self.settings = settings
        self.steps = Steps()
        self._folder = folder
        self._embedder = embedder
        self._generator = generator
        self._opening = threading.Lock()
        self._reopening = threading.Lock()
        self._writing = threading.Lock()
        self._progress = progress
        self._template = prompt.load(settings.template)
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
            eager: Start loading the generator that the settings name at once, in a thread, instead of at the
                first question. If loading fails, the first question raises the error.
            progress: Called with the progress of preparing models and index.

        Raises:
            IndexMissing: There is no such index, and it is not the default one.
            IndexUnusable: It is damaged, or made by another embedder.
            ModelMissing, ModelDamaged, NoSpace: The embedder cannot be used.
            PromptBroken: The prompt template is wrong.
        """
        settings = settings or Settings.load()
        quiet_libraries(settings)
        report = progress or (lambda _what, _share: None)
        embedder = embedder or open_embedder(settings, report)
        folder = index_folder(settings, index)
        loading = _watched(settings, report) if eager and generator is None else None
        if loading:
            load_in_background(loading)
        try:
            assistant = cls(folder, settings, embedder, generator, report)
        except IndexMissing:
            if index != DEFAULT_INDEX:
                raise
            indexing.build_index(
                settings.articles, index, settings=settings, embedder=embedder, progress=report
            )
            assistant = cls(folder, settings, embedder, generator, report)
        assistant._generator = generator or loading
        return assistant

    def beside(self, index: str) -> Self:
        """An assistant over another index with the models of this one; raises what ``open`` does."""
        folder = index_folder(self.settings, index)
        assistant = type(self)(folder, self.settings, self._embedder, self._language_model(), self._progress)
        assistant.settings, assistant._template = self.settings, self._template
        return assistant

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
        """Answer a question, with citations.

        Args:
            question: English or Arabic, at most ``settings.max_question`` characters.
            history: Earlier turns of the conversation, oldest first.
            where: Which articles may be searched; None allows all. If it allows none, the answer says so and
                no model is called. Nor is one for thanks and greetings, which ask nothing.
            answer_language: The language of the answer; None takes that of the question.
            emit: Called with one Retrieved, then with any number of StageStarted.
            cancel: An event that any thread may set to stop the answer.

        Raises:
            BadQuestion: It is empty or too long.
            Cancelled: ``cancel`` was set.
            GenerationFailed: The language model failed.
        """
        clock = Clock()
        question = check_question(question, self.settings, history)
        language = answer_language or detect_language(question)
        if kind := remark(question):
            emit(Retrieved((), ()))
            return _polite(question, REPLIES[kind][language], language, self.generation, clock.finish())
        searcher = self._current()
        generation = searcher.generation
        allowed = filters.allowed(where, generation.articles.values())
        if where is not None and allowed == frozenset():
            emit(Retrieved((), ()))
            return filters.empty_answer(
                question, where, generation.articles.values(), language, generation.id, clock.finish()
            )
        context = Context(
            search=self._search(searcher, allowed),
            model=self._language_model(),
            template=self._template,
            settings=self.settings,
            articles=generation.articles.keys() if allowed is None else allowed,
            language=language,
            emit=emit,
            cancel=cancel,
            deadline=time.monotonic() + self.settings.answer_seconds,
            clock=clock,
        )
        return pipeline.answer(Request(question, history, where, generation.id), context, self.steps)

    def stream(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
        answer_language: Language | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[Event]:
        """Answer a question and report its stages; closing the iterator stops the model.

        Arguments and errors are those of ``ask``.

        Yields:
            One Retrieved, any number of StageStarted, one Finished.
        """
        stop = cancel or threading.Event()
        ask = functools.partial(
            self.ask, question, history=history, where=where, answer_language=answer_language, cancel=stop
        )
        answer = yield from events_of(lambda emit: ask(emit=emit), stop)
        yield Finished(answer)

    def retrieve(self, question: str, *, k: int = 10, where: Filter | None = None) -> list[Passage]:
        """The at most ``k`` passages of ``search``, best first."""
        return list(self.search(question, k=k, where=where).passages)

    def search(
        self,
        question: str,
        *,
        k: int = 10,
        history: Sequence[Turn] = (),
        where: Filter | None = None,
    ) -> Retrieved:
        """At most ``k`` passages for a question, and evidence from the first ``settings.passages`` of them.

        No language model runs. The other arguments are those of ``ask``.

        Raises:
            BadQuestion: It is empty or too long.
        """
        question, searcher = check_question(question, self.settings, history), self._current()
        allowed = filters.allowed(where, searcher.generation.articles.values())
        if allowed == frozenset():
            return Retrieved((), ())
        parts = pipeline.understand(question, history, self.settings.max_question, self.steps)
        search = self._search(searcher, allowed)
        retrievals = [find(part, search, passages=k) for part in parts]
        return pipeline.retrieved(question, parts, retrievals, k)

    def article(self, article_id: str) -> Article:
        """The article with this id.

        Raises:
            BadArticles: The index does not contain such an article, or it was removed.
        """
        article = self._current().generation.articles.get(article_id)
        if article is None:
            raise BadArticles(f"There is no article {article_id!r} here now. List them: sanad articles")
        return article

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
        """How often the generator was given up and loaded again."""
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
        """Move a file that has arrived in ``uploads`` under a hidden name to the one that is indexed.

        Articles that were removed before are restored if a file of the same name is uploaded again.

        Raises:
            OSError: The folder cannot be written.
        """
        uploads.take(self._folder, file, name)

    def index_uploads(self, *, progress: Progress | None = None) -> Built:
        """Index the uploaded files; questions are answered meanwhile, the next ones from the new articles.

        Raises:
            IndexUnusable: The index is being written by another process, or damaged.
            NoSpace: The disk is full; the last generation stays.
        """
        with self._writing:
            return indexing.index_uploads(self._folder.name, **self._args(progress))

    def remove(self, ids: Sequence[str], *, progress: Progress | None = None) -> Written:
        """Take the articles with these ids out of the index, however many; uploaded ones are deleted.

        Raises:
            BadArticles: An id is unknown, or none would be left; nothing is removed.
            IndexUnusable: The index is being written by another process, or damaged.
            NoSpace: The disk is full; the last generation stays.
        """
        with self._writing:
            return indexing.remove_articles(ids, self._folder.name, allow_shrink=True, **self._args(progress))

    def correct(self, article_id: str, *, progress: Progress | None = None, **values: Any) -> Written:
        """Correct outlet and date of an article, as ``indexing.correct_article`` does with these values."""
        with self._writing:
            return indexing.correct_article(article_id, self._folder.name, **values, **self._args(progress))

    def _args(self, progress: Progress | None) -> dict[str, Any]:
        return {"settings": self.settings, "embedder": self._embedder, "progress": progress}

    def close(self) -> None:
        """Close the index's files."""
        self._open.generation.close()

    def _search(self, searcher: Searcher, allowed: frozenset[str] | None) -> Search:
        settings = self.settings

        def search(
            question: str,
            articles: frozenset[str] | None = None,
            *,
            passages: int | None = None,
            sentences: int | None = None,
            follow_up: str = "",
        ) -> Retrieved:
            k = settings.passages if passages is None else passages
            return Retrieved(
                *searcher.search(
                    question,
                    k=k,
                    read=settings.passages if sentences is None else k,
                    limit=settings.evidence if sentences is None else sentences,
                    # Sentences beyond the usual number do not go into a prompt, whose limit is not theirs.
                    tokens=settings.evidence_tokens * (1 if sentences is None else sentences),
                    allowed=allowed if articles is None else articles,
                    follow_up=follow_up,
                )
            )

        return search

    def _current(self) -> Searcher:
        if not self._open.generation.is_current:
            with self._reopening:
                if not self._open.generation.is_current:  # no other thread was first
                    # The old one is not closed: it closes itself when the last thread that reads it is done.
                    self._open = self._opened(self._open)
        return self._open

    def _opened(self, before: Searcher | None = None) -> Searcher:
        """The current generation; what it shares with the one before is not opened again."""
        while True:
            generation = generations.open_generation(
                self._folder,
                self._embedder.identity,
                indexing.chunker(self.settings),
                graph_from=generations.GRAPH_FROM,
                reuse=before.generation if before else None,
            )
            try:
                return Searcher(generation, self._embedder)
            except IndexUnusable:
                if generation.is_current:  # else two updates since have deleted its files
                    raise

    def _language_model(self) -> Generator:
        with self._opening:
            if self._generator is None:
                self._generator = _watched(self.settings, self._progress)
            return self._generator


def _polite(
    question: str, text: str, language: Language, generation: str, timings: dict[str, float]
) -> Answer:
    """The answer to a remark. As nothing is claimed, its outcome is that nothing was found."""
    nothing: Any = dict.fromkeys(("claims", "citations", "passages", "evidence"), ())
    return Answer(
        question, text, language, "not_found", model="", generation=generation, timings=timings, **nothing
    )


def _watched(settings: Settings, report: Progress) -> WatchedGenerator:
    return WatchedGenerator(
        lambda: open_generator(settings, report),
        seconds=settings.answer_seconds,
        at_once=replies_at_once(settings),
    )
