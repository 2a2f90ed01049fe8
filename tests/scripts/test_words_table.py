"""The table of the page's words in docs/ui.md is the one that the code makes."""

from __future__ import annotations

import words_table

from ui.wording.words import WORDS


def test_the_table_of_words_in_the_documentation_is_up_to_date() -> None:
    document = words_table.DOCUMENT.read_text("utf-8")
    assert words_table.updated(document) == document, "run python scripts/words_table.py"


def test_every_word_has_a_row_with_both_languages() -> None:
    rows = words_table.table().splitlines()[2:]
    assert len(rows) == len(WORDS["en"]) == len(WORDS["ar"])
    assert all(row.count(" | ") == 2 and "|  |" not in row for row in rows)


def test_what_surrounds_the_table_is_kept() -> None:
    document = f"before\n{words_table.BEGIN}a row of before\n{words_table.END}after\n"
    changed = words_table.updated(document)
    assert changed.startswith("before\n") and changed.endswith("after\n") and "a row of before" not in changed
    assert words_table.updated(changed) == changed
