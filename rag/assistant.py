"""The spine: articles become an index, questions become answers. Each line is a step; the steps are files."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag import articles, chunk, index, prompt, retrieve, verify
from rag.disk import Progress
from rag.embed import Embedder, open_embedder
from rag.errors import BadArticles, BadQuestion, BadSettings, IndexMissing
from rag.generate import Generator, Message, open_generator
from rag.index import Contents, Generation, Written
from rag.records import Answer, Article, Event, Evidence, Finished, Language, Passage, Retrieved, Token, Turn
from rag.settings import Settings, quiet_libraries
from rag.text import detect_language

DEFAULT_INDEX = "seeds"
"""The index that is opened when none is named; built from ``settings.articles`` when it is missing."""


@dataclass(frozen=True, slots=True)
class Built:
    """What ``build_index`` did."""

    written: Written
    """The generation, and what changed in it."""
    skipped: tuple[articles.Skipped, ...]
    """Files that were not indexed, each with the reason."""


def build_index(
    folder: Path,
    name: str = DEFAULT_INDEX,
    *,
    settings: Settings | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> Built:
    """Index every article of a folder; what did not change is not embedded again.

    Args:
        folder: Holds the articles.
        name: The index to make or update.
        settings: Defaults to ``Settings.load()``.
        embedder: Defaults to the one that the settings name.
        progress: Told what is being done, and the share done.

    Raises:
        BadArticles: The folder does not exist or holds no article.
        IndexUnusable: Another process is writing this index.
        NoSpace: The disk is full; the last generation stays as it was.
        ModelMissing, ModelDamaged: The embedder cannot be used.
    """
    settings = settings or Settings.load()
    quiet_libraries(settings)
    tell = progress or (lambda _what, _share: None)
    loaded = articles.load_folder(folder, max_bytes=settings.max_file_bytes)
    cut = [c for article in loaded.articles for c in chunk.chunks(article, budget=settings.chunk_tokens)]
    contents = Contents(loaded.articles, loaded.lines, tuple(cut), _chunker(settings))
    embedder = embedder or open_embedder(settings, tell)
    written = index.write_generation(index_folder(settings, name), contents, embedder, tell)
    return Built(written, loaded.skipped)


def _chunker(settings: Settings) -> str:
    """Names how articles are cut, so that an index cut otherwise is noticed."""
    return f"{chunk.VERSION}:{settings.chunk_tokens}"


def index_folder(settings: Settings, name: str) -> Path:
    """The folder of the index ``name``.

    Raises:
        BadSettings: The name would lead out of the folder of indexes, or is empty.
    """
    if not name or name.startswith(".") or not all(c.isalnum() or c in "._-" for c in name):
        raise BadSettings(
            f"{name!r} is no name for an index. Use letters, digits, dots, dashes and underscores."
        )
    return settings.indexes / name


def check_question(question: str, settings: Settings) -> str:
    """The question, trimmed, if it can be asked; said before anything is loaded.

    Args:
        question: As typed.
        settings: ``max_question`` is the most characters that are read.

    Raises:
        BadQuestion: It is empty, too long, or not text.
    """
    question = question.strip()
    if not any(c.isalnum() for c in question):
        raise BadQuestion('The question is empty. Ask one, for example: sanad ask "who leads the talks?"')
    if len(question) > settings.max_question:
        raise BadQuestion(
            f"The question has {len(question):,} characters; at most {settings.max_question:,} are "
            "read. Shorten it."
        )
    if any("\ud800" <= c <= "\udfff" for c in question):  # bytes of a shell that is not set to UTF-8
        raise BadQuestion("The question is not valid text. Send it as UTF-8.")
    return question


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
        self._progress = progress
        self._template = prompt.load(settings.prompt)
        self._open = index.open_generation(folder, embedder.identity, _chunker(settings))

    @classmethod
    def open(
        cls,
        index: str = DEFAULT_INDEX,
        *,
        settings: Settings | None = None,
        embedder: Embedder | None = None,
        generator: Generator | None = None,
        progress: Progress | None = None,
    ) -> Assistant:
        """An assistant over an index; the default index is built when it is missing.

        Args:
            index: Name of the index.
            settings: Defaults to ``Settings.load()``.
            embedder: Defaults to the one that the settings name.
            generator: Defaults to the one that the settings name.
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
        try:
            return cls(folder, settings, embedder, generator, tell)
        except IndexMissing:
            if index != DEFAULT_INDEX:
                raise
            build_index(settings.articles, index, settings=settings, embedder=embedder, progress=tell)
            return cls(folder, settings, embedder, generator, tell)

    def ask(self, question: str, *, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question, with citations.

        Args:
            question: English or Arabic, at most ``settings.max_question`` characters.
            history: Earlier turns of the conversation, oldest first.

        Raises:
            BadQuestion: It is empty or too long.
            GenerationFailed: The language model failed.
        """
        for event in self.stream(question, history=history):
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError("stream ends with Finished")

    def stream(self, question: str, *, history: Sequence[Turn] = ()) -> Iterator[Event]:
        """Answer a question piece by piece; closing the iterator stops the model.

        Args:
            question: As for ``ask``.
            history: As for ``ask``.

        Yields:
            One Retrieved, any number of Token (the model's draft), one Finished.

        Raises:
            BadQuestion: It is empty or too long.
            GenerationFailed: The language model failed.
        """
        clock = _Clock()
        question = check_question(question, self.settings)
        language = detect_language(question)
        generation = self._current()
        found = self._search(prompt.standalone(question, history), generation, self.settings.passages)
        clock.mark("retrieve")
        yield found
        draft, shown = "", found.evidence
        if found.evidence:
            messages, shown = self._prompt(question, found, language)
            # closing() makes a reader who leaves stop the model now, not at the next garbage collection.
            with _closing(self._write(messages)) as pieces:
                for piece in pieces:
                    clock.mark_once("first_token")
                    draft += piece
                    yield Token(piece)
        clock.mark("generate")
        checked = verify.check(draft, shown, language, self._embedder)
        yield Finished(
            Answer(
                question=question,
                text=checked.text,
                language=language,
                outcome=checked.outcome,
                claims=checked.claims,
                citations=checked.citations,
                passages=found.passages,
                evidence=shown,
                model=self.model,
                generation=generation.id,
                timings=clock.finish(),
            )
        )

    def retrieve(self, question: str, *, k: int = 10) -> list[Passage]:
        """The passages nearest to a question, best first; no language model runs.

        Args:
            question: As for ``ask``.
            k: How many at most.
        """
        return list(self.search(question, k=k).passages)

    def search(self, question: str, *, k: int = 10) -> Retrieved:
        """Passages and evidence for a question; no language model runs.

        Args:
            question: As for ``ask``.
            k: How many passages at most; the evidence is taken from the first ``settings.passages``.

        Raises:
            BadQuestion: It is empty or too long.
        """
        return self._search(check_question(question, self.settings), self._current(), k)

    def article(self, article_id: str) -> Article:
        """The article with this id.

        Raises:
            BadArticles: The index holds no such article, or no longer.
        """
        try:
            return self._current().articles[article_id]
        except KeyError:
            raise BadArticles(
                f"There is no article {article_id!r} in this index, or no longer. Ask again."
            ) from None

    def articles(self) -> list[Article]:
        """Every article of the index."""
        return list(self._current().articles.values())

    @property
    def generation(self) -> str:
        """Identity of the index generation that the next question is answered from."""
        return self._current().id

    @property
    def model(self) -> str:
        """Identity of the generator."""
        return self._language_model().identity

    @property
    def embedder(self) -> str:
        """Identity of the embedder."""
        return self._embedder.identity

    def close(self) -> None:
        """Let go of the index's files."""
        self._open.close()

    def _search(self, question: str, generation: Generation, k: int) -> Retrieved:
        vector = self._embedder.query(question)
        passages = retrieve.passages(vector, generation, k=k)
        evidence = retrieve.evidence(
            vector,
            passages[: self.settings.passages],
            generation,
            self._embedder,
            limit=self.settings.evidence,
            tokens=self.settings.evidence_tokens,
        )
        return Retrieved(passages, evidence)

    def _prompt(
        self, question: str, found: Retrieved, language: Language
    ) -> tuple[tuple[Message, ...], tuple[Evidence, ...]]:
        model = self._language_model()
        return prompt.build(
            self._template,
            question=question,
            evidence=found.evidence,
            language=language,
            count=model.count,
            budget=model.context - self.settings.max_new_tokens,
        )

    def _write(self, messages: Sequence[Message]) -> Iterator[str]:
        return self._language_model().stream(messages, max_tokens=self.settings.max_new_tokens)

    def _current(self) -> Generation:
        if not self._open.is_current:
            # The old one is not closed: another thread may be reading it; it goes with its last reader.
            self._open = index.open_generation(self._folder, self._embedder.identity, _chunker(self.settings))
        return self._open

    def _language_model(self) -> Generator:
        with self._opening:
            if self._generator is None:
                self._generator = open_generator(self.settings, self._progress)
            return self._generator


@contextlib.contextmanager
def _closing(pieces: Iterator[str]) -> Iterator[Iterator[str]]:
    try:
        yield pieces
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


class _Clock:
    """Seconds by stage: ``first_token`` and ``total`` from the question, the others from the last mark."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._stages: dict[str, float] = {}

    def mark(self, stage: str) -> None:
        now = time.perf_counter()
        self._stages[stage], self._last = now - self._last, now

    def mark_once(self, stage: str) -> None:
        self._stages.setdefault(stage, time.perf_counter() - self._start)

    def finish(self) -> dict[str, float]:
        self._stages["total"] = time.perf_counter() - self._start
        return self._stages
