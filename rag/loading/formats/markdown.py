"""Reads a Markdown file: its front matter, as site generators write it, has title, date, outlet and address.

Front matter is YAML between two lines of ``---`` or TOML between two of ``+++``, at the top of the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from rag.loading.columns import columns_by_field, language_named, name, outlet_of, shown
from rag.loading.dates import iso_date
from rag.loading.encodings import decode
from rag.loading.parsed import Note, ParsedArticle, ParsedFile, body, headed

LONGEST = 20_000
"""Characters of front matter. More of them between two rules are a part of the article."""

_FRONT = re.compile(
    r"\s*(?P<mark>---|\+\+\+)[ \t]*\n(?P<front>.*?)\n?^(?:(?P=mark)|\.\.\.)[ \t]*(?:\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
_LINE = re.compile(r"^([^\W\d_][\w-]{0,40}) ?[:=] ?(\S.*)$", re.MULTILINE)


def read_markdown(data: bytes) -> ParsedFile:
    """The article of a Markdown file, with the metadata of its front matter.

    Raises:
        Unusable: It contains no text.
    """
    raw, loss = decode(data)
    raw = re.sub("\r\n?", "\n", raw)
    notes = [Note(loss, added=True)] if loss else []
    values, rest = _front_matter(raw, notes)
    text, lines = body(rest)
    above = raw[: len(raw) - len(rest)].count("\n")
    lines = tuple(line + above for line in lines)
    columns = columns_by_field(tuple(values), {})

    def first(field: str) -> str:
        return next((stated for column in columns.get(field, ()) if (stated := name(values[column]))), "")

    title, url, date, outlet = first("title"), first("url"), first("published"), first("outlet")
    published = iso_date(date)
    if date and published is None:
        notes.append(Note(f"a date was not read: {shown(date)}; write YYYY-MM-DD", added=True))
    text, lines = headed(title, text, lines)
    article = ParsedArticle(
        text,
        lines,
        title=title,
        outlet=outlet_of(outlet, url),
        published=published,
        language=language_named(first("language")),
    )
    return ParsedFile((article,), tuple(notes))


def _front_matter(raw: str, notes: list[Note]) -> tuple[Mapping[str, Any], str]:
    """The values of the front matter and the text below it; without a field of an article it is text."""
    parts = _FRONT.match(raw[:LONGEST])
    if not parts:
        return {}, raw
    front, values = parts["front"], None
    import yaml

    try:
        # The base loader makes strings, lists and mappings of strings only, and so dates as written.
        toml = parts["mark"] == "+++"
        values = tomllib.loads(front) if toml else yaml.BaseLoader(front).get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        values = {
            key: value.strip(" \t\"'") for key, value in _LINE.findall(front)
        }  # title: Floods: the day after
        if columns_by_field(tuple(values), {}):
            why = str(error).split("\n", 1)[0]
            notes.append(Note(f"its front matter is not valid ({why}) and was read line by line", added=True))
    if not isinstance(values, dict) or not columns_by_field(tuple(map(str, values)), {}):
        return {}, raw
    return {str(key): _simple(value) for key, value in values.items()}, raw[parts.end() :]


def _simple(value: Any) -> Any:
    """A value, and of one with parts their values that have none: aliases could make it endless."""
    if isinstance(value, dict):
        return {key: part for key, part in value.items() if isinstance(part, str)}
    return None if isinstance(value, list) else str(value)
