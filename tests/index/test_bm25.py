from __future__ import annotations

import json
import threading
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.index import bm25
from rag.index.bm25 import Lexicon
from rag.language.terms import terms

MONTHS = [
    ("January", "يناير", "كانون الثاني"),
    ("February", "فبراير", "شباط"),
    ("March 2024", "مارس", "آذار"),
    ("April", "أبريل", "نيسان"),
    ("in May", "مايو", "أيار"),
    ("June", "يونيو", "حزيران"),
    ("July", "يوليو", "تموز"),
    ("August", "أغسطس", "آب"),
    ("September", "سبتمبر", "أيلول"),
    ("October", "أكتوبر", "تشرين الأول"),
    ("November", "نوفمبر", "تشرين الثاني"),
    ("December", "ديسمبر", "كانون الأول"),
]


def month_terms(text: str) -> set[str]:
    return {term for term in terms(text) if term.startswith("month ")}


@pytest.mark.parametrize(
    ("number", "names"), list(enumerate(MONTHS, start=1)), ids=[names[0] for names in MONTHS]
)
def test_months_meet_whatever_they_are_called_and_whatever_is_attached(
    number: int, names: tuple[str, str, str]
) -> None:
    english, *arabic = names
    assert month_terms(english) == {f"month {number}"}
    for name in arabic:
        assert month_terms(name) == {f"month {number}"}
        for particle in ("ب", "و", "ل", "ف"):
            assert month_terms(f"عادت القوات {particle}{name} 2024") == {f"month {number}"}, particle


def test_two_months_attached_in_a_row_are_both_there() -> None:
    assert month_terms("بين أيلول وتشرين الأول/أكتوبر ثم كانون الثاني") == {"month 9", "month 10", "month 1"}
    assert month_terms("وبسبتمبر") == {"month 9"}


@pytest.mark.parametrize(
    "text",
    [
        "they may march on",
        "مع أب الطفل",
        "تشرين",
        "الثاني تشرين",
        "كانون الفحم",
        "السبتمبرية",
        "واو",
        "لا",
        "",
    ],
)
def test_what_is_no_month_gives_none(text: str) -> None:
    assert month_terms(text) == set()


def presentation_forms(text: str) -> str:
    """Each Arabic letter as the isolated form that PDFs hold."""
    forms = {
        unicodedata.normalize("NFKC", chr(code)): chr(code)
        for code in range(0xFE80, 0xFEF5)
        if unicodedata.name(chr(code)).endswith("ISOLATED FORM")
    }
    return "".join(forms.get(char, char) for char in text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("أحمد", "احمد"),
        ("إيران", "ايران"),
        ("آسيا", "اسيا"),
        ("ٱلقدس", "القدس"),
        ("قاعدة", "قاعده"),
        ("مستشفى", "مستشفي"),
        ("العـــراق", "العراق"),
        ("مُدَرِّسَةٌ", "مدرسة"),
        ("عين الأسد", "عين الاسد"),
        ("ﻗﺎﻋﺪﺓ ﻋﻴﻦ ﺍﻷﺳﺪ", "قاعدة عين الأسد"),
        (presentation_forms("قوات العراق"), "قوات العراق"),
        (unicodedata.normalize("NFD", "أفغانستان مؤتمر هيئة"), "أفغانستان مؤتمر هيئة"),
        (unicodedata.normalize("NFD", "Réunion café"), "reunion CAFE"),
        ("کابل ایران", "كابل ايران"),
        ("«بغداد»،", "بغداد"),
        ("\u200fبغداد\u200e", "بغداد"),
    ],
)
def test_spellings_of_a_word_give_the_same_terms(one: str, other: str) -> None:
    assert terms(one) == terms(other) != []


@pytest.mark.parametrize(
    "words",
    [
        ("المعلمون", "معلمين", "للمعلمين", "والمعلمون", "بالمعلمين"),
        ("القوات", "قوات", "والقوات", "للقوات", "بقواتها"),
        ("قاعدة", "القاعدة", "بالقاعدة"),
        ("السوري", "سورية", "سوريا", "وسوريا", "بسوريا"),
        ("فرنسا", "بفرنسا", "الفرنسي"),
        ("بغداد", "ببغداد", "وبغداد", "لبغداد"),
        ("لبنان", "بلبنان", "ولبنان", "للبنان"),
        ("فلسطين", "بفلسطين", "وفلسطين", "لفلسطين"),
        ("بوتين", "لبوتين", "وبوتين"),
        ("وزير", "الوزير", "لوزير"),
        ("forces", "force", "FORCES", "forced"),
        ("withdrawal", "withdrawals"),
        ("agreed", "agrees", "agree"),
    ],
)
def test_inflections_of_a_word_meet(words: Sequence[str]) -> None:
    for other in words[1:]:
        assert set(terms(words[0])) & set(terms(other)), other


@pytest.mark.parametrize(
    ("one", "other"), [("بغداد", "دمشق"), ("forces", "port"), ("2500", "250"), ("كتب", "ذهب")]
)
def test_other_words_do_not_meet(one: str, other: str) -> None:
    assert not set(terms(one)) & set(terms(other))


