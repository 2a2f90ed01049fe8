"""Each statement is checked against the sentences that it cites."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from contexts import ADAPTED, ARABIC_TRANSLATION, DOUBTFUL, SURE, TRANSLATION, built
from shown import TEXTS, assert_sound, evidence, markers, quotes

from rag.answering.answer_builder import Built
from rag.language.text import detect_language
from rag.models.llm.protocol import LogProbabilities
from rag.records import Evidence, Language


def checked(reply: str, items: Sequence[Evidence] | None = None) -> Built:
    return built(reply, evidence() if items is None else items)


@pytest.mark.parametrize("marker", ["[0]", "[6]", "[99]", "[999]", "[1234]", "[0, 6]", ""])
def test_a_marker_of_no_sentence_is_replaced_by_the_nearest_sentence(marker: str) -> None:
    result = checked(f"Repairs of the port cost 12 million dollars {marker}.")
    assert quotes(result) == [TEXTS[1]]
    assert (result.outcome, result.claims[0].verdict) == ("partial", "partial")
    assert markers(result.text) == [1]


def test_one_good_marker_among_wrong_ones_is_enough() -> None:
    result = checked("Repairs cost 12 million dollars [99, 2].")
    assert (quotes(result), result.outcome) == ([TEXTS[1]], "answered")


def test_a_number_that_the_cited_sentence_lacks_is_searched_for_in_the_others() -> None:
    result = checked("Ferries will carry 300 passengers a day [1].")
    assert quotes(result) == [TEXTS[2]]
    assert (result.outcome, result.claims[0].verdict) == ("partial", "partial")
    assert result.claims[0].reason


def test_doubtful_words_give_way_to_the_sentence_that_is_probable_and_not_to_the_one_that_has_them() -> None:
    reply, question = "[2] 300 dollars", "How much did the repairs cost?"
    doubted = built(reply, evidence(), question=question, likelihood=DOUBTFUL)
    assert quotes(doubted) == [TEXTS[1]]
    assert "300" not in doubted.text


@pytest.mark.parametrize(
    ("reply", "likelihood", "cited"),
    [
        ("[1] 300 passengers", SURE, [TEXTS[2]]),
        ("[1] 300 passengers", DOUBTFUL, [TEXTS[2]]),
        ("[2] 12 million dollars [1] 300 passengers", DOUBTFUL, [TEXTS[1], TEXTS[2]]),
    ],
    ids=["sure words", "a sentence without a number", "a second sentence"],
)
def test_in_all_other_cases_the_sentence_that_has_the_words_is_cited(
    reply: str, likelihood: LogProbabilities, cited: list[str]
) -> None:
    result = built(reply, evidence(), question="How many passengers are carried?", likelihood=likelihood)
    assert quotes(result) == cited


@pytest.mark.parametrize(
    "draft",
    [
        "Ferries will carry 301 passengers a day [3].",
        "Repairs cost 12 billion dollars [2].",
        "بلغت تكلفة المكتبة 5 ملايين دينار [4].",
        "The harbour reopened in 2019 [1].",
        "The repairs cost 12 million euros [2].",
    ],
)
def test_a_number_in_no_sentence_is_not_answered(draft: str) -> None:
    result = checked(draft)
    assert result.text == "The articles do not state this; the nearest sentence is quoted [1]."
    assert result.outcome == "not_found"
    [claim], [citation] = result.claims, result.citations
    assert claim.verdict == "partial"
    assert "dropped" in claim.reason
    assert citation.quote == TEXTS[int(re.findall(r"\[(\d)\]", draft)[-1]) - 1]


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        (
            "بلغت تكلفة المكتبة 5 ملايين دينار في مارس [4].",
            "حُذفت مسودة النموذج: ليس في الجمل المعروضة: 5000000، الشهر 3",
        ),
        (
            "بلغت تكلفة المكتبة 4 ملايين دينار [1].",
            "لا تتضمن الجملة المستشهَد بها الاسم أو الرقم أو التاريخ؛ وهذه أقرب جملة",
        ),
        ("بلغت تكلفة المكتبة 4 ملايين دينار.", "لم تُذكر جملة مصدر؛ وهذه أقرب جملة"),
        (
            "عدد الركاب: 300 مقابل 4 ملايين [1].",
            "حُذفت مسودة النموذج: لا تجمع جملةٌ واحدة أسماءها وأرقامها وتواريخها",
        ),
        (
            "بلغت تكلفة المكتبة 4 ملايين درهم [4].",
            "حُذفت مسودة النموذج: ليس في الجمل المعروضة: 4 ملايين درهم",
        ),
    ],
)
def test_the_reason_under_an_arabic_answer_is_arabic(draft: str, reason: str) -> None:
    result = built(draft, evidence(), "ar")
    assert [claim.reason for claim in result.claims] == [reason]


def test_the_publication_date_does_not_support_when_something_happened() -> None:
    draft = "The harbour reopened in 2024 [1]."
    assert checked(draft, evidence(published="2024-09-06")).outcome == "not_found"


def test_a_claim_whose_name_and_value_are_apart_is_replaced_by_a_source_with_the_name():
    items = evidence(
        (
            "أعلنت الحكومة في عام 2021 انتهاء المهمة.",
            "غادرت آخر دفعة من المستشارين قاعدة عين الأسد الجوية.",
        )
    )
    result = checked("Forces left Ain al-Asad in 2021 [1].", items)
    assert "2021" not in result.text
    assert quotes(result) == [items[1].text]
    assert_sound(result, items)


def test_a_claim_moves_to_the_sentence_that_contains_its_name():
    items = evidence(("أعلنت الحكومة انتهاء المهمة.", "غادرت آخر دفعة من المستشارين قاعدة عين الأسد الجوية."))
    result = checked("The last advisers left Ain al-Asad [1].", items)
    assert result.outcome == "partial"
    assert quotes(result) == [items[1].text]


def test_a_name_in_no_evidence_is_skipped():
    items = evidence(("أعلنت الحكومة في عام 2021 انتهاء المهمة.",))
    assert checked("The mission of Zorander ended in 2021 [1].", items).claims


def test_an_answer_after_words_of_its_sentence_is_shown_without_them() -> None:
    result = checked("[4] 4 ملايين دينار = 4 million dinars")
    assert result.text == f"4 million dinars: “{TRANSLATION}” (machine translation, may be wrong) [1]"
    assert result.claims[0].words == "4 ملايين دينار"
    assert result.citations[0].translation == TRANSLATION
    assert quotes(result) == [TEXTS[3]]
    assert_sound(result, evidence())


def test_words_that_are_in_another_sentence_move_the_citation() -> None:
    result = checked("[1] 4 ملايين دينار = 4 million dinars")
    assert result.text.startswith("4 million dinars: ")
    assert result.outcome == "partial"
    assert quotes(result) == [TEXTS[3]]
    assert_sound(result, evidence())


def test_where_only_the_translation_of_a_phrase_is_in_doubt_its_sentence_is_translated() -> None:
    result = checked("[4] 4 ملايين دينار، وفق رئيس = 5 million dinars")
    shown = f"The article says: “{TRANSLATION}” (machine translation, may be wrong) [1]"
    assert (result.text, result.outcome) == (shown, "partial")
    assert result.claims[0].reason == "its sentence is shown: the model's own words could not be confirmed"
    assert quotes(result) == [TEXTS[3]]
    assert_sound(result, evidence())


@pytest.mark.parametrize(("reply", "language"), [("[1] Yes", "en"), ("[1] no.", "en"), ("[4] لا", "ar")])
def test_in_place_of_the_adapted_models_bare_yes_or_no_its_sentence_is_shown(
    reply: str, language: Language
) -> None:
    result = built(reply, evidence(), language, settings=ADAPTED)
    (number,) = re.findall(r"\d", reply)
    assert TEXTS[int(number) - 1] in result.text
    assert (result.outcome, result.claims[0].verdict) == ("answered", "supported")
    assert TEXTS[int(number) - 1] not in built(reply, evidence(), language).text, "other models may say no"


def test_words_that_are_in_no_sentence_are_not_answered() -> None:
    result = checked("[4] 7 ملايين دينار = 7 million dinars")
    assert result.outcome == "not_found"
    assert "7" not in result.text


@pytest.mark.parametrize("words", ["رئيس", "رئي"])
def test_a_translation_of_words_after_a_particle_or_without_their_ending_is_checked(words: str) -> None:
    result = checked(f"[1] {words} = the king", evidence(("سلم الرسالة للرئيس أمس",)))
    assert result.text == f"The article says: “{TRANSLATION}” (machine translation, may be wrong) [1]"
    assert result.claims[0].reason == "its sentence is shown: the model's own words could not be confirmed"


def test_a_right_translation_of_words_without_their_ending_is_an_answer() -> None:
    result = checked("[1] وزير = minister", evidence(("سلم الرسالة إلى وزيرها أمس",)))
    assert (result.outcome, result.text.split(":")[0]) == ("answered", "minister")


def test_a_part_of_a_word_is_not_a_quotation() -> None:
    result = checked("[4] لايين = 9 billion")
    assert result.outcome == "not_found"


def test_an_answer_in_the_language_of_the_evidence_gives_way_to_the_translated_sentence() -> None:
    result = checked("[4] 4 ملايين دينار")
    assert result.text == f"The article says: “{TRANSLATION}” (machine translation, may be wrong) [1]"
    result = built("[2] The repairs cost 12 million dollars", evidence(), "ar")
    assert result.text == f"جاء في المقال: «{ARABIC_TRANSLATION}» (ترجمة آلية قد تكون خاطئة) [1]"
    assert_sound(result, evidence())


def test_an_english_phrase_with_an_arabic_word_in_it_gives_way_to_the_translated_sentence() -> None:
    result = checked("[4] تكلفة المكتبة 4 ملايين دينار = تكلفة of 4 million dinars")
    assert result.text == f"The article says: “{TRANSLATION}” (machine translation, may be wrong) [1]"
    assert "تكلفة" not in result.text


@pytest.mark.parametrize("reply", ["They chanted “ارحل” on Sunday [1].", "They chanted ارحل, leave [1]."])
def test_an_arabic_word_that_an_english_article_quotes_may_be_quoted(reply: str) -> None:
    item = evidence(("Protesters chanted “ارحل” (leave) outside the ministry on Sunday.",))
    result = checked(reply, item)
    assert result.outcome == "answered"
    assert "ارحل" in result.text


def test_an_answer_in_another_language_that_quotes_nothing_is_dropped() -> None:
    result = checked("[4] أعيد افتتاح الميناء")
    assert result.outcome == "not_found"
    assert "الميناء" not in result.text


@pytest.mark.parametrize("words", ["300", "F-16", "Mount Borasi", "Zaved al Qarn"])
def test_numbers_and_latin_names_are_of_any_language(words: str) -> None:
    items = evidence(("An F-16 carried 300 crates of Zaved al Qarn over Mount Borasi.",))
    assert built(f"[1] {words}", items, "ar").text.startswith(words)


@pytest.mark.parametrize(
    "words", ["Prime Minister", "killed in attack", "port director", "May 3-5", "3 and 4"]
)
def test_english_words_in_an_arabic_answer_give_way_to_their_sentence(words: str) -> None:
    items = evidence(
        ("The Prime Minister and the port director were killed in attack on May 3-5, with 3 and 4 men.",)
    )
    result = built(f"[1] {words}", items, "ar")
    assert result.text == f"جاء في المقال: «{ARABIC_TRANSLATION}» (ترجمة آلية قد تكون خاطئة) [1]"


@pytest.mark.parametrize("reply", ["[1] Berlin", "[1] in May 2023"])
def test_english_words_are_checked_before_they_are_written_in_arabic(reply: str) -> None:
    items = evidence(("The minister spoke in London on May 3, 2024, and left the next day.",))
    assert built(reply, items, "ar").outcome == "not_found"


@pytest.mark.parametrize(
    ("reply", "lead"),
    [
        ("[1] 12 million dollars", "12 مليون دولار"),
        ("[1] Salma Idris", "سلمى إدريس"),
        ("[1] Tuesday 3 May", "الثلاثاء 3 مايو"),
        ("[1] Tuesday, May 3", "الثلاثاء 3 مايو"),
        ("[1] May 3", "3 مايو"),
        ("[1] in May", "مايو"),
        ("[1] four", "4"),
        ("[1] Mount Borasi", "Mount Borasi"),
    ],
)
def test_english_names_and_values_are_written_in_arabic_in_an_arabic_answer(reply: str, lead: str) -> None:
    items = evidence(
        ("On Tuesday 3 May Salma Idris said four tunnels under Mount Borasi had cost 12 million dollars.",)
    )
    assert built(reply, items, "ar").text.startswith(lead)


@pytest.mark.parametrize(
    ("reply", "lead"),
    [
        ("[1] 38,000", "38,000"),
        ("[1] 5%", "5%"),
        ("[1] Donald Trump", "دونالد ترامب"),
        ("[1] Tuesday", "الثلاثاء"),
        ("[1] Fox News", "Fox News"),
    ],
)
def test_english_words_for_an_arabic_sentence_are_written_in_arabic(reply: str, lead: str) -> None:
    items = evidence(
        ("بلغت كلفة الجسر 38 ألف دينار بزيادة 5%، وقال دونالد ترامب ذلك يوم الثلاثاء على Fox News.",)
    )
    result = built(reply, items, "ar")
    assert (result.outcome, result.text.startswith(lead)) == ("answered", True)


@pytest.mark.parametrize(("reply", "lead"), [("[1] 5 percent", "5 في المئة"), ("[1] 20", "20")])
def test_an_english_value_in_other_words_than_its_sentence_is_an_arabic_answer(reply: str, lead: str) -> None:
    items = evidence(("The bank said on Monday that twenty branches would close and prices rise by 5%.",))
    result = built(reply, items, "ar")
    assert (result.outcome, result.text.startswith(lead)) == ("answered", True)


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        ("[1] رئيس الوزراء = the president", "prime minister"),
        ("[1] الفاتيكان = Vatikan", "Vatican"),
        ("[1] ساعتين = three hours", "two hours"),
        ("[1] الوفد النرويجي = the Danish delegation", "The article says"),
    ],
)
def test_a_phrase_that_is_one_known_name_or_value_is_written_by_the_tables(reply: str, value: str) -> None:
    item = evidence(("اجتمع رئيس الوزراء في الفاتيكان ساعتين مع الوفد النرويجي لبحث أزمة المياه.",))
    assert checked(reply, item).text.startswith(value + ":")


@pytest.mark.parametrize(
    ("words", "translation"),
    [
        ("عمان", "Amman"),
        ("عمان", "in Amman"),
        ("تونس", "Tunis"),
        ("الكونغو", "the Congo"),
        ("رجب", "Rajab"),
        ("الجزائر", "Algiers"),
        ("البيضاء", "Casablanca"),
        ("جبيل", "Jubail"),
        ("كريم", "Kareem"),
    ],
)
def test_a_name_with_several_meanings_stays_as_the_model_writes_it(words: str, translation: str) -> None:
    items = evidence((f"قال المتحدث إن الاسم الذي ورد في الوثيقة التي نشرت أمس هو {words} لا غيره.",))
    assert checked(f"[1] {words} = {translation}", items).text.startswith(f"{translation}:")


def test_a_word_that_is_not_a_meaning_of_a_name_gives_way_to_the_table() -> None:
    items = evidence(("قال المتحدث إن الاسم الذي ورد في الوثيقة التي نشرت أمس هو عمان لا غيره.",))
    assert checked("[1] عمان = Riyadh", items).text.startswith("Oman:")


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("The talks were held in London.", "Paris"),
        ("The Polish minister was in London.", "Paris"),
        ("The talks were held on Thursday.", "Tuesday"),
        ("Fourteen people were killed.", "Twelve people"),
        ("قتل ثلاثة أشخاص.", "خمسة أشخاص"),
        ("The missile flew 300 kilometres.", "300 miles"),
        ("The strike lasts 5 days.", "5 hours"),
    ],
)
def test_what_a_phrase_names_must_be_in_its_sentence(sentence: str, words: str) -> None:
    assert built(f"[1] {words}", evidence((sentence,)), detect_language(words)).outcome == "not_found"


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("The talks were held in London.", "London"),
        ("The UK and Turkish envoys met.", "Britain"),
        ("The UK and Turkish envoys met.", "Turkey"),
        ("Many people were hurt.", "Several people"),
        ("The Polish army entered the city.", "Poland"),
        ("Dutch police arrested him.", "Netherlands"),
        ("Physicians treated them.", "Doctors"),
    ],
)
def test_what_is_written_in_another_way_may_begin_a_phrase(sentence: str, words: str) -> None:
    assert built(f"[1] {words}", evidence((sentence,))).outcome == "answered"


def test_a_weekday_of_another_sentence_moves_the_citation() -> None:
    items = evidence(("The talks began on Thursday.", "The talks ended on Tuesday."))
    result = checked("[1] on Tuesday", items)
    assert (result.outcome, quotes(result)) == ("partial", [items[1].text])
