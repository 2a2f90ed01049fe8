"""The chat page: ``launch(assistant)`` serves it on this machine alone until it is interrupted.

    question → begin (the turn is on the page at once) → reply (searching, reading, writing, answer) → settle

The conversation is two ``gr.HTML``: the earlier turns, which nothing touches while an answer streams, and
the current turn, which is redrawn with every token. ``gr.Chatbot`` lost against them: it sanitises away
``dir``, ids and data attributes, renders model output as Markdown, and has one direction for all.
"""

from __future__ import annotations

import dataclasses
import logging
import queue
import socket
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import gradio as gr
from gradio.exceptions import ServerFailedToStartError
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag import Answer, Assistant, BadSettings, Event, Finished, Retrieved, SanadError, Token, Turn
from ui import filters, render
from ui.render import Exchange

HOST = "127.0.0.1"
"""The only address that is listened on: the page has no login."""

QUEUE = 16
"""Questions that may wait at once, of all browser tabs together; a further one is told to come back."""

TICK = 1.0
"""Seconds between two redrawings while nothing arrives: how fine the clock on the page is."""

REMEMBERED = 6
"""Earlier turns handed to the model: older ones would crowd the evidence out of its prompt."""

ASSETS = Path(__file__).resolve().parent / "assets"

_FONTS = ["Noto Sans", "Segoe UI", "Noto Sans Arabic", "Tahoma", "system-ui", "sans-serif"]

