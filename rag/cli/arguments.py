"""The commands and options of ``sanad``, with their help."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from rag import __version__
from rag.settings import BACKENDS, DEFAULT_INDEX, LOCAL

LOCAL_PORT = 7860
"""Default port of Gradio, which users may know."""

Run = Callable[[argparse.Namespace], int | None]
"""Runs a command and returns its exit status; None means success."""


def parser(runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """The parser of ``sanad``; parsed options have the function to run as ``run``.

    Args:
        runs: The function for each command name.
    """
    root = argparse.ArgumentParser(
        prog="sanad",
        description="Answer questions about news articles on this machine, citing the exact sentences.",
    )
    root.add_argument("--version", action="version", version=f"sanad {__version__}")
    commands = root.add_subparsers(required=True, metavar="COMMAND")

    ask = _command(commands, runs, "ask", "answer a question")
    ask.add_argument("question", help="the question, in English or Arabic")
    ask.add_argument("--json", action="store_true", help="print the complete answer record as JSON")
    ask.add_argument(
        "--no-serve", action="store_true", help="load the models even if a server (sanad serve) is running"
    )
    _add_index(ask)
    _add_filter(ask)
    _add_models(ask)

    build = _command(commands, runs, "index", "index a folder of articles, or update an index")
    build.add_argument(
        "folder", nargs="?", type=Path, help="the folder (default: the one that was indexed before)"
    )
    _add_index(build)
    build.add_argument(
        "--watch", action="store_true", help="keep running and update the index whenever files change"
    )
    _add_shrink(build)
    build.add_argument("--verbose", action="store_true", help="name every skipped file")
    _add_embedder(build)

    listing = _command(
        commands,
        runs,
        "articles",
        "list the articles of an index",
        "List the articles of an index, as a table on a terminal and as tab-separated lines elsewhere. "
        "The columns are id, published, outlet, language, title, passages and group; articles of one group "
        "report the same story.",
    )
    listing.add_argument("--json", action="store_true", help="print the list as JSON")
    _add_index(listing)
    _add_filter(listing)

    remove = _command(commands, runs, "remove", "remove articles from an index and keep their files")
    remove.add_argument("ids", nargs="+", metavar="ID", help="id of an article, from sanad articles")
    _add_index(remove)
    _add_shrink(remove)
    _add_embedder(remove)

    models = _command(commands, runs, "models", "list the packaged models: source, licence, size, state")
    models.add_argument("--prepare", action="store_true", help="prepare the models now, not at first use")

    votes = _command(commands, runs, "feedback", "export the votes on answers as evaluation questions")
    votes.add_argument(
        "--export",
        type=Path,
        metavar="FILE",
        required=True,
        help="the file to write (JSON Lines); must not exist",
    )

    server = _command(
        commands,
        runs,
        "serve",
        "serve the chat page and an HTTP API",
        "Serve the chat page and an HTTP API (/api/ask, /v1/chat/completions, /healthz, /readyz, /metrics). "
        "Only this machine can reach the server unless --host is given. While it runs, sanad ask sends it "
        "the questions for its index and models.",
    )
    server.add_argument("--host", default=LOCAL, help="address to listen on (default: %(default)s)")
    server.add_argument("--port", type=int, default=LOCAL_PORT, help="TCP port (default: %(default)s)")
    server.add_argument("--no-page", action="store_true", help="serve only the API")
    server.add_argument(
        "--make-password",
        metavar="NAME",
        help="ask for a user's password, print the line for the password file (SANAD_PASSWORDS), and exit",
    )
    _add_index(server)
    _add_models(server)

    page = _command(commands, runs, "ui", "serve the chat page on this machine, without an API")
    page.add_argument("--port", type=int, default=LOCAL_PORT, help="TCP port (default: %(default)s)")
    _add_index(page)
    _add_models(page)

    saved = _command(commands, runs, "export", "write an index with its articles to one file")
    saved.add_argument("file", type=Path, help="the file to write; must not exist")
    _add_index(saved)

    loaded = _command(commands, runs, "import", "create an index from a file written by sanad export")
    loaded.add_argument("file", type=Path, help="the file to read")
    loaded.add_argument(
        "--index", default="", metavar="NAME", help="name of the new index (default: its old name)"
    )
    _add_embedder(loaded)

    # Without option prefixes: all arguments go to the evaluation's own parser, which is loaded when it runs.
    evals = commands.add_parser(
        "eval",
        help="measure the answers to questions with known answers",
        prefix_chars="\0",
        add_help=False,
    )
    evals.add_argument("arguments", nargs=argparse.REMAINDER)
    evals.set_defaults(run=runs["eval"])
    return root


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    runs: Mapping[str, Run],
    name: str,
    summary: str,
    description: str = "",
) -> argparse.ArgumentParser:
    """A new command. Its own help begins with the description, or with the summary as a sentence."""
    sentence = f"{summary[0].upper()}{summary[1:]}."
    made = commands.add_parser(name, help=summary, description=description or sentence)
    made.set_defaults(run=runs[name])
    return made


def _add_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--index", default=DEFAULT_INDEX, metavar="NAME", help="name of the index (default: %(default)s)"
    )


def _add_filter(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "filter", "use only some of the articles; DATE is YYYY, YYYY-MM or YYYY-MM-DD"
    )
    group.add_argument(
        "--outlet", action="append", metavar="NAME", help="articles of this outlet; can be repeated"
    )
    group.add_argument("--since", metavar="DATE", help="articles published on this date or later")
    group.add_argument("--until", metavar="DATE", help="articles published on this date or earlier")
    group.add_argument("--language", metavar="ar|en", help="articles in Arabic or in English")


def _add_shrink(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-shrink", action="store_true", help="allow removing more than a fifth of the articles at once"
    )


def _add_embedder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--embedder",
        metavar="MODEL",
        help="the embedding model: 'packaged' (default), a hub model id or a local folder",
    )


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--llm",
        metavar="MODEL",
        help="the language model: 'packaged' (default), a hub model id or a local folder",
    )
    _add_embedder(parser)
    parser.add_argument(
        "--backend", choices=BACKENDS, help="the engine that runs the language model (default: auto)"
    )
    parser.add_argument(
        "--no-adapter",
        dest="adapter",
        action="store_false",
        default=None,
        help="use the packaged language model without Sanad's adapter",
    )
    parser.add_argument(
        "--no-cache",
        dest="answer_cache",
        action="store_false",
        default=None,
        help="answer again, even if the answer to this question is in the cache",
    )
