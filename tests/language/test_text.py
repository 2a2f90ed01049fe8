"""Folding, sentences, numbers and language, on the awkward cases of Arabic and English news."""

from __future__ import annotations

import unicodedata

import pytest
from conftest import examples
from hypothesis import given
from hypothesis import strategies as st

from rag.language.sentences import LONGEST, LONGEST_UNBROKEN, QUOTE_UP_TO, SEMICOLON_AFTER
from rag.language.text import ascii_digits, detect_language, fold, fold_with_map, numbers, sentences

NEWS = st.text(
    alphabet=st.one_of(
        st.sampled_from(
            list("اأإآٱىيةهءؤئلاﻻﷺﷲكتبَُِّْـ0129٠٢٩۵ ,،٬٫.؛!؟?…\"“”«»()'’[]\n\r\t-/:%\u200f\u200c\ufeff")
        ),
        st.sampled_from(list("abcDEFİßéÉU.S ½²ﬁ한가が")),
        st.characters(),
    ),
    max_size=120,
)
FAST = examples(200)


@pytest.mark.parametrize(
    ("spelling", "same_spelling"),
    [
        ("الأنبار", "الانبار"),
        ("إيران آب ٱلله", "ايران اب الله"),
        ("على", "علي"),
        ("القوات الأمريكية", "القوات الامريكيه"),
        ("مُحَمَّدٌ", "محمد"),
        ("مـحـمـد", "محمد"),
        ("ﻻ إله", "لا اله"),
        ("ﷺ", "صلى الله عليه وسلم"),
        ("كتابﹰ", "كتاب"),
        ("کتاب", "كتاب"),
        ("ایران", "إيران"),
        ("مسؤول", "مسوول"),
        ("٢٠٢٦ و۲۰۲۶", "2026 و2026"),
        ("2,500", "2500"),
        ("٢٬٥٠٠", "2500"),
        ("2،500", "2500"),
        ("1,234,567.5", "1234567.5"),
        ("٢٫٥ ألف", "2.5 الف"),
        ("CNN\u200f ،الأحد", "cnn الاحد"),
        ("Straße ÉTÉ", "strasse ete"),
        ("ʿAyn al-Ḥarīr", "ayn al harir"),
        ("  “U.S.”  —  Iraq! ", "u s iraq"),
        ("لـ”البنتاجون“،", "ل البنتاجون"),
    ],
)
def test_spellings_of_the_same_words_fold_alike(spelling: str, same_spelling: str) -> None:
    assert fold(spelling) == fold(same_spelling)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("2003،2011", "2003 2011"),
        ("2500,900", "2500 900"),
        ("عام 2026،وذلك", "عام 2026 وذلك"),
        ("1,23", "1 23"),
        ("ماء", "ماء"),
        ("7.", "7"),
        (".5", "5"),
        ("", ""),
        ("،؛", ""),
    ],
)
def test_different_texts_that_look_alike_fold_differently(text: str, folded: str) -> None:
    assert fold(text) == folded


@FAST
@given(NEWS)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text) == fold_with_map(text).text


@FAST
@given(NEWS)
def test_composed_and_decomposed_text_fold_alike(text: str) -> None:
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))


@FAST
@given(NEWS)
def test_every_folded_character_maps_to_its_original(text: str) -> None:
    folded = fold_with_map(text)
    assert len(folded.offsets) == len(folded.text) + 1
    assert folded.offsets[-1] == len(text)
    assert list(folded.offsets) == sorted(folded.offsets)
    for index, char in enumerate(folded.text):
        start, end = folded.span(index, index + 1)
        assert 0 <= start < end <= len(text)
        if char not in " .":
            assert char in fold(text[start:end])


@FAST
@given(NEWS, st.data())
def test_a_folded_word_is_found_again_in_the_original(text: str, data: st.DataObject) -> None:
    folded = fold_with_map(text)
    words = [word for word in folded.text.split(" ") if word]
    if not words:
        return
    word = data.draw(st.sampled_from(words))
    start = f" {folded.text} ".index(f" {word} ")
    first, last = folded.span(start, start + len(word))
    # A ligature may contain a space, and is then wider than the word.
    assert word in fold(text[first:last])


def test_a_span_takes_the_diacritics_of_its_last_letter_but_no_punctuation() -> None:
    text = "قال «مُحَمَّدٌ»."
    folded = fold_with_map(text)
    start = folded.text.index("محمد")
    first, last = folded.span(start, start + 4)
    assert text[first:last] == "مُحَمَّدٌ"


