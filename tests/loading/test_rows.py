"""Collections: each row is an article; invalid rows are reported with their line, and the others are kept."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.loading.formats.delimited import read_csv
from rag.loading.formats.jsonl import read_jsonl
from rag.loading.formats.rows import iso_date
from rag.loading.parsed import ParsedFile, Unusable


def rows(read: ParsedFile) -> list[tuple[int, str]]:
    return [(article.line, article.text) for article in read.articles]


def reasons(read: ParsedFile) -> dict[int, str]:
    return {note.line: note.reason for note in read.notes}


def test_a_json_line_that_cannot_be_used_is_named_and_the_others_stay() -> None:
    lines = [
        '{"id": 1, "text": "نص أول.", "title": "عنوان", "source": {"name": "BBC"}, "lang": "ar-EG"}',
        '{"text": "broken',
        "",
        "[1, 2]",
        '{"id": 2, "title": "no text"}',
        '{"body": ["One paragraph.", "Another."], "url": "https://www.example.org/x", "date": "06/09/2024"}',
        '{"text": "half \\ud83d and \\u0000."}',
        '{"text": 5}',
        '{"text": ' + "[" * 5000 + "}",
        '{"text": ' + "9" * 5000 + "}",
        '{"text": "last\u2028one."}',
    ]
    read = read_jsonl("\r\n".join(lines).encode(), {})
    assert rows(read) == [
        (1, "عنوان\nنص أول."),
        (6, "One paragraph.\nAnother."),
        (7, "half \ufffd and \ufffd."),
        (11, "last\u2028one."),
    ]
    first, second = read.articles[:2]
    assert (first.title, first.outlet, first.language, first.key) == ("عنوان", "BBC", "ar", "1")
    assert (first.lines, second.lines) == ((1, 1), (6, 6))
    assert (second.outlet, second.published) == ("example.org", None)
    found = reasons(read)
    assert sorted(found) == [0, 2, 4, 5, 8, 9, 10]
    assert found[0] == "a date was not read, first '06/09/2024' on line 6; write YYYY-MM-DD"
    assert found[2].startswith("is not JSON (Unterminated string starting at at character 10); write")
    assert found[4] == "is not a JSON object but '[1, 2]'; write one object per line"
    assert found[5] == found[8] == "contains no text"


def test_a_json_array_and_a_file_without_texts_are_refused() -> None:
    with pytest.raises(Unusable, match="is one JSON array; write one object per line"):
        read_jsonl(b'[\n {"text": "a"},\n {"text": "b"}\n]', {})
    with pytest.raises(Unusable, match="no column with a known name for the text, only 'a', 'b'"):
        read_jsonl(b'{"a": 1, "b": 2}\n', {})
    with pytest.raises(Unusable, match="contains no row"):
        read_jsonl(b"\n\n", {})


TABLE = '''العنوان;النص;التاريخ
خبر;"سطر أول
سطر ""ثان""";2024-09-06
قصير;نص
خبر;"مفتوح;x
جيد;نص جيد;٢٠٢٤/٠٩/٠١

طويل;a;b;c
;"نص فقط";
'''


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1256"])
@pytest.mark.parametrize(("mark", "end"), [(";", "\n"), (",", "\r\n"), ("|", "\n"), ("\t", "\r\n")])
def test_a_table_is_read_with_every_delimiter_and_encoding_and_invalid_rows_are_reported(
    encoding: str, mark: str, end: str
) -> None:
    table = TABLE.replace("٢٠٢٤/٠٩/٠١", "2024/09/01").replace(";", mark).replace("\n", end)
    read = read_csv(table.encode(encoding), {})
    assert rows(read) == [
        (2, 'خبر\nسطر أول\nسطر "ثان"'),
        (6, "جيد\nنص جيد"),
        (9, "نص فقط"),
    ]
    assert [article.lines for article in read.articles] == [(2, 2, 3), (6, 6), (9,)]
    assert [article.published for article in read.articles] == ["2024-09-06", "2024-09-01", None]
    found = reasons(read)
    assert sorted(found) == [4, 5, 8]
    assert found[4] == f"has 2 cells but the first row has 3; put cells that contain {mark!r} in quotes"
    assert found[5].startswith("is not a valid row (")
    assert found[8].startswith("has 4 cells but the first row has 3")


def test_an_open_quote_at_the_end_loses_its_own_row_only() -> None:
    table = 'id,text\n1,"open\n2,fine here\n3,fine there\n'
    read = read_csv(table.encode(), {})
    assert rows(read) == [(3, "fine here"), (4, "fine there")]
    why = "is not a valid row (a quote is opened and never closed); write a quote inside quotes twice"
    assert reasons(read) == {2: why}


def test_plain_tabs_may_hold_single_quotes_and_cells_may_be_very_long() -> None:
    table = 'text\tid\n"قال" الوزير\t1\n"مفتوح\t2\n' + "طويل " * 60_000 + "\t3\n"
    read = read_csv(table.encode(), {}, tabs=True)
    assert [article.key for article in read.articles] == ["1", "2", "3"]
    assert read.articles[0].text == '"قال" الوزير'
    assert len(read.articles[2].text) >= 299_999
    assert read.notes == ()


def test_a_missing_column_of_the_setting_is_reported() -> None:
    read = read_csv(b"text,id\nA text.,1\n", {"title": "kicker"})
    assert reasons(read) == {0: "has no column 'kicker', which the setting columns assigns to title"}
    with pytest.raises(Unusable, match=r"has no column 'corpus' or another .*; it has 'words', 'id'"):
        read_csv(b"words,id\nA text.,1\n", {"text": "corpus"})


def test_a_chosen_column_comes_first_and_the_common_names_stay() -> None:
    chosen = {"text": "corpus"}
    assert rows(read_csv(b"text,corpus\nshort,The long one.\n", chosen)) == [(2, "The long one.")]
    assert rows(read_csv(b"text,id\nThe only one.,1\n", chosen)) == [(2, "The only one.")]


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2024-09-06", "2024-09-06"),
        ("2024-09", "2024-09"),
        ("2024/9/6", "2024-09-06"),
        ("20240906", "2024-09-06"),
        ("٢٠٢٤-٠٩-٠٦", "2024-09-06"),
        ("2024-09-06T10:00:00Z", "2024-09-06"),
        ("2024-09-06 23:59:59.123+03:00", "2024-09-06"),
        ("Fri, 06 Sep 2024 10:00:00 GMT", "2024-09-06"),
        ("06/09/2024", None),
        ("25/09/2024", None),
        ("06-09-2024", None),
        ("2024", None),
        ("2024-13-01", None),
        ("2024-02-30", None),
        ("0001-01-01", None),
        ("yesterday", None),
        (1725616800, None),
        ("", None),
    ],
)
def test_only_dates_that_can_be_read_one_way_are_taken(value: object, date: str | None) -> None:
    assert iso_date(value) == date


@settings(deadline=None, max_examples=150)
@given(
    st.binary(max_size=300)
    | st.text(alphabet='{}[]":,;\t\n\r\\ textid١ab\u2028\x00', max_size=120).map(str.encode)
)
def test_collections_take_any_bytes_and_quote_what_they_show(data: bytes) -> None:
    for read in (lambda: read_jsonl(data, {}), lambda: read_csv(b"text;id\n" + data, {})):
        try:
            found = read()
        except Unusable as error:
            assert "\n" not in str(error)
            continue
        for article in found.articles:
            assert len(article.lines) == article.text.count("\n") + 1
            assert list(article.lines) == sorted(article.lines)
            assert article.text.encode()
        assert all("\n" not in note.reason for note in found.notes)
