"""A follow-up is searched for with what it depends on; a new topic is left alone."""

from __future__ import annotations

import pytest
from conftest import examples
from hypothesis import given
from hypothesis import strategies as st

from evals.harness.turns import DIALOGUES, read_dialogues
from rag import Turn
from rag.answering.decision import NOT_FOUND
from rag.answering.presentation import ANOTHER_SAYS
from rag.conversation.rewrite import ANSWER_WORDS, REFUSALS, Standalone, answer_start, depends, rewrite

LONGEST = 2_000

FERRIES = Turn("How many ferries sail from Marsa in summer?", "12 [1].")
SUKKAN = Turn("كم عدد سكان عمان عام 2015؟", "4 ملايين [1].")


@pytest.mark.parametrize(
    "question",
    [
        # Too short to be about anything.
        "When?",
        "By whom?",
        "2014?",
        "From Sfax?",
        "How many were killed?",
        "متى؟",
        "في عام 2020؟",
        "من المسؤول؟",
        "والقاهرة؟",
        # Continuations and corrections, however long.
        "And how many of the tankers sail from Sfax in winter?",
        "What about the number of ships in the harbour of Sfax?",
        "No, I mean when the ferries would start sailing.",
        "وماذا عن المغرب؟",
        "وماذا عن عدد السفن في ميناء صفاقس؟",
        "ماذا عن عدد السفن في ميناء صفاقس؟",
        "ومم يخشى كثير من المسؤولين سرا؟",
        "لا، أقصد عدد سكان المدينة القديمة وحدها.",
        "أعني عدد سكان المدينة القديمة وحدها.",
        # Words that point back.
        "Where was she born and brought up?",
        "Which of them did the ministry say would close?",
        "What happened in the harbour of Sfax after that?",
        "How many people live there in the summer?",
        "Which other companies took part in the talks?",
        "How long will these ships stay in the harbour?",
        "من الذي قال ذلك في مؤتمر صحفي؟",
        "ما الذي حدث بعد هذا الهجوم في بغداد؟",
        "كم قتيلا سقط فيها خلال الأسبوع الأول؟",
        "كم يبلغ عددهم في القاعدة الجوية الآن؟",
    ],
)
def test_a_question_that_cannot_be_understood_alone_depends(question: str) -> None:
    assert depends(question)


@pytest.mark.parametrize(
    "question",
    [
        "Who leads Hamas?",
        "Where is Ain al-Asad?",
        "Did Nadia Saleh publish her first book in Beirut?",
        "Where did the two unions sign their agreement in May?",
        "When did the minister say that the port would close?",
        "How long does it take to cross the strait to Marsa?",
        "Is it true that the museum of Sfax has closed?",
        "Are there any ferries to the island of Kerkennah?",
        "How many ships were sunk off the coast this year?",
        "No ferries sailed to Marsa in May: why?",
        "Which ships were sunk off the coast of Yemen, and who sank them?",
        "ما هي الجزيرة التي تصل إليها العبارات؟",
        "من هو السفير الروسي السابق في دمشق؟",
        "هل هناك عبارات إلى جزيرة قرقنة؟",
        "متى نشرت نادية صالح كتابها الأول؟",
        "وزير النقل متى استقال من منصبه؟",
        "كم هجوما تعرضت له السفن في البحر الأحمر؟",
        "متى أطلق حزب الله صواريخ على حيفا؟",
        "لماذا انقطعت المياه عن العاصمة في أغسطس؟",
        "كم بلغ عدد القتلى هذا العام في السودان؟",
        "متى تنسحب القوات من العراق، وأين تتمركز بعد ذلك؟",
    ],
)
def test_a_new_topic_does_not_depend_and_stays_unchanged(question: str) -> None:
    for before in (FERRIES, SUKKAN):
        assert rewrite(question, [before], longest=LONGEST) == Standalone(question)


