"""One folder with every awkward file: what is indexed, what is skipped and why, and what the summary says."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import unicodedata
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from pdf_maker import make_pdf
from PIL import Image

from rag.cli.commands import main
from rag.language.text import fold
from rag.loading.articles import Loaded, load_folder
from rag.settings import Settings

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs and no sockets with a name here")

NEWS = "قالت البلدية إن مكتبة النخيل فتحت أبوابها يوم الأحد بعد عامين من الإصلاح."
PHRASE = "القوات الأمريكية في العراق"
LIMIT = 50_000  # bytes; max_file_bytes of the test
SUPPORTED = ".txt, .md, .html, .htm, .pdf, .docx, .jsonl, .json, .ndjson, .csv, .tsv"
UTF8 = "save it as UTF-8"


def page(body: str, charset: str = "utf-8") -> str:
    return f'<html><head><meta charset="{charset}"></head><body><article>{body}</article></body></html>'


def word_file(*paragraphs: str) -> bytes:
    document, out = docx.Document(), io.BytesIO()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.save(out)
    return out.getvalue()


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 40)).save(out, kind)
    return out.getvalue()


def row(**cells: object) -> str:
    return json.dumps(cells, ensure_ascii=False)


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def bound(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket may have about 100 bytes
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as listening:
            listening.bind(path.name)
    finally:
        os.chdir(here)


# Each file, and the articles that come of it.
READ: list[tuple[str, bytes | Callable[[Path], None], list[str]]] = [
    # Encodings
    ("enc/utf8.txt", NEWS.encode(), ["enc/utf8"]),
    ("enc/utf8-bom.txt", NEWS.encode("utf-8-sig"), ["enc/utf8-bom"]),
    ("enc/utf16.txt", NEWS.encode("utf-16"), ["enc/utf16"]),
    ("enc/utf16-le-no-bom.txt", NEWS.encode("utf-16-le"), ["enc/utf16-le-no-bom"]),
    ("enc/utf16-be-no-bom.txt", NEWS.encode("utf-16-be"), ["enc/utf16-be-no-bom"]),
    ("enc/utf32.txt", NEWS.encode("utf-32"), ["enc/utf32"]),
    ("enc/cp1256.txt", NEWS.encode("cp1256"), ["enc/cp1256"]),
    ("enc/iso8859-6.txt", NEWS.encode("iso8859_6"), ["enc/iso8859-6"]),
    ("enc/html-cp1256.html", page(f"<p>{NEWS}</p>", "cp1256").encode("cp1256"), ["enc/html-cp1256"]),
    ("enc/not-as-declared.html", page(f"<p>{NEWS}</p>", "windows-1256").encode(), ["enc/not-as-declared"]),
    ("enc/html-utf16.html", page(f"<p>{NEWS}</p>").encode("utf-16-le"), ["enc/html-utf16"]),
    ("enc/csv-cp1256.csv", f"id;النص\r\n1;{NEWS}\r\n".encode("cp1256"), ["enc/csv-cp1256#1"]),
    ("enc/bom.csv", f"text,id\n{NEWS},1\n".encode("utf-8-sig"), ["enc/bom#1"]),
    ("enc/tsv-utf16.tsv", f"text\tid\n{NEWS}\t1\n".encode("utf-16"), ["enc/tsv-utf16#1"]),
    ("enc/jsonl-utf16.jsonl", row(text=NEWS, id=1).encode("utf-16"), ["enc/jsonl-utf16#1"]),
    # Spellings of one phrase
    ("forms/composed.txt", f"رأينا {PHRASE}.".encode(), ["forms/composed"]),
    ("forms/decomposed.txt", unicodedata.normalize("NFD", f"رأينا {PHRASE}.").encode(), ["forms/decomposed"]),
    ("forms/tatweel.html", page("<p>رأينا القــوات الأمريكيــة في العـراق.</p>").encode(), ["forms/tatweel"]),
    ("forms/vowels.docx", word_file("رأينا القُوَّات الأَمْرِيكِيَّة فِي العِرَاق."), ["forms/vowels"]),
    ("forms/shapes.txt", "رأينا ﺍﻟﻘﻮﺍﺕ ﺍﻷﻣﺮﻳﻜﻴﺔ ﻓﻲ ﺍﻟﻌﺮﺍﻕ.".encode(), ["forms/shapes"]),
    ("forms/printed.pdf", make_pdf([[f"رأينا {PHRASE}."]], shapes=True), ["forms/printed"]),
    ("forms/bidi.md", "رأينا \u202bالقوات\u202c \u200fالأمريكية\u200e في \u2067العراق\u2069.".encode(),
     ["forms/bidi"]),
    ("forms/zero.jsonl", row(id=1, text="رأينا القو\u200cات الأمر\u200bيكية في العراق.").encode(),
     ["forms/zero#1"]),
    # Kinds
    ("kinds/page.htm", page(f"<h1>عنوان</h1><p>{NEWS}</p>").encode(), ["kinds/page"]),
    ("kinds/PAGE.PDF", make_pdf([["A page of a report on the harbour."]]), ["kinds/PAGE"]),
    ("kinds/word.docx", word_file("تقرير عن الميناء.", "افتتح الميناء يوم الأحد."), ["kinds/word"]),
    ("kinds/nested.jsonl", row(id="x", body=["One.", "Two."], source={"name": "BBC"}).encode(),
     ["kinds/nested#x"]),
    ("kinds/rows.ndjson", "\n".join(row(id=n, text=f"Row {n}.") for n in (3, 1, 2)).encode(),
     ["kinds/rows#3", "kinds/rows#1", "kinds/rows#2"]),
    ("kinds/array.json", b'[\n{"id": 1, "text": "Row 1."},\n{"id": 2, "text": "Row 2."}\n]',
     ["kinds/array#1", "kinds/array#2"]),
    ("kinds/breaks.csv", b'id,text\r\n1,"Two\r\nlines"\r\n2,"A ""quoted"" word"\r\n',
     ["kinds/breaks#1", "kinds/breaks#2"]),
    # More than the 131,072 characters that Python's csv reads of a cell by default; few words, to be quick.
    ("kinds/long.csv", f"id;text\n1;كلمة أولى.{' ' * 140_000}كلمة ثانية.\n".encode(), ["kinds/long#1"]),
    # Names, links and copies
    ("twin.md", b"The same text in two files.", ["twin"]),
    ("twin.txt", b"The same text in two files.", ["twin.txt"]),
    (".hidden/real.txt", b"Read by its link.", []),
    ("linked.txt", link(".hidden/real.txt"), ["linked"]),
    ("README.md", b"About the folder.", []),
    ("news.html", page("<p>A saved page.</p>").encode(), ["news"]),
]  # fmt: skip

# Each file of which not everything becomes an article, and the reason by line (0: for the whole file).
LEFT_OUT: list[tuple[str, bytes | Callable[[Path], None], dict[int, str]]] = [
    ("bad/empty.txt", b"", {0: "contains no text"}),
    ("bad/binary.txt", bytes(range(256)), {0: "is a binary file"}),
    ("bad/marked.txt", b"\xff\xfeabc", {0: f"is marked as UTF-16 but is not; {UTF8}"}),
    ("bad/unknown.txt", b"\x89PNG\r\n\x1a\n\xff\xd8\x01",
     {0: f"is not text, or in an unknown encoding; {UTF8}"}),
    ("bad/cut.txt", NEWS.encode()[:-2],
     {0: f"1 place is not UTF-8 (line 1) and shown as \ufffd; {UTF8} again"}),
    ("bad/large.txt", b"x" * (LIMIT + 1), {0: "has 50,001 bytes; the limit max_file_bytes is 50,000"}),
    ("bad/fifo.txt", os.mkfifo, {0: "is not a regular file"}),
    ("bad/socket.html", bound, {0: "is not a regular file"}),
    ("bad/image.png", picture("PNG"), {0: f"has the extension '.png'; supported are {SUPPORTED}"}),
    ("bad/old.doc", b"\xd0\xcf\x11\xe0", {0: f"has the extension '.doc'; supported are {SUPPORTED}"}),
    ("bad/page.html", page("<nav></nav><script>1</script>").encode(),
     {0: "contains no article text; save the page of the article itself"}),
    ("bad/cut.pdf", make_pdf([["A report."]])[:500],
     {0: "is not a PDF, or damaged; open it and print it to PDF again"}),
    ("bad/scan.pdf", picture("PDF"), {0: "contains only pictures of text; run text recognition (OCR) on it"}),
    ("bad/zip.docx", b"PK\x03\x04", {0: "is not a Word file, or damaged; open it in Word and save it again"}),
    ("bad/locked.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
     {0: "is encrypted or in the format of Word before 2007; save it as .docx without a password"}),
    ("bad/names.csv", b"a,b\n1,2\n",
     {0: "has no column with a known name for the text, only 'a', 'b'; name the column: "
         "SANAD_COLUMNS='text=NAME'"}),
    ("bad/rows.jsonl", "\n".join([row(id=1, text="Fine."), '{"text"', "7", row(id=2), row(id=3, text=""),
                                  row(id=4, text="Fine too.", date="06/09/2024")]).encode(),
     {0: "a date was not read, first '06/09/2024' on line 6; write YYYY-MM-DD",
      2: "is not JSON (Expecting ':' delimiter at character 8); write one object per line",
      3: "is not a JSON object but '7'; write one object per line",
      4: "has no column with a known name for the text, only 'id'; name the column: "
         "SANAD_COLUMNS='text=NAME'",
      5: "contains no text"}),
    ("bad/rows.csv", b'id,text\n1,Fine.\n2\n3,a,b\n4,"open\n5,Fine too.\n',
     {3: "has 1 cell but the first row has 2; put cells that contain ',' in quotes",
      4: "has 3 cells but the first row has 2; put cells that contain ',' in quotes",
      5: "is not a valid row (a quote is opened and never closed); write a quote inside quotes twice"}),
    ("links/out.txt", link("../../outside.txt"),
     {0: "is a link that leads out of the folder; copy the file instead"}),
    ("links/folder", link("../enc"), {0: "is a link to a folder; not followed"}),
    ("links/loop.txt", link("loop.txt"), {0: "is a link to itself"}),
    ("links/broken.txt", link("nothing.txt"), {0: "cannot be read: No such file or directory"}),
    ("links/again.txt", link("../enc/utf8.txt"), {0: "is a link to an article that is read anyway"}),
    ("news_files/frame.html", b"<p>An advertisement.</p>", {}),
]  # fmt: skip

# What the damaged ones still give.
STILL = ["bad/cut", "bad/rows.jsonl#1", "bad/rows.jsonl#4", "bad/rows#1", "bad/rows#5"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("awkward") / "in"
    folder.with_name("outside.txt").write_text("A secret.", encoding="utf-8")
    for name, content, _ in [*READ, *LEFT_OUT]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content(path)
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Loaded:
    return load_folder(folder, Settings(max_file_bytes=LIMIT))


def test_these_are_the_articles(loaded: Loaded) -> None:
    wanted = [article_id for *_, ids in READ for article_id in ids]
    assert sorted(article.id for article in loaded.articles) == sorted([*wanted, *STILL])
    assert not any("secret" in article.text for article in loaded.articles)


def test_these_are_left_out_and_for_these_reasons(loaded: Loaded) -> None:
    wanted = {
        (f"{name}:{line}" if line else name): reason
        for name, _, reasons in LEFT_OUT
        for line, reason in reasons.items()
    }
    wanted["news_files"] = "contains the images and styles of the page 'news'; not read"
    assert {item.source: item.reason for item in loaded.skipped} == wanted
    assert len(loaded.skipped) == len(wanted)


def test_every_encoding_gives_the_same_text(loaded: Loaded) -> None:
    texts = {article.id: article.text for article in loaded.articles if article.id.startswith("enc/")}
    assert len(texts) == 15
    assert set(texts.values()) == {NEWS}


def test_a_search_finds_every_spelling(loaded: Loaded) -> None:
    spelt = [article for article in loaded.articles if article.id.startswith("forms/")]
    assert [article.id for article in spelt if fold(PHRASE) in fold(article.text)] == [a.id for a in spelt]
    shown = {article.text for article in spelt}
    assert len(spelt) == 8
    assert len(shown) == 7, "each is shown as it is written; the PDF's shapes are a matter of its font"


def test_every_line_shown_names_a_line_of_its_file(loaded: Loaded, folder: Path) -> None:
    for article in loaded.articles:
        lines = loaded.lines[article.id]
        assert len(lines) == article.text.count("\n") + 1
        assert list(lines) == sorted(lines)
    sources = {article.id: article.source for article in loaded.articles}
    assert sources["kinds/breaks#2"] == "kinds/breaks.csv:4"
    assert loaded.lines["kinds/breaks#1"] == (2, 3)


@pytest.mark.slow
def test_the_summary_counts_them_all(
    folder: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SANAD_EMBEDDER", "fake")
    monkeypatch.setenv("SANAD_MAX_FILE_BYTES", str(LIMIT))
    assert main(["index", str(folder), "--index", "mine", "--verbose"]) == 0
    out, err = capsys.readouterr()
    assert f"{len(loaded.articles)} articles" in out
    noted = [item for item in loaded.skipped if item.added]
    assert {item.source for item in noted} == {"bad/cut.txt", "bad/rows.jsonl"}
    skipped = len(loaded.skipped) - len(noted)
    assert f"{len(loaded.articles)} added, {skipped} skipped, 2 added with a note;" in out
    for item in loaded.skipped:
        assert f"{'added with a note' if item.added else 'skipped'} {item.source}: {item.reason}" in err
    with (folder / "kinds" / "rows.ndjson").open("a", encoding="utf-8") as rows:
        rows.write("\n" + row(id=4, text="Row 4."))
    assert main(["index", str(folder), "--index", "mine"]) == 0
    out = capsys.readouterr().out
    assert "1 added" in out
    assert "1 passage embedded" in out
