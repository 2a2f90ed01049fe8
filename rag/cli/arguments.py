"""What the command line understands: commands, options and their help."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from rag._version import __version__
from rag.settings import BACKENDS, DEFAULT_INDEX, LOCAL

LOCAL_PORT = 7860
"""Gradio's usual port."""

Run = Callable[[argparse.Namespace], int | None]
"""Runs a command, and returns its exit status; None is success."""


def parser(runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """The parser; what is to be run is set as ``run``.

    Args:
        runs: What runs each command, by its name.
    """
    told = argparse.ArgumentParser(
        prog="sanad", description="Questions about news articles, answered on this machine, with citations."
    )
    told.add_argument("--version", action="version", version=f"sanad {__version__}")
    commands = told.add_subparsers(required=True, metavar="COMMAND")

    ask = commands.add_parser("ask", help="answer a question")
    ask.add_argument("question", help="in English or Arabic")
    ask.add_argument("--json", action="store_true", help="print the whole Answer as JSON")
    ask.add_argument(
        "--no-serve", action="store_true", help="do not ask a running sanad serve; load the models here"
    )
    _add_index(ask)
    _add_filter(ask)
    _add_models(ask)
    ask.set_defaults(run=runs["ask"])

    build = commands.add_parser("index", help="index a folder of articles, or bring its index up to date")
    build.add_argument("folder", nargs="?", type=Path, help="default: the one that the index was made from")
    _add_index(build)
    build.add_argument("--watch", action="store_true", help="go on, and update it whenever files change")
    _add_shrink(build)
    build.add_argument("--verbose", action="store_true", help="name every file that is skipped")
    _add_embedder(build)
    build.set_defaults(run=runs["index"])

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
    listing.set_defaults(run=runs["articles"])

    remove = commands.add_parser("remove", help="take articles out of an index; their files stay")
    remove.add_argument("ids", nargs="+", metavar="ID", help="as sanad articles lists them")
    _add_index(remove)
    _add_shrink(remove)
    _add_embedder(remove)
    remove.set_defaults(run=runs["remove"])

    models = commands.add_parser(
        "models", help="list the packaged models: where from, licence, size, verified"
    )
    models.add_argument("--prepare", action="store_true", help="prepare them now instead of at first use")
    models.set_defaults(run=runs["models"])

    votes = commands.add_parser("feedback", help="write the votes on answers as questions for evals")
    votes.add_argument("--export", type=Path, metavar="FILE", required=True, help="a new file, JSON Lines")
    votes.set_defaults(run=runs["feedback"])

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
    server.set_defaults(run=runs["serve"])

    page = commands.add_parser("ui", help="serve the chat page on this machine")
    page.add_argument("--port", type=int, default=LOCAL_PORT, help=f"default: {LOCAL_PORT}")
    _add_index(page)
    _add_models(page)
    page.set_defaults(run=runs["ui"])

    saved = commands.add_parser("export", help="write an index with its articles into one file")
    saved.add_argument("file", type=Path, help="a new file")
    _add_index(saved)
    saved.set_defaults(run=runs["export"])

    loaded = commands.add_parser("import", help="make an index of a file that sanad export wrote")
    loaded.add_argument("file", type=Path)
    loaded.add_argument("--index", default="", metavar="NAME", help="default: the name that it had")
    _add_embedder(loaded)
    loaded.set_defaults(run=runs["import"])

    # No prefix of options: all that follows is for the harness, whose parser is loaded when it runs.
    evals = commands.add_parser(
        "eval",
        help="is it better or worse? Ask questions whose answers are known",
        prefix_chars="\0",
        add_help=False,
    )
    evals.add_argument("arguments", nargs=argparse.REMAINDER)
    evals.set_defaults(run=runs["eval"])
    return told


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
