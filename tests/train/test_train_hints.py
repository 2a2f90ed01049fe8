"""Hints find words, names, numbers and dates of a sentence, and are written as the prompt contains them."""

from __future__ import annotations

import pytest

from rag.language.text import fold
from train import hint_tables, hints

LEXICON = """\
اعلن\tأعلن=announced; declared | أعلنت=announced | إعلان=announcement
بعث\tبعثة=mission; delegation
قضي\tقضية=case; issue | قضى=spent
مدين\tمدينة=city; town
جديد\tجديد=new
شباب\tشباب=youth
هنت\tهنت=-
سنوار\tسنوار=^Sinwar
"""
NAMES = """\
kind\tenglish\tarabic\tenglish_variants\tarabic_variants
organisation\tUnited Nations\tالأمم المتحدة\tUN\tالامم المتحدة
place\tUnited States\tالولايات المتحدة\tUS|U.S.\t
armed_group\tal-Shabaab\tالشباب\tShabab\tحركة الشباب
person\tErik Kurilla\tإريك كوريلا\tMichael Kurilla\t
title\tdefence minister\tوزير الدفاع\t\t
"""


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> hints.Hints:
    folder = tmp_path_factory.mktemp("hints")
    (folder / "a.tsv").write_text(LEXICON, encoding="utf-8")
    (folder / "names.tsv").write_text(NAMES, encoding="utf-8")
    (folder / "countries.tsv").write_text("Syria\tسوريا\tDamascus\n", encoding="utf-8")
    (folder / "cldr.tsv").write_text(
        "city\tXX\tMosul\tالموصل\ncurrency\tYY\tdinar\tدينار\n", encoding="utf-8"
    )
    lexicon = folder / "lexicon"
    lexicon.mkdir()
    (folder / "a.tsv").rename(lexicon / "a.tsv")
    return hints.load(lexicon, folder)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("أعلنت البعثة", "أعلنت=announced | البعثة=mission; delegation"),
        ("وأعلنت بعثتها", "وأعلنت=announced | بعثتها=mission; delegation"),
        ("في مدينتهم الجديدة", "مدينتهم=city; town | الجديدة=new"),
        ("للأمم المتحدة", "للأمم المتحدة=United Nations"),
        ("بالولايات المتحدة وسوريا", "بالولايات المتحدة=United States | وسوريا=Syria"),
        ("قال كوريلا", "كوريلا=Kurilla"),
        ("وزير الدفاع السنوار", "وزير الدفاع=defence minister | السنوار=Sinwar"),
        ("الشباب", "الشباب=youth; al-Shabaab"),
        ("حركة الشباب", "حركة الشباب=al-Shabaab"),
        ("يوم الثلاثاء في تشرين الثاني", "الثلاثاء=Tuesday | تشرين الثاني=November"),
        ("آب", "آب=August"),
        ("أب", "none"),
        ("قبل ساعتين و3.5 ملايين", "ساعتين=two hours"),
        ("3.5 ملايين دينار", "3.5 ملايين=3.5 million"),
        ("خمسة وعشرين بالمئة", "خمسة وعشرين=25 | بالمئة=percent"),
        ("من على في", "none"),
        ("", "none"),
    ],
)
def test_an_arabic_sentence_is_glossed(known: hints.Hints, sentence: str, expected: str) -> None:
    assert hints.render(known.of(sentence, "ar")) == expected


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The mission announced", "mission=بعثة | announced=أعلن; أعلنت; إعلان"),
        ("U.S. cities", "U.S=الولايات المتحدة | cities=مدينة"),
        ("tell us of Erik Kurilla's case", "Erik Kurilla's=إريك كوريلا | case=قضية"),
        ("the defence minister in May", "defence minister=وزير الدفاع | May=مايو; أيار"),
        ("we may", "none"),
    ],
)
def test_an_english_sentence_is_glossed(known: hints.Hints, sentence: str, expected: str) -> None:
    assert hints.render(known.of(sentence, "en")) == expected


def test_a_hint_says_where_its_words_are(known: hints.Hints) -> None:
    sentence = "قال إن الأمم المتحدة أعلنت"
    for hint in known.of(sentence, "ar"):
        assert sentence[hint.start : hint.start + len(hint.source)] == hint.source


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("سبعة وثمانية ملايين", (0, "")),
        ("مئة وخمسة وعشرون شخصا", (3, "125")),
        ("ثلاثة آلاف وخمسمئة", (3, "3,500")),
        ("أحد عشر رجلا", (2, "11")),
        ("ثلاث مئة", (2, "300")),
        ("ألفين وأربعة عشر", (3, "2014")),
        ("ألف وتسعمئة وأربعة وثمانين", (4, "1984")),
        ("مئة ألف", (2, "100,000")),
        ("اثني عشر ألفا", (3, "12,000")),
        ("عشرين", (1, "20")),
        ("خمسة", (0, "")),
        ("ألف", (0, "")),
        ("كتاب", (0, "")),
    ],
)
def test_numbers_in_words_become_digits(text: str, expected: tuple[int, str]) -> None:
    assert hint_tables.arabic_number(fold(text).split()) == expected
