"""Arabic questions word for word in English."""

from __future__ import annotations

import re

import pytest

from rag.language.glossing.questions import gloss_question


@pytest.mark.parametrize(
    ("question", "english"),
    [
        ("متى وصل الوزير؟", "when arrived minister?"),
        ("من وصل إلى بغداد؟", "who reached at Baghdad?"),
        ("من الوزير الذي وصل إلى بغداد؟", "who is minister who reached at Baghdad?"),
        ("من أين وصل الوزير؟", "from where arrived minister?"),
        ("منذ متى يعمل في بغداد؟", "since when works in Baghdad?"),
        ("ما الذي وصل إلى بغداد؟", "what reached at Baghdad?"),
        ("ماذا وصل؟", "what arrived?"),
        ("ما عدد القوات؟", "what is number forces?"),
        ("في أي عام وصل الوزير؟", "in which year arrived minister?"),
        ("كم عدد القوات في بغداد؟", "how many forces in Baghdad?"),
        ("هل وصل الوزير؟", "is it true that arrived minister?"),
        ("متى وصل الوزير، ومن وصل معه؟", "when arrived minister, and who arrived with him?"),
        ("لماذا؟", "why?"),
        ("", "?"),
    ],
)
def test_question_words_are_translated_as_such(question: str, english: str) -> None:
    glossed = gloss_question(question)
    assert re.sub(r"/[\w-]+", "", glossed) == english, glossed


@pytest.mark.parametrize("question", ["وصل الوزير من بغداد", "قال ما قال", "عاد من وصل"])
def test_other_words_are_glossed_as_in_a_sentence(question: str) -> None:
    assert "who" not in gloss_question(question).split()[:2]
    assert "what is" not in gloss_question(question)


@pytest.mark.parametrize(
    ("question", "english"),
    [
        ("متى غادرت القوات؟ أي القواعد أبقت؟", ("when", "which")),
        ("متى وصل الوزير وكم بقي؟", ("when", "and how many")),
        ("متى وأين وصل الوزير؟", ("when", "and where")),
        ("مَنْ أعلن ذلك؟", ("who announced",)),
        ("كَمْ عدد القوات؟", ("how many forces",)),
        ("«من فاز؟»", ("who won",)),
        ("في كم دولة يعمل؟", ("in how many",)),
        ("هل وافق المجلس أم رفض؟", ("is it true that", " or ")),
        ("ما حدث في بغداد؟", ("what happened",)),
    ],
)
def test_question_words_inside_a_question_are_recognised(question: str, english: tuple[str, ...]) -> None:
    glossed = re.sub(r"/[\w-]+", "", gloss_question(question))
    positions = [glossed.find(words) for words in english]
    assert positions == sorted(positions), glossed
    assert min(positions) >= 0, glossed


@pytest.mark.parametrize(
    "question",
    [
        "من بغداد إلى دمشق كم المسافة؟",
        "من بين المرشحين فاز أحمد؟",
        "من المتوقع أن يصل الوزير؟",
        "وصل أحمد، من مصر، وعلي",
        "ما زال الوزير في بغداد؟",
        "وصل الوزير، ما لم يؤجل الاجتماع",
    ],
)
def test_from_and_not_are_no_question_words(question: str) -> None:
    glossed = gloss_question(question)
    assert "who" not in glossed.split()
    assert "what is" not in glossed
