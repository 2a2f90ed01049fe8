"""A gloss has every word of an Arabic sentence in English, in its order; words in no table are unchanged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rag.language.glossing.gloss import by_folded, gloss, meanings
from rag.language.text import is_arabic
from rag.language.translation import data_folder
from rag.language.translation.gazetteer import Gazetteer, Name
from rag.language.translation.lexicon import Lexicon
from rag.language.translation.reader import Tables, shown
from rag.language.translation.words import ARABIC_STOP, keys_of

LEXICON = """\
قال\tقال=said; told
وصل\tوصل=arrived
غادر\tغادر=left; departed | يغادر=leaves
قو\tقوات=forces; troops
قاعد\tقاعدة=base; bases
مدين\tمدينة=city; town
عقد\tعقد=contract; held
"""
NAMES = [
    Name("place", ("Iraq",), ("العراق",)),
    Name("title", ("defence minister",), ("وزير الدفاع",)),
    Name("given", ("Wissam",), ("وسام",)),
]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    file: Path = tmp_path_factory.mktemp("gloss") / "lexicon.tsv"
    file.write_text(LEXICON, encoding="utf-8")
    return Tables(Lexicon(file), Gazetteer(NAMES))


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            "وقال وزير الدفاع إن القوات غادرت العراق.",
            "and said/told defence minister that forces/troops left/departed Iraq.",
        ),
        ("سيغادر القاعدة", "will leave base"),
        ("قد يغادر، وقد وصل", "may leave, and arrived"),
        ("فقد وصل، فقد التزمت القوات", "so arrived, so التزمت forces/troops"),
        ("فقد 200 قاعدة، وفقد القاعدة", "lost 200 base, and lost base"),
        ("فقد مئات القوات، فقد نحو 20 قاعدة", "lost hundreds forces/troops, lost about 20 base"),
        ("فقد القاعدة في 3 مايو", "lost base in 3 May"),
        ("فقد لا يغادر", "so may does not/not leave"),
        ("قد لا يغادر سيادة", "may does not/not leave سيادة"),
        ("للقوات في المدينة", "for forces/troops in city/town"),
        ("وفي بالقاعدة", "and in by base"),
        ("لم يغادر، ولن يغادر؟", "did not leave, and will not leave?"),
        ("وصل في 3 مايو 2024", "arrived in 3 May 2024"),
        ("وصل في كانون الثاني (يناير) 2024", "arrived in January 2024"),
        ("وصل (في الأول من شباط (فبراير)).", "arrived (in 1 February)."),
        ("بقيمة 3,5 مليون دولار و20 قاعدة", "بقيمة $3.5 million and 20 base"),
        ("الـ100 قاعدة", "100 base"),
        ("وكان منهم", "and was from them"),
        ("وصل عام 842 وعام 1415", "arrived year 842 and year 1415"),
        ("وصل وسام كوريلا – Please say Kurilla", "arrived Wissam Correll – Please say Kurilla"),
        ("القوات وآدنبروك", "forces/troops and Edinbrook"),
    ],
)  # fmt: skip
def test_every_word_has_its_meanings_in_order(sentence: str, expected: str, tables: Tables) -> None:
    assert gloss(sentence, tables) == expected


def test_a_word_that_is_in_no_table_is_unchanged(tables: Tables) -> None:
    assert gloss("قال يستبسلون", tables) == "said/told يستبسلون"


@pytest.mark.parametrize("word", sorted(ARABIC_STOP - {"قد", "لقد"}))
def test_every_function_word_has_a_meaning(word: str, tables: Tables) -> None:
    assert gloss(word, tables)
    assert not is_arabic(gloss(word, tables))


@pytest.mark.parametrize(
    ("sentence", "expected"), [("لدى القوات", "at forces/troops"), ("لدي قوات", "I have forces/troops")]
)
def test_function_words_that_fold_alike_keep_their_meanings(
    sentence: str, expected: str, tables: Tables
) -> None:
    assert gloss(sentence, tables) == expected


def test_a_function_word_that_would_hide_another_is_refused() -> None:
    assert by_folded("أن=that لم=did_not") == {"ان": "that", "لم": "did not"}
    with pytest.raises(ValueError, match="لدي has two"):
        by_folded("لدى=at لدي=I_have")


def test_a_letter_that_belongs_to_a_name_is_no_particle(tables: Tables) -> None:
    assert gloss("وسام قال", tables) == "Wissam said/told"


def test_the_place_of_a_month_includes_the_bracket_with_its_other_name() -> None:
    sentence = "في شباط (فبراير)"
    assert [(sentence[a:b], text) for a, b, text in meanings(sentence)] == [
        ("في", "in"), ("شباط (فبراير)", "February"),
    ]  # fmt: skip


def test_meanings_that_begin_alike_are_given_once(tables: Tables) -> None:
    assert gloss("قاعدة", tables) == "base"


def test_with_the_shipped_tables_hardly_a_word_of_news_stays_arabic() -> None:
    glossed = gloss("أعلنت وزارة الدفاع أن ثلاثة جنود أصيبوا في انفجار وقع يوم الثلاثاء قرب الحدود مع سوريا.")
    assert not is_arabic(glossed)
    for word in ("defence ministry", "three soldiers", "explosion", "Tuesday", "Syria"):
        assert word in glossed


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("فقد 200 شخص حياتهم", "lost 200 person/people their life"),
        ("76.000 هكتار و20.000 تلميذ", "76,000 hectares and 20,000 pupil/student"),
        ("2.000 دولار", "$2,000"),
        ("نظيره التركي هاكان فيدان", "counterpart Turkish Hakan Fidan"),
        ("الرئيس السوداني محمد حسن", "Sudanese president/head Mohammed Hassan/good"),
        ("الرئيس المصري عبد الفتاح السيسي", "Egyptian president/head Abdel Fattah el-Sisi"),
        ("الزعيم البدوي سالم حماد", "Bedouin leader Salem/safe Hamad"),
        ("العراق والكردي مسعود بارزاني", "Iraq and Kurdish Masoud Barzani"),
        ("التقى السوداني محمد حسن", "met/meet Sudani Mohammed Hassan/good"),
        ("محمد السوداني", "Mohammed Sudani"),
        ("السيد السوداني", "Mr./master Sudani"),
        ("ينسحب الجيش", "withdraws army/military"),
        ("سينسحبون، ولن تنسحب", "will withdraw, and will not withdraw"),
        ("وسيعتقلهم", "and will arrest/be arrested"),
        ("نقترح، سنتفق", "we propose/we suggest, will we agree"),
        ("مارس الرئيس ضغوطا", "exerted/practised president/head pressure"),
        ("في مارس الماضي", "in March last/past"),
    ],
)
def test_the_shipped_tables_give_a_word_its_meaning_in_the_sentence(sentence: str, expected: str) -> None:
    assert gloss(sentence) == expected


def test_and_before_a_name_that_is_in_no_table_is_kept() -> None:
    assert gloss("زار باريس ومونتيروسو").startswith("visited Paris and Mon")


@pytest.mark.parametrize("text", ["", "  ", "2024", "NATO", "«»"])
def test_a_text_without_arabic_words_is_unchanged(text: str) -> None:
    assert gloss(text) == text.strip()


def test_readers_are_shown_fixed_expressions_that_the_model_was_not_trained_to_read() -> None:
    assert gloss("القضاء على الفقر") == "judiciary/spending on poverty"
    assert gloss("القضاء على الفقر", shown()) == "elimination of/eradication of poverty"


def test_every_fixed_expression_has_english_meanings_and_occurs_once() -> None:
    rows = (data_folder() / "idioms.tsv").read_text(encoding="utf-8").splitlines()
    pairs = [row.split("\t") for row in rows]
    assert all(is_arabic(phrase) and not re.search("[\u0600-\u06ff]", text) for phrase, text in pairs)
    assert len({keys_of(phrase) for phrase, _ in pairs}) == len(pairs)
