"""What the page's events do, for all browser tabs. What a browser sends may be anything at all.

The conversation is the browser's: it sends what a question needs of it, and what it kept comes here only to
be shown again. Here a tab has at most the one question that is being answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from rag import Assistant, FairQueue, Language, SanadError, add_feedback
from ui import copying, exchange, filters, library, render
from ui.exchange import Asked
from ui.faults import Fault, Refused, failure, fault
from ui.run import Run
from ui.work import Work

Server = Callable[[object], Any]
"""A function that the page's script calls with one value of its own."""


Told = dict[str, Any]
"""What goes to the page's script: the turn as HTML, at the end with what is to be kept of it."""


class Page:
    """The page over one assistant."""

    def __init__(self, assistant: Assistant, line: FairQueue) -> None:
        """Nobody is served yet.

        Args:
            assistant: What answers.
            line: The line that questions stand in.
        """
        self._assistant = assistant
        self._line = line
        self._runs: dict[str, Run] = {}
        self.work = Work(assistant)
        """Changes of the index."""

    # Events of the question box

    def begin(self, event: gr.EventData) -> tuple[Asked, Told]:
        """Put the question on the page at once: state, the turn."""
        asked = exchange.read(event._data, longest=self._assistant.settings.max_question)
        return asked, _drawn(asked)

    def reply(self, asked: Asked | None, request: gr.Request) -> Iterator[tuple[Asked, Told]]:
        """Answer the question, drawing its turn anew as events arrive: state, the turn."""
        if asked is None or not asked.exchange.open:
            return
        session = request.session_hash or ""
        # Not its address: that is one for all readers behind a proxy.
        run = Run(self._assistant, self._line, session, asked.exchange, asked.history)
        self._runs[session] = run
        try:
            for grown in run.grow():
                asked = Asked(grown, asked.history, asked.language)
                yield asked, _drawn(asked)
        finally:  # also when the browser tab is gone and Gradio drops this generator
            run.stop()
            self._runs.pop(session, None)

    def settle(self, asked: Asked | None) -> tuple[Any, ...]:
        """After a reply, whatever came of it: state, the turn with what the browser is to keep."""
        if asked is None:
            return gr.skip(), gr.skip()
        final = asked.exchange
        if final.open:  # Gradio's own queue was full, or the connection broke
            final = exchange.failed(final, Fault("fault_crowded"))
        # The time makes two equal ones differ, or the browser would not be told of the second.
        kept = {"kept": exchange.pack(final), "at": time.time_ns()}
        return None, _drawn(Asked(final, asked.history, asked.language)) | kept

    def stop(self, request: gr.Request) -> None:
        """Stop the model; the running reply redraws its own turn."""
        run = self._runs.get(request.session_hash or "")
        if run is not None:
            run.stop()

    def leave(self, request: gr.Request) -> None:
        """The browser tab was closed: nobody waits for its answer any more."""
        self.stop(request)

    # Functions that the page's script calls

    def show(self, sent: object) -> str:
        """A kept conversation: ``{turns, language}``."""
        told = _told(sent)
        return render.conversation(exchange.unpack_all(told.get("turns")), _language(told))

    def start(self, sent: object) -> dict[str, str]:
        """The filter's form and the welcome, with what the index holds now: ``{language}``."""
        language = _language(_told(sent))
        try:
            articles = self._assistant.articles()
        except SanadError as error:  # the index has gone since
            return {"filter": "", "welcome": failure(fault(error), language)}
        return {"filter": filters.form(articles, language), "welcome": library.welcome(articles, language)}

    def read_article(self, sent: object) -> str:
        """An article, the quoted span highlighted: ``{article, span, language}``, span may be null."""
        told = _told(sent)
        language = _language(told)
        try:
            match told.get("article"), told.get("span"):
                case str(article_id), [int(start), int(end), str(quote)]:
                    return library.article(self._assistant.article(article_id), (start, end, quote), language)
                case str(article_id), None:
                    return library.article(self._assistant.article(article_id), None, language)
        except SanadError as error:
            return failure(fault(error), language)
        return failure(Fault("fault_place"), language)

    def copy(self, sent: object) -> str:
        """An answer with its sources, to be copied: ``{turn, form, language}``; "" where there is none."""
        told = _told(sent)
        try:
            answer = exchange.unpack(told.get("turn")).answer
        except Refused:
            return ""
        if answer is None:
            return ""
        form = copying.markdown if told.get("form") == "markdown" else copying.text
        return form(answer, _language(told))

    def articles(self, sent: object) -> str:
        """The list of articles: ``{query, filter, shown, language}``."""
        told = _told(sent)
        language, query, shown = _language(told), told.get("query"), told.get("shown")
        try:
            where = filters.read(told.get("filter"))
            everything = self._assistant.articles()
            allowed = everything if where is None else self._assistant.articles(where=where)
        except SanadError as error:
            return failure(fault(error), language)
        wanted = query[: filters.MAX_SENT] if isinstance(query, str) else ""
        count = shown if isinstance(shown, int) and 0 < shown < 10**6 else library.PAGE
        return library.listing(library.searched(allowed, wanted), len(everything), count, language)

    def adding(self, sent: object) -> str:
        """What stands above the list: ``{language}``."""
        return library.adding(_language(_told(sent)), self._assistant.settings.max_file_bytes)

    def working(self, sent: object) -> dict[str, Any]:
        """How the work on the index stands: ``{language}``."""
        state = self.work.state
        shown = library.work(state, _language(_told(sent)))
        return {"html": shown, "running": state.running, "changes": state.changes}

    def index(self, sent: object) -> None:
        """Index the files that were sent."""
        self.work.index()

    def remove(self, sent: object) -> None:
        """Remove an article: ``{article}``."""
        article = _told(sent).get("article")
        if isinstance(article, str):
            self.work.remove(article)

    def rate(self, sent: object) -> str:
        """Keep a vote: ``{turn, vote, comment, language}``; what went wrong, or ""."""
        told = _told(sent)
        vote, comment = told.get("vote"), told.get("comment")
        try:
            answer = exchange.unpack(told.get("turn")).answer
            if answer is None or vote not in ("good", "bad") or not isinstance(comment, str):
                raise Refused("fault_sent")
            add_feedback(answer, vote, comment, settings=self._assistant.settings)
        except SanadError as error:
            return failure(fault(error), _language(told))
        return ""

    @property
    def servers(self) -> list[Server]:
        """The functions that the page's script may call, by their names."""
        methods = (
            self.show, self.start, self.read_article, self.copy, self.rate,
            self.articles, self.adding, self.working, self.index, self.remove,
        )  # fmt: skip
        return [_served(method) for method in methods]


def _drawn(asked: Asked) -> Told:
    return {"turn": render.turn(asked.exchange, asked.language)}


def _served(method: Server) -> Server:
    """A plain function for a method: Gradio marks what it is given, and methods take no mark."""

    def served(sent: object) -> Any:
        return method(sent)

    served.__name__ = method.__name__
    return served


def _told(sent: object) -> dict[str, Any]:
    return sent if isinstance(sent, dict) else {}


def _language(told: dict[str, Any]) -> Language:
    return exchange.language(told.get("language"))
