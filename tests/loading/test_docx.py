"""What Word shows of a file, and what of it is read. The files are made here."""

from __future__ import annotations

import io
import zipfile

import pytest

from rag.loading.formats.docx import read_docx
from rag.loading.parsed import ParsedArticle, ParsedFile

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = {
    WORD: "http://purl.oclc.org/ooxml/wordprocessingml/main",
    OFFICE: "http://purl.oclc.org/ooxml/officeDocument/relationships",
}


def word(body: str, *, strict: bool = False, core: str = "", **parts: str) -> bytes:
    """A Word file with a body and other parts (styles, footnotes, endnotes), each as the XML in its root."""
    relations = "".join(
        f'<Relationship Id="r{kind}" Type="{OFFICE}/{kind}" Target="{kind}.xml"/>' for kind in parts
    )
    package = "http://schemas.openxmlformats.org/package/2006"
    files = {
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/>'
        f'<Relationship Id="r2" Type="{package}/relationships/metadata/core-properties" Target="core.xml"/>'
        "</Relationships>",
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{package}/relationships">{relations}'
        "</Relationships>",
        "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
        "core.xml": f'<c xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:dcterms="http://purl.org/dc/terms/">{core}</c>',
    }
    for kind, text in parts.items():
        if text:
            files[f"word/{kind}.xml"] = f'<w:{kind} xmlns:w="{WORD}">{text}</w:{kind}>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            for plain, other in STRICT.items() if strict else ():
                text = text.replace(plain, other)
            archive.writestr(name, text)
    return out.getvalue()


def p(*runs: str, properties: str = "") -> str:
    inner = "".join(run if run.startswith("<") else f"<w:r><w:t>{run}</w:t></w:r>" for run in runs)
    return f"<w:p><w:pPr>{properties}</w:pPr>{inner}</w:p>"


def table(*rows: list[str]) -> str:
    cells = ["".join(f"<w:tc>{cell}</w:tc>" for cell in row) for row in rows]
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def parsed(data: bytes) -> ParsedFile:
    return read_docx(data)


def lines(data: bytes) -> list[str]:
    (article,) = parsed(data).articles
    return [line for line in article.text.split("\n") if line]


SHIPS = table([p("الشهر"), p("السفن")], [p("تموز"), p("120")], [p("آب"), p("135")])
ROWS = ["الشهر | السفن", "تموز | 120", "آب | 135"]


# Tables


@pytest.mark.parametrize("depth", [1, 2, 3, 12])
def test_each_row_of_a_nested_table_is_read_once(depth: int) -> None:
    inner = SHIPS
    for _ in range(depth):
        inner = table([inner + p("")])
    assert lines(word(p("تقرير الميناء") + inner)) == ["تقرير الميناء", *ROWS]


def test_a_table_that_places_text_on_the_page_is_no_row() -> None:
    story = ["The harbour of Faw reopened on Sunday after two years of repairs. " * 3] * 2
    other = "The union of teachers in Basra called off its strike on Monday."
    got = lines(word(table(["".join(map(p, story)), p(other)])))
    assert got == [*(line.strip() for line in story), other]


def test_short_paragraphs_of_a_cell_stay_in_their_row() -> None:
    assert lines(word(table([p("Address"), p("The harbour") + p("Faw")]))) == ["Address | The harbour Faw"]


def test_text_beside_a_nested_table_is_not_joined_with_its_rows() -> None:
    cell = p("قالت الإدارة إن الحركة عادت.") + SHIPS + p("والمصدر إدارة الميناء.")
    got = lines(word(table([cell, p("الفاو")])))
    assert got == ["قالت الإدارة إن الحركة عادت.", *ROWS, "والمصدر إدارة الميناء.", "الفاو"]


def test_rows_and_cells_in_content_controls_and_deleted_rows() -> None:
    control = "<w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt>"
    row = f"<w:tr><w:tc>{p('July')}</w:tc>{control.format('<w:tc>' + p('120') + '</w:tc>')}</w:tr>"
    gone = f"<w:tr><w:trPr><w:del/></w:trPr><w:tc>{p('June')}</w:tc></w:tr>"
    assert lines(word(f"<w:tbl>{control.format(row)}{gone}</w:tbl>")) == ["July | 120"]


# What Word shows


def run(text: str, properties: str) -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


def test_moved_text_is_read_where_it_was_moved_to() -> None:
    moved = "<w:{0}><w:r><w:t>Ships came from Basra. </w:t></w:r></w:{0}>"
    body = (
        p("First. ", moved.format("moveFrom"))
        + p(moved.format("moveFrom"), properties="<w:rPr><w:moveFrom/></w:rPr>")
        + p("Second. ", moved.format("moveTo"))
    )
    assert lines(word(body)) == ["First.", "Second. Ships came from Basra."]


def test_paragraphs_whose_end_was_deleted_are_one() -> None:
    body = p("The quay cost", properties="<w:rPr><w:del/></w:rPr>") + p("90 million.") + p("It opened.")
    assert lines(word(body)) == ["The quay cost 90 million.", "It opened."]


STYLES = (
    '<w:style w:styleId="Secret"><w:rPr><w:vanish/></w:rPr></w:style>'
    '<w:style w:styleId="Derived"><w:basedOn w:val="Secret"/></w:style>'
    '<w:style w:styleId="Shown"><w:basedOn w:val="Secret"/><w:rPr><w:vanish w:val="0"/></w:rPr></w:style>'
)


