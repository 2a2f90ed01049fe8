"""The functions behind the commands. Errors become one line on standard error and exit status 2.

A question to a running server should load few modules: everything that it does not need is imported where it
is used.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.cli import indexes, printing
from rag.cli.arguments import parser
from rag.conversation.question import check_question
from rag.errors import BadSettings, IndexMissing, SanadError
from rag.records import Answer, Event, Filter, Finished, Retrieved, StageStarted
from rag.server.local_socket import NoServer, is_there, socket_path
from rag.server.local_socket import ask as ask_server
from rag.settings import DEFAULT_INDEX, Settings, command_line, index_folder, quiet_libraries

if TYPE_CHECKING:
    from rag.index.archive import Moved
    from rag.index.indexing import Built

EXIT_ERROR = 2
"""Exit status of an error that the user can fix; the message says how."""

EXIT_INTERRUPTED = 130
"""Exit status after Ctrl+C: 128 plus the number of SIGINT, as in shells."""


FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
"""Errors of a path that this user may not read or write."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``sanad``.

    Args:
        arguments: Defaults to the process's own.

    Returns:
        Exit status: 0 for success, 1 for an evaluation that found a regression, 2 for an error that the
            message explains, 130 after an interruption.
    """
    options = parser().parse_args(arguments)
    quiet_libraries()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            keep_letters(stream)
    try:
        status = COMMANDS[options.command](options)
        sys.stdout.flush()
    except SanadError as error:
        printing.warn(f"sanad: {error}{_instead(error, options)}")
        return EXIT_ERROR
    except KeyboardInterrupt:
        print("sanad: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except OSError as error:
        if error.errno in FORBIDDEN:
            printing.warn(
                f"sanad: Cannot use {str(error.filename or 'a file')!r}: {error.strerror}. Give your user "
                "access to it, or choose another path (SANAD_CACHE and SANAD_INDEXES name Sanad's folders)."
            )
            return EXIT_ERROR
        reader_gone = isinstance(error, BrokenPipeError)  # such as head or less
        if not reader_gone and error.errno != errno.ENOSPC:
            raise
        # Otherwise Python reports the error again when it closes standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if reader_gone:
            return 0
        print("sanad: Cannot write the output: the disk is full. Free some space.", file=sys.stderr)
        return EXIT_ERROR
    return status or 0


def _instead(error: SanadError, options: argparse.Namespace) -> str:
    """How the message goes on if it says that an index is missing."""
    if not isinstance(error, IndexMissing):
        return ""
    given = options.index or DEFAULT_INDEX
    return indexes.instead([given] if isinstance(given, str) else given, _settings(options))


def keep_letters(stream: io.TextIOWrapper, *, windows: bool = os.name == "nt") -> None:
    """Let a stream accept every letter.

    A terminal set to ASCII or cp1252 prints Arabic as question marks instead of raising an error. A file or
    another program gets UTF-8 on Windows too, where Python would use the encoding of the system's language.
    """
    encoding = "utf-8" if windows and not stream.isatty() else None
    stream.reconfigure(encoding=encoding, errors="replace")


def _settings(options: argparse.Namespace) -> Settings:
    names = ("llm", "embedder", "backend", "adapter", "answer_cache")
    return Settings.load(**{name: getattr(options, name, None) for name in names})


def _where(options: argparse.Namespace) -> Filter | None:
    where = Filter(tuple(options.outlet or ()), options.since, options.until, options.language)
    return None if where == Filter() else where


def _ask(options: argparse.Namespace) -> None:
    settings, where = _settings(options), _where(options)
    check_question(options.question, settings)  # before the models are prepared, which can take minutes
    if options.index is None:
        options.index = indexes.chosen(settings)
    try:
        path = None if options.no_serve else socket_path(index_folder(settings, options.index), settings)
        if path is None or not is_there(path):
            raise NoServer
        answer = _shown(
            ask_server(path, options.question, where, options.answer_language), quiet=options.json
        )
    except NoServer:
        answer = _answered_here(options, settings, where)
    if options.json:
        printing.as_json(answer.to_dict())
    else:
        printing.answer(answer)


def _answered_here(options: argparse.Namespace, settings: Settings, where: Filter | None) -> Answer:
    """The answer of this process: from the cache if it is there, else from the models."""
    from rag.server.answer_cache import recall

    with printing.progress() as progress:
        known = recall(
            options.question,
            options.index,
            where=where,
            answer_language=options.answer_language,
            settings=settings,
            progress=progress,
        )
    if known is not None:
        return known
    from rag.cli.serving import opened

    with contextlib.closing(opened(options.index, settings)) as assistant:
        events = assistant.stream(options.question, where=where, answer_language=options.answer_language)
        return _shown(events, quiet=options.json)


def _shown(events: Iterator[Event], *, quiet: bool) -> Answer:
    """The answer; on a terminal the stages are shown while the model works, unless ``quiet``."""
    with printing.live(quiet=quiet) as show:
        for event in events:
            if isinstance(event, Retrieved):
                show(f"Reading {printing.count(len(event.evidence), 'sentence')} …")
            elif isinstance(event, StageStarted):
                show(f"{event.stage.capitalize()} …")
            elif isinstance(event, Finished):
                return event.answer
    raise AssertionError("stream ends with Finished")


def _index(options: argparse.Namespace) -> None:
    from rag.index.indexing import build_index

    settings = _settings(options)
    if options.show_collection:
        from rag.index import collection

        printing.collection(collection.show(index_folder(settings, options.index), settings.chroma_url))
        return
    folder = _folder(options, settings)
    if options.watch:
        if options.ray:
            raise BadSettings("--ray embeds many articles once; leave it out with --watch.")
        _watch(options, settings, folder)
        return
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(printing.progress())
        embedder = None
        if options.ray:
            from rag.models.embedding.cluster import connected

            embedder = stack.enter_context(connected(options.ray, settings, progress))
        built = build_index(
            folder, options.index,
            allow_shrink=options.allow_shrink, settings=settings, embedder=embedder, progress=progress,
        )  # fmt: skip
    printing.update(options.index, built, verbose=options.verbose)


def _folder(options: argparse.Namespace, settings: Settings) -> Path:
    """The folder to index: the one named, else the one that was indexed before."""
    from rag.index.indexing import indexed_folder

    folder: Path | None = options.folder or indexed_folder(options.index, settings=settings)
    if folder is None:
        raise BadSettings(
            f"The folder of the index {options.index!r} is not known. Name it: sanad index FOLDER --index "
            f"{options.index}{indexes.instead([options.index], settings)}"
        )
    is_other_folder = folder.is_dir() and folder.resolve() != settings.articles.resolve()
    if is_other_folder and options.index == DEFAULT_INDEX:
        named = command_line("sanad", "index", str(folder), "--index", "NAME")
        raise BadSettings(
            f"{DEFAULT_INDEX!r} is the index of the folder {settings.articles}. Name yours: {named}"
        )
    return folder


def _watch(options: argparse.Namespace, settings: Settings, folder: Path) -> None:
    from rag.index.watching import watch_index

    started = False

    def report(event: Built | SanadError) -> None:
        nonlocal started
        if isinstance(event, SanadError):
            printing.warn(f"sanad: {event}")
        else:
            printing.update(options.index, event, verbose=options.verbose)
        if not started:
            print(f"Watching {folder} (press Ctrl+C to stop)", file=sys.stderr, flush=True)
        started = True

    # SIGTERM, which service managers send, ends the command like Ctrl+C.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        watch_index(
            folder,
            options.index,
            report,
            allow_shrink=options.allow_shrink,
            settings=settings,
            progress=printing.stages(),
        )
    finally:
        signal.signal(signal.SIGTERM, before)


def _articles(options: argparse.Namespace) -> None:
    from rag.index.indexing import list_articles

    settings, where = _settings(options), _where(options)
    listed = list_articles(options.index, where=where, settings=settings)
    if where is not None and not listed:
        from rag.index import filters

        there = [item.article for item in list_articles(options.index, settings=settings)]
        printing.warn(filters.nothing(where, there, "en"))
        if not options.json:
            return
    printing.articles(listed, in_json=options.json)


def _remove(options: argparse.Namespace) -> None:
    from rag.index.indexing import remove_articles

    settings = _settings(options)
    with printing.progress() as progress:
        done = remove_articles(
            options.ids,
            options.index,
            allow_shrink=options.allow_shrink,
            settings=settings,
            progress=progress,
        )
    print(f"{options.index}: {len(done.removed)} removed, {printing.count(done.articles, 'article')} left")
    print(
        "If their files stay in the folder, the next update (sanad index) adds the articles again.",
        file=sys.stderr,
    )


def _models(options: argparse.Namespace) -> None:
    from rag.models.weights.download import RECOMMENDED, fetched
    from rag.models.weights.packaged import packaged, prepared, statuses

    settings = Settings.load()
    if options.get is not None:
        _get(options.get, settings)
        return
    if options.prepare:
        with printing.progress() as progress:
            for model in packaged(settings):
                prepared(model, settings, progress)
    damaged = []
    for status in statuses(settings):
        printing.model(status)
        if status.detail and status.state in ("damaged", "missing"):
            damaged.append(status.model.title)
    for recommended in RECOMMENDED:
        printing.recommended(recommended, fetched(recommended, settings))
    if damaged:
        raise BadSettings(
            f"These models cannot be used: {', '.join(damaged)}. The list above says how to fix it."
        )


def _get(name: str, settings: Settings) -> None:
    from rag.models.weights.download import fetch

    with printing.progress() as progress:
        folder = fetch(name, settings, progress)
    print(folder)
    quoted = command_line(str(folder))
    print(f"To write the answers with it: SANAD_LLM={quoted}, or --llm {quoted}", file=sys.stderr)


def _feedback(options: argparse.Namespace) -> None:
    from rag.server.feedback import export_feedback

    done = export_feedback(options.export)
    print(f"{options.export}: {printing.count(done.written, 'question')}")
    if done.left_out:
        left_out = printing.count(done.left_out, "bad answer")
        print(f"{left_out} left out: no comment gives the correct answer", file=sys.stderr)
    for line in done.unreadable:
        print(f"{Settings.load().feedback}:{line}: not a valid vote, skipped", file=sys.stderr)
    check = command_line(sys.executable, "-m", "evals.workbench", "check", str(options.export))
    print(f'Shorten each "must" to the essential words, then run: {check}', file=sys.stderr)


def _export(options: argparse.Namespace) -> None:
    from rag.index.archive import export_index

    done = export_index(options.file, options.index, settings=_settings(options))
    print(f"{_moved(done)}, {done.size / 1e6:.1f} MB in {options.file}")


def _import(options: argparse.Namespace) -> None:
    from rag.index.archive import import_index

    settings = _settings(options)
    with printing.progress() as progress:
        done = import_index(options.file, options.index, settings=settings, progress=progress)
    print(f"{_moved(done)}, imported from {options.file} into {index_folder(settings, done.name)}")


def _moved(done: Moved) -> str:
    files = f", {printing.count(done.uploads, 'uploaded file')}" if done.uploads else ""
    return f"{done.name}: {printing.count(done.articles, 'article')}{files}"


def _ui(options: argparse.Namespace) -> None:
    from rag.cli import serving

    serving.ui(options, _settings(options))


def _serve(options: argparse.Namespace) -> None:
    from rag.cli import serving

    if options.make_password is not None:
        serving.make_password(options.make_password)
    else:
        serving.serve(options, _settings(options))


def _mcp(options: argparse.Namespace) -> None:
    from rag.cli import serving

    serving.mcp(options, _settings(options))


def _eval(options: argparse.Namespace) -> int:
    from evals.command import main as evaluate

    return evaluate(options.arguments)


COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "ask": _ask,
    "index": _index,
    "articles": _articles,
    "remove": _remove,
    "models": _models,
    "feedback": _feedback,
    "serve": _serve,
    "ui": _ui,
    "mcp": _mcp,
    "export": _export,
    "import": _import,
    "eval": _eval,
}
"""The function of each command; it returns the exit status, where None means success."""
