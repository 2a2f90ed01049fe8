"""Numbers that count something, distinguished from dates and lengths of time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language import quantities
from rag.language.durations import of_time, untimed
from rag.language.text import fold


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The base was theirs for more than two decades.", set()),
        ("استضاف الميناء السفن لأكثر من عقدين.", set()),
        ("They came on March 20, 2003.", set()),
        ("ففي يناير/كانون الثاني 2020 وصلت سفينة.", set()),
        ("In 1990 and in 2004 the bridge was closed.", set()),
        ("بعد أكثر من عشرين عاما", set()),
        ("وفي أغسطس/آب 2024، أُصيب 5 بحارة.", {"5"}),
        ("في 25 من كانون الثاني الماضي، عن أربعة مصادر", {"4"}),
        ("منذ ديسمبر/كانون الأول 2021، في المدينة حوالي 2500 عامل", {"2500"}),
        ("2000 sailors left in 2003.", {"2000"}),
        ("Some 30 of them waited three hours.", {"30"}),
        ("They may leave with 12 ships in May 2020.", {"12"}),
        ("In January, 12 sailors were hurt.", {"12"}),
        ("وفي مارس، 15 بحارا", {"15"}),
        ("up to 2,000 sailors since 2,003 ships left", {"2000", "2003"}),
        ("from 2003 to 2011, and in December of 2014", set()),
        ("أصيب في الهجوم الثاني 12 بحارا.", {"12"}),
        ("في كانون الثاني من العام الماضي", set()),
        ("وصل 2.5 مليون عام 2022.", {"2500000"}),
        ("more than 40 over three days", {"40"}),
        ("12 may have left", {"12"}),
        ("30 second-hand ships", {"30"}),
        ("وقعت المدينة 12 عقدا.", {"12"}),
    ],
)
def test_only_numbers_that_count_other_things_are_left(text: str, left: set[str]) -> None:
    # ``held`` also contains sums of the values that are left; without any value it is empty.
    values = {value for value in quantities.held(untimed(text)) if not value.startswith("month")}
    assert values >= left
    assert bool(values) == bool(left)


@pytest.mark.parametrize(
    ("question", "timed"),
    [
        ("How many years did it last?", True),
        ("How much time is left?", True),
        ("كم استمر القصف؟", True),
        ("كم ستستمر الهدنة؟", True),
        ("How much longer will it take?", True),
        ("كم دولة تشارك؟", False),
        ("كم عدد البحارة؟", False),
        ("كم عدد الأيام؟", True),
        ("كم مرة أغلق الجسر؟", True),
        ("How many advisers left in 2003?", False),
        ("كم بحارا أصيب في آب 2024؟", False),
    ],
)
def test_questions_for_a_duration_are_recognized(question: str, timed: bool) -> None:
    assert of_time(question) == timed


@pytest.mark.parametrize("text", ["²٣ of May", "𐩀 May", "in " + "9" * 5000, "9" * 5000 + " years"])
def test_odd_numbers_are_accepted(text: str) -> None:
    assert isinstance(untimed(text), str)


@given(st.text())
def test_nothing_is_added(text: str) -> None:
    assert set(untimed(text).split()) <= set(re.findall(r"[\d.,]+|[^\W\d_]+", fold(text)))
