"""The commands and options of ``sanad``, with their help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, get_args

from rag import __version__
from rag.records import Language
from rag.settings import BACKENDS, DEFAULT_INDEX, LOCAL

LOCAL_PORT = 7860
"""Default port of Gradio, which users may know."""


def parser() -> argparse.ArgumentParser:
    """The parser of ``sanad``; parsed options have the command's name as ``command``."""
    root = argparse.ArgumentParser(
        prog="sanad",
        description="Answer questions about news articles on this machine, citing the exact sentences.",
    )
    root.add_argument("--version", action="version", version=f"sanad {__version__}")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    index = _option(
        "--index", default=DEFAULT_INDEX, metavar="NAME", help="name of the index (default: %(default)s)"
    )
    # None if none is named, so that the command can say which index it asks.
    asked = _option("--index", metavar="NAME", help=f"name of the index (default: {DEFAULT_INDEX})")
    shrink = _option(
        "--allow-shrink", action="store_true", help="allow removing more than a fifth of the articles at once"
    )
    embedder = _option(
        "--embedder",
        metavar="MODEL",
        help="the embedding model: 'packaged' (default), a hub model id or a local folder",
    )
    port = _option("--port", type=int, default=LOCAL_PORT, help="TCP port (default: %(default)s)")
    where, models = _filter(), _models(embedder)

    def command(
        name: str, summary: str, *shared: argparse.ArgumentParser, description: str = ""
    ) -> argparse.ArgumentParser:
        """A new command; its own help begins with the description, or with the summary as a sentence."""
        sentence = f"{summary[0].upper()}{summary[1:]}."
        return commands.add_parser(
            name, help=summary, description=description or sentence, parents=list(shared)
        )

    ask = command("ask", "answer a question", asked, where, models)
    ask.add_argument("question", help="the question, in English or Arabic")
    ask.add_argument(
        "--answer-language",
        choices=get_args(Language),
        help="language of the answer (default: that of the question); --language limits the articles",
    )
    ask.add_argument("--json", action="store_true", help="print the complete answer record as JSON")
    ask.add_argument(
        "--no-serve", action="store_true", help="load the models even if a server (sanad serve) is running"
    )

    build = command("index", "index a folder of articles, or update an index", index, shrink, embedder)
    build.add_argument(
        "folder", nargs="?", type=Path, help="the folder (default: the one that was indexed before)"
    )
    build.add_argument(
        "--watch", action="store_true", help="keep running and update the index whenever files change"
    )
    build.add_argument("--verbose", action="store_true", help="name every skipped file")
    build.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="embed on the Ray cluster at this address, HOST:PORT or ray://HOST:PORT",
    )
    build.add_argument(
        "--show-collection",
        action="store_true",
        help="change nothing; print where the index's Chroma collection is, and Python that reads it",
    )

    listing = command(
        "articles",
        "list the articles of an index",
        index,
        where,
        description="List the articles of an index, as a table on a terminal and as tab-separated lines "
        "elsewhere. The columns are id, published, outlet, language, title, passages and group; articles of "
        "one group report the same story.",
    )
    listing.add_argument("--json", action="store_true", help="print the list as JSON")

    remove = command("remove", "remove articles from an index and keep their files", index, shrink, embedder)
    remove.add_argument("ids", nargs="+", metavar="ID", help="id of an article, from sanad articles")

    packaged = command(
        "models",
        "list the packaged models and recommended larger ones, or fetch one",
        description="List the packaged models with source, licence, size and state, and larger models of the "
        "Hugging Face hub that can write the answers instead.",
    )
    packaged.add_argument(
        "--get",
        metavar="NAME",
        help="fetch a model of the hub: ORG/NAME or ORG/NAME@REVISION; continues where it was interrupted",
    )
    packaged.add_argument("--prepare", action="store_true", help="prepare the models now, not at first use")

    votes = command("feedback", "export the votes on answers as evaluation questions")
    votes.add_argument(
        "--export",
        type=Path,
        metavar="FILE",
        required=True,
        help="the file to write (JSON Lines); must not exist",
    )

    server = command(
        "serve",
        "serve the chat page and an HTTP API",
        models,
        port,
        description="Serve the chat page and an HTTP API (/api/ask, /v1/chat/completions, /mcp, /healthz, "
        "/readyz, /metrics). Only this machine can reach the server unless --host is given. While it runs, "
        "sanad ask sends it the questions for its index and models.",
    )
    _add_indexes(
        server,
        "repeated, the page switches between them, clients of OpenAI's API choose by the model sanad/NAME, "
        "and all others ask the first",
    )
    server.add_argument("--host", default=LOCAL, help="address to listen on (default: %(default)s)")
    server.add_argument("--no-page", action="store_true", help="serve only the API")
    server.add_argument(
        "--make-password",
        metavar="NAME",
        help="ask for a user's password, print the line for the password file (SANAD_PASSWORDS), and exit",
    )

    page = command("ui", "serve the chat page on this machine, without an API", models, port)
    _add_indexes(page, "repeated, the page switches between them and begins with the first")

    command(
        "mcp",
        "serve an index to clients of the Model Context Protocol, over standard input and output",
        index,
        models,
        description="Serve an index over standard input and output to a client of the Model Context "
        "Protocol, which starts this command itself: its configuration names the whole path of sanad as the "
        "command and mcp, --index and NAME as the arguments. Tools: ask, search, list_articles; resource: "
        "article://ID.",
    )

    saved = command("export", "write an index with its articles to one file", index)
    saved.add_argument("file", type=Path, help="the file to write; must not exist")

    loaded = command("import", "create an index from a file written by sanad export", embedder)
    loaded.add_argument("file", type=Path, help="the file to read")
    loaded.add_argument(
        "--index", default="", metavar="NAME", help="name of the new index (default: its old name)"
    )

    # Without option prefixes: all arguments go to the evaluation's own parser, which is loaded when it runs.
    evals = commands.add_parser(
        "eval",
        help="measure the answers to questions with known answers",
        prefix_chars="\0",
        add_help=False,
    )
    evals.add_argument("arguments", nargs=argparse.REMAINDER)
    return root