@pytest.mark.parametrize(
    ("hidden", "is_read"),
    [
        (run("900", "<w:vanish/>"), False),
        (run("900", '<w:vanish w:val="1"/>'), False),
        (run("900", '<w:vanish w:val="false"/>'), True),
        (run("900", '<w:rStyle w:val="Secret"/>'), False),
        (run("900", '<w:rStyle w:val="Derived"/>'), False),
        (run("900", '<w:rStyle w:val="Shown"/>'), True),
        (run("900", '<w:rStyle w:val="Secret"/><w:vanish w:val="0"/>'), True),
        (run("900", "<w:webHidden/>"), True),
    ],
)
def test_hidden_text_is_not_read(hidden: str, is_read: bool) -> None:
    data = word(p("There were ", hidden, " ships."), styles=STYLES)
    assert lines(data) == ["There were 900 ships." if is_read else "There were  ships."]


def test_paragraphs_of_a_hidden_style_are_not_read() -> None:
    secret = p("Not for print.", properties='<w:pStyle w:val="Derived"/>')
    shown = p(run("But this is.", '<w:vanish w:val="0"/>'), properties='<w:pStyle w:val="Secret"/>')
    assert lines(word(p("One.") + secret + shown, styles=STYLES)) == ["One.", "But this is."]


def test_a_text_box_does_not_interrupt_its_paragraph_and_tabs_of_a_ruler_are_no_text() -> None:
    box = f"<w:r><w:pict><w:txbxContent>{p('A caption.')}</w:txbxContent></w:pict></w:r>"
    body = p("The harbour ", box, "reopened.", properties="<w:tabs><w:tab/></w:tabs>") + p("Next.")
    assert lines(word(body)) == ["The harbour reopened.", "A caption.", "Next."]


# Notes


def reference(kind: str, number: int) -> str:
    return f'<w:r><w:{kind}Reference w:id="{number}"/></w:r>'


def note(kind: str, number: int, text: str) -> str:
    return f'<w:{kind} w:id="{number}">{p(text)}</w:{kind}>'


SEPARATOR = '<w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>'


def test_footnotes_and_endnotes_are_read_after_the_text_in_the_order_of_their_references() -> None:
    body = p("Forty ships", reference("footnote", 3), " came", reference("endnote", 1), ".")
    body += p("They left", reference("footnote", 2), ".")
    data = word(
        body,
        footnotes=SEPARATOR + note("footnote", 2, "On Monday.") + note("footnote", 3, "Said the ministry."),
        endnotes=note("endnote", 1, "Report of 2024."),
    )
    assert lines(data) == [
        "Forty ships came.",
        "They left.",
        "Said the ministry.",
        "On Monday.",
        "Report of 2024.",
    ]
    assert parsed(data).notes == ()


def test_a_file_of_notes_alone_contains_text() -> None:
    assert lines(word(p(reference("footnote", 1)), footnotes=note("footnote", 1, "All of it."))) == [
        "All of it."
    ]


@pytest.mark.parametrize(
    ("parts", "lost"),
    [({}, 2), ({"footnotes": ""}, 2), ({"footnotes": note("footnote", 1, "One.")}, 1)],
    ids=["no part", "a part that is missing", "one note of two"],
)
def test_notes_that_cannot_be_read_are_reported(parts: dict[str, str], lost: int) -> None:
    data = word(p("Ships came", reference("footnote", 1), reference("footnote", 2), "."), **parts)
    (loss,) = parsed(data).notes
    assert loss.reason == f"{lost} of its footnotes could not be read; open it in Word and save it again"
    assert lines(data)[0] == "Ships came."


def test_a_file_within_the_file_is_reported() -> None:
    (loss,) = parsed(word(p("One.") + '<w:altChunk r:id="x" xmlns:r="r"/>')).notes
    assert loss.reason.startswith("contains another file, whose text was not read")


# Strict Open XML


def test_strict_open_xml_is_read_as_the_usual_form_is() -> None:
    body = (
        p("تقرير الميناء") + SHIPS + p("There were ", run("900", '<w:rStyle w:val="Secret"/>'), "40 ships.")
    )
    body += p("They left", reference("footnote", 1), ".")
    core = "<dc:title>تقرير الميناء</dc:title><dcterms:created>2024-09-06T10:00:00Z</dcterms:created>"
    parts = {"styles": STYLES, "footnotes": note("footnote", 1, "On Monday.")}
    read: list[ParsedArticle] = []
    for strict in (False, True):
        (article,) = parsed(word(body, strict=strict, core=core, **parts)).articles
        read.append(article)
    assert read[0] == read[1]
    assert (read[0].title, read[0].published) == ("تقرير الميناء", "2024-09-06")
    assert "There were 40 ships." in read[0].text


@pytest.mark.parametrize("created", ["", "yesterday", "2024-13-45T00:00:00Z", "1601-01-01T00:00:00Z"])
def test_a_date_of_creation_that_is_none_is_left_out(created: str) -> None:
    (article,) = parsed(word(p("Text."), core=f"<dcterms:created>{created}</dcterms:created>")).articles
    assert article.published is None
