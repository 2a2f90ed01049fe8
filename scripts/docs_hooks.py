"""Hooks of mkdocs: reference pages made from the code, and links that leave the documents.

mkdocs calls ``on_page_markdown`` for every page before it is rendered (mkdocs.yml, ``hooks``).
"""

from __future__ import annotations

import argparse
import re
from types import SimpleNamespace
from typing import Any

from rag.cli.arguments import parser
from rag.server import reference
from rag.server.api import build_api

OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?!operations)[^)]*\)")
"""A link to a file of the repository that is no page of the site."""


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The text of a page with its reference inserted.

    Args:
        markdown: As written.
        page: mkdocs' page.
    """
    if page.file.src_uri == "reference/command-line.md":
        return markdown.replace("<!-- command line -->", command_line())
    if page.file.src_uri == "reference/http.md":
        return markdown.replace("<!-- http -->", http())
    return OUTSIDE.sub(r"\1", markdown)


def command_line() -> str:
    """The help of every command of ``sanad``."""
    root = parser()
    root.formatter_class = _Formatter
    (commands,) = (a for a in root._actions if isinstance(a, argparse._SubParsersAction))
    parts = [f"```text\n{root.format_help()}```"]
    for name, command in commands.choices.items():
        command.formatter_class = _Formatter
        if name != "eval":  # it has a parser of its own, loaded when it runs
            parts.append(f"## sanad {name}\n\n```text\n{command.format_help()}```")
    return "\n\n".join(parts)


class _Formatter(argparse.HelpFormatter):
    """As wide everywhere, whatever the terminal."""

    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog, width=96, **more)


def http() -> str:
    """The routes of ``sanad serve``, each with its parameters and responses."""
    stand_in: Any = SimpleNamespace(settings=SimpleNamespace(passwords="yes"), indexes=["seeds"])
    return reference.body(build_api(stand_in, stand_in, stand_in).openapi())
