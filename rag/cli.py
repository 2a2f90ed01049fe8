"""The command line: parse, call, print. Errors become one line on standard error and exit status 2."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag import (
    Answer,
    Assistant,
    BadSettings,
    Finished,
    Retrieved,
    SanadError,
    Settings,
    Token,
    __version__,
    build_index,
    check_question,
    quiet_libraries,
)
from rag.disk import Progress
from rag.settings import BACKENDS

if TYPE_CHECKING:
    from rich.console import Console

EXIT_ERROR = 2
"""Something that the user can mend: the message says how."""

EXIT_INTERRUPTED = 130
"""Ctrl-C: 128 plus the number of SIGINT, as shells have it."""

DEFAULT_INDEX = "seeds"
"""The index that is meant when none is named; ``Assistant.open`` builds it when it is missing."""

LOCAL_PORT = 7860
"""Gradio's usual port."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``sanad``.

    Args:
        arguments: Defaults to the process's own.

    Returns:
        Exit status: 0, 2 for an error that the message explains, 130 when interrupted.
    """
    options = _parser().parse_args(arguments)
    quiet_libraries()
    # Arabic on a terminal set to ASCII or cp1252 comes out as question marks rather than as a traceback.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    run: Callable[[argparse.Namespace], None] = options.run
    try:
        run(options)
        sys.stdout.flush()
    except SanadError as error:
        print(f"sanad: {error}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("sanad: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone; without this Python complains again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print("sanad: the output could not be written: no space left. Make room.", file=sys.stderr)
        return EXIT_ERROR
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sanad", description="Questions about news articles, answered on this machine, with citations."
    )
    parser.add_argument("--version", action="version", version=f"sanad {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    ask = commands.add_parser("ask", help="answer a question")
    ask.add_argument("question", help="in English or Arabic")
    ask.add_argument("--json", action="store_true", help="print the whole Answer as JSON")
    _add_index(ask)
    _add_models(ask)
    ask.set_defaults(run=_ask)

    build = commands.add_parser("index", help="index a folder of articles, or bring its index up to date")
    build.add_argument("folder", nargs="?", type=Path, help="default: the seed articles")
    _add_index(build)
    build.add_argument("--embedder", help="'packaged', a hub model id or a local folder")
    build.set_defaults(run=_index)

    models = commands.add_parser(
        "models", help="list the packaged models: where from, licence, size, verified"
    )
    models.add_argument("--prepare", action="store_true", help="prepare them now instead of at first use")
    models.set_defaults(run=_models)

    page = commands.add_parser("ui", help="serve the chat page on this machine")
    page.add_argument("--port", type=int, default=LOCAL_PORT, help=f"default: {LOCAL_PORT}")
    _add_index(page)
    _add_models(page)
    page.set_defaults(run=_ui)
    return parser


def _add_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", default=DEFAULT_INDEX, metavar="NAME", help=f"default: {DEFAULT_INDEX}")


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--llm", help="'packaged', a hub model id or a local folder")
    parser.add_argument("--embedder", help="'packaged', a hub model id or a local folder")
    parser.add_argument("--backend", choices=BACKENDS, help="what runs the generator; default: auto")


def _settings(options: argparse.Namespace) -> Settings:
    names = ("llm", "embedder", "backend")
    return Settings.load(**{name: getattr(options, name, None) for name in names})


def _ask(options: argparse.Namespace) -> None:
    settings = _settings(options)
    check_question(options.question, settings)  # before minutes of preparation on a fresh machine
    assistant = _opened(options.index, settings)
    try:
        if options.json:
            answer = assistant.ask(options.question)
            print(json.dumps(answer.to_dict(), ensure_ascii=False, indent=2))
        else:
            _print_answer(_streamed(assistant, options.question))
    finally:
        assistant.close()


def _opened(index: str, settings: Settings) -> Assistant:
    """An assistant whose models are prepared, so that no progress bar runs beside an answer."""
    with _progress() as progress:
        assistant = Assistant.open(index, settings=settings, progress=progress)
        assistant.model  # noqa: B018 - naming the model prepares its weights
    return assistant


def _streamed(assistant: Assistant, question: str) -> Answer:
    """Ask; on a terminal show the draft while it is written. The checked answer is printed after it."""
    draft = ""
    with _live() as show:
        for event in assistant.stream(question):
            if isinstance(event, Retrieved):
                show(f"reading {len(event.evidence)} sentences …")
            elif isinstance(event, Token):
                draft += event.text
                show(draft)
            elif isinstance(event, Finished):
                return event.answer
    raise AssertionError("stream ends with Finished")


def _print_answer(answer: Answer) -> None:
    out = _console()
    out.print(answer.text, style="bold", markup=False, highlight=False, soft_wrap=True)
    for claim in answer.claims:
        if claim.reason:
            note = f"Partly supported ({claim.reason}): {claim.text}"
            out.print(note, style="yellow", markup=False, highlight=False, soft_wrap=True)
    if answer.citations:
        _heading(out, "Sources")
        for cited in answer.citations:
            origin = " · ".join(part for part in (cited.outlet, cited.published, cited.title) if part)
            _source(out, f"[{cited.number}]", origin, cited.quote, f"{cited.source}:{cited.line}")
    elif answer.passages:
        _heading(out, "Nearest passages, which may not answer the question")
        for passage in answer.passages[:3]:
            origin = " · ".join(part for part in (passage.outlet, passage.published, passage.title) if part)
            excerpt = textwrap.shorten(passage.text, 300, placeholder=" …")
            _source(out, "–", origin, excerpt, passage.chunk.article_id)


def _heading(out: Console, text: str) -> None:
    out.print(f"\n{text}", style="bold", markup=False, highlight=False)


def _source(out: Console, mark: str, origin: str, quote: str, place: str) -> None:
    out.print(f"{mark} {origin}", markup=False, highlight=False, soft_wrap=True)
    # The quote stands alone on its line: a terminal takes a line's direction from its first letter, so
    # that Arabic lines run from right to left as a whole.
    out.print(quote, style="italic", markup=False, highlight=False, soft_wrap=True)
    out.print(place, style="dim", markup=False, highlight=False, soft_wrap=True)


def _index(options: argparse.Namespace) -> None:
    settings = _settings(options)
    folder = options.folder or settings.articles
    own = folder.is_dir() and folder.resolve() != settings.articles.resolve()
    if own and options.index == DEFAULT_INDEX:
        raise BadSettings(
            f"{DEFAULT_INDEX!r} is the index of {settings.articles}. Give your own a name: "
            f"sanad index {options.folder} --index NAME"
        )
    if options.folder is None and options.index != DEFAULT_INDEX:
        raise BadSettings(
            f"Which folder is the index {options.index!r} made from? sanad index FOLDER --index NAME"
        )
    with _progress() as progress:
        built = build_index(folder, options.index, settings=settings, progress=progress)
    for file in built.skipped:
        print(f"skipped {file.source}: {file.reason}", file=sys.stderr)
    done = built.written
    changes = [
        (len(done.added), "added"),
        (len(done.changed), "changed"),
        (len(done.removed), "removed"),
        (len(built.skipped), "skipped"),
    ]
    told = ", ".join(f"{number} {what}" for number, what in changes if number) or "nothing changed"
    print(
        f"{options.index}: {done.articles} articles, {done.chunks} passages "
        f"({told}; {done.embedded} passages embedded)"
    )


def _models(options: argparse.Namespace) -> None:
    from rag.weights import EMBEDDER, GENERATOR, prepared, statuses

    settings = Settings.load()
    if options.prepare:
        with _progress() as progress:
            for model in (EMBEDDER, GENERATOR):
                prepared(model, settings, progress)
    damaged = []
    for status in statuses(settings):
        model = status.model
        verified = {"ready": "verified", "installed": "not verified yet"}.get(status.state, status.state)
        print(f"{model.title}  ({model.licence})")
        print(
            f"  from      {model.parts[0].requirement}"
            + (f" and {len(model.parts) - 1} more" if model.parts[1:] else "")
        )
        print(f"  sha256    {model.sha256}")
        print(f"  size      {model.size / 1e6:,.0f} MB packaged, {status.size / 1e6:,.0f} MB prepared")
        print(
            f"  state     {status.state}, {verified}"
            if status.state == "ready"
            else f"  state     {verified}"
        )
        print(f"  folder    {status.folder}")
        if status.detail:
            print(f"  {status.detail}")
            if status.state in ("damaged", "missing"):
                damaged.append(model.title)
    if damaged:
        raise BadSettings(f"Not usable: {', '.join(damaged)}; see above.")


def _ui(options: argparse.Namespace) -> None:
    from ui.app import launch

    assistant = _opened(options.index, _settings(options))
    try:
        launch(assistant, port=options.port)
    finally:
        assistant.close()


def _console() -> Console:
    from rich.console import Console

    class Plain(Console):
        """Prints texts to the letter, and leaves a reader who has gone to ``main``."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Plain(file=sys.stdout, emoji=False)  # else ":smile:" in an article becomes a picture


@contextlib.contextmanager
def _live() -> Iterator[Callable[[str], None]]:
    """Shows a growing text on a terminal and takes it away at the end; elsewhere shows nothing."""
    out = _console()
    if not out.is_terminal:
        yield lambda _text: None
        return
    from rich.live import Live
    from rich.text import Text

    with Live(console=out, transient=True, refresh_per_second=8) as live:
        yield lambda text: live.update(Text(text, style="dim"))


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal; elsewhere one line a stage. Both on standard error."""
    if not sys.stderr.isatty():
        told: set[str] = set()

        def tell(what: str, _share: float) -> None:
            if what not in told:
                told.add(what)
                print(f"{what} …", file=sys.stderr, flush=True)

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def show(what: str, share: float) -> None:
            if what not in tasks:
                for task in tasks.values():
                    bar.update(task, visible=False)
                tasks[what] = bar.add_task(what, total=1.0)
            bar.update(tasks[what], completed=share, visible=share < 1.0)

        yield show


if __name__ == "__main__":
    sys.exit(main())