_POLICY = "; ".join(
    [
        "default-src 'none'",
        # Gradio's page starts by inline scripts, and compiles its templates with new Function.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self' blob:",
        "base-uri 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)

_HEADER = (
    '<header class="sanad sanad-header"><h1>Sanad</h1>'
    "<p>Answers from the articles, each with its source.</p></header>"
)

_SENT = "(question, turns, _form) => [question, turns, window.readFilter()]"
"""Runs in the browser before a question is sent: the third value is the filter's fields, not its HTML."""

_log = logging.getLogger(__name__)

_BROKE = "Something broke while answering; the terminal tells more. Ask again."
_CROWDED = "Too many questions are waiting. Ask again in a minute."
_TAKEN = "Port {port} is taken or may not be used; name another with --port."
_MISPLACED = "The page asked for an article in a way that Sanad does not know. Reload the page."


class Run:
    """One question being answered, in its own thread: Stop and the clock need not wait for the model."""

    def __init__(
        self, assistant: Assistant, one_at_a_time: threading.Lock, exchange: Exchange, history: list[Turn]
    ):
        self._assistant = assistant
        self._one_at_a_time = one_at_a_time
        self._exchange = exchange
        self._history = history
        self._arrived: queue.SimpleQueue[Event | SanadError | None] = queue.SimpleQueue()
        self.stopped = threading.Event()

    def stop(self) -> None:
        """Let the model stop at its next token, and ``events`` end now."""
        self.stopped.set()
        self._arrived.put(None)

    def events(self) -> Iterator[list[Event]]:
        """What has arrived since the last time: several events where they came fast, none after a TICK.

        Raises:
            SanadError: The assistant could not answer.
        """
        threading.Thread(target=self._work, name="answer", daemon=True).start()
        while True:
            batch: list[Event] = []
            try:
                item = self._arrived.get(timeout=TICK)
                while item is not None and not isinstance(item, SanadError):
                    batch.append(item)
                    item = self._arrived.get_nowait()
            except queue.Empty:
                yield batch
                continue
            if batch:
                yield batch
            if item is not None:
                raise item
            return

    def _work(self) -> None:
        # A stopped run may still be reading its prompt; the lock keeps the next one from overtaking it.
        with self._one_at_a_time:
            try:
                self._pump()
            except SanadError as error:
                self._arrived.put(error)
            except Exception:
                _log.exception("The question could not be answered")
                self._arrived.put(SanadError(_BROKE))
            self._arrived.put(None)

    def _pump(self) -> None:
        if self.stopped.is_set():
            return
        asked = self._exchange
        stream = self._assistant.stream(asked.question, history=self._history, where=asked.where)
        with closing(cast("Generator[Event, None, None]", stream)):
            for event in stream:
                if self.stopped.is_set():
                    return
                self._arrived.put(event)


class Page:
    """What the page's events do, for all browser tabs; a tab's turns live in its ``gr.State``."""

    def __init__(self, assistant: Assistant):
        self._assistant = assistant
        self._one_at_a_time = threading.Lock()
        self._runs: dict[str, Run] = {}

    def begin(self, question: str, turns: list[Exchange], sent: object) -> tuple[Any, ...]:
        """Put the question on the page at once: box, turns, past, live, ask, stop, clear.

        Args:
            question: As typed.
            turns: The conversation.
            sent: The filter, as the browser sent it: anything at all.
        """
        if turns and turns[-1].open:  # Enter was pressed while an answer is on its way
            return tuple(gr.skip() for _ in range(7))
        exchange = Exchange(number=len(turns) + 1, question=question)
        left = ""
        try:
            exchange = dataclasses.replace(exchange, where=filters.read(sent))
        except SanadError as error:  # the question stays in the box, to be asked again
            exchange, left = _failed(exchange, str(error)), question
        shown = render.conversation(turns), render.turn(exchange)
        return (left, [*turns, exchange], *shown, *_buttons(busy=exchange.open))

    def reply(self, turns: list[Exchange], request: gr.Request) -> Iterator[tuple[list[Exchange], str]]:
        """Answer the last question of ``turns``, redrawing its turn as events arrive: turns, live."""
        if not turns or not turns[-1].open:
            return
        session = request.session_hash or ""
        run = Run(self._assistant, self._one_at_a_time, turns[-1], _history(turns))
        self._runs[session] = run
        try:
            for exchange in _progress(run, turns[-1]):
                yield [*turns[:-1], exchange], render.turn(exchange)
        finally:  # also when the browser tab is gone and Gradio drops this generator
            run.stop()
            self._runs.pop(session, None)

    def settle(self, turns: list[Exchange]) -> tuple[Any, ...]:
        """After a reply, whatever came of it: turns, live, ask, stop, clear."""
        if turns and turns[-1].open:  # the queue was full, or the connection broke
            turns = [*turns[:-1], _failed(turns[-1], _CROWDED)]
        return (turns, render.conversation(turns[-1:]), *_buttons(busy=False))

    def stop(self, turns: list[Exchange], request: gr.Request) -> tuple[Any, ...]:
        """Stop the model: turns, live. A running reply redraws its own turn; a queued one is closed here."""
        run = self._runs.get(request.session_hash or "")
        if run is not None:
            run.stop()
        if run is not None or not turns or not turns[-1].open:
            return gr.skip(), gr.skip()
        turns = [*turns[:-1], dataclasses.replace(turns[-1], stage="stopped")]
        return turns, render.turn(turns[-1])

    def leave(self, request: gr.Request) -> None:
        """The browser tab was closed: nobody waits for its answer any more."""
        run = self._runs.get(request.session_hash or "")
        if run is not None:
            run.stop()

    def sources(self) -> str:
        """The form that limits the search, with what the index holds now."""
        try:
            return filters.form(self._assistant.articles())
        except SanadError as error:  # the index has gone since
            return render.failure(str(error))

    def read_article(self, place: object) -> str:
        """The article that a source quotes, as HTML, with the quote highlighted.

        Args:
            place: Article id, start, end and quote, as the browser sent them: anything at all.
        """
        match place:
            case [str(article_id), int(start), int(end), str(quote)]:
                try:
                    return render.article(self._assistant.article(article_id), start, end, quote)
                except SanadError as error:
                    return render.failure(str(error))
            case _:
                return render.failure(_MISPLACED)


def build_app(assistant: Assistant) -> gr.Blocks:
    """The page as Gradio blocks, not yet served.

    Args:
        assistant: What answers the questions.
    """
    page = Page(assistant)
    app = gr.Blocks(title="Sanad", analytics_enabled=False, fill_width=True)
    with app:
        turns = gr.State([])
        gr.HTML(_HEADER, apply_default_css=False)
        past = gr.HTML("", elem_id="sanad-past", apply_default_css=False)
        live = _live(page)
        with gr.Column(elem_id="sanad-composer"):
            where = gr.HTML(page.sources(), apply_default_css=False, js_on_load=_script("filter.js"))
            with gr.Row(elem_id="sanad-row"):
                box = gr.Textbox(
                    placeholder="Ask in English or Arabic · اسأل بالعربية أو الإنجليزية",
                    label="Question", show_label=False, container=False, lines=1, max_lines=6,
                    autofocus=True, scale=8, elem_id="sanad-question",
                )  # fmt: skip
                ask = gr.Button("Ask", variant="primary", scale=1, min_width=80, elem_id="sanad-ask")
                stop = gr.Button("Stop", scale=1, min_width=80, visible=False, elem_id="sanad-stop")
                clear = gr.Button("Clear", scale=1, min_width=80, elem_id="sanad-clear")

        buttons = [ask, stop, clear]
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        shown = [box, turns, past, live, *buttons]
        asked = gr.on(
            [box.submit, ask.click], page.begin, [box, turns, where], shown, js=_SENT, queue=False, **quiet
        )
        replied = asked.then(page.reply, [turns], [turns, live], concurrency_limit=1, **quiet)
        replied.then(page.settle, [turns], [turns, live, *buttons], queue=False, **quiet)
        stop.click(page.stop, [turns], [turns, live], queue=False, **quiet)
        clear.click(lambda: ([], "", ""), None, [turns, past, live], queue=False, **quiet)
        app.load(page.sources, None, [where], queue=False, **quiet)  # the index may have changed since
        app.unload(page.leave)
    # api_open=False: questions come through the queue or not at all.
    app.queue(max_size=QUEUE, default_concurrency_limit=1, api_open=False)
    return app


def launch(assistant: Assistant, *, port: int = 7860) -> None:
    """Serve the page on 127.0.0.1 until interrupted.

    Args:
        assistant: What answers the questions.
        port: TCP port to listen on.

    Raises:
        BadSettings: The port is taken or is no port.
    """
    app = start(assistant, port=port)
    sys.stdout.write(f"Sanad is at http://{HOST}:{port} (Ctrl+C ends it)\n")
    sys.stdout.flush()
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
    finally:
        app.close(verbose=False)


def start(assistant: Assistant, *, port: int) -> gr.Blocks:
    """Serve the page in a background thread; ``close`` of what is returned ends it.

    Args:
        assistant: What answers the questions.
        port: TCP port to listen on.

    Raises:
        BadSettings: The port is taken or is no port.
    """
    _check_port(port)
    app = build_app(assistant)
    guards = [Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]), Middleware(Guard)]
    try:
        app.launch(
            server_name=HOST, server_port=port, share=False, inbrowser=False, quiet=True,
            prevent_thread_lock=True, show_error=False, strict_cors=True, max_file_size="1mb",
            state_session_capacity=100, footer_links=[], run_history=False, enable_monitoring=False,
            mcp_server=False, pwa=False, ssr_mode=False,
            app_kwargs={"middleware": guards, "openapi_url": None},
            theme=_theme(), head=_style(),
        )  # fmt: skip
    except (OSError, ServerFailedToStartError):  # taken since it was checked
        raise BadSettings(_TAKEN.format(port=port)) from None
    return app


