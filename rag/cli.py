"""The command line: parse, call, print. Errors become one line on standard error and exit status 2."""

from __future__ import annotations

import argparse
import contextlib
import errno
import getpass
import io
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rag import (
    DEFAULT_INDEX,
    Answer,
    Assistant,
    BadSettings,
    Built,
    CachedAssistant,
    Event,
    Filter,
    Finished,
    Moved,
    Retrieved,
    SanadError,
    Server,
    Settings,
    Token,
    __version__,
    build_index,
    check_question,
    cli_print,
    export_feedback,
    export_index,
    import_index,
    indexed_folder,
    list_articles,
    quiet_libraries,
    recall,
    remove_articles,
    serve,
    watch_index,
)
from rag.indexing import index_folder
from rag.local_socket import NoServer, socket_path
from rag.local_socket import ask as ask_server
from rag.logs import Log
from rag.server import LOCAL
from rag.settings import BACKENDS

EXIT_ERROR = 2
"""Something that the user can mend: the message says how."""

EXIT_INTERRUPTED = 130
"""Ctrl-C: 128 plus the number of SIGINT, as shells have it."""

LOCAL_PORT = 7860
"""Gradio's usual port."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``sanad``.

    Args:
        arguments: Defaults to the process's own.

    Returns:
        Exit status: 0, 2 for an error that the message explains, 130 when interrupted; 1 for an evaluation
        that found a regression.
    """
    options = _parser().parse_args(arguments)
    quiet_libraries()
    # Arabic on a terminal set to ASCII or cp1252 comes out as question marks rather than as a traceback.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    run: Callable[[argparse.Namespace], int | None] = options.run
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sanad", description="Questions about news articles, answered on this machine, with citations."
    )
    parser.add_argument("--version", action="version", version=f"sanad {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    ask = commands.add_parser("ask", help="answer a question")
    ask.add_argument("question", help="in English or Arabic")
    ask.add_argument("--json", action="store_true", help="print the whole Answer as JSON")
    ask.add_argument(
        "--no-serve", action="store_true", help="do not ask a running sanad serve; load the models here"
    )
    _add_index(ask)
    _add_filter(ask)
    _add_models(ask)
    ask.set_defaults(run=_ask)

    build = commands.add_parser("index", help="index a folder of articles, or bring its index up to date")
    build.add_argument("folder", nargs="?", type=Path, help="default: the one that the index was made from")
    _add_index(build)
    build.add_argument("--watch", action="store_true", help="go on, and update it whenever files change")
    _add_shrink(build)
    build.add_argument("--verbose", action="store_true", help="name every file that is skipped")
    _add_embedder(build)
    build.set_defaults(run=_index)

    listing = commands.add_parser(
        "articles",
        help="list the articles of an index",
        description="List the articles of an index: a table on a terminal, elsewhere lines of id, published, "
        "outlet, language, title, passages and group, with tabs between them. Articles of one group tell "
        "the same story.",
    )
    listing.add_argument("--json", action="store_true", help="print them as JSON")
    _add_index(listing)
    _add_filter(listing)
    listing.set_defaults(run=_articles)

    remove = commands.add_parser("remove", help="take articles out of an index; their files stay")
    remove.add_argument("ids", nargs="+", metavar="ID", help="as sanad articles lists them")
    _add_index(remove)
    _add_shrink(remove)
    _add_embedder(remove)
    remove.set_defaults(run=_remove)

    models = commands.add_parser(
        "models", help="list the packaged models: where from, licence, size, verified"
    )
    models.add_argument("--prepare", action="store_true", help="prepare them now instead of at first use")
    models.set_defaults(run=_models)

    votes = commands.add_parser("feedback", help="write the votes on answers as questions for evals")
    votes.add_argument("--export", type=Path, metavar="FILE", required=True, help="a new file, JSON Lines")
    votes.set_defaults(run=_feedback)

    server = commands.add_parser(
        "serve",
        help="serve the chat page and an HTTP API",
        description="Serve the chat page and an HTTP API (/api/ask, /v1/chat/completions, /healthz, /readyz, "
        "/metrics), on this machine alone unless --host says otherwise. While it runs, sanad ask of the same "
        "index and models asks it.",
    )
    server.add_argument("--host", default=LOCAL, help=f"address to listen on; default: {LOCAL}")
    server.add_argument("--port", type=int, default=LOCAL_PORT, help=f"default: {LOCAL_PORT}")
    server.add_argument("--no-page", action="store_true", help="the API alone")
    server.add_argument(
        "--make-password", metavar="NAME", help="print the line of a user for the file SANAD_PASSWORDS"
    )
    _add_index(server)
    _add_models(server)
    server.set_defaults(run=_serve)

    page = commands.add_parser("ui", help="serve the chat page on this machine")
    page.add_argument("--port", type=int, default=LOCAL_PORT, help=f"default: {LOCAL_PORT}")
    _add_index(page)
    _add_models(page)
    page.set_defaults(run=_ui)

    saved = commands.add_parser("export", help="write an index with its articles into one file")
    saved.add_argument("file", type=Path, help="a new file")
    _add_index(saved)
    saved.set_defaults(run=_export)

    loaded = commands.add_parser("import", help="make an index of a file that sanad export wrote")
    loaded.add_argument("file", type=Path)
    loaded.add_argument("--index", default="", metavar="NAME", help="default: the name that it had")
    _add_embedder(loaded)
    loaded.set_defaults(run=_import)

    # No prefix of options: all that follows is for the harness, whose parser is loaded when it runs.
    evals = commands.add_parser(
        "eval",
        help="is it better or worse? Ask questions whose answers are known",
        prefix_chars="\0",
        add_help=False,
    )
    evals.add_argument("arguments", nargs=argparse.REMAINDER)
    evals.set_defaults(run=_eval)
    return parser


def _add_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", default=DEFAULT_INDEX, metavar="NAME", help=f"default: {DEFAULT_INDEX}")


def _add_filter(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("only articles", "dates: YYYY, YYYY-MM or YYYY-MM-DD")
    group.add_argument("--outlet", action="append", metavar="NAME", help="of this publisher; may be repeated")
    group.add_argument("--since", metavar="DATE", help="published then or later")
    group.add_argument("--until", metavar="DATE", help="published then or earlier")
    group.add_argument("--language", metavar="ar|en", help="written in it")


def _add_shrink(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-shrink", action="store_true", help="even if more than a fifth of the articles go at once"
    )


def _add_embedder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--embedder", help="'packaged', a hub model id or a local folder")


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--llm", help="'packaged', a hub model id or a local folder")
    _add_embedder(parser)
    parser.add_argument("--backend", choices=BACKENDS, help="what runs the generator; default: auto")
    parser.add_argument(
        "--no-adapter",
        dest="adapter",
        action="store_false",
        default=None,
        help="the packaged model as its makers published it",
    )
    parser.add_argument(
        "--no-cache",
        dest="answer_cache",
        action="store_false",
        default=None,
        help="answer anew what was asked before",
    )


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
        cli_print.answer(answer)


def _asked(options: argparse.Namespace, settings: Settings, where: Filter | None) -> Answer:
    """The answer of this process: one that was given before, else by loading what it takes."""
    with cli_print.progress() as progress:
        known = recall(options.question, options.index, where=where, settings=settings, progress=progress)
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
    with cli_print.progress() as progress:
        assistant = CachedAssistant.open(index, settings=settings, eager=True, progress=progress)
        assistant.model  # noqa: B018 - naming the model prepares its weights
    return assistant


def _shown(events: Iterator[Event]) -> Answer:
    """The answer; on a terminal its draft is shown while it is written."""
    draft = ""
    with cli_print.live() as show:
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
    with cli_print.progress() as progress:
        built = build_index(
            folder, options.index, allow_shrink=options.allow_shrink, settings=settings, progress=progress
        )
    cli_print.update(options.index, built, verbose=options.verbose)


def _folder(options: argparse.Namespace, settings: Settings) -> Path:
    """The folder that is to be indexed: the one named, else the one that the index was made from."""
    folder: Path | None = options.folder or indexed_folder(options.index, settings=settings)
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
            cli_print.update(options.index, event, verbose=options.verbose)
        if not started:
            print(f"Watching {folder} (Ctrl+C ends it)", file=sys.stderr, flush=True)
        started = True

    with _terminated_like_interrupted():
        watch_index(
            folder,
            options.index,
            told,
            allow_shrink=options.allow_shrink,
            settings=settings,
            progress=cli_print.stages(),
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
    listed = list_articles(options.index, where=_where(options), settings=_settings(options))
    cli_print.articles(listed, as_json=options.json)


def _remove(options: argparse.Namespace) -> None:
    settings = _settings(options)
    with cli_print.progress() as progress:
        done = remove_articles(
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
    from rag.weights import packaged, prepared, statuses

    settings = Settings.load()
    if options.prepare:
        with cli_print.progress() as progress:
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
    done = export_feedback(options.export)
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
    _moved(options.file, export_index(options.file, options.index, settings=_settings(options)))


def _import(options: argparse.Namespace) -> None:
    with cli_print.progress() as progress:
        done = import_index(options.file, options.index, settings=_settings(options), progress=progress)
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
    from ui.app import page_app, print_address

    log = Log()
    logging.getLogger("rag").addHandler(log)
    logging.getLogger("rag").setLevel(logging.INFO)
    for name in ("ui", "uvicorn.error"):
        logging.getLogger(name).addHandler(log)
    assistant = _opened(options.index, settings)
    try:
        server = Server(
            assistant,
            page=None if options.no_page else page_app,
            host=options.host,
            port=options.port,
            local=socket_path(index_folder(settings, options.index), settings),
        )
        serve(server, print_address)
    finally:
        assistant.close()
        log.close()
    # Nothing is left to be saved, and a normal end would take the engine from under a thread that may still
    # compute, and a second to unload what was imported.
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(0)


def _make_password(name: str) -> None:
    from rag.login import hashed

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


if __name__ == "__main__":
    sys.exit(main())
