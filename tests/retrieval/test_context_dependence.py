"""Sentences whose first words stand for what the sentence before them names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.context_dependence import is_context_dependent


@pytest.mark.parametrize(
    "sentence",
    [
        "وأضاف أن السفينة ستغادر غدا.",
        "وقالت إنها لن تسلم مفاتيح الميناء.",
        "وأشار إلى أن المدينة بلا ماء.",
        "وأوضح أيضا أن الأعمال تنتهي في الشتاء.",
        "وهو أكبر ميناء في البلاد.",
        "«هذه فترة انتقالية».",
        "فهذا يعني أن الجسر مغلق.",
        "He also said that the bridge is closed.",
        "But they did not say when.",
        "“This was a mistake,” the report reads.",
        "Its harbour opened in 1950.",
    ],
)
def test_it_is_context_dependent(sentence: str) -> None:
    assert is_context_dependent(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "وأضاف الوزير أن السفينة ستغادر غدا.",
        "وقال مسؤول في الميناء إن الرصيف مغلق.",
        "وأعلنت الشركة انتهاء الأعمال.",
        "هويدا حسن تفوز بالجائزة.",
        "الهواء ملوث في المدينة.",
        "This week the ministry opened a bridge.",
        "هذا العام سجل الميناء رقما جديدا.",
        "It is unclear who paid.",
        "The minister said that the bridge is closed.",
        "Thessaloniki has a harbour.",
        "Theirry said nothing.",
        "",
        "12 ships left.",
    ],
)
def test_it_is_standalone(sentence: str) -> None:
    assert not is_context_dependent(sentence)


@given(st.text())
def test_any_text_is_context_dependent_or_not(text: str) -> None:
    assert is_context_dependent(text) in (True, False)
