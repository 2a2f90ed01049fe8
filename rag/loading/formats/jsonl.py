"""Reads a JSON Lines file: each line is an object, and each object is an article."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping

from rag.loading.encodings import decode
from rag.loading.formats.rows import Row, parse_rows, shown
from rag.loading.parsed import Note, ParsedFile, Unusable


def read_jsonl(data: bytes, chosen: Mapping[str, str]) -> ParsedFile:
    """The articles of a JSON Lines file; ``chosen`` are columns by field, for those without a common name."""
    text, loss = decode(data)
    notes = [Note(loss)] if loss else []
    rows: list[Row] = []
    for number, line in enumerate(map(str.strip, text.split("\n")), 1):
        if not line:
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            why = str(error)
            if isinstance(error, json.JSONDecodeError):
                why = f"{error.msg} at character {error.pos + 1}"
            notes.append(Note(f"is not JSON ({why}); write one object per line", number))
            continue
        if isinstance(value, dict):
            rows.append(Row(number, value, (), line.encode("utf-8", "replace")))
        else:
            notes.append(Note(f"is not a JSON object but {shown(line)}; write one object per line", number))
    if text.lstrip().startswith("[") and "\n" in text.strip():  # many tools write an array over several lines
        with contextlib.suppress(ValueError, RecursionError):
            json.loads(text)
            raise Unusable(
                "is one JSON array; write one object per line, without the brackets and commas of the array"
            )
    return parse_rows(rows, chosen, notes)