def test_a_span_inside_a_ligature_is_widened_to_all_of_it() -> None:
    folded = fold_with_map("سﻻم")
    assert folded.text == "سلام"
    assert folded.span(1, 2) == folded.span(2, 3) == folded.span(1, 3) == (1, 2)


def test_a_number_with_separators_maps_back_to_all_of_it() -> None:
    folded = fold_with_map("نحو ٢٬٥٠٠ جندي")
    start = folded.text.index("2500")
    assert folded.span(start, start + 4) == (4, 9)


def test_a_span_outside_the_text_is_refused() -> None:
    with pytest.raises(ValueError, match="not within"):
        fold_with_map("abc").span(2, 4)


@FAST
@given(NEWS)
def test_digits_become_ascii_without_a_change_of_length(text: str) -> None:
    assert len(ascii_digits(text)) == len(text)
    assert ascii_digits("٢٠۵") == "205"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.5 ألف جندي", ["2500"]),
        ("٢٫٥ ألف", ["2500"]),
        ("2,500 troops and ٩٠٠ more", ["2500", "900"]),
        ("170 ألف جندي", ["170000"]),
        ("170 thousand, 170k, 170K", ["170000"] * 3),
        ("3 آلاف و500 جندي", ["3500"]),
        ("2 مليون و300 ألف", ["2300000"]),
        ("2500 جندي في العراق و900 في سوريا", ["2500", "900"]),
        ("5 آلاف في 2014", ["5000", "2014"]),
        ("1,5 مليون، ١،٥ مليون, 1,5 million", ["1500000"] * 3),
        ("€1,5m; 12,75%", ["1500000", "12.75"]),
        ("1, 5; 1,2,3; 2003،2011; 2,500,000", ["1", "5", "1", "2", "3", "2003", "2011", "2500000"]),
        ("$2.5 billion; 3 مليارات", ["2500000000", "3000000000"]),
        ("$5m, £1.5M, €2b and 5 m", ["5000000", "1500000", "2000000000", "5"]),
        ("5% و12.50٪", ["5", "12.5"]),
        ("تجاوزت الـ170 هجومًا", ["170"]),
        ("20.9.2024", ["20", "9", "2024"]),
        ("76.000 هكتار، و1.250.000 نسمة، ٢.٠٠٠ برميل", ["76000", "1250000", "2000"]),
        ("1.000 مليون، 3.000%، %3.000، 3.000 في المئة", ["1000000", "3", "3", "3"]),
        (
            "1.500 دولار، 3.750 ريال، 1:23.000، 192.168.1.000",
            ["1.5", "3.75", "1", "23", "192", "168", "1", "0"],
        ),
        ("$2.000 a day", ["2"]),
        ("في 7 أكتوبر/تشرين الأول 2023", ["7", "2023"]),
        ("007 0", ["7", "0"]),
        ("2 millionaires", ["2"]),
        ("لا أرقام", []),
        ("9" * 400 + " ألف", ["9" * 400 + "000"]),
    ],
)
def test_numbers_have_one_spelling(text: str, expected: list[str]) -> None:
    assert numbers(text) == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("When do forces leave Ain al-Asad?", "en"),
        ("متى تغادر القوات قاعدة عين الأسد؟", "ar"),
        ("when do they leave قاعدة عين الأسد الجوية في محافظة الأنبار غرب العراق?", "en"),
        ("Who is فرهاد علاء الدين مستشار السياسة الخارجية للسوداني?", "en"),
        ("What does متى mean?", "en"),
        ("ماذا قالت CNN نقلا عن The New York Times and The Washington Post?", "ar"),
        ("وكم جنديا في Ain al-Asad Air Base, Anbar Governorate, Western Iraq?", "ar"),
        ("ما موقف WHO", "ar"),
        ("هَلْ CNN BBC AP AFP صحيفة؟", "ar"),
        ("tell me about قاعدة عين الأسد الجوية", "en"),
        ("WHO LEFT عين الأسد الجوية", "en"),
        ("عين الأسد", "ar"),
        ("CNN عن عين الأسد", "ar"),
        ("2026?", "en"),
        ("", "en"),
        ("What is this? " + "قالت الحكومة العراقية إن القوات انسحبت. " * 10, "ar"),
        ("ما هذا؟ " + "The government said that the forces had left. " * 10, "en"),
    ],
)
def test_the_language_is_that_of_the_question_not_of_its_names(text: str, language: str) -> None:
    assert detect_language(text) == language


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["بلغ 2.5 ألف.", "وقال د. أحمد إن أ. م. علي ذهب.", "نعم"],
        ["He met Mr. Smith of the U.S. Army.", "Then J. Biden left.", "It is No. 5."],
        ["He lives in the U.S.", "The end came in Jan. 2024."],
        ["At 5 p.m. on Monday, e.g. this one.", "Did they?", "No.", "They left!"],
        ["قال: “متى ننسحب؟”، ثم ذهب.", "“كذا. وكذا”.", "انتهى"],
        ["وقال أوستن: “تطور التهديد. ومع ذلك، يواصل. لذا يجب”.", "ثم غادر."],
        ["Wait...", "Then he left."],
        ["هكذا... ثم ذهب!", "حقا؟!", "نعم…"],
        ["“Leave?” he asked.", "(He did.)", "Good."],
        ["راجع cnn.com.", "ثم https://x.com/a?b=1.5 اليوم"],
        ["صندوق ص.ب. 123 في بغداد.", "انتهى"],
        ["كان ذلك عام 2003 م.", "ثم غادروا عام 1445 هـ.", "وقال"],
        ["1. الأول هنا.", "2. الثاني هنا."],
        ["في المجال الأمني .", "وأشار السفير"],
        ["في 20 سبتمبر/أيلول، ذكرت بوليتيكو.", "انتهى"],
        ["ذهبوا.[1]", "ثم عادوا.\u200f", "نعم"],
        ["قال القائد؛ ثم صمت.", "انتهى"],
        ["يستمر الحوار العراقي- الأمريكي حول لـ”حركة المقاومة” (حماس).", "وقال”كذا“.", "ثم"],
    ],
)
def test_sentences_end_where_a_reader_would_end_them(parts: list[str]) -> None:
    assert cut(" ".join(parts)) == parts


