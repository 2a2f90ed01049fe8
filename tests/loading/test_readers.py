"""What each reader returns for its files: the exact words, their line numbers, and what is refused."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import pytest
from pdf_maker import make_pdf
from PIL import Image

from rag.loading.formats.docx import read_docx
from rag.loading.formats.html import read_html
from rag.loading.formats.pdf import read_pdf
from rag.loading.formats.word_package import UNPACKED
from rag.loading.parsed import ParsedArticle, Unusable
from rag.loading.sandbox import KINDS, Readers, read

# Web pages

PAGE = """<!doctype html><html lang="ar" dir="rtl"><head><meta charset="windows-1256">
<title>سحب القوات - وكالة النخيل</title>
<meta property="og:site_name" content="وكالة النخيل">
<meta property="article:published_time" content="2024-09-06T10:00:00+03:00">
<link rel="stylesheet" href="http://style.example/x.css"><script src="http://script.example/x.js"></script></head>
<body><header><nav><ul><li><a href="/">الرئيسية</a></li><li><a href="/s">رياضة</a></li></ul></nav></header>
<article><h1>سحب القوات</h1>
<p>قالت الحكومة العراقية، الأحد، إن القوات الأمريكيـــة أتمت <b>انسحابها</b> من المنشآت العسكرية.</p>
<p>وتحتفظ الولايات المتحدة بنحو 2,500 جندي في العراق و٩٠٠ في سوريا المجاورة.</p>
<table><tr><th>الدولة</th><th>الجنود</th></tr><tr><td>العراق</td><td>2500</td></tr></table>
<p>إعلان</p></article>
<aside><h3>الأكثر قراءة</h3><a href="/1">خبر لا صلة له</a></aside>
<div class="comments"><p>تعليق قارئ لا يجب أن يظهر.</p></div>
<footer>جميع الحقوق محفوظة</footer></body></html>"""
SHOWN = """سحب القوات
قالت الحكومة العراقية، الأحد، إن القوات الأمريكيـــة أتمت انسحابها من المنشآت العسكرية.
وتحتفظ الولايات المتحدة بنحو 2,500 جندي في العراق و٩٠٠ في سوريا المجاورة.
الدولة | الجنود
العراق | 2500"""


@pytest.mark.parametrize("encoding", ["cp1256", "utf-8", "utf-16", "utf-16-le"])
def test_a_page_gives_its_article_headline_outlet_and_date(encoding: str) -> None:
    page = PAGE.replace("٩٠٠", "900") if encoding == "cp1256" else PAGE
    (article,) = read_html(page.encode(encoding)).articles
    assert article.text == (SHOWN.replace("٩٠٠", "900") if encoding == "cp1256" else SHOWN)
    assert article.lines == (1, 2, 3, 4, 5)
    assert (article.title, article.outlet, article.published) == ("سحب القوات", "وكالة النخيل", "2024-09-06")


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<h1>Title</h1><p>A short text.</p>", "Title\nA short text."),
        ("A text without tags.", "A text without tags."),
        ('<?xml version="1.0" encoding="utf-8"?><html><body><p>XHTML.</p></body></html>', "XHTML."),
        ("<title>Only there</title><p>The text of it.</p>", "Only there\nThe text of it."),
    ],
)
def test_small_pages_are_read(page: str, text: str) -> None:
    assert read_html(page.encode()).articles[0].text == text


@pytest.mark.parametrize(
    "page", [b"", b"  ", b"<html><body></body></html>", b"<script>x</script>", b"<!---->"]
)
def test_a_page_without_text_is_refused(page: bytes) -> None:
    with pytest.raises(Unusable, match="contains no"):
        read_html(page)


def test_a_page_opens_nothing_that_it_refers_to(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("A SECRET", encoding="utf-8")
    refers = (
        f'<!DOCTYPE html [<!ENTITY s SYSTEM "file://{tmp_path}/secret.txt">]><html><head>'
        f'<base href="file://{tmp_path}/" /><link rel="import" href="secret.txt" /></head><body>'
        f'<iframe src="file://{tmp_path}/secret.txt"></iframe><object data="secret.txt"></object>'
        "<p>Before &s; after, in a text of its own.</p></body></html>"
    )
    assert "SECRET" not in read_html(refers.encode()).articles[0].text


# Word files


def word_file(build: Callable[[Any], None], *, created: str = "", title: str = "") -> bytes:
    document = docx.Document()
    build(document)
    document.core_properties.title = title
    if created:
        import datetime

        document.core_properties.created = datetime.datetime.fromisoformat(created)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def small_report(document: Any) -> None:
    document.add_heading("تقرير النخيل", 1)
    document.add_paragraph("افتتحت البلدية مكتبة جديدة.")
    table = document.add_table(rows=2, cols=2)
    for row, texts in zip(table.rows, ["الدولة الجنود", "العراق 2500"], strict=True):
        for cell, text in zip(row.cells, texts.split(), strict=True):
            cell.text = text
    document.add_paragraph("سطر أول\nسطر ثان")


def test_a_word_file_gives_paragraphs_and_tables_in_order() -> None:
    (article,) = read_docx(word_file(small_report, created="2024-09-06", title="تقرير النخيل")).articles
    assert article.text.split("\n") == [
        "تقرير النخيل",
        "افتتحت البلدية مكتبة جديدة.",
        "الدولة | الجنود",
        "العراق | 2500",
        "سطر أول",
        "سطر ثان",
    ]
    assert (article.title, article.published) == ("تقرير النخيل", "2024-09-06")


def test_a_title_that_is_not_in_the_text_and_the_date_of_a_template_are_ignored() -> None:
    made_from_template = word_file(small_report, created="2013-12-23", title="مقال الأسبوع الماضي")
    (article,) = read_docx(made_from_template).articles
    assert (article.title, article.published) == ("", None)


def test_inserted_text_is_read_and_deleted_text_is_not() -> None:
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = (
        "<w:p><w:r><w:t>There were </w:t></w:r><w:del><w:r><w:delText>900</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>2500</w:t></w:r></w:ins><w:r><w:t> soldiers.</w:t></w:r></w:p>"
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>In a content control.</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    )
    data = word_file(lambda document: document.add_paragraph("PLACE"))
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "word/document.xml":
                part = f'<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>'.encode()
            new.writestr(name, part)
    assert read_docx(out.getvalue()).articles[0].text == "There were 2500 soldiers.\nIn a content control."


NO_WORD = "is not a Word file, or damaged; open it in Word and save it again"


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(UNPACKED + 1_000_000))
    return out.getvalue()


def entity(folder: Path) -> bytes:
    (folder / "secret.txt").write_text("A SECRET", encoding="utf-8")
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(word_file(small_report))) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "word/document.xml":
                head, _, rest = part.partition(b"?>")
                system = f'<!DOCTYPE d [<!ENTITY s SYSTEM "file://{folder}/secret.txt">]>'.encode()
                part = head + b"?>" + system + rest.replace("افتتحت".encode(), b"&s;")
            new.writestr(name, part)
    return out.getvalue()


def test_a_word_file_opens_nothing_that_it_refers_to(tmp_path: Path) -> None:
    text = read_docx(entity(tmp_path)).articles[0].text
    assert "SECRET" not in text
    assert "البلدية مكتبة جديدة" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (lambda: b"PK\x03\x04 not a zip", NO_WORD),
        (lambda: b"", NO_WORD),
        (lambda: word_file(small_report)[:3000], NO_WORD),
        (
            lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            "is encrypted or in the format of Word before 2007; save it as .docx without a password",
        ),
        (lambda: word_file(lambda document: None), "contains no text"),
        (bomb, f"unpacks to {UNPACKED + 1_000_000:,} bytes; the limit is {UNPACKED:,}"),
    ],
    ids=["no zip", "empty", "cut off", "encrypted", "no text", "bomb"],
)
def test_a_word_file_that_cannot_be_read_is_refused(data: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(Unusable) as refused:
        read_docx(data())
    assert str(refused.value) == reason


# PDFs

LINES = [
    "الولايات المتحدة توافق على الانسحاب",
    "قالت الحكومة العراقية، الأحد، إن القوات الأمريكية أتمت انسحابها بشكل كامل من المنشآت",
    "العسكرية بعد 12 شهرا من اتفاق وقع في 6 سبتمبر 2024، وبلغت النسبة ٢٥٫٥ في عام ٢٠٢٤",
    "وفق بيان رسمي.",
]


@pytest.mark.parametrize("shapes", [False, True], ids=["letters", "presentation forms"])
def test_a_pdf_gives_arabic_words_and_figures_as_they_are_read(shapes: bool) -> None:
    second_page = ["صفحة ثانية عن CNN.", "The second page."]
    (article,) = read_pdf(make_pdf([LINES, second_page], shapes=shapes)).articles
    assert article.text.split("\n") == [LINES[0], " ".join(LINES[1:]), *second_page]
    assert article.lines == (1, 1, 2, 2)


@pytest.mark.browser
@pytest.mark.parametrize("margin", ["0", "1cm"])
@pytest.mark.parametrize("font", ["serif", "DejaVu Sans", "Noto Naskh Arabic"])
def test_a_page_that_chromium_prints_gives_its_words(chromium: Any, font: str, margin: str) -> None:
    body = "".join(f"<p>{' '.join(LINES)}</p>" for _ in range(30))
    style = f'text-align: justify; font-family: "{font}"'
    with chromium.new_page() as printing:
        printing.set_content(f"<html lang=ar dir=rtl><body style='{style}'>{body}</body></html>")
        data = printing.pdf(margin=dict.fromkeys(("top", "bottom", "left", "right"), margin))
    (article,) = read_pdf(data).articles
    # A paragraph over two pages is divided where its first sentence on the new page begins.
    assert article.text.replace("\n", " ") == " ".join([" ".join(LINES)] * 30)
    assert 30 <= len(article.lines) <= 33
    assert article.lines[0] == 1 < article.lines[-1]


def test_a_paragraph_goes_on_over_a_page_and_a_broken_word_is_joined() -> None:
    first = ["The coalition will end its mission in Iraq after a long announce-", "ment of the"]
    second = ["government, which came on Sunday."]
    long = [*first[:1], "ment of the government and of all those who had taken part in it for"]
    (article,) = read_pdf(make_pdf([long, second])).articles
    assert article.text == (
        "The coalition will end its mission in Iraq after a long announcement of the government and of all "
        "those who had taken part in it for government, which came on Sunday."
    )
    (article,) = read_pdf(make_pdf([first, second])).articles
    assert len(article.text.split("\n")) == 2, "the last line of page 1 has room left: it ends here"


STRAY = "لأ أ"
"""Letters of the second page that a browser also writes below the edge of the first one."""

FIRST_PAGE = "اتفق البلدان على الانسحاب."
SECOND_PAGE = "وقالت الحكومة الأحد إن القوات أتمت الانسحاب."


@pytest.mark.parametrize(
    ("below_the_edge", "box", "read"),
    [
        (STRAY, b"/MediaBox [0 0 612 842]", [FIRST_PAGE, SECOND_PAGE]),
        ("تقرير.", b"/MediaBox [0 -30 612 842]", [FIRST_PAGE, "تقرير.", SECOND_PAGE]),
    ],
    ids=["letters of the next page", "a line of a page whose box begins below 0"],
)
def test_stray_letters_of_the_next_page_below_the_edge_of_a_page_are_not_read(
    below_the_edge: str, box: bytes, read: list[str]
) -> None:
    filler = [""] * 43  # the 45th line of a page is below its edge
    (article,) = read_pdf(make_pdf([[FIRST_PAGE, *filler, below_the_edge], [SECOND_PAGE]], box=box)).articles
    assert article.text.split("\n") == read


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (make_pdf([LINES])[:700], "is not a PDF, or damaged; open it and print it to PDF again"),
        (b"", "is not a PDF, or damaged; open it and print it to PDF again"),
        (make_pdf([[]]), "contains no text"),
        (make_pdf([]), "has no page"),
    ],
    ids=["cut off", "empty", "blank", "no page"],
)
def test_a_pdf_that_cannot_be_read_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Unusable) as refused:
        read_pdf(data)
    assert str(refused.value) == reason


def test_a_pdf_of_pictures_is_refused() -> None:
    scan = io.BytesIO()
    Image.new("RGB", (60, 60), "white").save(scan, "PDF")
    with pytest.raises(Unusable, match=r"contains only pictures of text; run text recognition"):
        read_pdf(scan.getvalue())


def test_an_encrypted_pdf_is_refused_as_such() -> None:
    # Its key is derived from a password that is not the empty one.
    locked = (
        b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <" + b"41" * 32 + b"> /U <" + b"42" * 32 + b"> >> "
        b"/ID [<00112233445566778899AABBCCDDEEFF> <00112233445566778899AABBCCDDEEFF>]"
    )
    with pytest.raises(Unusable, match="is encrypted; print it to a PDF without a password"):
        read_pdf(make_pdf([LINES], extra=locked))


# The process of the parsers


@pytest.mark.slow
def test_the_process_of_the_parsers_reads_what_this_one_reads() -> None:
    with Readers({}, seconds=60) as readers:
        assert readers.read("html", PAGE.encode()) == read_html(PAGE.encode())
        assert readers.read("pdf", make_pdf([LINES])) == read_pdf(make_pdf([LINES]))
        with pytest.raises(Unusable, match="is not a PDF"):
            readers.read("pdf", b"%PDF")
        assert readers.read("docx", word_file(small_report)) == read_docx(word_file(small_report))


@pytest.mark.slow
def test_a_parser_that_crashes_or_takes_too_long_costs_its_file_only(monkeypatch: pytest.MonkeyPatch) -> None:
    crash, hang = b"crash", b"hang"
    stand_in = (
        f"import sys, os, time; sys.path[:] = {sys.path!r}\n"
        "from rag.loading import sandbox as readers; real = readers._reply\n"
        "def reply(header, requests):\n"
        "    import io; kind, size = __import__('json').loads(header); data = requests.read(size)\n"
        "    if data == b'crash': os.abort()\n"
        "    if data == b'hang': time.sleep(600)\n"
        "    return real(header, io.BytesIO(data))\n"
        "readers._reply = reply; readers._warm = lambda: None; readers.serve()"
    )

    def start() -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        arguments = [sys.executable, "-P", "-c", stand_in]
        return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet)

    monkeypatch.setattr("rag.loading.sandbox._start", start)
    with Readers({}, seconds=0.2) as readers:
        with pytest.raises(Unusable) as refused:
            readers.read("pdf", hang)
        assert str(refused.value) == (
            "took more than 0.2 s to read; open it and save it again, or raise the setting parse_seconds"
        )
    with Readers({}, seconds=60) as readers:
        with pytest.raises(Unusable, match="crashed its parser or needed too much memory"):
            readers.read("pdf", crash)
        assert readers.read("pdf", make_pdf([["The next one."]])).articles[0].text == "The next one."


def test_the_process_of_the_parsers_can_open_no_connection_and_take_only_so_much_memory() -> None:
    code = (
        "import sys; from rag.loading import sandbox as readers\n"
        "readers.MEMORY = 100_000_000; readers._confine()\n"
        "import socket, subprocess\n"
        "for attempt in (lambda: socket.socket(), lambda: subprocess.run(['true'])):\n"
        "    try: attempt()\n"
        "    except RuntimeError as error: print(error)\n"
        "try: bytearray(200_000_000)\n"
        "except MemoryError: print('no memory')\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    limited = ["no memory"] if sys.platform == "linux" else []
    expected = ["a parser called socket.__new__", "a parser called subprocess.Popen", *limited]
    assert done.stdout.splitlines() == expected


@pytest.mark.parametrize("kind", sorted({"html", "pdf", "docx"}))
def test_whatever_a_parser_raises_is_a_reason(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Panic(BaseException):
        pass

    raised: list[BaseException] = [ValueError("x"), Panic(), RecursionError(), MemoryError()]
    for error in raised:

        def fail(data: bytes, error: BaseException = error) -> ParsedArticle:
            raise error

        monkeypatch.setattr(f"rag.loading.formats.{kind}.read_{kind}", fail)
        with pytest.raises(Unusable) as refused:
            read(kind, b"")
        assert "\n" not in str(refused.value)


def test_every_kind_has_an_ending() -> None:
    assert set(KINDS.values()) == {"text", "markdown", "html", "pdf", "docx", "jsonl", "csv", "tsv"}
