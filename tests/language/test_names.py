"""Names across scripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language.names import LEAST, MOST_READINGS, joined, latin_keys
from rag.language.terms import arabic_keys

PAIRS = [
    ("Kutrashev", "كوتراشيف"), ("Harir", "حرير"), ("Baghdad", "بغداد"), ("Sudani", "السوداني"),
    ("Khamenei", "خامنئي"), ("Trump", "ترامب"), ("Iraq", "بالعراق"), ("Erbil", "وأربيل"),
    ("Anbar", "الأنبار"),
    ("Georgia", "جورجيا"), ("Washington", "واشنطن"), ("Yemen", "اليمن"), ("Hassan", "حسّان"),
    ("Nasrallah", "لنصر الله"), ("Abdullah", "وعبد الله"), ("Ezzedine", "عز الدين،"),
    ("Hezbollah", "حزب الله"), ("Saifuddin", "بسيف الدين"),
    ("Abdulrahman", "عبد الرحمن"), ("Abderrahman", "عبد الرحمن"), ("Abdulmahdi", "عبد المهدي"),
    ("Beirut", "بيروت"), ("Qatar", "قطر"), ("Sharif", "الشريف"), ("Putin", "بوتين"), ("Michel", "ميشيل"),
]  # fmt: skip


@pytest.mark.parametrize(("latin", "arabic"), PAIRS)
def test_both_spellings_of_a_name_have_a_key_in_common(latin, arabic):
    names = latin_keys(f"What did {latin} say?")
    assert len(names) == 1
    assert names[0] & arabic_keys(arabic)


def test_a_joined_article_marks_a_name_even_in_lower_case():
    assert latin_keys("when do forces leave ain al-asad?") == latin_keys("Ain al-Asad")
    assert latin_keys("al-asad")[0] & arabic_keys("قاعدة عين الأسد")


def test_the_first_word_and_lower_case_words_are_not_names():
    assert latin_keys("Forces leave the base") == []
    assert latin_keys("") == latin_keys("؟ 2024 —") == []


def test_two_words_are_one_name_only_where_romanisations_join_them():
    assert joined("عبد", "السلام") == ["عبدالسلام", "عبدسلام"]
    assert joined("عبد", "المهدي") == ["عبدالمهدي"]
    assert joined("عين", "الاسد") == joined("عبد", "عون") == joined("عبد", "ال") == []


@pytest.mark.parametrize(("latin", "arabic"), [("Baghdad", "البصرة"), ("Harir", "حزب"), ("Trump", "تركيا")])
def test_different_names_have_no_key_in_common(latin, arabic):
    assert not latin_keys(f"In {latin}")[0] & arabic_keys(arabic)


@given(st.text())
def test_the_keys_of_any_text_are_few_and_long_enough(text):
    for keys in latin_keys(text):
        assert 0 < len(keys) <= MOST_READINGS
        assert all(len(key) >= LEAST for key in keys)
    assert all(len(key) >= LEAST for key in arabic_keys(text))
