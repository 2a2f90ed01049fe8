"""Markdown: front matter gives title, date, outlet, address and language, and is no part of the text."""

from __future__ import annotations

import pytest

from rag.loading.formats.markdown import read_markdown
from rag.loading.parsed import ParsedArticle, Unusable

BODY = "The ferry sails again.\n\nIt carries 300 passengers."


def article(text: str) -> ParsedArticle:
    return read_markdown(text.encode()).articles[0]


TITLE = "title: 'Ferry: a new start'"


@pytest.mark.parametrize(
    ("front", "outlet"),
    [
        (f"---\n{TITLE}\ndate: 2024-09-06T10:00:00+03:00\npublisher: Coast Daily\n---\n", "Coast Daily"),
        (f"---\n{TITLE}\npubDate: 6 Sep 2024\nsource:\n  name: Coast Daily\n---\n", "Coast Daily"),
        ("+++\ntitle = 'Ferry: a new start'\ndate = 2024-09-06T10:00:00Z\n[params]\nx = 1\n+++\n", None),
        (
            "+++\ntitle = 'Ferry: a new start'\ndate = 2024-09-06\nurl = 'https://www.c.example/f'\n+++\n",
            "c.example",
        ),
        (f"\ufeff---\r\n{TITLE}\r\npublished: 2024-09-06\r\n...\r\n", None),
    ],
)
def test_front_matter_gives_the_metadata(front: str, outlet: str | None) -> None:
    found = article(front + BODY)
    assert found.title == "Ferry: a new start"
    assert found.outlet == outlet
    assert found.published == "2024-09-06"
    assert found.text == f"Ferry: a new start\n{BODY}"
    above = front.count("\n")
    assert found.lines == (above + 1, above + 1, above + 2, above + 3)


def test_arabic_keys_are_known_and_an_ambiguous_date_is_noted() -> None:
    read = read_markdown(
        "---\nعنوان: خبر العبارة\nالمصدر: النخيل\nالتاريخ: 06/09/2024\nlang: ar\n---\nنص.".encode()
    )
    found = read.articles[0]
    assert (found.title, found.outlet, found.language, found.published) == (
        "خبر العبارة",
        "النخيل",
        "ar",
        None,
    )
    assert [(note.reason, note.added) for note in read.notes] == [
        ("a date was not read: '06/09/2024'; write YYYY-MM-DD", True)
    ]


def test_a_headline_that_the_text_repeats_is_not_added() -> None:
    assert article(f"---\ntitle: Ferry\n---\n# Ferry\n\n{BODY}").text == f"# Ferry\n\n{BODY}"


@pytest.mark.parametrize(
    "text",
    [
        f"---\n\n{BODY}\n\n---\n\nMore.",
        f"---\nUpdate: it sails.\n---\n{BODY}",
        f"---\ntitle: never closed\n\n{BODY}",
        BODY,
    ],
)
def test_rules_are_no_front_matter(text: str) -> None:
    assert article(text).text == text
    assert article(text).title == ""


def test_front_matter_that_is_not_valid_is_read_line_by_line_and_noted() -> None:
    read = read_markdown(f"---\ntitle: Ferry: a new start\ndate: 2024-09-06\ntags: [a\n---\n{BODY}".encode())
    found = read.articles[0]
    assert (found.title, found.published) == ("Ferry: a new start", "2024-09-06")
    assert "front matter is not valid (mapping values are not allowed here) and was" in read.notes[0].reason
    assert read.notes[0].added


def test_front_matter_alone_is_no_article_and_hostile_front_matter_takes_no_time() -> None:
    with pytest.raises(Unusable, match="contains no text"):
        read_markdown(b"---\ntitle: Ferry\n---\n")
    bomb = "a: &a ['']\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 400)}]\n"
        for before, name in zip("abcde", "bcdef", strict=True)
    )
    assert article(f"---\n{bomb}title: *f\n---\n{BODY}").text == BODY
