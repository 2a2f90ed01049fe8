"""Collections: each row is an article; invalid rows are reported with their line, and the others are kept."""

from __future__ import annotations

import json

import pytest
from conftest import examples
from hypothesis import given
from hypothesis import strategies as st

from rag.loading.formats.delimited import read_csv
from rag.loading.formats.jsonl import read_jsonl
from rag.loading.formats.markup import plain
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
    assert found[5].startswith("has no column with a known name for the text, only 'id', 'title'; name the")
    assert found[8] == "has '5' in the column 'text', which is no text"


def test_a_file_without_texts_is_refused() -> None:
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


@examples(150)
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


MARKUP = [
    ("<p>The dam holds.</p><p>It is <b>old</b> &amp; tall.</p>", "The dam holds.\nIt is old & tall."),
    ("The dam holds.<br/>It is old.", "The dam holds.\nIt is old."),
    ("<div>Some 40&#37; of <em>it</em><script>var a = '<p>no</p>';</script></div>", "Some 40% of it"),
    ("&lt;p&gt;The dam&amp;#8217;s wall.&lt;/p&gt;", "The dam’s wall."),
    (
        "<!-- wp:paragraph --><p>The dam.</p><!-- a > b --><ul><li>One</li><li>Two</li></ul>",
        "The dam.\nOne\nTwo",
    ),
    ("<table><tr><td>July</td><td>120</td></tr></table>", "July 120"),
    ("<![CDATA[<p>السد&nbsp;قائم.</p>]]>", "السد قائم."),
    ("The dam &amp; the lake; AT&T, ?a=1&copy=2", "The dam & the lake; AT&T, ?a=1&copy=2"),
    ("Write the <b> tag where 5 < 6 and 7 > 3.", "Write the <b> tag where 5 < 6 and 7 > 3."),
    (r"The dam holds.\n\nIt is old.\r\n“Good”", "The dam holds.\n\nIt is old.\n“Good”"),
    (r"Saved in C:\news and C:\data\notes here.", r"Saved in C:\news and C:\data\notes here."),
]


@pytest.mark.parametrize(("field", "text"), MARKUP)
def test_markup_in_a_field_is_read_as_markup(field: str, text: str) -> None:
    assert read_jsonl(json.dumps({"text": field}).encode(), {}).articles[0].text == text


def test_markup_over_several_lines_of_a_cell_keeps_the_lines_of_the_file() -> None:
    cell = "<p>The dam\nholds.</p>\n\n<!-- x\n --><p>It is old.</p>\n<br>\nNo more."
    table = f'id,content,title\n1,"{cell}",The <i>dam</i>\n'
    found = read_csv(table.encode(), {}).articles[0]
    assert found.text == "The dam holds.\nIt is old.\nNo more."
    assert found.lines == (2, 6, 8)
    assert found.title == "The dam"


@given(st.text(alphabet="<>/pbr!-&#;scit \n\"'=", max_size=200))
def test_any_markup_gives_lines_of_its_source(field: str) -> None:
    text, lines = plain(field)
    assert len(lines) == text.count("\n") + 1 or not text
    assert list(lines) == sorted(lines)
    assert all(1 <= line <= field.count("\n") + 1 for line in lines)


WRAPPED = {
    "WordPress": {
        "link": "https://n.example/7",
        "title": {"rendered": "Dam&#8217;s"},
        "content": {"rendered": "<p>It holds.</p>", "protected": False},
    },
    "Drupal": {
        "nid": [{"value": 7}],
        "title": [{"value": "Dam’s"}],
        "body": [{"value": "<p>It holds.</p>", "format": "html"}],
        "url": "https://n.example/7",
    },
    "Drupal 7": {"title": "Dam’s", "body": {"und": [{"value": "It holds."}]}, "url": "https://n.example/7"},
    "Elasticsearch": {"_id": "7", "_source": {"headline": "Dam’s", "body": "It holds.", "site": "n.example"}},
    "Strapi": {"id": 7, "attributes": {"title": "Dam’s", "content": "It holds.", "source": "https://n.example"}},
    "Guardian": {
        "webTitle": "Dam’s",
        "webUrl": "https://n.example/7",
        "fields": {"bodyText": "It holds."},
    },
    "JSON-LD": {
        "headline": "Dam’s",
        "articleBody": "It holds.",
        "publisher": {"@type": "Organization", "name": "n.example"},
    },
    "GDELT": {
        "url": "https://n.example/7",
        "domain": "n.example",
        "title": "Dam’s",
        "text": "It holds.",
        "seendate": "20240906T101500Z",
    },
    "paragraphs": {"title": "Dam’s", "text": ["It holds."], "url": "https://www.n.example/7"},
    "empty": {"title": "Dam’s", "text": "", "body": None, "content": "It holds.", "domain": "n.example"},
}  # fmt: skip


@pytest.mark.parametrize("shape", WRAPPED)
def test_an_article_is_found_in_the_shape_that_systems_write(shape: str) -> None:
    found = read_jsonl(json.dumps(WRAPPED[shape]).encode(), {})
    assert [(one.title, one.text, one.outlet) for one in found.articles] == [
        ("Dam’s", "Dam’s\nIt holds.", "n.example")
    ]
    assert found.notes == ()