@pytest.mark.parametrize(
    ("before", "question", "searched", "asked"),
    [
        (
            FERRIES,
            "And by whom?",
            "How many ferries sail from Marsa in summer? (12) And by whom?",
            "How many ferries sail from Marsa in summer? And by whom?",
        ),
        (
            FERRIES,
            "Which company owns them?",
            "How many ferries sail from Marsa in summer? (12) Which company owns them?",
            "Which company owns them?",
        ),
        (
            SUKKAN,
            "وماذا عن القاهرة؟",
            "كم عدد سكان عمان عام 2015؟ (4 ملايين) وماذا عن القاهرة؟",
            "وماذا عن القاهرة؟",
        ),
        (
            SUKKAN,
            "والقاهرة؟",
            "كم عدد سكان عمان عام 2015؟ (4 ملايين) والقاهرة؟",
            "كم عدد سكان عمان عام 2015؟ والقاهرة؟",
        ),
        (
            FERRIES,
            "ومن صفاقس؟",
            "How many ferries sail from Marsa in summer? (12) ومن صفاقس؟",
            "How many ferries sail from Marsa in summer? ومن صفاقس؟",
        ),
    ],
)
def test_a_follow_up_is_searched_for_with_the_turn_before_and_asked_alone_if_it_is_about_something(
    before: Turn, question: str, searched: str, asked: str
) -> None:
    rewritten = rewrite(question, [before], longest=LONGEST)
    assert (rewritten.text, rewritten.asked) == (searched, asked)


@pytest.mark.parametrize(
    ("before", "question", "understood", "about"),
    [
        ("How much did the theatre in Tyre cost?", "No, I meant the school.", "How much did the school cost?",
         "the school"),
        ("How many ferries sail from Marsa in summer?", "And from Sfax?",
         "How many ferries sail from Sfax in summer?", ""),
        ("كم بلغت كلفة المسرح في صور؟", "لا، قصدت المدرسة", "كم بلغت كلفة المدرسة؟", "المدرسة"),
        ("متى افتتح الميناء؟", "والمطار؟", "متى افتتح المطار؟", "المطار"),
        ("من يرأس البلدية منذ عام 2015؟", "وفي عام 2020؟", "من يرأس البلدية في عام 2020؟", ""),
    ],
)  # fmt: skip
def test_a_follow_up_that_names_something_else_is_the_question_before_about_that(
    before: str, question: str, understood: str, about: str
) -> None:
    rewritten = rewrite(question, [Turn(before, "90 million dollars [1].")], longest=LONGEST)
    assert rewritten == Standalone(understood, about=about)


def test_a_correction_that_fits_nowhere_is_searched_for_without_the_answer_before() -> None:
    rewritten = rewrite("No, I mean when the ferries would start sailing.", [FERRIES], longest=LONGEST)
    assert rewritten.text == f"{FERRIES.question} when the ferries would start sailing"
    assert rewritten.asked == "when the ferries would start sailing"


def test_evidence_must_mention_what_the_question_before_has_no_place_for() -> None:
    nurses = Turn("How many nurses were paid?", "40 [1].")
    rewritten = rewrite("And the lighthouse?", [nurses], longest=LONGEST)
    assert rewritten.about == "the lighthouse"
    assert rewritten.asked == "How many nurses were paid? And the lighthouse?"
    assert rewrite("وماذا عن المنارة؟", [Turn("كم ممرضا عاد؟", "40")], longest=LONGEST).about == "المنارة"


def test_a_follow_up_of_a_follow_up_is_about_the_first_question() -> None:
    first = Turn("How much did the theatre cost?", "3 million [1].")
    history = [
        first,
        Turn("No, I meant the school.", "5 million [1]."),
        Turn("And the theatre in Tyre?", "-"),
    ]
    assert rewrite("And the museum?", history, longest=LONGEST).text == "How much did the museum cost?"
    assert rewrite("And when?", history[:2], longest=LONGEST).text == (
        "How much did the school cost? (5 million) And when?"
    )


def test_thanks_are_not_what_a_follow_up_refers_to() -> None:
    history = [
        Turn("How much did the theatre cost?", "3 million [1]."),
        Turn("Thank you!", "You are welcome."),
    ]
    for question in ("And the school?", "Great, thanks! And the school?", "And the school? Thanks."):
        assert rewrite(question, history, longest=LONGEST).text == "How much did the school cost?"
    assert rewrite("And when?", history[1:], longest=LONGEST) == Standalone("And when?")