@pytest.mark.parametrize(
    "text",
    [
        "2500",
        "2,500",
        "٢٥٠٠",
        "٢٬٥٠٠",
        "۲۵۰۰",
        "2.5 ألف",
        "٢٫٥ ألف",
        "2.5 thousand",
        "2.5k",
        "و2500 جندي",
        "ألفان و2500%",
    ],
)
def test_a_number_meets_itself_in_other_digits_and_with_a_multiplier(text: str) -> None:
    assert "2500" in terms(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("F-16 and B52s over Al-Asad", {"16", "asad"}),
        ("20.9.2024", {"20", "9", "2024"}),
        ("covid-19 في بغداد", {"covid", "19", "بغداد"}),
        ("NATO's Kuleba", {"nato", "kuleba"}),
        ("٪2.5", {"2.5"}),
        ("日本 and Москва", {"日本", "москва"}),
        ("snake_case", {"snake", "case"}),
    ],
)
def test_names_and_digits_are_kept(text: str, kept: set[str]) -> None:
    assert kept <= set(terms(text))


@pytest.mark.parametrize("text", ["", "   ", "؟!…", "ـــ", "\ud800", "\u200f", "😀"])
def test_a_text_without_words_has_no_terms(text: str) -> None:
    assert terms(text) == []


@given(st.text(st.sampled_from("ابتوفلكيةىأيلول تشرين الأول مايوmarch may25٢.,،ـَﻗﷺ\ud800_-/"), max_size=60))
def test_any_text_gives_plain_terms_that_do_not_depend_on_its_case(text: str) -> None:
    found = terms(text)
    assert all(term and term == term.strip() for term in found)
    words = [term for term in found if not term.startswith("month ")]
    assert words == [term for term in terms(text.upper()) if not term.startswith("month ")]


TEXTS = [
    "The harbour of Marsa reopened on Sunday after two years of repairs.",
    "",
    "افتتحت البلدية مكتبة جديدة في حي النخيل في أيلول.",
    "…",
    "قال محمد الحسون إن التكلفة 4 ملايين دينار.",
    "The harvest fell by 33 percent; the farmers of Marsa met in September.",
    "",
]


def lexicon(folder: Path, texts: Sequence[str] = TEXTS) -> Lexicon:
    folder.mkdir(exist_ok=True)
    bm25.write(folder, texts)
    return bm25.load(folder)


def matches(found: Lexicon, question: str) -> list[int]:
    """Rows with a score, best first."""
    scores = found.scores(question)
    assert scores.shape == (found.count,)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    return [int(row) for row in np.argsort(-scores, kind="stable") if scores[row] > 0]


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("Who repaired the harbour of Marsa?", [0, 5]),
        ("what did the farmer harvest?", [5, 0]),
        ("المكتبات الجديدة", [2]),
        ("ماذا حدث في سبتمبر؟", [2, 5]),
        ("الحسون", [4]),
        ("4000000", [4]),
        ("٣٣٪", [5]),
        ("zzz", []),
        ("", []),
        ("؟", []),
    ],
)
def test_texts_that_share_terms_have_scores_and_no_others(
    tmp_path: Path, question: str, rows: list[int]
) -> None:
    assert matches(lexicon(tmp_path), question) == rows


def test_scores_are_those_of_the_formula(tmp_path: Path) -> None:
    texts = ["dog cat", "dog dog bird", "fish", ""]
    lengths = [len(terms(text)) for text in texts]
    mean = sum(lengths) / len(texts)

    def bm25_score(term: str, text: str, holders: int) -> float:
        times = terms(text).count(term)
        idf = np.log(1 + (len(texts) - holders + 0.5) / (holders + 0.5))
        length = 1 - bm25.B + bm25.B * len(terms(text)) / mean
        return float(idf * times / (bm25.K1 * length + times))

    expected = [bm25_score("dog", text, 2) + bm25_score("bird", text, 1) for text in texts]
    found = lexicon(tmp_path, texts)
    np.testing.assert_allclose(found.scores("dog bird"), expected, rtol=1e-5)
    np.testing.assert_array_equal(found.scores("dogs, dogs: bird, bird!"), found.scores("bird dog"))


@pytest.mark.parametrize("texts", [[], [""], ["", "…", "؟"]])
def test_texts_without_any_term_can_be_searched(tmp_path: Path, texts: list[str]) -> None:
    found = lexicon(tmp_path, texts)
    assert found.count == len(texts)
    assert matches(found, "harbour") == matches(found, "") == []


def test_one_text_can_be_searched(tmp_path: Path) -> None:
    assert matches(lexicon(tmp_path, ["harbour"]), "harbours") == [0]


def test_texts_are_gone_over_once_and_may_come_from_a_generator(tmp_path: Path) -> None:
    bm25.write(tmp_path, (text for text in TEXTS))
    assert matches(bm25.load(tmp_path), "harbour") == [0]


def test_the_same_texts_give_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        lexicon(tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "b").iterdir())
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_an_index_of_another_version_is_refused(tmp_path: Path) -> None:
    lexicon(tmp_path)
    about = json.loads((tmp_path / "about.json").read_text(encoding="utf-8"))
    about["version"] += 1
    (tmp_path / "about.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"version {bm25.VERSION + 1}, but .* reads {bm25.VERSION}"):
        bm25.load(tmp_path)


def test_threads_that_search_at_once_find_what_one_finds(tmp_path: Path) -> None:
    found = lexicon(tmp_path)
    questions = ["the harbours of Marsa", "المكتبات في سبتمبر", "محمد الحسون 4000000", "harvested percent"]
    expected = [found.scores(question) for question in questions]
    start = threading.Barrier(len(questions))
    wrong: list[object] = []

    def search(at: int) -> None:
        start.wait(timeout=10)
        try:
            for turn in range(50):
                # A word that no cache holds makes every thread stem.
                new = f"{'qwer'[at]}{chr(ord('a') + turn % 26)}{'z' * (turn // 26)}xing"
                np.testing.assert_array_equal(found.scores(f"{questions[at]} {new}"), expected[at])
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=search, args=[at]) for at in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert wrong == []
