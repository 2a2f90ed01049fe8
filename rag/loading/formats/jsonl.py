"""Reads a JSON Lines file: each line is an object, and each object is an article.

Many tools write something else under this name: one array, objects over several lines, or the reply of a news
service, an object that contains the array of articles.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.loading.columns import DEPTH, columns_by_field, shown
from rag.loading.encodings import decode
from rag.loading.formats.rows import Row, parse_rows
from rag.loading.parsed import Note, ParsedFile

_DECODER = json.JSONDecoder()
_GAP = re.compile(r"[\s,\]]*")
"""What may follow a value, within an array too."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of the file."""

    line: int
    """1-based line on which it begins."""
    value: Any
    """The value, as Python has it."""
    raw: str
    """What is written in the file."""


def read_jsonl(data: bytes, chosen: Mapping[str, str]) -> ParsedFile:
    """The articles of a JSON Lines file; ``chosen`` are columns by field, for those without a common name."""
    text, loss = decode(data)
    notes = [Note(loss, added=True)] if loss else []
    rows: list[Row] = []
    for item in _values(text):
        if isinstance(item, Note):
            notes.append(item)
        elif isinstance(item.value, dict):
            articles = _articles(item.value, chosen)
            if articles != [item.value]:
                articles = max(articles, _articles(item.value, chosen, summaries=True), key=len)
            articles = articles or [item.value]
            for values in articles:
                raw = item.raw if len(articles) == 1 else json.dumps(values, sort_keys=True)
                rows.append(Row(item.line, values, {}, raw.encode("utf-8", "replace")))
        else:
            reason = f"is not a JSON object but {shown(item.raw)}; write one object per line"
            notes.append(Note(reason, item.line))
    return parse_rows(rows, chosen, notes)


def _values(text: str) -> Iterator[_Value | Note]:
    """The values of a file, and a note on each line that belongs to none."""
    if text.lstrip().startswith("["):
        text = text.replace("[", " ", 1)  # the elements of an array are read one by one, so it may be cut off
    lines = text.split("\n")
    at = tried = 0
    while at < len(lines):
        parsed, cut = _parsed(lines[at : at + 1], at)
        used = 1
        if cut and at >= tried:
            tried = _block(lines, at)
            whole, _ = _parsed(lines[at:tried], at)
            # Of a broken object over several lines the inner lines are not reported one by one.
            if lines[at].strip() == "{" or not any(isinstance(one, Note) for one in whole):
                parsed, used = whole, tried - at
        yield from parsed
        at += used


def _block(lines: Sequence[str], start: int) -> int:
    """The end of an object over several lines: where a line as little indented begins another one."""
    indent = len(lines[start]) - len(lines[start].lstrip())
    begin = re.compile(rf"\s{{0,{indent}}}\{{")
    return next((at for at in range(start + 1, len(lines)) if begin.match(lines[at])), len(lines))


def _parsed(lines: Sequence[str], start: int) -> tuple[list[_Value | Note], bool]:
    """The values in the lines from the index ``start``, and whether they end in the middle of one."""
    text = "\n".join(lines).rstrip()
    parsed: list[_Value | Note] = []
    at, line = 0, start + 1
    while (begin := _after_gap(text, at)) < len(text):
        line += text.count("\n", at, begin)
        try:
            value, at = _DECODER.raw_decode(text, begin)
        except (ValueError, RecursionError) as error:
            why, cut = str(error), False
            if isinstance(error, json.JSONDecodeError):
                why, cut = f"{error.msg} at character {error.colno}", error.pos >= len(text)
                line = start + error.lineno
            return [*parsed, Note(f"is not JSON ({why}); write one object per line", line)], cut
        parsed.append(_Value(line, value, text[begin:at]))
        line += text.count("\n", begin, at)
    return parsed, False


def _after_gap(text: str, at: int) -> int:
    gap = _GAP.match(text, at)
    return gap.end() if gap else at


def _articles(
    values: Mapping[str, Any], chosen: Mapping[str, str], depth: int = DEPTH, *, summaries: bool = False
) -> list[Mapping[str, Any]]:
    """The objects with an article's text in an object: itself, or those that a service or a database wraps.

    {"status": "ok", "articles": [{…}, {…}]} contains two, {"_id": 1, "_source": {…}} one. The array of an
    object that has a title is no list of articles but of its comments or pictures.
    """
    fields = columns_by_field(tuple(values), chosen, summaries=summaries)
    if "text" in fields or not depth:
        return [values] if "text" in fields else []
    wrapped: list[Mapping[str, Any]] = []
    for key, inner in values.items():
        if isinstance(inner, dict):
            nested = _articles(inner, chosen, depth - 1, summaries=summaries)
            around = {name: value for name, value in values.items() if name != key}
            wrapped += [{**around, **nested[0]}] if len(nested) == 1 else nested
        elif isinstance(inner, list) and "title" not in fields:
            objects = [item for item in inner if isinstance(item, dict)]
            every = [_articles(item, chosen, depth - 1, summaries=summaries) for item in objects]
            if any(every):
                pairs = zip(objects, every, strict=True)
                wrapped += [one for item, nested in pairs for one in nested or [item]]
    return wrapped[:1] if "title" in fields else wrapped
