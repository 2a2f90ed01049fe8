"""Text that was read in a wrong encoding and saved again is repaired, or refused where letters were lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.loading.encodings import decode
from rag.loading.formats.delimited import read_csv
from rag.loading.formats.jsonl import read_jsonl
from rag.loading.mojibake import repaired
from rag.loading.parsed import Unusable
from rag.loading.sandbox import read

ARABIC = (
    "أعلنت وزارة الزراعة، الثلاثاء، أن محصول القمح تراجع إلى 40 ألف طن؛ وهو الأدنى منذ عقد.\nثم هطل المطر."
)
ENGLISH = "The minister’s “last word” on the café came on Sunday – it was brief…"


def misread(text: str, meant: str, read_as: str) -> str:
    """The text as a program shows it that reads bytes in a wrong encoding, unknown bytes as Latin-1."""
    data = text.encode(meant)
    return "".join(bytes([b]).decode(read_as, "ignore") or chr(b) for b in data)


@pytest.mark.parametrize(
    ("meant", "read_as", "named"),
    [
        ("utf-8", "latin-1", "UTF-8 that was read as windows-1252"),
        ("utf-8", "cp1252", "UTF-8 that was read as windows-1252"),
        ("utf-8", "cp1256", "UTF-8 that was read as windows-1256"),
        ("cp1256", "latin-1", "windows-1256 that was read as Latin-1"),
        ("cp1256", "cp1252", "windows-1256 that was read as Latin-1"),
        ("iso8859_6", "latin-1", "ISO 8859-6 that was read as Latin-1"),
    ],
)
def test_arabic_of_wrong_letters_is_repaired_and_named(meant: str, read_as: str, named: str) -> None:
    wrong = misread(ARABIC, meant, read_as)
    assert wrong != ARABIC
    text, loss = decode(wrong.encode())
    assert text == ARABIC
    assert loss == f"was {named}; repaired, compare it with the original"


@pytest.mark.parametrize("read_as", ["cp1252", "cp1256"])
def test_english_quotation_marks_and_accents_are_repaired(read_as: str) -> None:
    assert repaired(misread(ENGLISH, "utf-8", read_as))[0] == ENGLISH


def test_what_was_misread_twice_is_repaired() -> None:
    assert repaired(misread(misread(ENGLISH, "utf-8", "cp1252"), "utf-8", "latin-1"))[0] == ENGLISH
    assert repaired(misread(misread(ARABIC, "utf-8", "latin-1"), "utf-8", "cp1252"))[0] == ARABIC


def test_quotation_marks_are_repaired_beside_others_that_are_right() -> None:
    assert repaired("The ministerâ€™s “last word”, he said.")[0] == "The minister’s “last word”, he said."


def test_a_text_that_is_repaired_in_part_of_a_file_keeps_the_other_part() -> None:
    assert repaired(f"{ARABIC}\n{misread(ARABIC, 'utf-8', 'latin-1')}")[0] == f"{ARABIC}\n{ARABIC}"


@pytest.mark.parametrize("lost", [range(0x80, 0xA0), range(0x80, 0x90), [0xA7, 0x84, 0x8A]])
def test_letters_that_were_lost_are_refused(lost: list[int]) -> None:
    left = "".join(char for char in misread(ARABIC, "utf-8", "latin-1") if ord(char) not in lost)
    with pytest.raises(
        Unusable, match="was read as windows-1252, with letters lost; save the original again"
    ):
        repaired(left)


def test_few_letters_that_were_lost_are_counted() -> None:
    text, loss = repaired(misread(ARABIC, "utf-8", "latin-1").replace("\x81", ""))
    assert text == ARABIC.replace("ف", "Ù")
    assert loss.endswith("; repaired, compare it with the original; 1 letter was lost")


@pytest.mark.parametrize(
    "text",
    [
        ARABIC,
        ENGLISH,
        "نقاط، «شروط» وحفظ؟ محافظ؛ ضغط، خطوط؟",
        "کتابهای فارسی در تهران، ۱۲ آبان",
        "École: «JOSÉ» à Ørsted, Straße, Ångström, MAÇÃ»",
        "Þórður Ægisson var í Ísafjarðarbær á föstudag",
        "AT&T §5 ©2024 ½ €20 – £30",
    ],
)
def test_text_as_written_is_left_alone(text: str) -> None:
    assert repaired(text) == (text, "")


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x6FF), max_size=60))
def test_any_text_gives_text_or_a_reason(text: str) -> None:
    try:
        meant, loss = repaired(text)
    except Unusable as error:
        assert "save the original again" in str(error)
        return
    assert loss or meant == text


def test_every_format_of_text_is_repaired() -> None:
    wrong = misread(ARABIC, "utf-8", "cp1252").replace("\n", " ")
    right = ARABIC.replace("\n", " ")
    page = f"<html><body><article><p>{wrong}</p></article></body></html>"
    escaped = "".join(f"\\u{ord(char):04x}" for char in wrong)
    assert right in read("html", page.encode()).articles[0].text
    assert "was UTF-8 that was read" in read("html", page.encode()).notes[0].reason
    in_a_script = page.replace(wrong, ENGLISH).replace("<body>", f"<body><script>'{wrong} â€™'</script>")
    assert read("html", in_a_script.encode()).notes == ()
    assert read("markdown", wrong.encode()).articles[0].text == right
    assert read_csv(f"id;text\n1;{wrong}\n".encode(), {}).articles[0].text == right
    found = read_jsonl(f'{{"text": "{escaped}"}}\n'.encode(), {})
    assert found.articles[0].text == right
    assert found.notes[0].reason.startswith(
        "a text was repaired, first on line 1: was UTF-8 that was read as"
    )
    assert found.notes[0].added


@pytest.mark.parametrize("encoding", ["utf-8", "cp1256"])
def test_a_few_zero_bytes_are_left_out_and_reported(encoding: str) -> None:
    data = ARABIC.encode(encoding)
    text, loss = decode(data[:20] + b"\0" + data[20:])
    assert text == ARABIC
    assert loss == "1 zero byte was left out; text may be missing there"


def test_zero_bytes_that_a_crash_left_at_the_end_are_no_binary_file() -> None:
    text, loss = decode(ARABIC.encode() + bytes(4096))
    assert text == ARABIC
    assert loss.startswith("4096 zero bytes were left out")
    assert read("html", b"<html><body><p>A page of one line.</p></body></html>" + bytes(64)).articles
