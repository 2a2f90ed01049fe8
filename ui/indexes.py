"""The pages of all indexes of a server. Whatever a browser sends reaches the index that it names.

    {index: NAME, …} → the Page of NAME; of the first if none is named; Unserved if there is none

All pages share the queue of questions and the models; each has its own articles and its own work on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn, cast
from urllib.parse import parse_qs

import gradio as gr
from starlette.types import Receive, Scope, Send

from rag import Assistant, Settings
from rag.server.worker import QuestionRunner
from ui import exchange
from ui.exchange import Asked
from ui.page import Function, Page, Update, fields_of, language_of
from ui.wording.faults import Refused, failure

MAX_NAME = 80
"""Characters of an unknown index's name that are shown."""


class Indexes:
    """The functions of ``Page``, each for the index that is named."""

    def __init__(self, runners: Mapping[str, QuestionRunner]) -> None:
        """Create the pages.

        Args:
            runners: By the name of the index, at least one; the first one's index is asked if none is named.
        """
        self._runners = runners
        self._pages = {name: Page(runner.assistant, runner) for name, runner in runners.items()}

    @property
    def names(self) -> list[str]:
        """The names of the indexes, that of the first one first."""
        return list(self._pages)

    @property
    def functions(self) -> tuple[Function, ...]:
        """The functions that the page's scripts may call by name, besides ``answer``."""
        names = [function.__name__ for function in next(iter(self._pages.values())).functions]
        return tuple(self.stop if name == "stop" else self._reaching(name) for name in names)

    def answer(self, sent: object, request: gr.Request) -> Iterator[Update]:
        """Answer a question of the page, as ``Page.answer`` does.

        Args:
            sent: What ``Page.answer`` reads, and ``index``.
            request: Has the question's id; Gradio provides it.
        """
        yield from self.page(fields_of(sent).get("index")).answer(sent, request)

    def ask(
        self, request: gr.Request, question: str, answer_language: str = "", index: str = ""
    ) -> Iterator[str]:
        """Answer a program's question: its stages, at least one a second, and then the answer.

        Args:
            request: Has the session; Gradio provides it.
            question: English or Arabic.
            answer_language: ``ar``, ``en``, or empty for that of the question.
            index: Name of the index; empty for the first one.
        """
        yield from self.page(index).ask(request, question, answer_language)

    def stop(self, sent: object) -> bool:
        """End a question of any index: ``{asked}``, its id; returns whether it was being answered."""
        return any(page.stop(sent) for page in self._pages.values())

    async def receive(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Receive a file for the index that the query names, as ``Work.receive`` does."""
        query = parse_qs(bytes(scope.get("query_string", b"")).decode("ascii", "replace"))
        await self.page(query.get("index", [""])[0]).work.receive(scope, receive, send)

    def assistant(self, name: object) -> Assistant:
        """The assistant of an index; of one that is not served, what raises Refused for every question."""
        return self.page(name).assistant

    def page(self, name: object) -> Page:
        """The page of an index.

        Args:
            name: What a browser sent; None or empty for the first index.
        """
        if name is None or name == "":
            return next(iter(self._pages.values()))
        known = self._pages.get(name) if isinstance(name, str) else None
        return known or Unserved(str(name)[:MAX_NAME], next(iter(self._runners.values())))

    def _reaching(self, name: str) -> Function:
        def reach(sent: object) -> Any:
            return getattr(self.page(fields_of(sent).get("index")), name)(sent)

        reach.__name__ = name
        return reach


class Unserved(Page):
    """The page of an index that this server does not have: kept turns are shown, all else is refused."""

    def __init__(self, name: str, runner: QuestionRunner) -> None:
        """Create it.

        Args:
            name: The name that was sent.
            runner: One of an index that is served; it is asked nothing.
        """
        self._refused = Refused("fault_unserved", index=name)
        nothing = _Nothing(runner.assistant.settings, self._refused)
        super().__init__(cast("Assistant", nothing), runner)

    def adding(self, sent: object) -> str:
        """The refusal instead of the part above the list: ``{language}``."""
        return failure(self._refused.fault, language_of(sent))

    def index(self, sent: object) -> bool:
        """Index nothing."""
        return False

    def remove(self, sent: object) -> bool:
        """Remove nothing."""
        return False

    def rate(self, sent: object) -> str:
        """The refusal: ``{language}``."""
        return self.adding(sent)

    def _read(self, sent: object) -> Asked:
        asked = super()._read(sent)
        return Asked(exchange.failed(asked.exchange, self._refused.fault), asked.history, asked.language)


class _Nothing:
    """In the place of an assistant: refuses whatever is asked of it."""

    def __init__(self, settings: Settings, refused: Refused) -> None:
        self.settings = settings
        self._error = refused

    def __getattr__(self, _name: str) -> NoReturn:
        raise self._error
