"""The command line: parse, call, print. Errors become one line on standard error and exit status 2.

What a question to a running server does not need is named as ``rag.NAME`` or imported where it is used.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rag
from rag import (
    DEFAULT_INDEX,
    Answer,
    BadSettings,
    Event,
    Filter,
    Finished,
    Retrieved,
    SanadError,
    Settings,
    Token,
    check_question,
    quiet_libraries,
)
from rag.cli import printing
from rag.cli.arguments import Run, parser
from rag.server.local_socket import NoServer, socket_path
from rag.server.local_socket import ask as ask_server
from rag.settings import index_folder

if TYPE_CHECKING:
    from rag import Assistant, Built, Moved

EXIT_ERROR = 2
"""Something that the user can mend: the message says how."""

EXIT_INTERRUPTED = 130
"""Ctrl-C: 128 plus the number of SIGINT, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``sanad``.

    Args:
        arguments: Defaults to the process's own.

    Returns:
        Exit status: 0, 2 for an error that the message explains, 130 when interrupted; 1 for an evaluation
        that found a regression.
    """
    options = parser(COMMANDS).parse_args(arguments)
    quiet_libraries()
    # Arabic on a terminal set to ASCII or cp1252 comes out as question marks rather than as a traceback.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    run: Run = options.run
    try:
        status = run(options)
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
    return status or 0


def _settings(options: argparse.Namespace) -> Settings:
    names = ("llm", "embedder", "backend", "adapter", "answer_cache")
    return Settings.load(**{name: getattr(options, name, None) for name in names})


def _where(options: argparse.Namespace) -> Filter | None:
    where = Filter(tuple(options.outlet or ()), options.since, options.until, options.language)
    return None if where == Filter() else where


def _ask(options: argparse.Namespace) -> None:
    settings, where = _settings(options), _where(options)
    check_question(options.question, settings)  # before minutes of preparation on a fresh machine
    try:
        path = None if options.no_serve else socket_path(index_folder(settings, options.index), settings)
        if path is None or not path.exists():
            raise NoServer
        answer = _told(ask_server(path, options.question, where), options)
    except NoServer:
        answer = _asked(options, settings, where)
    if options.json:
        print(json.dumps(answer.to_dict(), ensure_ascii=False, indent=2))
    else:
        printing.answer(answer)


def _asked(options: argparse.Namespace, settings: Settings, where: Filter | None) -> Answer:
    """The answer of this process: one that was given before, else by loading what it takes."""
    with printing.progress() as progress:
        known = rag.recall(options.question, options.index, where=where, settings=settings, progress=progress)
    if known is not None:
        return known
    with contextlib.closing(_opened(options.index, settings)) as assistant:
        return _told(assistant.stream(options.question, where=where), options)


def _told(events: Iterator[Event], options: argparse.Namespace) -> Answer:
    """The answer that events end with, shown as they come unless JSON is wanted."""
    if options.json:
        (answer,) = [event.answer for event in events if isinstance(event, Finished)]
        return answer
    return _shown(events)


def _opened(index: str, settings: Settings) -> Assistant:
    """An assistant whose models are prepared, so that no progress bar runs beside an answer."""
    with printing.progress() as progress:
        assistant = rag.CachedAssistant.open(index, settings=settings, eager=True, progress=progress)
        assistant.model  # noqa: B018 - naming the model prepares its weights
    return assistant


def _shown(events: Iterator[Event]) -> Answer:
    """The answer; on a terminal its draft is shown while it is written."""
    draft = ""
    with printing.live() as show:
        for event in events:
            if isinstance(event, Retrieved):
                show(f"reading {len(event.evidence)} sentences …")
            elif isinstance(event, Token):
                draft += event.text
                show(draft)
            elif isinstance(event, Finished):
                return event.answer
    raise AssertionError("stream ends with Finished")


def _index(options: argparse.Namespace) -> None:
    settings = _settings(options)
    folder = _folder(options, settings)
    if options.watch:
        _watch(options, settings, folder)
        return
    with printing.progress() as progress:
        built = rag.build_index(
            folder, options.index, allow_shrink=options.allow_shrink, settings=settings, progress=progress
        )
    printing.update(options.index, built, verbose=options.verbose)


def _folder(options: argparse.Namespace, settings: Settings) -> Path:
    """The folder that is to be indexed: the one named, else the one that the index was made from."""
    folder: Path | None = options.folder or rag.indexed_folder(options.index, settings=settings)
    if folder is None:
        raise BadSettings(
            f"Which folder is the index {options.index!r} made from? sanad index FOLDER --index NAME"
        )
    own = folder.is_dir() and folder.resolve() != settings.articles.resolve()
    if own and options.index == DEFAULT_INDEX:
        raise BadSettings(
            f"{DEFAULT_INDEX!r} is the index of {settings.articles}. Give your own a name: "
            f"sanad index {options.folder} --index NAME"
        )
    return folder


def _watch(options: argparse.Namespace, settings: Settings, folder: Path) -> None:
    started = False

    def told(event: Built | SanadError) -> None:
        nonlocal started
        if isinstance(event, SanadError):
            print(f"sanad: {event}", file=sys.stderr, flush=True)
        else:
            printing.update(options.index, event, verbose=options.verbose)
        if not started:
            print(f"Watching {folder} (Ctrl+C ends it)", file=sys.stderr, flush=True)
        started = True

    with _terminated_like_interrupted():
        rag.watch_index(
            folder,
            options.index,
            told,
            allow_shrink=options.allow_shrink,
            settings=settings,
            progress=printing.stages(),
        )


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Within it SIGTERM, which service managers send, ends the command as Ctrl+C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _articles(options: argparse.Namespace) -> None:
    listed = rag.list_articles(options.index, where=_where(options), settings=_settings(options))
    printing.articles(listed, as_json=options.json)


def _remove(options: argparse.Namespace) -> None:
    settings = _settings(options)
    with printing.progress() as progress:
        done = rag.remove_articles(
            options.ids,
            options.index,
            allow_shrink=options.allow_shrink,
            settings=settings,
            progress=progress,
        )
    print(f"{options.index}: {len(done.removed)} removed, {done.articles} articles left")
    print(
        "The next sanad index of their folder adds them again, unless their files are gone.", file=sys.stderr
    )


def _models(options: argparse.Namespace) -> None:
    from rag.models.weights.packaged import packaged, prepared, statuses

    settings = Settings.load()
    if options.prepare:
        with printing.progress() as progress:
            for model in packaged(settings):
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


def _feedback(options: argparse.Namespace) -> None:
    done = rag.export_feedback(options.export)
    print(f"{options.export}: {done.written} questions")
    if done.left_out:
        print(f"{done.left_out} bad answers left out: no comment says what would be right", file=sys.stderr)
    for line in done.unreadable:
        print(f"{Settings.load().feedback}:{line} is no vote and was passed over", file=sys.stderr)
    print(
        f"Cut each must down to the words that count, then: python -m evals.workbench check {options.export}",
        file=sys.stderr,
    )


def _export(options: argparse.Namespace) -> None:
    _moved(options.file, rag.export_index(options.file, options.index, settings=_settings(options)))


def _import(options: argparse.Namespace) -> None:
    with printing.progress() as progress:
        done = rag.import_index(options.file, options.index, settings=_settings(options), progress=progress)
    _moved(options.file, done)


def _moved(file: Path, done: Moved) -> None:
    files = f", {done.uploads} uploaded files" if done.uploads else ""
    print(f"{done.name}: {done.articles} articles{files}, {done.size / 1e6:.1f} MB in {file}")


def _ui(options: argparse.Namespace) -> None:
    from ui.app import launch

    assistant = _opened(options.index, _settings(options))
    try:
        launch(assistant, port=options.port)
    finally:
        assistant.close()


def _serve(options: argparse.Namespace) -> None:
    if options.make_password is not None:
        _make_password(options.make_password)
        return
    settings = _settings(options)
    import logging

    from rag.server.logs import Log
    from ui.app import page_app, print_address

    log = Log()
    logging.getLogger("rag").addHandler(log)
    logging.getLogger("rag").setLevel(logging.INFO)
    for name in ("ui", "uvicorn.error"):
        logging.getLogger(name).addHandler(log)
    assistant = _opened(options.index, settings)
    try:
        server = rag.Server(
            assistant,
            page=None if options.no_page else page_app,
            host=options.host,
            port=options.port,
            local=socket_path(index_folder(settings, options.index), settings),
        )
        rag.serve(server, print_address)
    finally:
        assistant.close()
        log.close()
    # Nothing is left to be saved, and a normal end would take the engine from under a thread that may still
    # compute, and a second to unload what was imported.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(0)


def _make_password(name: str) -> None:
    import getpass

    from rag.server.login import hashed

    if not name or ":" in name or not name.isprintable():
        raise BadSettings(f"The name {name!r} cannot be used: it needs letters, and no colon.")
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            raise BadSettings("The two passwords differ. Try again.")
    else:
        password = sys.stdin.readline().rstrip("\n")
    print(f"{name}:{hashed(password)}")


def _eval(options: argparse.Namespace) -> int:
    from evals.command import main as evaluate

    return evaluate(options.arguments)


COMMANDS: dict[str, Run] = {
    "ask": _ask,
    "index": _index,
    "articles": _articles,
    "remove": _remove,
    "models": _models,
    "feedback": _feedback,
    "serve": _serve,
    "ui": _ui,
    "export": _export,
    "import": _import,
    "eval": _eval,
}
"""What runs each command."""

if __name__ == "__main__":
    sys.exit(main())