def _option(name: str, **how: Any) -> argparse.ArgumentParser:
    """A parser with one option, for the commands that share it."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(name, **how)
    return shared


def _add_indexes(to: argparse.ArgumentParser, several: str) -> None:
    """The option for one index or several; the help ends with what several do."""
    to.add_argument(
        "--index",
        action="append",
        metavar="NAME",
        help=f"name of the index (default: {DEFAULT_INDEX}); {several}",
    )


def _filter() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    group = shared.add_argument_group(
        "filter", "use only some of the articles; DATE is YYYY, YYYY-MM or YYYY-MM-DD"
    )
    group.add_argument(
        "--outlet", action="append", metavar="NAME", help="articles of this outlet; can be repeated"
    )
    group.add_argument("--since", metavar="DATE", help="articles published on this date or later")
    group.add_argument("--until", metavar="DATE", help="articles published on this date or earlier")
    group.add_argument("--language", metavar="ar|en", help="articles in Arabic or in English")
    return shared


def _models(embedder: argparse.ArgumentParser) -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False, parents=[embedder])
    shared.add_argument(
        "--llm",
        metavar="MODEL",
        help="the language model: 'packaged' (default), a hub model id, a local folder, or a model on a "
        "server: http://HOST:PORT/v1#MODEL",
    )
    shared.add_argument(
        "--backend", choices=BACKENDS, help="the engine that runs the language model (default: auto)"
    )
    shared.add_argument(
        "--no-adapter",
        dest="adapter",
        action="store_false",
        default=None,
        help="use the packaged language model without Sanad's adapter",
    )
    shared.add_argument(
        "--no-cache",
        dest="answer_cache",
        action="store_false",
        default=None,
        help="answer again, even if the answer to this question is in the cache",
    )
    return shared
