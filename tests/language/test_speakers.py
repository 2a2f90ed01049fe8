"""Who says something in a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.language.speakers import asked, is_speaker


@pytest.mark.parametrize(
    ("question", "speaker"),
    [
        ("Who said that the bridge is closed?", True),
        ("Who used the words “a new bridge”?", True),
        ("Which minister announced the works?", True),
        ("Which port official has denied it?", True),
        ("من قال إن الجسر مغلق؟", True),
        ("ومن الذي حذر من انهيار الجسر؟", True),
        ("من صاحب عبارة «جسر جديد»؟", True),
        ("Who closed the bridge?", False),
        ("Which bridge is closed?", False),
        ("من أغلق الجسر؟", False),
        ("Who claimed responsibility for the fire?", False),
        ("Which company reported a loss?", False),
        ("من أعلن مسؤوليته عن الحريق؟", False),
        ("من بين المرشحين فاز في الانتخابات؟", False),
        ("What did the mayor say?", False),
        ("", False),
    ],
)
def test_a_question_for_a_speaker_is_told_by_its_first_words(question: str, speaker: bool) -> None:
    assert asked(question) == speaker


ARABIC = "من جانبه، قالت وزيرة النقل لينا حداد إن سامي قاسم سيفتح الجسر، بحسب صحيفة المرفأ."


@pytest.mark.parametrize(
    ("words", "sentence", "says"),
    [
        ("لينا حداد", ARABIC, True),
        ("وزيرة النقل لينا حداد", ARABIC, True),
        ("صحيفة المرفأ", ARABIC, True),
        ("سامي قاسم", ARABIC, False),
        ("وزير النقل", "لكن وزير النقل قال إن الجسر مغلق.", True),
        ("خبراء", "خبراء يتوقعون انهيار الجسر.", True),
        ("بغداد", "وقع انفجار على الطريق بين بغداد وأربيل.", False),
        ("Sami Qasim", ARABIC, True),
        ("إدارة الميناء", 'وقالت إدارة الميناء التي تشرف على الأرصفة كلها، بعد العاصفة: "الجسر مغلق".', True),
        ("Lina Haddad", "The mayor, Lina Haddad, said on Sunday that Sami Qasim would open it.", True),
        ("Sami Qasim", "The mayor, Lina Haddad, said on Sunday that Sami Qasim would open it.", False),
        ("Lina Haddad", "“It opens soon,” said Lina Haddad, the mayor, of the bridge that Sami built.", True),
        ("Sami", "“It opens soon,” said Lina Haddad, the mayor, of the bridge that Sami built.", False),
        ("the Harbour Times", "The bridge opens soon, according to the Harbour Times.", True),
        ("Sami Qasim", "Sami Qasim opened the bridge.", False),
    ],
)
def test_a_speaker_stands_by_a_verb_of_saying(words: str, sentence: str, says: bool) -> None:
    assert is_speaker(words, sentence) == says


@given(st.text(), st.text())
def test_any_text_can_be_asked_of(words: str, sentence: str) -> None:
    assert is_speaker(words, sentence) in (True, False)
    assert asked(sentence) in (True, False)