ITEMS = [{"id": 1, "title": "One", "text": "First dam."}, {"id": 2, "title": "Two", "text": "Second dam."}]


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        (json.dumps(ITEMS), [1, 1]),
        (json.dumps(ITEMS, indent=2), [2, 7]),
        ("\n".join(json.dumps(item, indent=1) for item in ITEMS), [1, 6]),
        ("".join(json.dumps(item) for item in ITEMS), [1, 1]),
        ("[\n" + ",\n".join(map(json.dumps, ITEMS)) + "\n]\n", [2, 3]),
        (json.dumps({"status": "ok", "articles": ITEMS}), [1, 1]),
        (json.dumps({"response": {"total": 2, "results": ITEMS}}, indent=1), [1, 1]),
    ],
)
def test_objects_are_found_however_they_are_laid_out(written: str, lines: list[int]) -> None:
    found = read_jsonl(written.encode(), {})
    assert [(one.key, one.text, one.line) for one in found.articles] == [
        ("1", "One\nFirst dam.", lines[0]),
        ("2", "Two\nSecond dam.", lines[1]),
    ]
    assert found.notes == ()


def test_an_array_that_is_cut_off_loses_its_last_object_only() -> None:
    written = json.dumps([*ITEMS, ITEMS[0]], indent=1)
    found = read_jsonl(written[:-20].encode(), {})
    assert [one.key for one in found.articles] == ["1", "2"]
    assert [note.reason.split(" (")[0] for note in found.notes] == ["is not JSON"]


def test_comments_of_an_article_without_a_text_are_no_articles() -> None:
    row = {"title": "Dam", "comments": [{"title": "No", "text": "I disagree."}]}
    with pytest.raises(
        Unusable, match="has no column with a known name for the text, only 'title', 'comments'"
    ):
        read_jsonl(json.dumps(row).encode(), {})


def test_a_text_that_its_source_cut_off_is_noted() -> None:
    row = {"source": {"id": None, "name": "Coast"}, "content": "The dam holds… [+2040 chars]"}
    found = read_jsonl(json.dumps(row).encode(), {})
    assert (found.articles[0].text, found.articles[0].outlet) == ("The dam holds…", "Coast")
    assert reasons(found) == {
        0: "a text was cut off by the source, first 'The dam holds… [+2040 chars]' on line 1"
    }
    assert found.notes[0].added


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_the_delimiter_that_the_first_line_names_is_used(first: str) -> None:
    found = read_csv(f"{first}\r\nid;text\r\n1;A dam, a lake, a river.\r\n".encode(), {})
    assert rows(found) == [(3, "A dam, a lake, a river.")]


def test_quotes_behind_backslashes_are_read_where_they_are_used() -> None:
    table = (
        '"id","text","title"\n"1","He said: \\"It holds\\", and left.","A \\"dam\\""\n"2","Plain \\\\","x"\n'
    )
    found = read_csv(table.encode(), {})
    assert [one.text for one in found.articles] == [
        'A "dam"\nHe said: "It holds", and left.',
        "x\nPlain \\\\",
    ]
    assert found.notes == ()
    ordinary = 'id,text\n1,"ends with a backslash \\"\n2,"and ""quotes"" here"\n'
    assert [one.text for one in read_csv(ordinary.encode(), {}).articles] == [
        "ends with a backslash \\",
        'and "quotes" here',
    ]


def test_of_two_columns_the_one_that_is_filled_counts() -> None:
    first = "1,,The dam holds.,,Coast,"
    table = f"id,text,content,source,publication,date\n{first}\n2,Text first.,Other,Wire,Coast,25/09/2024\n"
    found = read_csv(table.encode(), {}).articles
    assert [(one.text, one.outlet, one.published) for one in found] == [
        ("The dam holds.", "Coast", None),
        ("Text first.", "Wire", "2024-09-25"),
    ]


def test_a_summary_is_the_text_where_there_is_no_other_and_a_note_says_so() -> None:
    reply = {"source": "wire", "categories": {"a": [{"title": "One", "description": "First dam."}], "b": [
        {"title": "Two", "description": "Not this.", "content": "Second dam."},
        {"title": "Three", "description": "<p>Third dam.</p>", "content": None},
    ]}}  # fmt: skip
    found = read_jsonl(json.dumps(reply).encode(), {})
    assert [one.text for one in found.articles] == [
        "One\nFirst dam.",
        "Two\nSecond dam.",
        "Three\nThird dam.",
    ]
    why = "2 texts were taken from 'description', which may be a summary, first on line 1"
    assert reasons(found) == {0: why}
    assert found.notes[0].added
    assert read_csv(b"id,description\n1,A dam.\n", {"text": "description"}).notes == ()


def test_values_that_only_say_that_there_is_none_are_none() -> None:
    table = (
        "id,text,content,source\n1,nan,The dam holds.,\"{'id': None, 'name': 'Coast Daily'}\"\n2,\\N,None,x\n"
    )
    found = read_csv(table.encode(), {})
    assert [(one.text, one.outlet) for one in found.articles] == [("The dam holds.", "Coast Daily")]
    assert reasons(found) == {3: "contains no text"}


@pytest.mark.parametrize("length", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_long_runs_of_one_character_take_no_time(length: int) -> None:
    for run in (" ", "<", "&", "[", "\\", "{", "'name': ", "\\n", "<p ", "&lt;", "[+1 chars]", "<!--", "-->"):
        long = run * (length // len(run))
        row = {"title": long, "text": f"A dam.{long}", "date": long, "source": "{" + long}
        assert read_jsonl(json.dumps(row).encode(), {}).articles
        assert read_csv(f'text;id\n"A dam.{long}";1\n'.encode(), {})
