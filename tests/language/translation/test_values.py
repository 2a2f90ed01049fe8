"""Numbers, money, dates and other values, by table, in both directions."""

from __future__ import annotations

import pytest

from rag.language.translation.numerals import ordinal_in_english, plain, read_number, written
from rag.language.translation.values import values_of
from rag.language.translation.words import keys_of, words_of

ARABIC = [
    ("3.5 مليون", ["3.5 million"]),
    ("3.5 ملايين دولار", ["$3.5 million"]),
    ("1,8 مليار دينار", ["1.8 billion dinars"]),
    ("مئة وخمسة وعشرون شخصا", ["125"]),
    ("ثلاثة آلاف وخمسمئة", ["3,500"]),
    ("3 آلاف و500 جندي", ["3,500"]),
    ("مئة و20 ألفا من السكان", ["120,000"]),
    ("مليون ومئة و50 ألف طن", ["1.15 million tonnes"]),
    ("أحد عشر رجلا", ["11"]),
    ("ألفين وأربعة عشر", ["2014"]),
    ("ألفي دينار", ["2,000 dinars"]),
    ("بمليوني دولار", ["$2 million"]),
    ("ألفا دولار", ["$2,000"]),
    ("ومليونا برميل يوميا", ["2 million barrels per day"]),
    ("مليارا كيلومتر", ["2 billion kilometres"]),
    ("فر مليونا شخص", ["2 million"]),
    ("اعتقل ألفا فلسطيني", ["2,000"]),
    ("مر ألفا عام على بنائه", ["2,000"]),
    ("بلغ مليونا عام 2020", []),
    ("دفع مليونًا", []),
    ("بلغ ألفا حوالي الظهر", []),
    ("بلغ عددهم ألفا، شخص واحد منهم", []),
    ("بلغ مليونا نهاية العام", []),
    ("38 مليونا", ["38 million"]),
    ("ألفا وخمسمئة جندي", ["1,500"]),
    ("مليون ونصف المليون شخص", ["1.5 million"]),
    ("مليون وربع المليون", ["1.25 million"]),
    ("نصف مليون", ["half a million"]),
    ("وبنصف المليون", ["half a million"]),
    ("النصف مليون", ["half a million"]),
    ("نصف مليون دولار", ["$500,000"]),
    ("نصف مليون دينار", ["500,000 dinars"]),
    ("خمسمئة ألف", ["500,000"]),
    ("ربع مليون", ["250,000"]),
    ("ثلاثة أرباع المليون", ["750,000"]),
    ("ربع المبلغ", []),
    ("مئات الآلاف", ["hundreds of thousands"]),
    ("خمسة وعشرين بالمئة", ["25 percent"]),
    ("25 في المئة", ["25 percent"]),
    ("ساعتين", ["two hours"]),
    ("عامين", ["two years"]),
    ("كيلومترين", ["two kilometres"]),
    ("20 كيلومترا", ["20 kilometres"]),
    ("12 كلم", ["12 kilometres"]),
    ("1 كيلومتر", ["1 kilometre"]),
    ("1 دينار", ["1 dinar"]),
    ("0.5 لتر", ["0.5 litres"]),
    ("5 أمتار مربعة", ["5 square metres"]),
    ("نصف مليون متر مكعب", ["500,000 cubic metres"]),
    ("120 كم/ساعة", ["120 kilometres per hour"]),
    ("5 كغ", ["5 kilograms"]),
    ("سبتمبر/أيلول", ["September"]),
    ("تشرين الثاني", ["November"]),
    ("كانون الثاني (يناير) 2024", ["January"]),
    ("شباط - فبراير", ["February"]),
    ("كانون الثاني (يناير 2024)", ["January", "January"]),
    ("في سبتمبر. سبتمبر الماضي", ["September", "September"]),
    ("غشت", ["August"]),
    ("مارس الرئيس ضغوطا", []),
    ("ومارس ضغوطا على الحكومة", []),
    ("مارس-كوف", ["March"]),
    ("3 مارس", ["March"]),
    ("مارس 2024", ["March"]),
    ("في مارس أعلنت", ["March"]),
    ("بنهاية مارس أعلنت", ["March"]),
    ("لمارس أرقام", ["March"]),
    ("مارس الماضي", ["March"]),
    ("في الاجتماع الذي عقد مارس", ["March"]),
    ("فبراير ومارس انخفضت", ["February", "March"]),
    ("مارس/آذار الجاري", ["March"]),
    ("مؤشر مارس في السعودية", ["March"]),
    ("آب", ["August"]),
    ("أب", []),
    ("وآوت المدارس", []),
    ("يوم الثلاثاء", ["Tuesday"]),
    ("في رمضان", ["Ramadan"]),
    ("20 من صفر", ["Safar"]),
    ("صفر", []),
    ("ربيع الأول", ["Rabi al-Awwal"]),
    ("الثاني", ["second"]),
    ("الثاني عشر", ["12th"]),
    ("الحادي والعشرين", ["21st"]),
    ("الأول من أكتوبر", ["1 October"]),
    ("أول ديسمبر", ["1 December"]),
    ("الخامس عشر من شهر يناير", ["15 January"]),
    ("الحادي والثلاثين من كانون الأول/ديسمبر", ["31 December"]),
    ("الأول من أمس", ["first"]),
    ("الثاني في مايو", ["second", "May"]),
    ("تشرين الأول", ["October"]),
    ("الساعة الثالثة", ["three o'clock"]),
    ("تسعينيات القرن الماضي", ["1990s"]),
    ("ثلاثينيات القرن التاسع عشر", ["1830s"]),
    ("مرتين", ["twice"]),
    ("٢٥ شخصا", ["25"]),
    ("كمية ميتة", []),
    ("سبعة وثمانية", []),
    ("خمسة، عشرة", []),
    ("كتاب", []),
]

