"""Words that were written without a space are separated; words that are whole stay so."""

from __future__ import annotations

import pytest

from rag.language.glossing.joined import separated
from rag.language.translation.reader import shipped


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("عمليةجراحية", "عملية جراحية"),
        ("إلىقصر", "إلى قصر"),
        ("بعيدًاعن", "بعيدًا عن"),
        ("التواصلالاجتماعي", "التواصل الاجتماعي"),
        ("على هامشالجمعيةالعامة", "على هامش الجمعية العامة"),
        ("غادرالوزيرالعاصمة", "غادر الوزير العاصمة"),
        ("تُظهرالصورة", "تُظهر الصورة"),
    ],
)
def test_words_without_a_space_are_separated(written: str, expected: str) -> None:
    assert separated(written, shipped()) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "قالت وزارة الدفاع الأمريكية إن القوات ستغادر قاعدة عين الأسد بحلول نهاية سبتمبر 2025.",
        "والديمقراطيات واستحقاقاتهم ومسؤولياتهما",
        "تشيكوسلوفاكيا وكريستيانساند وسوفوكليس وأليساندرو",
        "كلمةً كلمةٍ مستشفىً",
        "NATO 2024 «»",
        "",
    ],
)
def test_whole_words_stay_whole(sentence: str) -> None:
    assert separated(sentence, shipped()) == sentence


def test_a_line_of_tatweel_is_unchanged() -> None:
    assert separated("قال ـــــــــ في بيان", shipped()) == "قال ـــــــــ في بيان"


def test_nothing_but_spaces_is_added() -> None:
    text = "يجبأنيستمرإنفاذعقوباتمجلسالأمنبقوةوبدونإخفاقحتىنحقق"
    assert separated(text, shipped()).replace(" ", "") == text
