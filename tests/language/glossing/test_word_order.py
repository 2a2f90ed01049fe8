"""Glosses are in the order of English nouns: adjective, noun, "of", owner."""

from __future__ import annotations

import pytest

from rag.language.glossing.gloss import gloss
from rag.language.glossing.word_order import Gloss, in_english_order


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("الأسلحة النووية", "nuclear weapons"),
        ("للأسلحة النووية", "for nuclear weapons"),
        ("عاصمة البلاد", "capital of country"),
        ("رئيس أمريكي جديد", "new American/US president/head"),
        ("البلاد، النووية", "country, nuclear"),  # no noun is described across a comma
        ("أسلحة والنووية", "weapons/arms and nuclear"),
        ("شمال شرقي سوريا", "north eastern Syria"),
        ("الجنود الأمريكيون", "American soldiers"),
        ("قال الأمريكيون", "said Americans"),
        ("لن يغادر الرئيس", "will not leave/depart president/head"),  # the subject owns nothing
    ],
)
def test_adjectives_and_owners(sentence: str, expected: str) -> None:
    assert gloss(sentence) == expected


def test_an_unknown_word_keeps_its_place() -> None:
    weapons, nuclear = Gloss("", "", "weapons", "الاسلحه"), Gloss(" ", "", "nuclear", "النوويه")
    glosses = [weapons, Gloss(" ", "", "12"), nuclear]
    assert "".join(in_english_order(glosses)) == "weapons 12 nuclear"


def test_only_an_adjective_with_the_same_article_moves() -> None:
    glosses = [Gloss("", "", "capital", "عاصمه"), Gloss(" ", "", "nuclear", "النوويه")]
    assert "".join(in_english_order(glosses)) == "capital nuclear"


def test_last_is_before_its_noun_and_another_behind_it() -> None:
    assert gloss("أن آخر قاعدة").startswith("that last base")
    assert gloss("في مكان آخر").endswith("another/last")