class Guard:
    """Middleware: the browser loads nothing from elsewhere; routes that Sanad does not use are closed."""

    # file= would fetch any public address for the caller; the others describe the API or take uploads.
    CLOSED = tuple(
        f"/gradio_api/{name}"
        for name in ("file=http", "proxy=", "upload", "info", "openapi.json", "api/", "call/", "mcp")
    )

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a closed route with 404, and add the headers to everything else."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = _POLICY
                headers["Referrer-Policy"] = "no-referrer"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        path = str(scope.get("path", ""))
        if scope["type"] == "http" and path.lower().startswith(self.CLOSED):
            await PlainTextResponse("Not here.", status_code=404)(scope, receive, guarded)
        else:
            await self._app(scope, receive, guarded)


def _progress(run: Run, exchange: Exchange) -> Iterator[Exchange]:
    """The exchange as it grows; the last one is final."""
    begun = time.monotonic()
    exchange = dataclasses.replace(exchange, stage="searching")
    yield exchange
    try:
        for events in run.events():
            for event in events:
                exchange = _grown(exchange, event)
            exchange = dataclasses.replace(exchange, seconds=time.monotonic() - begun)
            yield exchange
    except SanadError as error:
        yield _failed(exchange, str(error))
        return
    if exchange.open:
        yield dataclasses.replace(exchange, stage="stopped")


def _grown(exchange: Exchange, event: Event) -> Exchange:
    match event:
        case Retrieved(evidence=evidence):
            return dataclasses.replace(exchange, stage="reading", sentences=len(evidence))
        case Token(text=text):
            return dataclasses.replace(exchange, stage="writing", draft=exchange.draft + text)
        case Finished(answer=answer):
            return dataclasses.replace(exchange, stage="done", answer=answer)


def _failed(exchange: Exchange, why: str) -> Exchange:
    return dataclasses.replace(exchange, stage="failed", error=why)


def _history(turns: list[Exchange]) -> list[Turn]:
    answered: list[Answer] = [turn.answer for turn in turns if turn.answer is not None]
    return [Turn(answer.question, answer.text) for answer in answered[-REMEMBERED:]]


def _live(page: Page) -> gr.HTML:
    """The current turn, which also carries the page's script: Gradio gives it the way back to the server."""

    def read_article(place: object) -> str:  # Gradio marks the function it is given: no bound method will do
        return page.read_article(place)

    return gr.HTML(
        "", elem_id="sanad-live", apply_default_css=False,
        js_on_load=_script("page.js"), server_functions=[read_article],
    )  # fmt: skip


def _script(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _buttons(*, busy: bool) -> tuple[Any, Any, Any]:
    return gr.update(visible=not busy), gr.update(visible=busy), gr.update(interactive=not busy)


def _check_port(port: int) -> None:
    """Refuse a port before anything is built: Gradio itself would leave its probing socket open."""
    if not 1 <= port <= 65535:
        raise BadSettings(f"Port {port} is no TCP port; name one from 1 to 65535 with --port.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise BadSettings(_TAKEN.format(port=port)) from None


def _style() -> str:
    """The style sheet for the page's head: ``css_paths`` would rewrite it, and break ``:is(a, b)``."""
    return f"<style>{(ASSETS / 'page.css').read_text(encoding='utf-8')}</style>"


def _theme() -> gr.themes.Base:
    """System fonts only: a web font would be fetched from another host."""
    return gr.themes.Base(
        primary_hue="teal", neutral_hue="stone", font=_FONTS, font_mono=["ui-monospace", "monospace"]
    )
