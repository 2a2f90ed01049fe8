"""Loaders and the reader of weights, given anything: an article or a reason, a model or an error."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import docx
import numpy as np
import pytest
from conftest import examples
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from models.test_e5 import e5s1, tensors
from pdf_maker import make_pdf

from rag.errors import BadArticles, ModelDamaged
from rag.loading.articles import ARTICLE_FILES, load_folder
from rag.loading.parsed import ParsedFile, Unusable
from rag.loading.sandbox import Readers, read
from rag.models.embedding.e5 import convert
from rag.settings import Settings

TEXT = "The harbour of Marsa reopened on Sunday after two years of repairs. افتتحت البلدية مكتبة جديدة."

SOUND: dict[str, list[bytes]] = {
    "html": [f"<html><body><article><h1>Harbour</h1><p>{TEXT * 5}</p></article>".encode(), b"<![CDATA[<svg"],
    "jsonl": [json.dumps({"text": TEXT, "date": "2024-09-06", "id": 1}).encode() + b"\n", b'{"text": [[['],
    "csv": [f'id,text,date\n1,"{TEXT}",2024\n'.encode(), b'text\n"'],
    "txt": [TEXT.encode("utf-16"), TEXT.encode("cp1256", "replace"), TEXT.encode()],
    "pdf": [b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\ntrailer<</Root 1 0 R>>"],
    "docx": [b"PK\x03\x04\x14\x00\x00\x00\x08\x00word/document.xml"],
}
"""Of each kind where a mutation begins; other endings take the texts'."""


@st.composite
def spoilt(draw: st.DrawFn, sound: bytes) -> bytes:
    """Bytes with a few of them changed, taken out, repeated or put in."""
    data = bytearray(sound)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        end = at + draw(st.integers(0, 8))
        match draw(st.sampled_from(["change", "drop", "repeat", "insert", "cut"])):
            case "change":
                data[at:end] = draw(st.binary(max_size=8))
            case "drop":
                del data[at:end]
            case "repeat":
                data[at:at] = data[at:end] * draw(st.integers(1, 50))
            case "insert":
                data[at:at] = draw(
                    st.sampled_from([b"\0", b"\xff\xfe", b'"', b"<", b"]]>", b"\r\r\n", b"\xed\xa0\x80"])
                )
            case "cut":
                del data[at:]
    return bytes(data)


PARSED = (".html", ".htm", ".pdf", ".docx")
"""These are read in a process of their own, which takes a second to start."""


def word_file(document: bytes) -> bytes:
    """A Word file whose text is this XML."""
    out = io.BytesIO()
    docx.Document().save(out)
    with zipfile.ZipFile(out) as sound, zipfile.ZipFile(changed := io.BytesIO(), "w") as file:
        for name in sound.namelist():
            file.writestr(name, document if name == "word/document.xml" else sound.read(name))
    return changed.getvalue()


SPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
DOCUMENT = (
    f'<?xml version="1.0"?><w:document xmlns:w="{SPACE}"><w:body><w:p><w:r><w:t>{TEXT}</w:t></w:r></w:p>'
    "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>900</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>"
).encode()

PARSED_FILES = {
    "html": st.sampled_from(SOUND["html"]).flatmap(spoilt),
    "pdf": st.sampled_from([make_pdf([[TEXT]]), SOUND["pdf"][0]]).flatmap(spoilt),
    "docx": st.one_of(spoilt(DOCUMENT).map(word_file), spoilt(word_file(DOCUMENT))),
}
"""Of each kind that is parsed apart: sound at first, then spoilt."""

ROWS = {
    kind: st.sampled_from(SOUND[kind.replace("tsv", "csv")]).flatmap(spoilt)
    for kind in ("jsonl", "csv", "tsv")
}


@st.composite
def folders(draw: st.DrawFn, endings: tuple[str, ...] = ARTICLE_FILES) -> dict[str, bytes]:
    """Files of these kinds."""
    return {
        f"file{ending}": draw(
            st.one_of(
                st.sampled_from(SOUND.get(ending[1:], SOUND["txt"])).flatmap(spoilt),
                st.binary(max_size=300),
            )
        )
        for ending in endings
    }


