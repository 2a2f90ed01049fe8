"""Detection of encodings, and texts that are shown as written and compared folded."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language.text import fold
from rag.loading.encodings import declared_encoding, decode
from rag.loading.mojibake import repaired
from rag.loading.parsed import Unusable
from rag.loading.sandbox import read

ARABIC = "قالت الحكومة العراقية، الأحد، إن القوات الأمريكية أتمت انسحابها بشكل كامل.\nثم انتهى الأمر."
ENGLISH = "The minister's “last word” on the café came on Sunday, 6 September. It was brief."


UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(ARABIC, name) for name in [*UNICODE, "cp1256", "iso8859_6"]]
    + [(ENGLISH, name) for name in [*UNICODE, "cp1256", "cp1252"]],
)
def test_text_is_read_in_every_common_encoding(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == (text, "")


def test_big_endian_utf16_and_late_western_letters_are_read() -> None:
    assert decode(b"\xfe\xff" + ARABIC.encode("utf-16-be"))[0] == ARABIC
    late = "Plain text. " * 20_000 + ENGLISH
    assert decode(late.encode("cp1252"))[0] == late


def test_utf8_with_a_broken_place_is_read_and_the_place_named() -> None:
    cut = ARABIC.encode()[:-2]
    text, loss = decode(cut)
    assert text == ARABIC[:-2] + "\ufffd"
    assert loss == "1 place is not UTF-8 (line 2) and shown as \ufffd; save it as UTF-8 again"
    broken = ARABIC.encode().replace("الأحد".encode(), b"\xd8 \xd8")
    assert decode(broken)[1].startswith("2 places are not UTF-8 (line 1)")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"abc\0def", "is a binary file"),
        (b"\0\1\2\3\4\5\6\7" * 10, "is a binary file"),
        (b"\x89PNG\r\n\x1a\n\xff\xd8\x01", "is not text, or in an unknown encoding; save it as UTF-8"),
        (b"\xff\xfea", "is marked as UTF-16 but is not; save it as UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Unusable) as refused:
        decode(data)
    assert str(refused.value) == reason


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=200))
def test_valid_utf8_is_never_taken_for_anything_else(text: str) -> None:
    strange = any(unicodedata.category(char) == "Cc" for char in text) or text.startswith("\ufeff")
    if not strange and not repaired(text)[1]:  # text that was misread before it was saved: test_mojibake.py
        assert decode(text.encode()) == (text, "")


def test_a_declared_encoding_yields_to_the_bytes() -> None:
    head = b'<html><head><meta http-equiv="Content-Type" content="text/html; charset=windows-1256">'
    assert declared_encoding(head) == "windows-1256"
    assert decode(ARABIC.encode(), declared="windows-1256")[0] == ARABIC
    assert decode("é".encode("cp1256"), declared="windows-1256")[0] == "é"
    for hostile in (b"<meta charset=unicode_escape>", b"<meta charset=zip>", b"<meta charset=utf-7>"):
        assert declared_encoding(hostile) == ""


SPELLINGS = {
    "as typed": "القوات الأمريكية في العراق",
    "decomposed": unicodedata.normalize("NFD", "القوات الأمريكية في العراق"),
    "tatweel": "القــوات الأمريكيــة في العـراق",
    "diacritics": "القُوَّات الأَمْرِيكِيَّة فِي العِرَاق",
    "presentation forms": "ﺍﻟﻘﻮﺍﺕ ﺍﻷﻣﺮﻳﻜﻴﺔ ﻓﻲ ﺍﻟﻌﺮﺍﻕ",
    "bidi controls": "\u202bالقوات\u202c \u200fالأمريكية\u200e في \u2067العراق\u2069",
    "zero width": "القو\u200cات الأمر\u200bيكية في\ufeff العراق",
}


@pytest.mark.parametrize("how", SPELLINGS)
def test_a_text_is_shown_as_written_and_compared_folded(how: str) -> None:
    written = f"{SPELLINGS[how]} هنا."
    assert read("text", written.encode()).articles[0].text == written
    assert read("jsonl", json.dumps({"text": written}).encode()).articles[0].text == written
    assert fold(SPELLINGS[how]) == fold(SPELLINGS["as typed"]) == "القوات الامريكيه في العراق"
