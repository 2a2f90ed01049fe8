"""The functions that the page's scripts call, for all browser tabs. A browser can send them any value.

The browser keeps the conversation: it sends the earlier turns that a question needs, and kept turns come here
only to be rendered again. The server keeps only the questions that are being answered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from rag import Assistant, SanadError
from rag.records import Language
from rag.server.feedback import add_feedback
from rag.server.schema import as_text
from rag.server.worker import QuestionRunner
from ui import exchange, filters
from ui.exchange import Asked, Exchange
from ui.html import copying, export, library, render, welcome
from ui.run import Run
from ui.wording.faults import Fault, Refused, failure, fault, sentence
from ui.work import Work

Function = Callable[[object], Any]
"""A function that the page's scripts call with one value; it never returns None."""

MAX_TAB = 40
"""Characters of a tab's name that count."""

Update = dict[str, Any]
"""An update for the page's scripts: the turn as HTML; the last one also has the record that the browser
keeps."""


class Page:
    """The page of one assistant."""

    def __init__(self, assistant: Assistant, runner: QuestionRunner) -> None:
        """Create a page without questions.

        Args:
            assistant: The assistant of the page.
            runner: Answers its questions.
        """
        self.assistant = assistant
        self._runner = runner
        self._runs: dict[str, Run] = {}
        self.work = Work(assistant)
        """Changes of the index."""

    # Questions

    def begin(self, sent: object) -> Update:
        """Show a question at once: the turn before its answer."""
        return _drawn(self._read(sent))

    def answer(self, sent: object, request: gr.Request) -> Iterator[Update]:
        """Answer a question of the page: its turn whenever it has changed, at the end with its record.

        Args:
            sent: What ``exchange.read`` reads, and ``tab``, the name of the browser tab.
            request: Has the question's id, with which it can be stopped; Gradio provides it.
        """
        asked = self._read(sent)
        number = request.session_hash or ""
        if asked.exchange.open:
            # The client is the tab, not its address: all readers behind a proxy share one address.
            run = Run(self._runner, _tab(sent) or number, asked.exchange, asked.history)
            self._runs[number] = run
            try:
                for grown in run.grow():
                    asked = Asked(grown, asked.history, asked.language)
                    if grown.open:
                        yield _drawn(asked)
            finally:  # also if the tab was closed and Gradio closes this generator
                run.stop()
                del self._runs[number]
        yield _drawn(asked) | {"kept": exchange.pack(asked.exchange)}

    def stop(self, sent: object) -> bool:
        """End a question: ``{asked}``, its id; returns whether it was being answered."""
        run = self._runs.get(str(fields_of(sent).get("asked")))
        if run is not None:
            run.stop()
        return run is not None

    def ask(self, request: gr.Request, question: str, answer_language: str = "") -> Iterator[str]:
        """Answer a program's question: its stages, at least one a second, and then the answer.

        Args:
            request: Has the session; Gradio provides it.
            question: English or Arabic.
            answer_language: ``ar``, ``en``, or empty for that of the question.
        """
        sent = {"question": question, "answers": answer_language, "filter": [[], "", "", ""]}
        asked = self._read(sent).exchange
        run = Run(self._runner, request.session_hash or "", asked, ())
        try:
            for grown in run.grow() if asked.open else (asked,):
                if grown.fault is not None:
                    raise gr.Error(sentence(grown.fault), print_exception=False)
                yield grown.stage if grown.answer is None else as_text(grown.answer)
        finally:  # also if the client cancels and Gradio closes this generator
            run.stop()

    # Everything else

    def show(self, sent: object) -> str:
        """A kept conversation as HTML: ``{turns, language}``."""
        fields = fields_of(sent)
        turns = exchange.unpack_all(fields.get("turns"))
        return render.conversation([self._current(turn) for turn in turns], language_of(fields))

    def start(self, sent: object) -> dict[str, str]:
        """The filter form and both parts of the first screen for the current articles: ``{language}``."""
        language = language_of(sent)
        try:
            articles = self.assistant.articles()
        except SanadError as error:  # the index was deleted in the meantime
            return {"filter": "", "welcome": failure(fault(error), language), "offers": ""}
        settings = self.assistant.settings
        return {
            "filter": filters.form(articles, language),
            "welcome": welcome.welcome(articles, language),
            "offers": welcome.offers(articles, language, (settings.llm, settings.embedder)),
        }

    def read_article(self, sent: object) -> str:
        """An article with a span highlighted: ``{article, span, language}``.

        The span is null, a citation's ``[start, end, quote]``, or ``[start, end]`` of a link to the page.
        """
        fields = fields_of(sent)
        language = language_of(fields)
        try:
            match fields.get("article"), fields.get("span"):
                case str(article_id), [int(start), int(end)]:
                    article = self.assistant.article(article_id)
                    return library.article(article, (start, end, article.text[start:end]), language)
                case str(article_id), [int(start), int(end), str(quote)]:
                    return library.article(self.assistant.article(article_id), (start, end, quote), language)
                case str(article_id), None:
                    return library.article(self.assistant.article(article_id), None, language)
        except SanadError as error:
            return failure(fault(error), language)
        return failure(Fault("fault_place"), language)

    def copy(self, sent: object) -> str:
        """An answer with its sources for the clipboard: ``{turn, form, language}``; "" if there is none."""
        fields = fields_of(sent)
        try:
            answer = self._current(exchange.unpack(fields.get("turn"))).answer
        except Refused:
            return ""
        if answer is None:
            return ""
        form = copying.markdown if fields.get("form") == "markdown" else copying.text
        return form(answer, language_of(fields))

    def save(self, sent: object) -> dict[str, str]:
        """Answers as a file: ``{turns, form, language}``; ``{name, type, text}``, empty if there is none."""
        fields = fields_of(sent)
        turns = [self._current(turn) for turn in exchange.unpack_all(fields.get("turns"))]
        answers = [turn.answer for turn in turns if turn.answer is not None]
        kind = fields.get("form")
        if not answers or kind not in export.KINDS:
            return {}
        return export.file(answers, str(kind), language_of(fields))

    def articles(self, sent: object) -> str:
        """The list of articles: ``{query, filter, shown, language}``."""
        fields = fields_of(sent)
        language, query, shown = language_of(fields), fields.get("query"), fields.get("shown")
        try:
            where = filters.read(fields.get("filter"))
            everything = self.assistant.articles()
            allowed = everything if where is None else self.assistant.articles(where=where)
        except SanadError as error:
            return failure(fault(error), language)
        wanted = query[: filters.MAX_SENT] if isinstance(query, str) else ""
        count = shown if isinstance(shown, int) and 0 < shown < 10**6 else library.PAGE
        return library.listing(library.searched(allowed, wanted), len(everything), count, language)

    def adding(self, sent: object) -> str:
        """The part above the list: ``{language}``."""
        return library.adding(language_of(sent), self.assistant.settings.max_file_bytes)

    def working(self, sent: object) -> dict[str, Any]:
        """The progress of the work on the index: ``{language}``."""
        state = self.work.state
        shown = library.work(state, language_of(sent))
        return {"html": shown, "running": state.running, "changes": state.changes}

    def index(self, sent: object) -> bool:
        """Index the uploaded files."""
        self.work.index()
        return True

    def remove(self, sent: object) -> bool:
        """Remove an article: ``{article}``; returns whether there is anything to remove."""
        article = fields_of(sent).get("article")
        if isinstance(article, str):
            self.work.remove(article)
        return isinstance(article, str)

    def correct(self, sent: object) -> str:
        """Correct outlet and date: ``{article, outlet, published, language}``; the error as HTML, or ""."""
        fields = fields_of(sent)
        try:
            article_id, outlet, published = filters.correction(fields)
            self.assistant.article(article_id)
        except SanadError as error:
            return failure(fault(error), language_of(fields))
        self.work.correct(article_id, outlet, published)
        return ""

    def rate(self, sent: object) -> str:
        """Keep a vote: ``{turn, vote, comment, language}``; returns the error as HTML, or ""."""
        fields = fields_of(sent)
        vote, comment = fields.get("vote"), fields.get("comment")
        try:
            answer = exchange.unpack(fields.get("turn")).answer
            if answer is None or vote not in ("good", "bad") or not isinstance(comment, str):
                raise Refused("fault_sent")
            add_feedback(answer, vote, comment, settings=self.assistant.settings)
        except SanadError as error:
            return failure(fault(error), language_of(fields))
        return ""

    def _read(self, sent: object) -> Asked:
        return exchange.read(sent, longest=self.assistant.settings.max_question)

    def _current(self, turn: Exchange) -> Exchange:
        """A kept turn whose sources have the outlets and dates that their articles have now."""
        answer = turn.answer
        # A disagreement is shown in the order of the dates, and names outlets and dates in its sentences.
        if answer is None or answer.outcome == "conflict":
            return turn
        try:
            known = {item.id: item for item in self.assistant.articles()}
        except SanadError:  # the index was deleted in the meantime
            return turn
        return dataclasses.replace(turn, answer=exchange.updated(answer, known))

    @property
    def functions(self) -> tuple[Function, ...]:
        """The functions that the page's scripts may call by name, besides ``answer``."""
        return (
            self.begin, self.stop, self.show, self.start, self.read_article, self.copy, self.save, self.rate,
            self.articles, self.adding, self.working, self.index, self.remove, self.correct,
        )  # fmt: skip


def _drawn(asked: Asked) -> Update:
    return {"turn": render.turn(asked.exchange, asked.language)}


def _tab(sent: object) -> str:
    name = fields_of(sent).get("tab")
    return name[:MAX_TAB] if isinstance(name, str) else ""


def fields_of(sent: object) -> dict[str, Any]:
    """The fields of what a browser sent; none if it is something else."""
    return sent if isinstance(sent, dict) else {}


def language_of(sent: object) -> Language:
    """The page's language in what a browser sent."""
    return exchange.language(fields_of(sent).get("language"))
