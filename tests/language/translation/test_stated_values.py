"""A value of a claim that its source states in other words does not count as invented."""

from __future__ import annotations

import pytest

from rag.language.translation.check import missing
from rag.language.translation.values import stated


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("170,000 troops", "170 ألف جندي"),
        ("4 interceptions", "قام بأربع اعتراضات"),
        ("3000 men", "three thousand men"),
        ("25 years", "خمسة وعشرون عاما"),
        ("500 soldiers", "خمسمئة جندي"),
        ("2500 soldiers", "ألفان وخمسمئة جندي"),
        ("in September", "في أيلول"),
        ("بعد شهرين: 2", "after two months"),
        ("٩٠٠ جندي", "900 soldiers"),
        ("1 October", "في الأول من أكتوبر"),
        ("1 May", "the first of May"),
        ("21 March", "في الحادي والعشرين من آذار"),
        ("31 January", "on the thirty-first of January"),
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
        ("500,000 dollars", "half a million dollars"),
        ("500 ألف دولار", "بنصف مليون دولار"),
        ("500 million", "ونصف مليار, half a billion"),
        ("3.5 million", "3,5 مليون دولار"),
        ("1,5 مليون دولار", "It cost 1.5 million dollars."),
        ("1.5 million dollars", "بلغت الكلفة ١،٥ مليون دولار"),
        ("$1 trillion", "تريليون دولار"),
        ("in the 1980s", "في ثمانينيات القرن الماضي"),
        ("2 metres", "بارتفاع مترين"),
        ("at 5:30", "الساعة الخامسة والنصف"),
        ("on 1 October", "في الأول من أكتوبر"),
        ("12 جنديا", "twelve soldiers"),
        ("1500000", "one and a half million people"),
        ("$38m", "كلف 38 مليون دولار"),
        ("38 million dollars", "كلف 38 مليونا"),
        ("38 مليون درهم", "It cost Dh38 million ($10m)."),
        ("38 مليون درهم", "It cost 38 million AED and 10 million dollars."),
        ("38 مليون يوان", "It cost ¥38m."),
        ("38 million US dollars", "كلف 38 مليون دولار"),
        ("200 pounds", "It weighs 200 lb and costs $300."),
        ("5 days", "a 5-day strike"),
        ("2 nights", "for 2 days"),
        ("300 km", "an area of 300 square kilometres"),
        ("300 miles", "300 kilometres, or 300 by another count"),
        ("five days", "استمر خمسة أيام"),
        ("Friday", "It opens on Fri. at noon."),
        ("Wednesday", "مسلسل وينزداي"),
        ("الاثنين", "غادر الرجلان معا"),
        ("a dozen people", "12 people"),
        ("twenty-five people", "25 people"),
        ("nearly two million", "1.9 million people"),
        ("three men", "Ali, Omar and Samir were arrested."),
        ("three people", "Ahmed, Ali and Omar were killed, and 12 people were injured."),
        ("two people", "A man and a woman were killed and 12 people were hurt."),
        ("about two hundred people", "198 people were killed."),
        ("Sunday", "The vote is on 5 May 2024."),
        ("two soldiers", "أصيب جنديان"),
        ("one of them", "three people"),
        ("Erik ten Hag", "قال إريك تن هاغ"),
        ("مليار دولار", "بلغت 2.3 مليار دولار"),
        ("the second", "the third"),
    ],
)
def test_a_value_in_other_words_is_not_missing(claim: str, source: str) -> None:
    assert missing(claim, [source]) == []


@pytest.mark.parametrize(
    ("claim", "source", "lacks"),
    [
        ("2500 soldiers", "900 جندي", ["2500"]),
        ("in March 2003", "عام 2003", ["month 3"]),
        ("31 men", "three men", ["31"]),
        ("anything 7", "", ["7"]),
        ("1 October", "تشرين الأول الماضي", ["1"]),
        ("1 October", "المركز الأول في أكتوبر", ["1"]),
        ("1 March", "on the twenty-first of March", ["1"]),
        ("13 soldiers", "اثنا عشر جنديا", ["13"]),
        ("$3 billion", "بملياري دولار", ["3000000000"]),
        ("500,000 dinars", "half a million dollars", ["500,000 dinars"]),
        ("500 ألف دينار", "كلف نصف مليون دولار", ["500 ألف دينار"]),
        ("$1 million", "كلف مليونا دولار", ["1000000"]),
        ("5 million dollars", "بلغت الكلفة 1,5 مليون دولار", ["5000000"]),
        ("5 ملايين دولار", "It cost 1,5 million dollars.", ["5000000"]),
        ("2 million", "مليون ومئتي ألف", ["2000000"]),
        ("in the 1990s", "في ثمانينيات القرن الماضي", ["1990"]),
        ("on 2 October", "في الأول من أكتوبر", ["2"]),
        ("7", "", ["7"]),
        ("38 million dinars", "كلف الجسر 38 مليون درهم", ["38 million dinars"]),
        ("38 million dinars", "38 million dirhams, and the road 5 million dinars", ["38 million dinars"]),
        ("38 million US dollars", "كلف 38 مليون يورو", ["38 million US dollars"]),
        ("5 euros and 7 dollars", "7 euros and 5 dollars", ["5 euros", "7 dollars"]),
        ("38 مليون دينار", "The bridge cost $38M.", ["38 مليون دينار"]),
    ],
)
def test_another_value_is_missing(claim: str, source: str, lacks: list[str]) -> None:
    assert missing(claim, [source]) == lacks
    assert missing(claim, []) != []


@pytest.mark.parametrize(
    ("claim", "source", "lacks"),
    [
        ("300 miles", "The missile flew 300 kilometres.", ["300 miles"]),
        ("5 hours", "It lasts 5 days.", ["5 hours"]),
        ("five hours", "استمر خمسة أيام", ["five hours"]),
        ("on Tuesday", "They met on Thursday.", ["Tuesday"]),
        ("on Tuesday", "اجتمعوا يوم الخميس", ["Tuesday"]),
        ("الثلاثاء", "اجتمعوا يوم الخميس", ["الثلاثاء"]),
        ("Twelve people", "Fourteen people were killed.", ["Twelve"]),
        ("Twelve", "Fourteen people were killed.", ["Twelve"]),
        ("two people", "Three people were killed.", ["two"]),
        ("خمسة أشخاص", "قتل ثلاثة أشخاص", ["خمسة"]),
    ],
)
def test_another_unit_weekday_or_number_in_words_is_missing(
    claim: str, source: str, lacks: list[str]
) -> None:
    assert missing(claim, [source]) == lacks


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
def test_words_that_count_nothing_state_no_number(text: str) -> None:
    assert stated(text) == frozenset()
