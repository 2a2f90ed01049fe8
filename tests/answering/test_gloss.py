"""Dates and large numbers of a quotation are told in the reader's language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answering.gloss import glossed, values


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("علمت الوكالة في 11 أغسطس/آب بالخطط", ["11 August"]),
        ("يبدأ السحب في سبتمبر/أيلول 2025", ["September 2025"]),
        ("ففي 25 من كانون الثاني الماضي نقلت المجلة", ["25 January"]),
        ("عقد الاجتماع في ٧ تشرين الأول من عام ٢٠٢٣", ["7 October 2023"]),
        ("صدر البيان يوم الأربعاء في بغداد", ["Wednesday"]),
        ("بلغ عددهم 170 ألف جندي", ["170,000"]),
        ("سحب 2.5 ألف جندي بحلول آذار ٢٠٢٦", ["March 2026", "2,500"]),
        ("قال أب لثلاثة أطفال إنه باق", []),
        ("بقي 2500 جندي", []),
        ("The troops left in September 2025", []),
    ],
)
def test_values_of_an_arabic_sentence_in_english(sentence: str, told: list[str]) -> None:
    assert values(sentence, "en") == told


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("On August 11, 2025 some 3 million people left.", ["11 أغسطس 2025", "3,000,000"]),
        ("The talks began on 20 March 2003, a Thursday.", ["20 مارس 2003", "الخميس"]),
        ("They may march again.", []),
        ("يبدأ السحب في سبتمبر", []),
    ],
)
def test_values_of_an_english_sentence_in_arabic(sentence: str, told: list[str]) -> None:
    assert values(sentence, "ar") == told


def test_they_stand_behind_the_quotation() -> None:
    assert glossed("“…”", "في سبتمبر 2025 ثم يوم الأحد", "en") == "“…” (in it: September 2025; Sunday)"
    assert glossed("«…»", "In September 2025", "ar") == "«…» (وفيه: سبتمبر 2025)"
    assert glossed("“…”", "لا شيء", "en") == "“…”"


@given(st.text(max_size=200))
def test_any_text_is_read(sentence: str) -> None:
    for language in ("en", "ar"):
        assert all(value for value in values(sentence, language))  # type: ignore[arg-type]