def test_only_the_last_turn_of_a_long_history_is_used() -> None:
    history = [SUKKAN] * 50 + [FERRIES]
    assert rewrite("And why?", history, longest=LONGEST) == rewrite("And why?", [FERRIES], longest=LONGEST)


@pytest.mark.parametrize(
    ("answer", "start"),
    [
        ("900 [1].", "900"),
        (
            "in 2019: “The new port opened in 2019, the ministry said.” [1]",
            "in 2019",
        ),
        ("ليلى منصور: «صممت ليلى منصور المتحف.» [1] [2]", "ليلى منصور"),
        ("The article says: “يرأسها علي” [1]", "The article says: يرأسها علي"),
        ("Two dates are given:\n2025 (Enab Baladi) [1]\n2026 [2]", "Two dates are given: 2025 2026"),
        (f"near Erbil [1]\n{ANOTHER_SAYS['en'].format(words='“It lies near Mosul.”')} [2]", "near Erbil"),
        (f"قرب أربيل [1]\n{ANOTHER_SAYS['ar'].format(words='«تقع قرب الموصل.»')} [2]", "قرب أربيل"),
        ("", ""),
        *((text, "") for text in NOT_FOUND.values()),
    ],
)
def test_the_first_words_of_an_answer_are_taken_without_markers_notes_and_quotations(
    answer: str, start: str
) -> None:
    assert answer_start(answer) == start


def test_the_texts_of_a_refusal_are_known() -> None:
    assert frozenset(NOT_FOUND.values()) == REFUSALS


def test_without_an_answer_the_question_before_is_joined_alone() -> None:
    refused = Turn("Who built the castle?", NOT_FOUND["en"])
    assert rewrite("And when?", [refused], longest=LONGEST).text == "Who built the castle? And when?"


def test_a_question_that_would_grow_too_long_is_left_as_it_was_asked() -> None:
    long = Turn(f"Is the port of {'Marsa ' * 20}open?", "No [1].")
    assert rewrite("Why?", [long], longest=100) == Standalone("Why?")
    assert rewrite("Why?", [long], longest=LONGEST).text.endswith("open? (No) Why?")


TEXT = st.text(
    alphabet=st.sampled_from([*"abcIA's ?.,!-[]()1290\n", *"اأوفيهمتنلكةىمنعن ؟،ُ", "\u200f", "’", "😀"]),
    max_size=60,
)
VOCABULARY = (
    "and And what about he his it there Iraq Al-Asad in on the how many who When? 2011 May of them that is "
    "وماذا عن في فيها متى أين من هو هم العراق قتل مدته لا كم والقاهرة؟ بعد ذلك أي قاعدة ومن أقصد و ه"
)
WORDS = st.lists(st.sampled_from(VOCABULARY.split()), max_size=8).map(" ".join)
QUESTION = TEXT | WORDS


@given(QUESTION)
def test_without_a_history_nothing_changes(question: str) -> None:
    assert rewrite(question, [], longest=LONGEST) == Standalone(question)


@examples(300)
@given(QUESTION, st.lists(st.builds(Turn, QUESTION, QUESTION), max_size=4), st.integers(1, 120))
def test_the_result_is_never_longer_than_allowed(question: str, history: list[Turn], longest: int) -> None:
    rewritten = rewrite(question, history, longest=longest)
    assert len(rewritten.text) <= max(longest, len(question))
    assert len(rewritten.asked) <= len(rewritten.text)
    assert rewritten.text.strip() or not question.strip()


@given(QUESTION)
def test_at_most_a_few_words_of_any_answer_are_taken(answer: str) -> None:
    start = answer_start(answer)
    assert len(start.split()) <= ANSWER_WORDS
    assert "[1]" not in start


def test_questions_that_a_person_wrote_as_standalone_are_mostly_left_unchanged() -> None:
    turns, _ = read_dialogues(DIALOGUES, "dev")
    by_hand = [question.turn.standalone for question in turns if question.turn and question.turn.number > 1]
    assert sum(map(depends, by_hand)) <= 0.05 * len(by_hand), "of 44 one: a short Arabic question"