def check_loader(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, data in files.items():
            (folder / file).write_bytes(data)
        try:
            loaded = load_folder(folder, Settings(max_file_bytes=100_000))
        except BadArticles as error:
            assert "No usable article" in str(error)
            return
    reported = {article.source.partition(":")[0] for article in loaded.articles}
    reported |= {skipped.source.partition(":")[0] for skipped in loaded.skipped}
    assert reported == set(files)
    for article in loaded.articles:
        assert any(c.isalnum() for c in article.text)
        assert len(loaded.lines[article.id]) == article.text.count("\n") + 1
        assert article.title or not article.text.strip()
    assert all(skipped.reason and "\n" not in skipped.reason for skipped in loaded.skipped)


@examples(30, suppress_health_check=list(HealthCheck))
@given(folders(tuple(ending for ending in ARTICLE_FILES if ending not in PARSED)))
def test_whatever_a_file_holds_it_is_an_article_or_a_reason(files: dict[str, bytes]) -> None:
    check_loader(files)


def check_read(read: Callable[[], ParsedFile]) -> None:
    """What a reader makes of a file is articles with a line each for theirs, or a reason on one line."""
    try:
        parsed = read()
    except Unusable as error:
        assert str(error) and "\n" not in str(error)
        return
    for article in parsed.articles:
        assert any(c.isalnum() for c in article.text)
        assert len(article.lines) == article.text.count("\n") + 1
        article.text.encode()
    assert all(note.reason and "\n" not in note.reason for note in parsed.notes)


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with Readers({}, seconds=60) as readers:
        yield readers


@pytest.mark.slow
@pytest.mark.parametrize("kind", PARSED_FILES)
@examples(150, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_page_pdf_or_word_file_holds_it_is_an_article_or_a_reason(
    readers: Readers, kind: str, data: st.DataObject
) -> None:
    file = data.draw(PARSED_FILES[kind])
    check_read(lambda: readers.read(kind, file))


@pytest.mark.parametrize("kind", ROWS)
@examples(100, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_a_collection_holds_it_is_articles_or_reasons(kind: str, data: st.DataObject) -> None:
    rows = data.draw(ROWS[kind])
    check_read(lambda: read(kind, rows))


WEIGHTS = e5s1()


SPOILT_WEIGHTS = st.one_of(
    st.binary(max_size=200).map(lambda data: b"E5S1" + data),
    st.integers(0, len(WEIGHTS)).map(lambda end: WEIGHTS[:end]),
    st.tuples(
        st.one_of(st.integers(0, 400), st.integers(0, len(WEIGHTS) - 9)), st.binary(min_size=1, max_size=8)
    ).map(lambda change: WEIGHTS[: change[0]] + change[1] + WEIGHTS[change[0] + len(change[1]) :]),
)


def check_weights(data: bytes) -> None:
    """Weights become a model, or an error on one line."""
    folder = Path(tempfile.mkdtemp())
    try:
        convert(data, folder)
        assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"] == "bert"
    except ModelDamaged as error:
        assert "\n" not in str(error)
    finally:
        shutil.rmtree(folder)


@examples(80, suppress_health_check=list(HealthCheck))
@given(SPOILT_WEIGHTS)
def test_whatever_a_file_of_weights_holds_it_is_a_model_or_an_error(data: bytes) -> None:
    check_weights(data)


@pytest.mark.parametrize("number", [np.inf, np.nan, np.finfo(np.float32).max])
def test_weights_that_no_number_of_16_bits_can_be_are_refused(tmp_path: Path, number: float) -> None:
    sound = next(values.astype("<f4").tobytes() for kind, values in tensors(1).values() if not kind)
    assert WEIGHTS.count(sound) == 1
    spoilt = np.array([number], "<f4").tobytes() + sound[4:]
    with pytest.raises(ModelDamaged, match="not valid weights"):
        convert(WEIGHTS.replace(sound, spoilt), tmp_path)