def test_a_full_stop_without_a_space_ends_an_arabic_sentence() -> None:
    assert cut("انتهى الانسحاب.وقال آخر.“لقد ذهب”") == ["انتهى الانسحاب.", "وقال آخر.", "“لقد ذهب”"]


def test_a_newline_always_ends_a_sentence() -> None:
    assert cut("عنوان\nقال “نعم.\r\nلا”\u2028ثم\n\n") == ["عنوان", "قال “نعم.", "لا”", "ثم"]


def test_a_semicolon_ends_only_a_long_sentence() -> None:
    long = "كلمة " * (SEMICOLON_AFTER // 5) + "أخيرة؛"
    assert cut(f"{long} ثم انتهى.") == [long, "ثم انتهى."]


def test_a_quotation_is_split_once_it_is_too_long() -> None:
    inner = "هذه جملة طويلة في اقتباس طويل جدا. "
    assert len(cut("قال: “" + inner * (QUOTE_UP_TO // len(inner) + 3) + "انتهى”.")) > 3


def test_a_long_sentence_is_cut_at_the_comma_nearest_its_middle() -> None:
    half = "كلمة " * 70
    text = f"قال، {half}وسط، {half}نهاية"
    assert [part[-5:] for part in cut(text)] == [" وسط،", "نهاية"]


def test_a_long_sentence_is_not_cut_inside_a_number() -> None:
    text = "كلمة " * 70 + "1,000 " + "كلمة " * 70
    assert len(cut(text)) == 1


def test_a_very_long_sentence_without_commas_is_cut_at_a_space() -> None:
    assert all(len(part) <= LONGEST_UNBROKEN for part in cut("كلمة " * 2000))
    assert all(len(part) <= LONGEST for part in cut("كلمة، " * 2000))
    assert cut("ك" * 5000) == ["ك" * 5000]


@FAST
@given(NEWS)
def test_sentences_and_gaps_add_up_to_the_text(text: str) -> None:
    at, rebuilt = 0, ""
    for start, end in sentences(text):
        assert at <= start < end
        assert text[at:start].strip() == ""
        assert text[start:end] == text[start:end].strip()
        assert "\n" not in text[start:end]
        rebuilt += text[at:start] + text[start:end]
        at = end
    assert text[at:].strip() == ""
    assert rebuilt + text[at:] == text


@pytest.mark.slow
def test_a_hostile_text_is_split_quickly() -> None:
    for text in ("." * 50_000, '"' * 50_000, "a." * 25_000, "“. " * 15_000, "ا، " * 20_000, " . " * 20_000):
        assert "".join(cut(text)).replace(" ", "") == text.replace(" ", "")
