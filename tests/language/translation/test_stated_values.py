"""A value of a claim that its source states in other words is not taken for an invented one."""

from __future__ import annotations

import pytest

from rag.language.translation.values import missing, stated


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("12 soldiers", "اثنا عشر جنديا"),
        ("12 women", "اثنتي عشرة امرأة"),
        ("11 players", "أحد عشر لاعبا"),
        ("$2 billion", "بملياري دولار"),
        ("$2 million", "مليونا دولار"),
        ("2,000 men", "ألفي رجل"),
        ("200,000", "مئتي ألف نازح"),
        ("1.2 million", "مليون ومئتي ألف"),
        ("1.5 million", "مليون ونصف المليون"),
        ("4.5 million", "أربعة ملايين ونصف"),
        ("half a million: 500,000", "نصف مليون شخص"),
        ("3.5 million", "3,5 مليون دولار"),
        ("$1 trillion", "تريليون دولار"),
        ("in the 1980s", "في ثمانينيات القرن الماضي"),
        ("2 metres", "بارتفاع مترين"),
        ("at 5:30", "الساعة الخامسة والنصف"),
        ("on 1 October", "في الأول من أكتوبر"),
        ("12 جنديا", "twelve soldiers"),
        ("1500000", "one and a half million people"),
    ],
)
def test_a_value_in_other_words_is_not_missing(claim: str, source: str) -> None:
    assert missing(claim, [source]) == []


@pytest.mark.parametrize(
    ("claim", "source", "lacks"),
    [
        ("13 soldiers", "اثنا عشر جنديا", ["13"]),
        ("$3 billion", "بملياري دولار", ["3000000000"]),
        ("2 million", "مليون ومئتي ألف", ["2000000"]),
        ("in the 1990s", "في ثمانينيات القرن الماضي", ["1990"]),
        ("on 2 October", "في الأول من أكتوبر", ["2"]),
        ("7", "", ["7"]),
    ],
)
def test_another_value_is_missing(claim: str, source: str, lacks: list[str]) -> None:
    assert missing(claim, [source]) == lacks
    assert missing(claim, []) != []


@pytest.mark.parametrize(
    "text",
    [
        "المركز الأول",
        "first of all",
        "كان مع رفاقه",
        "هم أحد أسباب الأزمة",
        "والنصف الآخر",
        "يوم الثلاثاء",
        "",
    ],
)
def test_what_counts_nothing_states_no_number(text: str) -> None:
    assert stated(text) == frozenset()