ENGLISH = [
    ("3.5 million people", ["3.5 مليون"]),
    ("$3.5 million", ["3.5 مليون دولار"]),
    ("€5m", ["5 ملايين يورو"]),
    ("1 dollar", ["1 دولار"]),
    ("5 dollars", ["5 دولارات"]),
    ("$7.5", ["7.5 دولار"]),
    ("7 dinars", ["7 دنانير"]),
    ("25 kilometres", ["25 كيلومترا"]),
    ("3 kilometres, 103 kilometres", ["3 كيلومترات", "103 كيلومترات"]),
    ("100 dirhams, 111 dirhams", ["100 درهم", "111 درهما"]),
    ("50 liras", ["50 ليرة"]),
    ("4 euros", ["4 يورو"]),
    ("5 thousand dollars", ["5 آلاف دولار"]),
    ("25 million riyals", ["25 مليون ريال"]),
    ("12 square metres", ["12 مترا مربعا"]),
    ("9 cubic metres", ["9 أمتار مكعبة"]),
    ("120 kilometres per hour, 85 mph", ["120 كيلومترا في الساعة", "85 ميلا في الساعة"]),
    ("one million people", ["مليون"]),
    ("half a million people", ["نصف مليون"]),
    ("half a million dollars", ["500 ألف دولار"]),
    ("two and a half million people", ["2.5 مليون"]),
    ("a million and a half people", ["1.5 مليون"]),
    ("2 million and a quarter", ["2.25 مليون"]),
    ("three quarters of a million", ["750 ألف"]),
    ("a quarter of the votes, and a half", []),
    ("twenty-five men", ["25"]),
    ("two dozen men", ["24"]),
    ("five thousand", ["5 آلاف"]),
    ("25 percent", ["25 في المئة"]),
    ("two hours later", ["ساعتين"]),
    ("three years ago", ["ثلاثة أعوام"]),
    ("25 years", ["25 عاما"]),
    ("103 days", ["103 أيام"]),
    ("September", ["سبتمبر"]),
    ("on 1 Jan", ["يناير"]),
    ("Jan Egeland", []),
    ("in May 2003", ["مايو"]),
    ("we may march", []),
    ("on Tuesday", ["الثلاثاء"]),
    ("the second man", ["الثاني"]),
    ("the 21st of August", ["الـ21", "أغسطس"]),
    ("the 1990s", ["تسعينيات القرن الماضي"]),
    ("hundreds of thousands", ["مئات الآلاف"]),
    ("km2 and F-16", []),
]


@pytest.mark.parametrize(("text", "expected"), ARABIC)
def test_arabic_values_are_written_in_english(text: str, expected: list[str]) -> None:
    assert [value.targets[0] for value in values_of(text, "ar") if value.targets] == expected


@pytest.mark.parametrize(("text", "expected"), ENGLISH)
def test_english_values_are_written_in_arabic(text: str, expected: list[str]) -> None:
    assert [value.targets[0] for value in values_of(text, "en") if value.targets] == expected


@pytest.mark.parametrize(
    ("arabic", "english"),
    [
        ("3.5 ملايين دولار", "$3.5m"),
        ("ألفان وخمسمئة", "2,500"),
        ("25 في المئة", "25%"),
        ("نصف مليون دولار", "500,000 dollars"),
        ("500 ألف دولار", "half a million dollars"),
        ("ألفا دولار", "$2,000"),
        ("11 أيلول/سبتمبر 2001", "September 11, 2001"),
        ("الاثنين", "Monday"),
        ("السبعينيات", "1970s"),
        ("الخامس عشر", "15th"),
    ],
)
def test_a_value_has_the_same_keys_in_both_languages(arabic: str, english: str) -> None:
    def keys(text: str, language: str) -> set[str]:
        return set().union(*(value.keys for value in values_of(text, language)))

    assert keys(arabic, "ar") == keys(english, "en")


@pytest.mark.parametrize(
    ("text", "used", "value"),
    [
        ("مليونين و300 ألف", 4, "2300000"),
        ("ألف وخمسة آلاف", 1, "1000"),
        ("ألف وتسعمئة وأربعة وثمانين", 4, "1984"),
        ("مليون وثلاثمئة ألف", 3, "1300000"),
        ("كتاب", 0, "0"),
    ],
)
def test_a_number_ends_where_another_begins(text: str, used: int, value: str) -> None:
    read = read_number(list(keys_of(text)), "ar")
    assert (read.used, plain(read.value)) == (used, value)


def test_ordinals_have_their_endings() -> None:
    assert [ordinal_in_english(n) for n in (1, 11, 12, 21, 22, 103, 112)] == [
        "first", "11th", "12th", "21st", "22nd", "103rd", "112th",
    ]  # fmt: skip


def test_a_number_alone_stays_a_year() -> None:
    value = read_number(["2014"], "en").value
    assert written(value, "en") == "2014"
    assert written(value, "en", counts=True) == "2,014"


def test_words_are_split_where_tables_need_it() -> None:
    assert keys_of("Sana'a's U.S. al-Asad, و300 ٢٬٥٠٠ 2003،2011 5،6 ٪") == (
        "sanaa", "us", "al", "asad", "و", "300", "2500", "2003", "2011", "5.6", "%",
    )  # fmt: skip
    for word in words_of(text := "قال: «3.5 ملايين»"):
        assert text[word.start : word.end] == word.text
